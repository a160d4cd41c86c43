//! What a difference or a step is about.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::{Ident, printable};

/// One object of a tenant's schema, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Object {
    Schema,
    Enum {
        name: Ident,
    },
    Label {
        of: Ident,
        name: Ident,
    },
    Sequence {
        name: Ident,
    },
    Table {
        name: Ident,
    },
    Column {
        table: Ident,
        name: Ident,
    },
    Constraint {
        table: Ident,
        name: Ident,
    },
    Index {
        table: Ident,
        name: Ident,
    },
    Comment {
        on: Box<Object>,
    },
    /// A baseline row, by the values of its key.
    Row {
        table: Ident,
        key: String,
    },
}

impl Object {
    /// What kind of thing it is, as in the saved form.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Enum { .. } => "enum",
            Self::Label { .. } => "label",
            Self::Sequence { .. } => "sequence",
            Self::Table { .. } => "table",
            Self::Column { .. } => "column",
            Self::Constraint { .. } => "constraint",
            Self::Index { .. } => "index",
            Self::Comment { .. } => "comment",
            Self::Row { .. } => "row",
        }
    }

    /// The table, type or sequence under which people look for it.
    #[must_use]
    pub fn group(&self) -> Object {
        match self {
            Self::Column { table, .. }
            | Self::Constraint { table, .. }
            | Self::Index { table, .. }
            | Self::Row { table, .. } => Self::Table { name: table.clone() },
            Self::Label { of, .. } => Self::Enum { name: of.clone() },
            Self::Comment { on } => on.group(),
            Self::Schema | Self::Enum { .. } | Self::Sequence { .. } | Self::Table { .. } => {
                self.clone()
            }
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schema => write!(f, "schema"),
            Self::Enum { name } => write!(f, "enum {name}"),
            Self::Label { of, name } => {
                write!(f, "label {name:?} of enum {of}", name = name.as_str())
            }
            Self::Sequence { name } => write!(f, "sequence {name}"),
            Self::Table { name } => write!(f, "table {name}"),
            Self::Column { table, name } => write!(f, "column {table}.{name}"),
            Self::Constraint { table, name } => write!(f, "constraint {name} on {table}"),
            Self::Index { table, name } => write!(f, "index {name} on {table}"),
            Self::Comment { on } => write!(f, "comment on {on}"),
            Self::Row { table, key } => write!(f, "row of {table} with {}", printable(key)),
        }
    }
}
