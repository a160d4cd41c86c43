//! Which baseline rows cannot be searched for after a plan was run.

use std::collections::BTreeSet;

use super::{Action, PlannedStep};
use crate::catalog::{Catalog, Kind, Object};
use crate::kinds;
use crate::manifest::Manifest;
use crate::name::Ident;
use crate::obstacle::{Reasons, Subject};

/// The tables of rows of which a key cannot be read even after the steps, since a table or a column that it
/// needs is held back.
#[must_use]
pub fn unreadable(manifest: &Manifest, steps: &[PlannedStep], live: Option<&Catalog>) -> Reasons {
    let columns = manifest.seeds.iter().flat_map(|seed| seed.columns_of_keys(&seed.rows));
    let absent = columns.filter(|(table, column)| !will_exist(steps, live, table, column));
    let absent = absent.map(|(table, column)| {
        let why = BTreeSet::from([format!("column {table}.{column} is held back")]);
        (Subject::Relation(table.as_str().to_owned()), why)
    });
    absent.collect()
}

/// Whether a declared column exists after the steps; `live` is what was there before.
#[must_use]
pub fn will_exist(
    steps: &[PlannedStep],
    live: Option<&Catalog>,
    table: &Ident,
    column: &Ident,
) -> bool {
    let creates = |object: Object| steps.iter().any(|step| step.object == object);
    let old_name = |kind: Kind, of: &[&Ident], name: &Ident| {
        let renames = steps.iter().filter(|step| step.action == Action::Rename);
        let mut renames = renames.filter(|step| {
            let table = step.object.table_name();
            step.object.kind() == kind
                && step.to.as_deref() == Some(name.as_str())
                && (of.is_empty() || of.iter().any(|of| table.as_ref() == Some(*of)))
        });
        renames.next().and_then(|step| step.object.name().cloned()).unwrap_or_else(|| name.clone())
    };
    let old_table = old_name(Kind::Table, &[], table);
    let old_column = old_name(Kind::Column, &[table, &old_table], column);
    let was_there = |live: &Catalog| kinds::column(live, &old_table, &old_column).is_some();
    live.is_some_and(was_there)
        || creates(Object::table(table))
        || creates(Object::column(table, column))
}
