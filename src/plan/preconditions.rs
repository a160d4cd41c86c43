//! Which rows would make a step fail, and how they are found. Only what is done to tables that exist can meet any.

use super::row_conflicts::{conflicts, duplicates, unmatched};
use super::row_source::Tables;
use super::row_values::{
    check, columns_of_domain, conversion, domain_check, nulls, unfilled, with_lost_labels,
    without_value,
};
use super::step::Step;
use crate::catalog::{Catalog, Fact, Kind, Object, Rename};
use crate::kinds::{self, Alteration, Creation};
use crate::name::SchemaName;
use crate::precondition::Precondition;

/// What rows have to meet so that `steps` succeed; `live` has the names that are given to objects by `renames`.
pub(super) fn preconditions<'a>(
    steps: &'a [Step<'a>],
    catalogs: (&'a Catalog, &'a Catalog),
    renames: &'a [Rename],
    schema: &'a SchemaName,
) -> Vec<Precondition> {
    let tables = Tables::new(steps, catalogs, renames, schema);
    let found = steps.iter().flat_map(|step| match step {
        Step::Create(creation) => created(&tables, creation, schema),
        Step::Recreate(creation) => {
            if is_met(&tables, creation) {
                return Vec::new();
            }
            created(&tables, creation, schema)
        }
        Step::Change(alteration) => changed(&tables, alteration, schema),
        Step::Rename { .. }
        | Step::Drop { .. }
        | Step::Grant { .. }
        | Step::Insert { .. }
        | Step::Update { .. }
        | Step::Free { .. }
        | Step::Delete { .. } => Vec::new(),
    });
    found.collect()
}

/// Whether what is created again was there in the same form, so that all rows meet it.
fn is_met(tables: &Tables<'_>, creation: &Creation<'_>) -> bool {
    let there = tables.live.get(&creation.object);
    there.is_some_and(|live| live.attributes == creation.fact.attributes)
        && !tables.converts(&creation.fact.dependencies)
}

fn created(tables: &Tables<'_>, creation: &Creation<'_>, schema: &SchemaName) -> Vec<Precondition> {
    let (fact, whole) = (creation.fact, creation.object.group());
    if !tables.live.has(&whole) || whole == creation.object {
        return Vec::new();
    }
    match creation.object.kind() {
        Kind::Column => match creation.backfill {
            None => without_value(tables, creation).into_iter().collect(),
            Some(_) if fact.text("nullability") != Some("not null") => Vec::new(),
            Some(backfill) => {
                vec![unfilled(tables, &creation.object, &backfill.sql(schema))]
            }
        },
        Kind::Constraint if !kinds::is_not_valid(fact) => {
            constraint(tables, fact, &creation.object, schema)
        }
        Kind::Index if fact.text("unique").is_some() => {
            vec![duplicates(tables, fact, &creation.object, schema)]
        }
        Kind::DomainConstraint if fact.text("validity").is_none() => {
            domain_check(tables, fact, &creation.object, schema)
        }
        _ => Vec::new(),
    }
}

fn changed(
    tables: &Tables<'_>,
    alteration: &Alteration<'_>,
    schema: &SchemaName,
) -> Vec<Precondition> {
    let object = alteration.object();
    let becomes_not_null = || {
        let is = |fact: &Fact| fact.text("nullability") == Some("not null");
        is(alteration.desired) && !is(alteration.live)
    };
    match object.kind() {
        Kind::Column => {
            let mut found = Vec::new();
            match alteration.backfill {
                _ if !becomes_not_null() => {}
                None => found.push(nulls(tables, object, object)),
                Some(backfill) => found.push(unfilled(tables, object, &backfill.sql(schema))),
            }
            if kinds::rewrites(alteration) {
                found.push(conversion(tables, alteration, schema));
            }
            found
        }
        Kind::Constraint => constraint(tables, alteration.desired, object, schema),
        Kind::Enum => {
            let remade = alteration.remade.iter();
            remade.flat_map(|remade| with_lost_labels(tables, object, remade)).collect()
        }
        Kind::Domain if becomes_not_null() => {
            let columns = columns_of_domain(tables, object);
            columns.into_iter().map(|column| nulls(tables, &column.object, object)).collect()
        }
        _ => Vec::new(),
    }
}

fn constraint(
    tables: &Tables<'_>,
    fact: &Fact,
    object: &Object,
    schema: &SchemaName,
) -> Vec<Precondition> {
    match fact.text("sort") {
        Some("c") => vec![check(tables, fact, object, schema)],
        Some("p") => {
            let mut found = vec![duplicates(tables, fact, object, schema)];
            let is_nullable = |column: &&Object| {
                let column = tables.live.get(column);
                column.is_some_and(|column| column.text("nullability") != Some("not null"))
            };
            let nullable = fact.dependencies.iter().filter(is_nullable);
            found.extend(nullable.map(|column| nulls(tables, column, object)));
            found
        }
        Some("u") => vec![duplicates(tables, fact, object, schema)],
        Some("x") => vec![conflicts(tables, fact, object, schema)],
        Some("f") => vec![unmatched(tables, fact, object, schema)],
        _ => Vec::new(),
    }
}
