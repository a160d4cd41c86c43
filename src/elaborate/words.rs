//! Names in the SQL of declarations.

use crate::manifest::QualifiedName;
use crate::name::Ident;

pub(super) fn qualified(name: &QualifiedName) -> String {
    match &name.schema {
        Some(schema) => format!("{}.{}", schema.quoted(), name.name.quoted()),
        None => format!("pg_catalog.{}", name.name.quoted()),
    }
}

pub(super) fn columns(names: &[Ident]) -> String {
    format!("({})", names.iter().map(Ident::quoted).collect::<Vec<_>>().join(", "))
}
