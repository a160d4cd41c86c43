//! Extended statistics.

use serde::Serialize;

use super::indexes::IndexTerm;
use crate::manifest::source::Position;
use crate::name::{Ident, Text};

/// Declared extended statistics of a table.
#[derive(Debug, Clone, Serialize)]
pub struct StatisticsDecl {
    #[serde(skip)]
    pub position: Position,
    pub name: Ident,
    /// At least one.
    pub keys: Vec<IndexTerm>,
    /// As SQL names them; none: all that is possible.
    pub kinds: Vec<&'static str>,
    pub target: Option<i64>,
    pub comment: Option<Text>,
}
