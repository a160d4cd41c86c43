//! Declared indexes.

use serde::Serialize;

use super::names::{ObjectName, QualifiedName};
use crate::manifest::fragment::Fragment;
use crate::manifest::source::Position;
use crate::name::{Ident, Text};

/// A declared index.
#[derive(Debug, Clone, Serialize)]
pub struct IndexDecl {
    #[serde(skip)]
    pub position: Position,
    pub name: ObjectName,
    pub unique: bool,
    pub nulls_distinct: bool,
    pub method: Option<Ident>,
    /// At least one.
    pub keys: Vec<IndexKey>,
    pub include: Vec<Ident>,
    pub predicate: Option<Fragment>,
    /// Storage parameters, by name; values are written as literals.
    pub with: Vec<(Ident, Text)>,
    pub comment: Option<Text>,
}

/// What an index or exclusion constraint is ordered by.
#[derive(Debug, Clone, Serialize)]
pub struct IndexKey {
    pub term: IndexTerm,
    pub collation: Option<QualifiedName>,
    pub opclass: Option<QualifiedName>,
    pub descending: bool,
    /// `None`: last when ascending, first when descending.
    pub nulls_first: Option<bool>,
}

/// A column or an expression.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexTerm {
    Column(Ident),
    Expression(Fragment),
}

/// An operator: made of operator characters only, without a comment start in it (PostgreSQL
/// manual, §4.1.3).
#[derive(Debug, Clone, Serialize)]
pub struct Operator {
    pub schema: Option<Ident>,
    /// Checked on reading; see `fragment::is_operator`.
    pub symbol: String,
}
