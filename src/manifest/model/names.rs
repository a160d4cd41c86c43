//! Names of declared objects, and names that declarations refer to.

use serde::Serialize;

use crate::name::Ident;

/// The name of an object that may have been left unnamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectName {
    /// As declared, or else composed as the server would (`table_column_key`); unique among the
    /// declared objects that share its name space.
    pub ident: Ident,
    /// Whether the manifest gives the name. If not, the object is matched by its structure.
    pub explicit: bool,
}

/// A name that may be qualified with a schema other than the tenant's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QualifiedName {
    /// `None`: the server's own (`pg_catalog`).
    pub schema: Option<Ident>,
    pub name: Ident,
}
