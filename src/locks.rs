//! Locks on tables that exist already.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::Ident;

/// A table-level lock (PostgreSQL manual, §13.3.1), from weak to strong: each conflicts with all
/// that the ones before it conflict with, but for the two before [`TableLock::Share`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TableLock {
    /// Of SELECT.
    AccessShare,
    /// Of SELECT FOR UPDATE, and of what looks up keys.
    RowShare,
    /// Of INSERT.
    RowExclusive,
    /// The weakest that keeps others from changing what statements on the table run.
    ShareUpdateExclusive,
    /// Of CREATE INDEX.
    Share,
    /// Of ADD FOREIGN KEY; also what INSERT and CREATE INDEX need together.
    ShareRowExclusive,
    /// Of REFRESH MATERIALIZED VIEW CONCURRENTLY.
    Exclusive,
    /// Of most other ALTER TABLE.
    AccessExclusive,
}

/// Text that is not the name of a lock mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no lock mode; there are {}", names())]
pub struct UnknownLock {
    text: String,
}

fn names() -> String {
    let names: Vec<String> = TableLock::ALL.iter().map(|lock| format!("\"{lock}\"")).collect();
    names.join(", ")
}

impl TableLock {
    /// All of them, from weak to strong.
    pub const ALL: [Self; 8] = [
        Self::AccessShare,
        Self::RowShare,
        Self::RowExclusive,
        Self::ShareUpdateExclusive,
        Self::Share,
        Self::ShareRowExclusive,
        Self::Exclusive,
        Self::AccessExclusive,
    ];

    /// As `LOCK TABLE … IN … MODE` names it.
    #[must_use]
    pub fn sql(self) -> &'static str {
        match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }

    /// Whether others cannot write into the table meanwhile.
    #[must_use]
    pub fn blocks_writing(self) -> bool {
        self >= Self::Share
    }

    /// The weakest that is as strong as both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self.min(other), self.max(other)) {
            (Self::RowExclusive | Self::ShareUpdateExclusive, Self::Share) => {
                Self::ShareRowExclusive
            }
            (_, stronger) => stronger,
        }
    }
}

/// As on command lines: `share-row-exclusive`.
impl fmt::Display for TableLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sql().to_lowercase().replace(' ', "-"))
    }
}

/// As PostgreSQL names it, in capitals or not, or with hyphens or underscores for the spaces.
impl FromStr for TableLock {
    type Err = UnknownLock;

    fn from_str(text: &str) -> Result<Self, UnknownLock> {
        let name = text.trim().to_lowercase().replace([' ', '_'], "-");
        let found = Self::ALL.into_iter().find(|lock| lock.to_string() == name);
        found.ok_or_else(|| UnknownLock { text: text.to_owned() })
    }
}

impl Serialize for TableLock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.sql())
    }
}

impl<'de> Deserialize<'de> for TableLock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What the steps of a plan need to stay as it is while they are run, except for what they create.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locks {
    /// The strongest lock on each table that the steps take. Since it is taken at once, no session waits for a
    /// lock while holding a weaker one on the same table, which could deadlock two sessions.
    pub tables: BTreeMap<Ident, TableLock>,
    /// Tables of the schema that new keys only point to, or in which rows are only looked up.
    pub others: BTreeMap<Ident, TableLock>,
    /// Tables outside of the schema, as `"schema"."table"`, that new keys point to.
    pub externals: BTreeSet<String>,
    /// Types of the schema that are named.
    pub types: BTreeSet<Ident>,
    /// Whether functions of the schema are created or called, which cannot be locked.
    pub has_functions: bool,
}

#[cfg(test)]
mod tests {
    use super::TableLock::{
        self, AccessExclusive, RowExclusive, Share, ShareRowExclusive, ShareUpdateExclusive,
    };

    #[test]
    fn two_locks_are_as_strong_as_both() {
        for (one, other, both) in [
            (RowExclusive, RowExclusive, RowExclusive),
            (RowExclusive, ShareUpdateExclusive, ShareUpdateExclusive),
            (RowExclusive, Share, ShareRowExclusive),
            (Share, RowExclusive, ShareRowExclusive),
            (Share, ShareUpdateExclusive, ShareRowExclusive),
            (Share, Share, Share),
            (ShareRowExclusive, Share, ShareRowExclusive),
            (AccessExclusive, RowExclusive, AccessExclusive),
        ] {
            assert_eq!(one.and(other), both);
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for lock in TableLock::ALL {
            for name in [lock.to_string(), lock.sql().to_owned(), lock.sql().replace(' ', "_")] {
                assert_eq!(name.parse(), Ok(lock), "{name}");
            }
        }
        let error = "shared".parse::<TableLock>().unwrap_err().to_string();
        assert!(
            error.starts_with("\"shared\" is no lock mode; there are \"access-share\", "),
            "{error}"
        );
    }
}
