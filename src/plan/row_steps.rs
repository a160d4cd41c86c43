//! What is done about baseline rows: those that are absent, have other values, or are not declared.

use std::collections::BTreeMap;

use super::row_order::{RowStep, ordered};
use super::step::Step;
use super::untouched::{Change, Held};
use crate::absent::Absent;
use crate::catalog::{Catalog, Desired, Object};
use crate::consent::{Class, Consent};
use crate::kinds;
use crate::manifest::{Manifest, SeedDecl, SeedMode, value_text};
use crate::name::Ident;
use crate::rows::{CellDifference, DifferentRow, Follower, MAX_SURPLUS, Surplus, SurplusRow};

/// All that is done about rows, and what is left.
#[derive(Default)]
pub(super) struct RowSteps<'a> {
    /// In order.
    pub(super) steps: Vec<Step<'a>>,
    /// Rows that a person has not allowed to be changed.
    pub(super) changed: Vec<Change>,
    /// Rows that are not declared, and that a person has not allowed to be deleted.
    pub(super) extra: Vec<Object>,
    /// Rows that are not deleted, whatever is allowed.
    pub(super) held: Vec<Held>,
}

/// Determines it. `live` is what is there before the steps.
pub(super) fn row_steps<'a>(
    manifest: &Manifest,
    desired: &Desired,
    live: &Catalog,
    absent: &'a Absent<'a>,
    consent: &Consent,
) -> RowSteps<'a> {
    let mut all = RowSteps::default();
    let mut by_seed: BTreeMap<usize, Vec<RowStep<'a>>> = BTreeMap::new();
    let position = |seed: &SeedDecl| manifest.seeds.iter().position(|one| std::ptr::eq(one, seed));
    for different in &absent.different {
        let object = row_object(different);
        if consent.allows(Class::Alter, &object) {
            let steps = by_seed.entry(position(different.seed).unwrap_or_default()).or_default();
            steps.push(RowStep::Update(different));
        } else {
            all.changed.push(change(different, object));
        }
    }
    for (seed, row) in &absent.rows {
        // Such rows come with their table.
        if seed.mode == SeedMode::Once && live.has_table(&seed.table) {
            continue;
        }
        let steps = by_seed.entry(position(seed).unwrap_or_default()).or_default();
        steps.push(RowStep::Insert(seed, row));
    }
    let (mut early, mut late) = (Vec::new(), Vec::new());
    // Rows that refer to others are declared after them.
    for surplus in absent.surplus.iter().rev() {
        deletions(manifest, live, surplus, consent, (&mut early, &mut late), &mut all);
    }
    all.steps.extend(early);
    for (at, steps) in by_seed {
        let is_simple = steps.iter().all(|step| matches!(step, RowStep::Insert(..)));
        let steps = match manifest.seeds.get(at) {
            Some(seed) if !is_simple => ordered(seed, steps, desired),
            _ => steps,
        };
        all.steps.extend(steps.into_iter().map(step));
    }
    all.steps.extend(late);
    all
}

fn step(step: RowStep<'_>) -> Step<'_> {
    match step {
        RowStep::Insert(seed, row) => Step::Insert { seed, row },
        RowStep::Update(different) => Step::Update { different },
        RowStep::Free { different, column, value } => Step::Free { different, column, value },
    }
}

fn row_object(different: &DifferentRow<'_>) -> Object {
    let seed = different.seed;
    Object::Row { table: seed.table.clone(), key: different.row.key_text(&seed.key) }
}

fn change(different: &DifferentRow<'_>, object: Object) -> Change {
    let lines = |value: fn(&CellDifference) -> &Option<String>| {
        let cells = different.cells.iter();
        let lines =
            cells.map(|cell| format!("{} = {}", cell.column, value_text(value(cell).as_deref())));
        lines.collect::<Vec<_>>().join("\n")
    };
    Change {
        object,
        actual: lines(|cell| &cell.actual),
        expected: lines(|cell| &cell.expected),
        cells: different.cells.clone(),
        allowed_by: Some(Class::Alter),
    }
}

/// What is done about the rows of a table that are not declared.
fn deletions<'a>(
    manifest: &Manifest,
    live: &Catalog,
    surplus: &'a Surplus<'a>,
    consent: &Consent,
    (early, late): (&mut Vec<Step<'a>>, &mut Vec<Step<'a>>),
    all: &mut RowSteps<'a>,
) {
    let table = &surplus.seed.table;
    let object =
        |row: &SurplusRow| Object::Row { table: table.clone(), key: row.key_text(surplus.seed) };
    let is_allowed = |row: &&SurplusRow| {
        let object = object(row);
        !manifest.drift.ignores(&object.to_string()) && consent.allows(Class::Drop, &object)
    };
    let (allowed, left): (Vec<_>, Vec<_>) = surplus.rows.iter().partition(is_allowed);
    all.extra.extend(left.into_iter().map(object));
    if surplus.has_more && !allowed.is_empty() {
        let reason = format!(
            "table {table} has more than {MAX_SURPLUS} rows that are not declared, too many for a table of baseline \
             rows: delete them by hand"
        );
        let steps = vec![format!("delete rows of {table}")];
        all.held.push(Held { on: Object::table(table), steps, reasons: vec![reason] });
        return;
    }
    let followers = followers(live, table);
    let refer_to_each_other = live.facts().any(|fact| {
        kinds::refers_to(fact, table) && fact.object.table_name().as_ref() == Some(table)
    });
    let is_any_in_the_way = allowed.iter().any(|row| row.is_in_the_way);
    for (at, row) in allowed.iter().copied().enumerate() {
        let with = match allowed.split_first() {
            Some((_, others)) if refer_to_each_other && at == 0 => others.to_vec(),
            _ => Vec::new(),
        };
        let is_early = row.is_in_the_way || refer_to_each_other && is_any_in_the_way;
        let steps = if is_early { &mut *early } else { &mut *late };
        let (seed, followers) = (surplus.seed, followers.clone());
        steps.push(Step::Delete { seed, row, with, followers });
    }
}

/// The rows that would be deleted or changed with rows of a table, by the foreign keys that say so; `None` for a
/// key that is not understood.
fn followers(live: &Catalog, table: &Ident) -> Vec<Option<Follower>> {
    let keys = live.facts().filter(|fact| kinds::follows_deletes(fact));
    let keys = keys.filter(|fact| kinds::refers_to(fact, table));
    let followers = keys.map(|fact| {
        let columns = kinds::referring_columns(fact)?;
        Some(Follower { table: fact.object.table_name()?, columns })
    });
    followers.collect()
}
