//! Which locks the statements of a plan take on tables that are there already.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::{Cell, ConstraintDecl, ConstraintDef, TableRef, TypeDecl};
use crate::name::Ident;
use crate::step::Step;

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

/// What the steps of a plan need to stay as it is while they are run, but for what they make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locks {
    /// The strongest lock on each table that the steps take. Taking it at once, nobody waits for a lock
    /// while holding a weaker one on the same table, which two sessions could do to each other.
    pub tables: BTreeMap<Ident, TableLock>,
    /// Tables of the schema that new keys only point to, or in which rows are only looked up.
    pub others: BTreeMap<Ident, TableLock>,
    /// Tables outside of the schema, as `"schema"."table"`, that new keys point to.
    pub externals: BTreeSet<String>,
    /// Enum types of the schema that are named.
    pub types: BTreeSet<Ident>,
}

/// What `steps`, in their order, need.
#[must_use]
pub(super) fn locks(steps: &[Step<'_>]) -> Locks {
    let (mut made, mut made_types) = (BTreeSet::new(), BTreeSet::new());
    let mut locks = Locks::default();
    for step in steps {
        match step {
            Step::CreateSchema | Step::CreateSequence(_) | Step::Comment { .. } => {}
            Step::CreateEnum(decl) => _ = made_types.insert(&decl.name),
            Step::AddLabel { of, .. } => _ = locks.types.insert((*of).clone()),
            Step::CreateTable { decl, constraints } => {
                made.insert(&decl.name);
                locks.types.extend(decl.columns.iter().filter_map(|c| enum_of(&c.data_type)));
                for constraint in constraints {
                    locks.point(constraint.decl);
                }
            }
            Step::AddColumn { table, decl } => {
                locks.types.extend(enum_of(&decl.data_type));
                locks.take(table, TableLock::AccessExclusive);
            }
            Step::AddConstraint { table, constraint } => {
                let lock = match constraint.decl.definition {
                    ConstraintDef::ForeignKey(_) => TableLock::ShareRowExclusive,
                    _ => TableLock::AccessExclusive,
                };
                locks.take(table, lock);
                locks.point(constraint.decl);
            }
            Step::CreateIndex { table, .. } => locks.take(table, TableLock::Share),
            Step::InsertRow { seed, row } => {
                locks.take(&seed.table, TableLock::RowExclusive);
                for (_, cell) in &row.cells {
                    locks.look_up(cell);
                }
            }
        }
    }
    locks.tables.retain(|table, _| !made.contains(table));
    locks.others.retain(|table, _| !made.contains(table));
    locks.types.retain(|name| !made_types.contains(name));
    locks
}

impl Locks {
    fn take(&mut self, table: &Ident, lock: TableLock) {
        add(&mut self.tables, table, lock);
    }

    fn point(&mut self, constraint: &ConstraintDecl) {
        let references = constraint.references();
        if let Some(table) = references.and_then(TableRef::tenant) {
            add(&mut self.others, table, TableLock::ShareRowExclusive);
        }
        self.externals.extend(references.and_then(TableRef::external));
    }

    fn look_up(&mut self, cell: &Cell) {
        if let Cell::Lookup { table, matching, .. } = cell {
            add(&mut self.others, table, TableLock::ShareUpdateExclusive);
            for (_, cell) in matching {
                self.look_up(cell);
            }
        }
    }
}

fn add(locks: &mut BTreeMap<Ident, TableLock>, table: &Ident, lock: TableLock) {
    let known = locks.entry(table.clone()).or_insert(lock);
    *known = known.and(lock);
}

fn enum_of(data_type: &TypeDecl) -> Option<Ident> {
    match data_type {
        TypeDecl::Declared { name, .. } => Some(name.clone()),
        TypeDecl::Sql(_) => None,
    }
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
