//! What the rows of a tenant have to meet so that a step can succeed, and the rows that do not.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalog::Object;
use crate::name::Ident;
use crate::words::counted;

/// What rows have to meet so that a step can succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precondition {
    pub need: Need,
    pub search: Search,
    /// The tables of the schema that are read, under the names that they have now.
    pub tables: BTreeSet<Ident>,
    /// Whether looking for the rows evaluates more than the server's own functions: what the manifest declares there may be
    /// replaced by others in a tenant.
    pub runs_code: bool,
}

/// Which rows a step cannot have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Need {
    /// The object of the step.
    pub object: Object,
    pub problem: Problem,
    /// Which rows, such as "with NULL in invoices.day".
    pub rows: String,
}

/// Why rows are in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// NULL in a column that becomes NOT NULL.
    Nulls,
    /// Rows that get a new column which is NOT NULL, and no value for it.
    NoValue,
    /// They violate a check.
    Check,
    /// They have the same key.
    Duplicates,
    /// They exclude each other.
    Conflicts,
    /// What they point to does not exist.
    NoMatch,
    /// Values do not become values of another type.
    Conversion,
    /// They have a label of an enum type that goes.
    Label,
}

/// How the rows are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// Queries that only read.
    Query {
        /// Returns one number.
        count: String,
        /// Returns how a few of the rows are identified; `None`: the table has no primary key.
        keys: Option<String>,
        /// Returns the rows, for people.
        rows: String,
    },
    /// A statement that tries each row, and leaves what it has found, as [`Found`] in JSON, in the setting [`FOUND`].
    Trial(String),
    /// There is no way to.
    Impossible(String),
}

/// The setting in which a [`Search::Trial`] leaves what it has found.
pub const FOUND: &str = "provision.found";

/// So many rows are identified.
pub const KEYS: usize = 5;

/// The rows in the way of one step in one tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Found {
    pub count: u64,
    /// Of a few of them, each such as "id=5".
    #[serde(default)]
    pub keys: Vec<String>,
}

/// The rows that are in the way of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InTheWay {
    #[serde(flatten)]
    pub need: Need,
    pub count: u64,
    /// Of a few of them, each such as "id=5".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Finds them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
}

/// That the rows in the way of a step were not counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NotCounted {
    #[serde(flatten)]
    pub need: Need,
    pub reason: String,
}

/// What was found of the rows of one tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsFound {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows_in_the_way: Vec<InTheWay>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_counted: Vec<NotCounted>,
}

impl RowsFound {
    /// Adds what was found for one precondition, or why it was not looked for.
    pub fn add(&mut self, precondition: &Precondition, found: Result<Found, String>) {
        let need = precondition.need.clone();
        match found {
            Ok(Found { count: 0, .. }) => {}
            Ok(Found { count, keys }) => {
                let query = match &precondition.search {
                    Search::Query { rows, .. } => Some(rows.clone()),
                    Search::Trial(_) | Search::Impossible(_) => None,
                };
                self.rows_in_the_way.push(InTheWay { need, count, keys, query });
            }
            Err(reason) => self.not_counted.push(NotCounted { need, reason }),
        }
    }

    /// That none of these was looked for.
    #[must_use]
    pub fn uncounted(preconditions: &[Precondition], reason: &str) -> Self {
        let mut found = Self::default();
        for precondition in preconditions {
            found.add(precondition, Err(reason.to_owned()));
        }
        found
    }

    /// Adds what else was found of the same tenant.
    pub fn extend(&mut self, other: Self) {
        self.rows_in_the_way.extend(other.rows_in_the_way);
        self.not_counted.extend(other.not_counted);
    }
}

impl InTheWay {
    /// With the keys of a few of the rows, which the text alone does not have: keys are values, too.
    #[must_use]
    pub fn with_keys(&self) -> String {
        let is_all = u64::try_from(self.keys.len()).is_ok_and(|shown| shown >= self.count);
        let more = if is_all { "" } else { ", …" };
        match self.keys.as_slice() {
            [] => self.to_string(),
            keys => format!("{self} ({}{more})", keys.join("; ")),
        }
    }
}

impl fmt::Display for InTheWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = usize::try_from(self.count).unwrap_or(usize::MAX);
        write!(f, "{}: {} {}", self.need.object, counted(count, "row"), self.need.rows)
    }
}

impl fmt::Display for NotCounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: rows {}: {}", self.need.object, self.need.rows, self.reason)
    }
}
