//! Declared views of both kinds.

use serde::Serialize;

use super::indexes::IndexDecl;
use super::rewrite::RuleDecl;
use super::triggers::TriggerDecl;
use crate::manifest::fragment::Fragment;
use crate::manifest::source::Position;
use crate::name::{Ident, Text};

/// A declared view.
#[derive(Debug, Clone, Serialize)]
pub struct ViewDecl {
    #[serde(skip)]
    pub position: Position,
    pub name: Ident,
    pub query: Fragment,
    /// None: the query names them.
    pub columns: Vec<Ident>,
    /// In the server's form, such as `security_barrier=true`.
    pub options: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<TriggerDecl>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleDecl>,
    pub comment: Option<Text>,
    /// By the name of the column.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub column_comments: Vec<(Ident, Text)>,
}

/// A declared materialized view.
#[derive(Debug, Clone, Serialize)]
pub struct MaterializedViewDecl {
    #[serde(skip)]
    pub position: Position,
    pub name: Ident,
    pub query: Fragment,
    /// None: the query names them.
    pub columns: Vec<Ident>,
    /// Storage parameters.
    pub with: Vec<(Ident, Text)>,
    /// The name of the index in whose order the rows are stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_on: Option<Ident>,
    /// Whether it is filled.
    pub is_populated: bool,
    pub indexes: Vec<IndexDecl>,
    pub comment: Option<Text>,
    /// By the name of the column.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub column_comments: Vec<(Ident, Text)>,
}
