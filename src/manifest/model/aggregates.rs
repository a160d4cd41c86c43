//! Aggregates.

use serde::Serialize;

use crate::manifest::fragment::Fragment;
use crate::manifest::source::Position;
use crate::name::{Ident, Text};

/// A declared aggregate. Which types identify it, the server says.
#[derive(Debug, Clone, Serialize)]
pub struct AggregateDecl {
    #[serde(skip)]
    pub position: Position,
    pub name: Ident,
    /// As between the parentheses of the statement; `None`: `*`.
    pub arguments: Option<Fragment>,
    /// Such as `SFUNC` with the name of a function.
    pub parameters: Vec<(&'static str, Parameter)>,
    pub comment: Option<Text>,
}

/// The value of a parameter of CREATE AGGREGATE.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Parameter {
    /// It has none.
    Given,
    /// The name of a function or a type.
    Name(Fragment),
    Text(Text),
    /// A key word, a number, or an operator.
    Word(String),
}
