//! Which of the declared rows are there: one statement per seed, all in one message.

use super::error::PgError;
use super::session::{Session, column, query_error};
use crate::manifest::{Cell, Manifest, SeedDecl, SeedRow, TypeDecl};
use crate::name::{Ident, SchemaName, TenantId};
use crate::render;
use crate::schema::Schema;

/// More rows than this are checked by a statement of their own.
const ROWS_PER_STATEMENT: usize = 2_000;

/// The declared rows whose keys are not found, in the manifest's order. Where the table or a
/// column that the key needs is not there, none is.
///
/// # Errors
/// When the server refuses, for instance because a key's value is none of its column's type.
pub(super) async fn absent_rows<'m>(
    session: &mut Session,
    manifest: &'m Manifest,
    schema: &SchemaName,
    tenant: &TenantId,
    live: &Schema,
) -> Result<Vec<(&'m SeedDecl, &'m SeedRow)>, PgError> {
    let mut checks = Vec::new();
    let mut script = String::new();
    for seed in &manifest.seeds {
        let readable = is_readable(seed, live);
        for rows in seed.rows.chunks(ROWS_PER_STATEMENT) {
            checks.push((seed, rows, readable));
            if readable {
                script.push_str(&statement(manifest, seed, rows, schema, tenant));
            }
        }
    }
    let mut answers = Vec::new().into_iter();
    if !script.is_empty() {
        let asked: Vec<&SeedDecl> =
            checks.iter().filter(|(_, _, readable)| *readable).map(|(seed, ..)| *seed).collect();
        answers = session
            .script(&script)
            .await
            .map_err(|stopped| {
                let table = asked.get(stopped.completed).map_or("?", |seed| seed.table.as_str());
                let doing = format!("looking for the baseline rows of table {table}");
                query_error(&doing, stopped.cause)
            })?
            .into_iter();
    }
    let mut absent = Vec::new();
    for (seed, rows, readable) in checks {
        if !readable {
            absent.extend(rows.iter().map(|row| (seed, row)));
            continue;
        }
        for answer in answers.next().unwrap_or_default() {
            let text: &str = column(&answer, "absent", "looking for baseline rows")?;
            let positions = text.split(',').filter_map(|at| at.parse::<usize>().ok());
            absent.extend(positions.filter_map(|at| rows.get(at)).map(|row| (seed, row)));
        }
    }
    Ok(absent)
}

/// The first row of the list has no value but gives each column its type, so that the server
/// converts the literals of the others as it would on input, without their being cut to length.
fn statement(
    manifest: &Manifest,
    seed: &SeedDecl,
    rows: &[SeedRow],
    schema: &SchemaName,
    tenant: &TenantId,
) -> String {
    let table = schema.qualify(&seed.table);
    let as_text: Vec<bool> = seed.key.iter().map(|key| is_enum(manifest, seed, key)).collect();
    let typed: Vec<String> = seed
        .key
        .iter()
        .zip(&as_text)
        .map(|(key, text)| {
            let cast = if *text { "::text" } else { "" };
            format!("(NULL::{table}).{}{cast}", key.quoted())
        })
        .collect();
    let mut values = format!("(-1, {})", typed.join(", "));
    for (at, row) in rows.iter().enumerate() {
        let key = seed.key.iter().map(|key| {
            let cell = row.cells.iter().find(|(name, _)| name == key).map(|(_, cell)| cell);
            render::cell(cell.unwrap_or(&Cell::Null), schema, tenant)
        });
        values.push_str(&format!(", ({at}, {})", key.collect::<Vec<_>>().join(", ")));
    }
    let names: Vec<String> = (0..seed.key.len()).map(|n| format!("k{n}")).collect();
    let equal: Vec<String> = seed
        .key
        .iter()
        .zip(&as_text)
        .zip(&names)
        .map(|((key, text), name)| {
            let cast = if *text { "::text" } else { "" };
            format!("t.{}{cast} = v.{name}", key.quoted())
        })
        .collect();
    format!(
        "SELECT coalesce(string_agg(v.n::text, ',' ORDER BY v.n), '') AS absent \
         FROM (VALUES {values}) AS v(n, {}) \
         WHERE v.n >= 0 AND NOT EXISTS (SELECT FROM {table} AS t WHERE {});\n",
        names.join(", "),
        equal.join(" AND ")
    )
}

/// A label that is still to be added is no value of the enum yet: such keys compare as text.
fn is_enum(manifest: &Manifest, seed: &SeedDecl, key: &Ident) -> bool {
    manifest
        .tables
        .iter()
        .filter(|table| table.name == seed.table)
        .flat_map(|table| &table.columns)
        .any(|c| c.name == *key && matches!(c.data_type, TypeDecl::Declared { dimensions: 0, .. }))
}

fn is_readable(seed: &SeedDecl, live: &Schema) -> bool {
    fn lookups_readable(cell: &Cell, live: &Schema) -> bool {
        let Cell::Lookup { table, column, matching } = cell else {
            return true;
        };
        live.tables.get(table).is_some_and(|table| {
            table.columns.contains_key(column)
                && matching.iter().all(|(name, cell)| {
                    table.columns.contains_key(name) && lookups_readable(cell, live)
                })
        })
    }
    live.tables
        .get(&seed.table)
        .is_some_and(|table| seed.key.iter().all(|key| table.columns.contains_key(key)))
        && seed
            .rows
            .iter()
            .flat_map(|row| &row.cells)
            .filter(|(name, _)| seed.key.contains(name))
            .all(|(_, cell)| lookups_readable(cell, live))
}
