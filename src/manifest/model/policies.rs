//! Row-level security.

use serde::Serialize;

use crate::manifest::fragment::Fragment;
use crate::manifest::source::Position;
use crate::name::{Ident, Text};

/// A declared policy of a table.
#[derive(Debug, Clone, Serialize)]
pub struct PolicyDecl {
    #[serde(skip)]
    pub position: Position,
    pub name: Ident,
    /// Such as `SELECT`; `None`: all.
    pub command: Option<String>,
    /// None: all.
    pub roles: Vec<Ident>,
    pub restrictive: bool,
    pub using: Option<Fragment>,
    pub check: Option<Fragment>,
    pub comment: Option<Text>,
}

/// Whom row-level security of a table binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RowSecurity {
    /// All roles but the owner, superusers, and those with BYPASSRLS.
    Enabled,
    /// The owner, too.
    Forced,
}
