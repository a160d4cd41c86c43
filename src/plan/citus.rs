//! What Citus refuses in a distributed schema, told before anything is tried. Seen with Citus 13.2.
//! Pure.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{Action, PlannedStep};
use crate::diff::Object;
use crate::manifest::{Manifest, SeedRow};
use crate::name::{Ident, Text};
use crate::schema::{Column, Rule, Schema, Table};

/// Why Citus would refuse `steps` in a distributed schema, or make something else of them; each a
/// sentence that says what to do. Empty: nothing is known to be in the way. `local` are the tables
/// elsewhere, as `"schema"."table"`, that are not reference tables.
#[must_use]
pub fn refusals(
    manifest: &Manifest,
    desired: &Schema,
    steps: &[PlannedStep],
    local: &[String],
) -> Vec<String> {
    let mut reasons = BTreeSet::new();
    let mut inserted: BTreeMap<&Ident, HashSet<&str>> = BTreeMap::new();
    for step in steps {
        match (&step.object, step.action) {
            (Object::Table { name }, Action::Create) => {
                let Some(table) = desired.tables.get(name) else { continue };
                for constraint in table.constraints.keys() {
                    reasons.extend(external_key(name, table, constraint, local));
                }
                for column in table.columns.keys() {
                    reasons.extend(other_sequence(desired, name, column));
                }
            }
            (Object::Constraint { table: name, name: constraint }, Action::Add) => {
                let table = desired.tables.get(name);
                reasons.extend(table.and_then(|t| external_key(name, t, constraint, local)));
            }
            (Object::Column { table, name }, Action::Add) => {
                reasons.extend(added_column(desired, table, name));
                reasons.extend(other_sequence(desired, table, name));
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

/// Referencing and referenced rows have to be on the same node.
fn external_key(
    name: &Ident,
    table: &Table,
    constraint: &Ident,
    local: &[String],
) -> Option<String> {
    let Rule::ForeignKey(key) = &table.constraints.get(constraint)?.rule else {
        return None;
    };
    let schema = key.schema.as_ref()?;
    let referenced = format!("{}.{}", schema.quoted(), key.table.quoted());
    if !local.contains(&referenced) {
        return None;
    }
    let literal = Text::new(referenced).ok()?.literal();
    Some(format!(
        "foreign key {constraint} of table {name} points to {schema}.{}, which is neither in the same \
         schema nor a reference table: SELECT create_reference_table({literal}) makes it one",
        key.table
    ))
}

/// What draws from a sequence cannot be added to a distributed table, with one exception.
fn added_column(desired: &Schema, table: &Ident, name: &Ident) -> Option<String> {
    let column = desired.tables.get(table)?.columns.get(name)?;
    let is_serial = desired
        .sequences
        .values()
        .any(|sequence| sequence.owned_by.as_ref().is_some_and(|(t, c)| (t, c) == (table, name)));
    let what = if column.identity.is_some() {
        "it is an identity column"
    } else if is_serial {
        "its type is serial"
    } else if draws(column) && !column.nullable {
        "it draws from a sequence and is NOT NULL"
    } else {
        return None;
    };
    Some(format!(
        "column {table}.{name} cannot be added to a table that exists, because {what}: declare it \
         with null = true and a default of nextval(…) from a sequence of the manifest"
    ))
}

/// Citus gives a sequence the type of the column whose default draws from it, so that it would not be
/// as declared.
fn other_sequence(desired: &Schema, table: &Ident, name: &Ident) -> Option<String> {
    let column = desired.tables.get(table)?.columns.get(name)?;
    let default = column.default.as_ref()?;
    let (sequence, found) = desired.sequences.iter().find(|(sequence, _)| {
        let spelled = |name: &str| {
            let literal = Text::new(name.to_owned()).map(|text| text.literal());
            literal.is_ok_and(|literal| default.contains(&format!("nextval({literal}::regclass)")))
        };
        spelled(sequence.as_str()) || spelled(&sequence.quoted())
    })?;
    if found.data_type == column.data_type || !is_integer(column) {
        return None;
    }
    Some(format!(
        "sequence {sequence} is {}, and the default of column {table}.{name}, which draws from it, is \
         {}: declare one type for both, since Citus gives the sequence that of the column",
        found.data_type, column.data_type
    ))
}

/// A row is inserted by the worker, unless one with its key is there; workers draw numbers of type
/// bigint only.
fn rows_draw(
    manifest: &Manifest,
    desired: &Schema,
    table: &Ident,
    keys: &HashSet<&str>,
) -> Option<String> {
    let columns = desired.tables.get(table)?.columns.iter();
    let drawing: Vec<(&Ident, &Column)> = columns
        .filter(|(_, column)| column.identity.is_some() || draws(column))
        .filter(|(_, column)| matches!(&*column.data_type, "smallint" | "integer"))
        .collect();
    let left = |row: &SeedRow| {
        drawing.iter().find(|(name, _)| !row.cells.iter().any(|(cell, _)| cell == *name)).copied()
    };
    let seeds = manifest.seeds.iter().filter(|seed| seed.table == *table);
    let (name, column) = seeds
        .flat_map(|seed| seed.rows.iter().map(move |row| (seed, row)))
        .filter_map(|(seed, row)| Some((left(row)?, seed, row)))
        .find(|(_, seed, row)| keys.contains(row.key_text(&seed.key).as_str()))?
        .0;
    Some(format!(
        "the baseline rows of table {table} leave column {name} to a sequence of type {}, which \
         workers do not draw from: declare the column bigint, or give its value in the rows",
        column.data_type
    ))
}

fn draws(column: &Column) -> bool {
    column.default.as_ref().is_some_and(|default| default.contains("nextval("))
}

fn is_integer(column: &Column) -> bool {
    matches!(&*column.data_type, "smallint" | "integer" | "bigint")
}
