//! Names in the SQL of declarations.

use crate::kinds::parameters;
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
pub(super) fn with(all: &[(Ident, Text)]) -> String {
    match all {
        [] => String::new(),
        all => format!(" WITH {}", parameters(all)),
    }
}
