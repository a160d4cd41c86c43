//! Declared sequences.

use serde::Serialize;

use crate::manifest::source::Position;
use crate::name::{Ident, Text};

/// A declared sequence.
#[derive(Debug, Clone, Serialize)]
pub struct SequenceDecl {
    #[serde(skip)]
    pub position: Position,
    pub name: Ident,
    /// `smallint`, `integer` or `bigint` as written; the server's default is `bigint`.
    pub data_type: Option<IntegerType>,
    pub options: SequenceOptions,
    /// Table and column with which it is dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owned_by: Option<(Ident, Ident)>,
    pub comment: Option<Text>,
}

/// The type of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IntegerType {
    Smallint,
    Integer,
    Bigint,
}

impl IntegerType {
    /// As SQL spells it.
    #[must_use]
    pub fn sql(self) -> &'static str {
        match self {
            Self::Smallint => "smallint",
            Self::Integer => "integer",
            Self::Bigint => "bigint",
        }
    }
}

/// Options of a sequence or an identity column; `None` is the server's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SequenceOptions {
    pub start: Option<i64>,
    pub increment: Option<i64>,
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub cache: Option<i64>,
    pub cycle: bool,
}
