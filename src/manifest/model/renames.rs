//! Objects that had other names before.

use crate::catalog::Object;
use crate::manifest::source::Position;
use crate::name::Ident;

/// An object that had another name before; it may stay declared for as long as some tenant has the old one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenameDecl {
    pub position: Position,
    /// Under its name; a function stands for all of the name, without arguments.
    pub object: Object,
    pub from: Ident,
}

/// What the manifest says of an object of SQL files. Which object that is, is known once the server has created them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlRename {
    pub position: Position,
    /// As plans name it; a function may be without arguments, and then is each of its name.
    pub object: String,
    pub from: Ident,
}

impl RenameDecl {
    /// The object as plans name it; a function without arguments.
    #[must_use]
    pub fn what(&self) -> String {
        match &self.object {
            Object::Routine { kind, name, .. } => format!("{kind} {name}"),
            object => object.to_string(),
        }
    }
}
