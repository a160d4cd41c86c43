//! Triggers.

use serde::Serialize;

use super::names::QualifiedName;
use crate::manifest::fragment::Fragment;
use crate::manifest::source::Position;
use crate::name::{Ident, Text};

/// A declared trigger of a table.
#[derive(Debug, Clone, Serialize)]
pub struct TriggerDecl {
    #[serde(skip)]
    pub position: Position,
    pub name: Ident,
    /// Such as `BEFORE INSERT OR UPDATE`.
    pub when: String,
    /// Of an update; none: all.
    pub columns: Vec<Ident>,
    pub for_each_row: bool,
    pub condition: Option<Fragment>,
    pub function: QualifiedName,
    pub arguments: Vec<Text>,
    pub old_table: Option<Ident>,
    pub new_table: Option<Ident>,
    pub is_constraint: bool,
    /// Such as `DEFERRABLE`.
    pub deferrable: Option<String>,
    /// What ALTER TABLE does to it, such as `DISABLE`; none: it stays as it is created.
    pub enable: Option<String>,
    pub comment: Option<Text>,
}
