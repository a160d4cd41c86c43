//! `diff(desired, live)`: what is missing, changed, extra and unmodelled. Pure.
//!
//! Objects with a declared name are found by it. Constraints and indexes that the manifest leaves
//! unnamed are found by their structure, so that a tenant whose tables another tool made is
//! adopted as it is; see `pairing`.

mod columns;
mod describe;
mod object;
mod pairing;
mod untouched;

use serde::{Deserialize, Serialize};

pub use object::Object;
pub use untouched::{Held, Untouched};

use crate::manifest::{
    ColumnDecl, ConstraintDecl, EnumDecl, IndexDecl, Manifest, SeedDecl, SeedRow, SequenceDecl,
    TableDecl,
};
use crate::name::{Ident, Text};
use crate::schema::Schema;

/// The differences between what is declared and what is there.
#[derive(Debug, Default)]
pub struct Diff<'m> {
    /// In no particular order; the plan knows the order.
    pub missing: Vec<Missing<'m>>,
    pub untouched: Untouched,
    /// Names that something of another kind holds, so that the object cannot be made.
    pub conflicts: Vec<Conflict>,
}

/// A declared object that is not there.
#[derive(Debug)]
pub enum Missing<'m> {
    Schema,
    Enum(&'m EnumDecl),
    Label {
        decl: &'m EnumDecl,
        label: &'m Ident,
        place: Place<'m>,
    },
    Sequence(&'m SequenceDecl),
    /// With everything on it.
    Table(NewTable<'m>),
    Column(&'m TableDecl, &'m ColumnDecl),
    Constraint(&'m TableDecl, Named<'m, ConstraintDecl>),
    Index(&'m TableDecl, Named<'m, IndexDecl>),
    Comment(Object, &'m Text),
    Row(&'m SeedDecl, &'m SeedRow),
}

/// A table to make, with the names that its constraints and indexes get.
#[derive(Debug)]
pub struct NewTable<'m> {
    pub decl: &'m TableDecl,
    pub constraints: Vec<Named<'m, ConstraintDecl>>,
    pub indexes: Vec<Named<'m, IndexDecl>>,
}

/// A declaration, and the name that it gets in this tenant: unnamed objects step aside when
/// something else holds the name that they would have had.
#[derive(Debug)]
pub struct Named<'m, T> {
    pub decl: &'m T,
    pub name: Ident,
}

// Derived, it would ask for `T: Clone`, though only the reference is copied.
impl<T> Clone for Named<'_, T> {
    fn clone(&self) -> Self {
        Self { decl: self.decl, name: self.name.clone() }
    }
}

/// Where a new label goes among those that are there.
#[derive(Debug, Clone, Copy)]
pub enum Place<'m> {
    After(&'m Ident),
    Before(&'m Ident),
    /// None of the labels there is declared.
    End,
}

/// An object that is there, but not as declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub object: Object,
    /// One property a line.
    pub actual: String,
    pub expected: String,
}

/// A name that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    pub object: Object,
    pub taken_by: String,
}

/// Compares. `live` is `None` when there is no such schema; `absent_rows` are the declared rows
/// whose keys were not found in it.
#[must_use]
pub fn diff<'m>(
    manifest: &'m Manifest,
    desired: &Schema,
    live: Option<&Schema>,
    absent_rows: &[(&'m SeedDecl, &'m SeedRow)],
) -> Diff<'m> {
    let mut diff = Diff::default();
    if live.is_none() {
        diff.missing.push(Missing::Schema);
    }
    let nothing = Schema::default();
    let live = live.unwrap_or(&nothing);
    for decl in &manifest.enums {
        diff_enum(&mut diff, decl, live);
    }
    for decl in &manifest.sequences {
        diff_sequence(&mut diff, decl, desired, live);
    }
    let mut names = pairing::Names::new(manifest, live);
    for decl in &manifest.tables {
        if let Some(desired_table) = desired.tables.get(&decl.name) {
            diff_table(&mut diff, decl, desired_table, live, &mut names);
        }
    }
    diff_own_sequences(&mut diff, manifest, desired, live);
    find_extra(&mut diff, manifest, desired, live);
    diff.missing.extend(absent_rows.iter().map(|(seed, row)| Missing::Row(seed, row)));
    // What the server adds to all that it makes, the manifest's own included, is no difference.
    diff.untouched.unmodelled = live.unmodelled.difference(&desired.unmodelled).cloned().collect();
    diff
}

/// All that a manifest declares but its rows, as what is missing from nothing.
#[must_use]
pub fn everything(manifest: &Manifest) -> Vec<Missing<'_>> {
    let enums = manifest.enums.iter().map(Missing::Enum);
    let sequences = manifest.sequences.iter().map(Missing::Sequence);
    let tables = manifest.tables.iter().map(|decl| {
        let constraints = decl.constraints.iter();
        let indexes = decl.indexes.iter();
        Missing::Table(NewTable {
            decl,
            constraints: constraints
                .map(|c| Named { decl: c, name: c.name.ident.clone() })
                .collect(),
            indexes: indexes.map(|i| Named { decl: i, name: i.name.ident.clone() }).collect(),
        })
    });
    std::iter::once(Missing::Schema).chain(enums).chain(sequences).chain(tables).collect()
}

fn diff_enum<'m>(diff: &mut Diff<'m>, decl: &'m EnumDecl, live: &Schema) {
    let object = Object::Enum { name: decl.name.clone() };
    let Some(actual) = live.enums.get(&decl.name) else {
        match live.other_type_named(&decl.name) {
            Some(taken_by) => diff.conflicts.push(Conflict { object, taken_by }),
            None => diff.missing.push(Missing::Enum(decl)),
        }
        return;
    };
    let declared: Vec<&Ident> = decl.labels.iter().filter(|l| actual.labels.contains(l)).collect();
    let present: Vec<&Ident> = actual.labels.iter().filter(|l| decl.labels.contains(l)).collect();
    if declared == present {
        for (label, place) in new_labels(&decl.labels, &actual.labels) {
            diff.missing.push(Missing::Label { decl, label, place });
        }
    } else {
        diff.untouched.changed.push(Change {
            object: object.clone(),
            actual: describe::labels(&actual.labels),
            expected: describe::labels(&decl.labels),
        });
    }
    for label in actual.labels.iter().filter(|l| !decl.labels.contains(l)) {
        diff.untouched.extra.push(Object::Label { of: decl.name.clone(), name: label.clone() });
    }
    diff_comment(diff, object, decl.comment.as_ref(), actual.comment.as_deref());
}

/// Labels to add, each with a neighbour that is there by then.
fn new_labels<'m>(declared: &'m [Ident], present: &[Ident]) -> Vec<(&'m Ident, Place<'m>)> {
    let mut added = Vec::new();
    let mut before: Option<&'m Ident> = None;
    let mut rest = declared.iter();
    while let Some(label) = rest.next() {
        if !present.contains(label) {
            let next = || rest.clone().find(|l| present.contains(l));
            let place = match before {
                Some(before) => Place::After(before),
                None => next().map_or(Place::End, Place::Before),
            };
            added.push((label, place));
        }
        before = Some(label);
    }
    added
}

fn diff_sequence<'m>(diff: &mut Diff<'m>, decl: &'m SequenceDecl, desired: &Schema, live: &Schema) {
    let object = Object::Sequence { name: decl.name.clone() };
    let Some(actual) = live.sequences.get(&decl.name) else {
        match live.relation_named(&decl.name) {
            Some(taken_by) => diff.conflicts.push(Conflict { object, taken_by }),
            None => diff.missing.push(Missing::Sequence(decl)),
        }
        return;
    };
    if let Some(expected) = desired.sequences.get(&decl.name) {
        changed(diff, &object, describe::sequence(actual), describe::sequence(expected));
    }
    diff_comment(diff, object, decl.comment.as_ref(), actual.comment.as_deref());
}

/// The sequences that `serial` columns bring along. Which of them a column uses, its default tells.
fn diff_own_sequences(diff: &mut Diff<'_>, manifest: &Manifest, desired: &Schema, live: &Schema) {
    for (name, expected) in &desired.sequences {
        if let Some(actual) = live.sequences.get(name)
            && manifest.sequences.iter().all(|decl| decl.name != *name)
        {
            let object = Object::Sequence { name: name.clone() };
            changed(diff, &object, describe::sequence(actual), describe::sequence(expected));
        }
    }
}

fn diff_table<'m>(
    diff: &mut Diff<'m>,
    decl: &'m TableDecl,
    desired: &crate::schema::Table,
    live: &Schema,
    names: &mut pairing::Names,
) {
    let object = Object::Table { name: decl.name.clone() };
    let Some(actual) = live.tables.get(&decl.name) else {
        if let Some(taken_by) = live.relation_named(&decl.name) {
            diff.conflicts.push(Conflict { object, taken_by });
        } else {
            let mut table = NewTable { decl, constraints: Vec::new(), indexes: Vec::new() };
            for constraint in &decl.constraints {
                table.constraints.extend(names.claim_constraint(diff, decl, constraint));
            }
            for index in &decl.indexes {
                table.indexes.extend(names.claim_index(diff, decl, index));
            }
            diff.missing.push(Missing::Table(table));
        }
        return;
    };
    changed(
        diff,
        &object,
        describe::persistence(actual.unlogged),
        describe::persistence(desired.unlogged),
    );
    diff_comment(diff, object, decl.comment.as_ref(), actual.comment.as_deref());
    columns::diff_columns(diff, decl, desired, actual);
    pairing::diff_constraints_and_indexes(diff, decl, desired, actual, names);
}

/// Comments that are absent are added; what else differs is reported.
fn diff_comment<'m>(
    diff: &mut Diff<'m>,
    on: Object,
    declared: Option<&'m Text>,
    actual: Option<&str>,
) {
    match (declared, actual) {
        (Some(text), None) => diff.missing.push(Missing::Comment(on, text)),
        (Some(text), Some(actual)) => {
            changed(diff, &on, describe::comment(actual), describe::comment(text.as_str()));
        }
        (None, Some(_)) => diff.untouched.extra.push(Object::Comment { on: Box::new(on) }),
        (None, None) => {}
    }
}

/// Notes a change if the two descriptions differ; what is said of one object twice is joined.
fn changed(diff: &mut Diff<'_>, object: &Object, actual: String, expected: String) {
    if actual == expected {
        return;
    }
    if let Some(known) = diff.untouched.changed.iter_mut().find(|c| c.object == *object) {
        known.actual = format!("{}\n{actual}", known.actual);
        known.expected = format!("{}\n{expected}", known.expected);
        return;
    }
    diff.untouched.changed.push(Change { object: object.clone(), actual, expected });
}

fn find_extra(diff: &mut Diff<'_>, manifest: &Manifest, desired: &Schema, live: &Schema) {
    for name in live.enums.keys().filter(|name| !desired.enums.contains_key(*name)) {
        diff.untouched.extra.push(Object::Enum { name: name.clone() });
    }
    for (name, sequence) in &live.sequences {
        // A sequence that belongs to a column is reported with its column or table.
        let declared = manifest.sequences.iter().any(|decl| decl.name == *name);
        if !declared && sequence.owned_by.is_none() {
            diff.untouched.extra.push(Object::Sequence { name: name.clone() });
        }
    }
    for name in live.tables.keys().filter(|name| !desired.tables.contains_key(*name)) {
        diff.untouched.extra.push(Object::Table { name: name.clone() });
    }
}
