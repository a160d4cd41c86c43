//! What Citus refuses in a distributed schema, reported before anything is tried. Observed with Citus 13.2.
//! Pure.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{Action, PlannedStep};
use crate::catalog::{Catalog, Fact, Kind, Object, Part};
use crate::manifest::{Manifest, SeedRow};
use crate::name::{Ident, Text};

/// Why Citus would refuse `steps` in a distributed schema, or would do something else; each a
/// sentence that says what to do. Empty: no obstacle is known. `local` are the tables
/// elsewhere, as `"schema"."table"`, that are not reference tables.
#[must_use]
pub fn refusals(
    manifest: &Manifest,
    desired: &Catalog,
    steps: &[PlannedStep],
    local: &[String],
) -> Vec<String> {
    let mut reasons = BTreeSet::new();
    let mut inserted: BTreeMap<&Ident, HashSet<&str>> = BTreeMap::new();
    for step in steps {
        match (&step.object, step.action) {
            (Object::Member(Kind::Table, name), Action::Create) => {
                for fact in parts(desired, name) {
                    reasons.extend(external_key(fact, local));
                    reasons.extend(other_sequence(desired, fact));
                }
            }
            (object @ Object::Part(Part { kind: Kind::Constraint, .. }), Action::Add) => {
                reasons.extend(desired.get(object).and_then(|fact| external_key(fact, local)));
            }
            (object @ Object::Part(Part { kind: Kind::Column, .. }), Action::Add) => {
                if let Some(fact) = desired.get(object) {
                    reasons.extend(added_column(desired, fact));
                    reasons.extend(other_sequence(desired, fact));
                }
            }
            (Object::Row { table, key }, Action::Insert) => {
                inserted.entry(table).or_default().insert(key.as_str());
            }
            _ => {}
        }
    }
    for (table, keys) in inserted {
        reasons.extend(rows_draw(manifest, desired, table, &keys));
    }
    reasons.into_iter().collect()
}

fn parts<'c>(desired: &'c Catalog, table: &Ident) -> impl Iterator<Item = &'c Fact> {
    let table = Object::table(table);
    desired
        .facts()
        .filter(move |fact| matches!(fact.object, Object::Part(_)) && fact.object.group() == table)
}

/// Referencing and referenced rows have to be on the same node.
fn external_key(fact: &Fact, local: &[String]) -> Option<String> {
    let referenced = fact.text("external")?;
    let Object::Part(Part { of, name, .. }) = &fact.object else { return None };
    if !local.iter().any(|table| table == referenced) {
        return None;
    }
    let literal = Text::new(referenced).ok()?.literal();
    let (_, target) = fact.text("role")?.split_once(" references ")?;
    let (target, _) = target.split_once(" (")?;
    Some(format!(
        "foreign key {name} of table {of} points to {target}, which is neither in the same \
         schema nor a reference table: SELECT create_reference_table({literal}) makes it one"
    ))
}

/// A column that draws from a sequence cannot be added to a distributed table, with one exception.
fn added_column(desired: &Catalog, fact: &Fact) -> Option<String> {
    let Object::Part(Part { of, name, .. }) = &fact.object else { return None };
    let is_owner = |sequence: &Fact| {
        sequence.text("owner_table") == Some(of.as_str())
            && sequence.text("owner_column") == Some(name.as_str())
    };
    let what = if fact.text("identity").is_some() {
        "it is an identity column"
    } else if desired.of_kind(Kind::Sequence).any(is_owner) {
        "its type is serial"
    } else if draws(desired, fact) && fact.text("nullability") == Some("not null") {
        "it draws from a sequence and is NOT NULL"
    } else {
        return None;
    };
    Some(format!(
        "column {of}.{name} cannot be added to a table that exists, because {what}: declare it \
         with null = true and a default of nextval(…) from a sequence of the manifest"
    ))
}

/// Citus gives a sequence the type of the column whose default draws from it, so that it would not be
/// as declared.
fn other_sequence(desired: &Catalog, fact: &Fact) -> Option<String> {
    let data_type = integer(fact)?;
    let Object::Part(Part { of, name, .. }) = &fact.object else { return None };
    let sequence = sequences(desired, fact).find(|other| other.text("type") != Some(data_type))?;
    Some(format!(
        "sequence {} is {}, and the default of column {of}.{name}, which draws from it, is \
         {data_type}: declare one type for both, since Citus gives the sequence that of the column",
        sequence.object.name()?,
        sequence.text("type")?,
    ))
}

/// A row is inserted by the worker, unless one with its key is there; workers draw numbers of type
/// bigint only.
fn rows_draw(
    manifest: &Manifest,
    desired: &Catalog,
    table: &Ident,
    keys: &HashSet<&str>,
) -> Option<String> {
    let columns = parts(desired, table).filter(|fact| fact.object.kind() == Kind::Column);
    let columns = columns.filter(|fact| fact.text("identity").is_some() || draws(desired, fact));
    let drawing: Vec<(&Ident, &str)> = columns
        .filter_map(|fact| Some((fact.object.name()?, integer(fact)?)))
        .filter(|(_, data_type)| *data_type != "bigint")
        .collect();
    let left = |row: &SeedRow| {
        drawing.iter().find(|(name, _)| !row.cells.iter().any(|(cell, _)| cell == *name)).copied()
    };
    let seeds = manifest.seeds.iter().filter(|seed| seed.table == *table);
    let (name, data_type) = seeds
        .flat_map(|seed| seed.rows.iter().map(move |row| (seed, row)))
        .filter_map(|(seed, row)| Some((left(row)?, seed, row)))
        .find(|(_, seed, row)| keys.contains(row.key_text(&seed.key).as_str()))?
        .0;
    Some(format!(
        "the baseline rows of table {table} leave column {name} to a sequence of type {data_type}, \
         which workers do not draw from: declare the column bigint, or give its value in the rows"
    ))
}

/// The sequences that the default of a column draws from.
fn sequences<'c>(desired: &'c Catalog, column: &Fact) -> impl Iterator<Item = &'c Fact> {
    let default = match &column.object {
        Object::Part(Part { of, name, .. }) => Some(Object::on_table(Kind::Default, of, name)),
        _ => None,
    };
    let default = default.and_then(|default| desired.get(&default));
    let draws = default.filter(|default| {
        default.text("default").is_some_and(|default| default.contains("nextval("))
    });
    let needed = draws.into_iter().flat_map(|default| &default.dependencies);
    needed.filter(|object| object.kind() == Kind::Sequence).filter_map(|o| desired.get(o))
}

fn draws(desired: &Catalog, column: &Fact) -> bool {
    sequences(desired, column).next().is_some()
}

/// The type of a column that is an integer.
fn integer(column: &Fact) -> Option<&str> {
    column.text("type").filter(|name| matches!(*name, "smallint" | "integer" | "bigint"))
}
