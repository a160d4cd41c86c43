//! What a schema contains and is not compared.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::printable;

/// Something in the schema that this tool does not compare.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Unmodelled {
    /// In the server's words, such as `rule` or `aggregate`.
    pub kind: String,
    pub name: String,
}

impl fmt::Display for Unmodelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, printable(&self.name))
    }
}

/// The kind for a column's option that is unknown to this tool: a newer
/// server may set it by itself, so it is reported, and is not an obstacle.
pub const UNKNOWN_OPTION: &str = "unknown option of column";

/// Kinds that share the name space of tables.
const RELATIONS: [&str; 2] = ["foreign table", "relation"];

/// Kinds that share the name space of types.
const TYPES: [&str; 2] = ["foreign table", "type"];

impl Unmodelled {
    /// Whether it shares the name space of tables.
    #[must_use]
    pub fn is_relation(&self) -> bool {
        RELATIONS.contains(&self.kind.as_str())
    }

    /// Whether it shares the name space of functions; its name then has the types of its arguments.
    #[must_use]
    pub fn is_routine(&self) -> bool {
        ["aggregate", "function", "procedure"].contains(&self.kind.as_str())
    }

    /// Whether it shares the name space of types.
    #[must_use]
    pub fn is_type(&self) -> bool {
        TYPES.contains(&self.kind.as_str())
    }
}
