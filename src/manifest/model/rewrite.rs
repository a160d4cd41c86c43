//! Rules.

use serde::Serialize;

use crate::manifest::fragment::Fragment;
use crate::manifest::source::Position;
use crate::name::{Ident, Text};

/// A declared rule of a table or a view.
#[derive(Debug, Clone, Serialize)]
pub struct RuleDecl {
    #[serde(skip)]
    pub position: Position,
    pub name: Ident,
    /// Such as `UPDATE`.
    pub event: String,
    pub condition: Option<Fragment>,
    pub is_instead: bool,
    /// None: nothing is done.
    pub commands: Vec<Fragment>,
    /// What ALTER TABLE does to it, such as `DISABLE`; none: it stays as it is created.
    pub enable: Option<String>,
    pub comment: Option<Text>,
}
