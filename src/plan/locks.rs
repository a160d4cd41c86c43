//! What the statements of a plan need to stay as it is.

use std::collections::{BTreeMap, BTreeSet};

use super::step::Step;
use crate::catalog::{Catalog, Fact, Kind, Object};
use crate::kinds;
use crate::locks::{Locks, TableLock};
use crate::manifest::{SeedDecl, SeedRow};
use crate::name::Ident;

/// What `steps`, in their order, need of what exists in `live`.
#[must_use]
pub(super) fn locks(steps: &[Step<'_>], live: &Catalog) -> Locks {
    let mut locks = Locks::default();
    for step in steps {
        match step {
            Step::Create(creation) | Step::Recreate(creation) => {
                let parts = creation.parts.iter().map(|(_, fact)| *fact);
                for fact in std::iter::once(creation.fact).chain(parts) {
                    create(&mut locks, fact);
                }
            }
            Step::Change(alteration) => {
                let fact = alteration.desired;
                create(&mut locks, fact);
                if let Object::Member(Kind::Table, table) = &fact.object {
                    add(&mut locks.tables, table, TableLock::AccessExclusive);
                }
            }
            Step::Drop { live: fact, .. } => drop(&mut locks, fact, live),
            Step::Rename { fact, .. } => {
                if let Some(table) = fact.object.table_name() {
                    add(&mut locks.tables, &table, TableLock::AccessExclusive);
                }
                locks.has_functions |= matches!(fact.object, Object::Routine { .. });
            }
            // GRANT locks no table.
            Step::Grant { .. } => {}
            Step::Insert { seed, row } => write(&mut locks, seed, row),
            Step::Update { different } | Step::Free { different, .. } => {
                write(&mut locks, different.seed, different.row);
            }
            Step::Delete { seed, followers, .. } => {
                add(&mut locks.tables, &seed.table, TableLock::RowExclusive);
                // Between the look whether a row refers to the one that goes and its going, none may come to do so.
                for follower in followers.iter().flatten() {
                    add(&mut locks.others, &follower.table, TableLock::Share);
                }
            }
        }
    }
    locks.tables.retain(|table, _| live.has_table(table));
    locks.others.retain(|table, _| live.has_table(table));
    let types = || Kind::ALL.into_iter().filter(|kind| kind.is_type());
    let exists = |name: &Ident| types().any(|kind| live.has(&Object::Member(kind, name.clone())));
    locks.types.retain(exists);
    locks
}

fn write(locks: &mut Locks, seed: &SeedDecl, row: &SeedRow) {
    add(&mut locks.tables, &seed.table, TableLock::RowExclusive);
    for (_, cell) in &row.cells {
        for (table, _) in cell.columns_read() {
            add(&mut locks.others, table, TableLock::ShareUpdateExclusive);
        }
    }
}

/// To drop most things takes more than to create them; foreign keys are dropped from both tables.
fn drop(locks: &mut Locks, fact: &Fact, live: &Catalog) {
    if fact.object.kind() == Kind::Comment {
        return;
    }
    if let Some(table) = fact.object.table_name() {
        add(&mut locks.tables, &table, TableLock::AccessExclusive);
    }
    let is_of_it = |key: &&Fact| {
        let parents = [Some(key.object.clone()), key.object.parent()];
        kinds::is_foreign_key(key) && parents.contains(&Some(fact.object.clone()))
    };
    for key in live.facts().filter(is_of_it) {
        for table in key.dependencies.iter().filter_map(Object::table_name) {
            if key.object.table_name().as_ref() != Some(&table) {
                add(&mut locks.others, &table, TableLock::AccessExclusive);
            }
        }
    }
    if let Object::Member(kind, name) = fact.object.group()
        && kind.is_type()
    {
        locks.types.insert(name);
    }
    locks.has_functions |= matches!(fact.object, Object::Routine { .. });
}

fn create(locks: &mut Locks, fact: &Fact) {
    let own = fact.object.table_name();
    if let Some(table) = &own
        && let Some(lock) = kinds::lock(fact)
    {
        add(&mut locks.tables, table, lock);
    }
    for (table, lock) in kinds::locks_on_parents(fact) {
        add(&mut locks.tables, &table, lock);
    }
    let types = fact.dependencies.iter().cloned().chain([fact.object.group()]);
    locks.types.extend(types.filter_map(|object| match object {
        Object::Member(kind, name) if kind.is_type() => Some(name),
        _ => None,
    }));
    let tables: BTreeSet<Ident> = fact.dependencies.iter().filter_map(Object::table_name).collect();
    if kinds::is_foreign_key(fact) {
        for table in tables.iter().filter(|table| own.as_ref() != Some(*table)) {
            add(&mut locks.others, table, TableLock::ShareRowExclusive);
        }
        locks.externals.extend(fact.text("external").map(str::to_owned));
    }
    // What rows lead to once there is the rule must not be given code by others meanwhile.
    if fact.object.kind() == Kind::Rule {
        for table in tables.iter().filter(|table| own.as_ref() != Some(*table)) {
            add(&mut locks.others, table, TableLock::ShareUpdateExclusive);
        }
    }
    let is_function = |object: &Object| matches!(object, Object::Routine { .. });
    locks.has_functions |= is_function(&fact.object) || fact.dependencies.iter().any(is_function);
}

fn add(locks: &mut BTreeMap<Ident, TableLock>, table: &Ident, lock: TableLock) {
    let known = locks.entry(table.clone()).or_insert(lock);
    *known = known.and(lock);
}
