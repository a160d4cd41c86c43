//! Which baseline rows cannot be searched for after a plan was run.

use std::collections::BTreeSet;

use super::PlannedStep;
use crate::catalog::{Catalog, Object};
use crate::kinds;
use crate::manifest::{Manifest, SeedDecl};
use crate::name::Ident;
use crate::obstacle::{Reasons, Subject};

/// The tables of rows of which a key cannot be read even after the steps, since a table or a column that it
/// needs is held back.
#[must_use]
pub fn unreadable(manifest: &Manifest, steps: &[PlannedStep], live: Option<&Catalog>) -> Reasons {
    let creates = |object: Object| steps.iter().any(|step| step.object == object);
    let exists = |table: &Ident, column: &Ident| {
        live.is_some_and(|live| kinds::column(live, table, column).is_some())
            || creates(Object::table(table))
            || creates(Object::column(table, column))
    };
    let columns = manifest.seeds.iter().flat_map(SeedDecl::columns_read);
    let absent = columns.filter(|(table, column)| !exists(table, column)).map(|(table, column)| {
        let why = BTreeSet::from([format!("column {table}.{column} is held back")]);
        (Subject::Relation(table.as_str().to_owned()), why)
    });
    absent.collect()
}
