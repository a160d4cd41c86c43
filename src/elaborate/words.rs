//! Names in the SQL of declarations.

use crate::manifest::{QualifiedName, TypeDecl};
use crate::name::{Ident, SchemaName, Text};

pub(super) fn qualified(name: &QualifiedName) -> String {
    match &name.schema {
        Some(schema) => format!("{}.{}", schema.quoted(), name.name.quoted()),
        None => format!("pg_catalog.{}", name.name.quoted()),
    }
}

pub(super) fn columns(names: &[Ident]) -> String {
    format!("({})", names.iter().map(Ident::quoted).collect::<Vec<_>>().join(", "))
}

pub(super) fn type_name(schema: &SchemaName, data_type: &TypeDecl) -> String {
    match data_type {
        TypeDecl::Declared { name, dimensions } => {
            format!("{}{}", schema.qualify(name), "[]".repeat(*dimensions))
        }
        TypeDecl::Sql(fragment) => fragment.sql(schema),
    }
}

/// The clause `WITH (…)` for storage parameters, with a space in front of it, or nothing.
pub(super) fn with(parameters: &[(Ident, Text)]) -> String {
    match parameters {
        [] => String::new(),
        parameters => {
            let each = parameters.iter();
            let each = each.map(|(name, value)| format!("{} = {}", name.quoted(), value.literal()));
            format!(" WITH ({})", each.collect::<Vec<_>>().join(", "))
        }
    }
}
