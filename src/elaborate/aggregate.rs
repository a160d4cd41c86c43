//! Aggregates → the statements that create them in the scratch schema.

use crate::catalog::{Kind, Object};
use crate::manifest::{AggregateDecl, Fragment, Parameter};
use crate::name::SchemaName;

pub(super) fn create(schema: &SchemaName, decl: &AggregateDecl) -> String {
    let arguments = decl.arguments.as_ref().map(|arguments| arguments.sql(schema));
    let parameters = decl.parameters.iter().map(|(word, value)| match value {
        Parameter::Given => (*word).to_owned(),
        Parameter::Name(name) => format!("{word} = {}", name.sql(schema)),
        Parameter::Text(text) => format!("{word} = {}", text.literal()),
        Parameter::Word(value) => format!("{word} = {value}"),
    });
    format!(
        "CREATE AGGREGATE {}({})\n({})",
        schema.qualify(&decl.name),
        arguments.as_deref().unwrap_or("*"),
        parameters.collect::<Vec<_>>().join(",\n")
    )
}

/// What is declared, with its arguments as they are written.
pub(super) fn object(decl: &AggregateDecl) -> Object {
    Object::Routine {
        kind: Kind::Aggregate,
        name: decl.name.clone(),
        arguments: decl.arguments.as_ref().map_or("", Fragment::as_written).to_owned(),
    }
}
