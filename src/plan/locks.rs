//! What the statements of a plan need to stay as it is.

use std::collections::{BTreeMap, BTreeSet};

use super::hazards::{Known, On, Relation};
use super::step::Step;
use crate::catalog::{Catalog, Fact, Kind, Object};
use crate::kinds;
use crate::locks::{Locks, TableLock};
use crate::manifest::SeedRow;
use crate::name::Ident;

/// What `steps`, in their order, need of what exists in `live`; `hazards` are theirs.
#[must_use]
pub(super) fn locks(steps: &[Step<'_>], hazards: &[Known], live: &Catalog) -> Locks {
    let mut locks = Locks::default();
    for (step, known) in steps.iter().zip(hazards) {
        // Comments are written without having been waited for before.
        if step.object().kind() != Kind::Comment {
            tables(&mut locks, known);
        }
        match step {
            Step::Create(creation) | Step::Recreate(creation) => {
                let parts = creation.parts.iter().map(|(_, fact)| *fact);
                for fact in std::iter::once(creation.fact).chain(parts) {
                    create(&mut locks, fact);
                }
            }
            Step::Change(alteration) => create(&mut locks, alteration.desired),
            Step::Drop { live: fact, .. } => {
                if let Object::Member(kind, name) = fact.object.group()
                    && kind.is_type()
                    && fact.object.kind() != Kind::Comment
                {
                    locks.types.insert(name);
                }
                locks.has_functions |= matches!(fact.object, Object::Routine { .. });
            }
            Step::Rename { fact, .. } => {
                locks.has_functions |= matches!(fact.object, Object::Routine { .. });
            }
            Step::Grant { .. } => {}
            Step::Insert { row, .. } => read(&mut locks, row),
            Step::Update { different } | Step::Free { different, .. } => {
                read(&mut locks, different.row);
            }
            Step::Delete { followers, .. } => {
                // Between the look whether a row refers to the one that goes and its going, none may come to do so.
                for follower in followers.iter().flatten() {
                    add(&mut locks.others, &follower.table, TableLock::Share);
                }
            }
        }
    }
    locks.others.retain(|table, _| live.has_table(table));
    let types = || Kind::ALL.into_iter().filter(|kind| kind.is_type());
    let exists = |name: &Ident| types().any(|kind| live.has(&Object::Member(kind, name.clone())));
    locks.types.retain(exists);
    locks
}

/// What a row is looked up in.
fn read(locks: &mut Locks, row: &SeedRow) {
    for (_, cell) in &row.cells {
        for (table, _) in cell.columns_read() {
            add(&mut locks.others, table, TableLock::ShareUpdateExclusive);
        }
    }
}

/// The tables that a step locks. Those of others are locked when the step is run, unless somebody could change them before.
fn tables(locks: &mut Locks, known: &Known) {
    for taken in &known.taken {
        let Relation::InSchema(object) = &taken.relation else { continue };
        let Some(table) = object.table_name() else { continue };
        let known = match taken.on {
            On::Own | On::Parents => &mut locks.tables,
            On::Referenced | On::Keyed | On::DefaultPartition | On::OfType => &mut locks.others,
        };
        add(known, &table, taken.mode);
    }
}

fn create(locks: &mut Locks, fact: &Fact) {
    let own = fact.object.table_name();
    let types = fact.dependencies.iter().cloned().chain([fact.object.group()]);
    locks.types.extend(types.filter_map(|object| match object {
        Object::Member(kind, name) if kind.is_type() => Some(name),
        _ => None,
    }));
    let tables: BTreeSet<Ident> = fact.dependencies.iter().filter_map(Object::table_name).collect();
    if kinds::is_foreign_key(fact) {
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
