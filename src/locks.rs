//! Locks on tables that exist already.

use std::collections::{BTreeMap, BTreeSet};

use crate::name::Ident;

/// A table-level lock (PostgreSQL manual, §13.3.1), from weak to strong: each conflicts with all
/// that the ones before it conflict with, but for the two before [`TableLock::Share`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TableLock {
    /// Of INSERT.
    RowExclusive,
    /// The weakest that keeps others from changing what statements on the table run.
    ShareUpdateExclusive,
    /// Of CREATE INDEX.
    Share,
    /// Of ADD FOREIGN KEY; also what INSERT and CREATE INDEX need together.
    ShareRowExclusive,
    /// Of all other ALTER TABLE.
    AccessExclusive,
}

impl TableLock {
    /// As `LOCK TABLE … IN … MODE` names it.
    #[must_use]
    pub fn sql(self) -> &'static str {
        match self {
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
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
        AccessExclusive, RowExclusive, Share, ShareRowExclusive, ShareUpdateExclusive,
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
}
