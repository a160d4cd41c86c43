//! Which locks the statements of a plan take on tables that are there already.

use std::collections::{BTreeMap, BTreeSet};

use super::step::Step;
use crate::manifest::ConstraintDef;
use crate::name::Ident;

/// A table-level lock (PostgreSQL manual, §13.3.1), from weak to strong: each conflicts with all
/// that the ones before it conflict with, but for [`TableLock::RowExclusive`] before
/// [`TableLock::Share`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TableLock {
    /// Of INSERT.
    RowExclusive,
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
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }

    fn and(self, other: Self) -> Self {
        match (self.min(other), self.max(other)) {
            (Self::RowExclusive, Self::Share) => Self::ShareRowExclusive,
            (_, stronger) => stronger,
        }
    }
}

/// The strongest lock on each table that the steps take, but for tables that they make and those
/// that foreign keys only point to. Taking it at once, nobody waits for a lock while holding a weaker
/// one on the same table, which two sessions could do to each other.
#[must_use]
pub(super) fn locks(steps: &[Step<'_>]) -> BTreeMap<Ident, TableLock> {
    let mut made = BTreeSet::new();
    let mut locks: BTreeMap<Ident, TableLock> = BTreeMap::new();
    for step in steps {
        let (table, lock) = match step {
            Step::CreateTable { decl, .. } => {
                made.insert(&decl.name);
                continue;
            }
            Step::CreateSchema
            | Step::CreateEnum(_)
            | Step::AddLabel { .. }
            | Step::CreateSequence(_)
            | Step::Comment { .. } => continue,
            Step::AddColumn { table, .. } => (*table, TableLock::AccessExclusive),
            Step::AddConstraint { table, constraint } => match constraint.decl.definition {
                ConstraintDef::ForeignKey(_) => (*table, TableLock::ShareRowExclusive),
                _ => (*table, TableLock::AccessExclusive),
            },
            Step::CreateIndex { table, .. } => (*table, TableLock::Share),
            Step::InsertRow { seed, .. } => (&seed.table, TableLock::RowExclusive),
        };
        if !made.contains(table) {
            let known = locks.entry(table.clone()).or_insert(lock);
            *known = known.and(lock);
        }
    }
    locks
}

#[cfg(test)]
mod tests {
    use super::TableLock::{AccessExclusive, RowExclusive, Share, ShareRowExclusive};

    #[test]
    fn two_locks_are_as_strong_as_both() {
        for (one, other, both) in [
            (RowExclusive, RowExclusive, RowExclusive),
            (RowExclusive, Share, ShareRowExclusive),
            (Share, RowExclusive, ShareRowExclusive),
            (Share, Share, Share),
            (ShareRowExclusive, Share, ShareRowExclusive),
            (AccessExclusive, RowExclusive, AccessExclusive),
        ] {
            assert_eq!(one.and(other), both);
        }
    }
}
