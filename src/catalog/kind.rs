//! The names of the kinds of objects.

use std::fmt;

/// What kind of thing an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Schema,
    Enum,
    Label,
    Sequence,
    Table,
    Column,
    /// What a column gets when an INSERT gives no value; has the column's name.
    Default,
    Constraint,
    Index,
    View,
    Comment,
    /// A baseline row.
    Row,
}

impl Kind {
    /// All kinds, in the order of reports.
    pub const ALL: [Self; 12] = [
        Self::Schema,
        Self::Enum,
        Self::Label,
        Self::Sequence,
        Self::Table,
        Self::Column,
        Self::Default,
        Self::Constraint,
        Self::Index,
        Self::View,
        Self::Comment,
        Self::Row,
    ];

    /// As in messages and in the saved form.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Enum => "enum",
            Self::Label => "label",
            Self::Sequence => "sequence",
            Self::Table => "table",
            Self::Column => "column",
            Self::Default => "default",
            Self::Constraint => "constraint",
            Self::Index => "index",
            Self::View => "view",
            Self::Comment => "comment",
            Self::Row => "row",
        }
    }

    /// The kind of which an object of this kind is a part, if it is one.
    #[must_use]
    pub fn whole(self) -> Option<Self> {
        match self {
            Self::Label => Some(Self::Enum),
            Self::Column | Self::Default | Self::Constraint | Self::Index | Self::Row => {
                Some(Self::Table)
            }
            Self::Schema
            | Self::Enum
            | Self::Sequence
            | Self::Table
            | Self::View
            | Self::Comment => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
