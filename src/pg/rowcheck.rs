//! Which of the declared rows exist: one statement per seed, all in one message.

use sqlx::postgres::PgRow;

use super::answers::column;
use super::error::PgError;
use super::grantcheck;
use super::session::Session;
use crate::catalog::Catalog;
use crate::kinds;
use crate::manifest::{Cell, Manifest, SeedDecl, SeedRow};
use crate::name::{Ident, SchemaName, TenantId};
use crate::obstacle::{Reasons, Subject};
use crate::rows::{self, Columns, Comparison, Declared};
use crate::touched::Touched;

/// The most rows that one statement checks.
const ROWS_PER_STATEMENT: usize = 2_000;

/// A declared row, and where it belongs.
pub type Row<'m> = (&'m SeedDecl, &'m SeedRow);

/// All declared rows, in the manifest's order.
pub(super) fn all(manifest: &Manifest) -> Vec<Row<'_>> {
    manifest.seeds.iter().flat_map(|seed| seed.rows.iter().map(move |row| (seed, row))).collect()
}

/// The check which declared rows exist, for one tenant.
pub(super) struct RowCheck<'m> {
    /// Rows, and whether the script checks them.
    parts: Vec<(&'m SeedDecl, &'m [SeedRow], bool)>,
    script: String,
}

impl<'m> RowCheck<'m> {
    /// Where, according to `live`, the table or a column that the key needs does not exist, nothing is
    /// checked and no row is found; without `live` everything is assumed to exist. Nor are tables checked
    /// that are among the subjects of `avoid`.
    pub(super) fn new(
        columns: &Columns<'m>,
        schema: &SchemaName,
        tenant: &TenantId,
        live: Option<&Catalog>,
        avoid: &Reasons,
    ) -> Self {
        let readable = |seed: &SeedDecl| {
            live.is_none_or(|live| is_readable(seed, live)) && !is_avoided(columns, seed, avoid)
        };
        Self::of(columns, schema, tenant, &columns.manifest().seeds, readable)
    }

    /// The rows of the tables that are touched, which can all be read and are as declared.
    pub(super) fn of_touched(
        manifest: &'m Manifest,
        schema: &SchemaName,
        tenant: &TenantId,
        touched: &Touched,
    ) -> Self {
        let seeds = manifest.seeds.iter().filter(|seed| touched.relations.contains(&seed.table));
        Self::of(&Columns::as_declared(manifest), schema, tenant, seeds, |_| true)
    }

    fn of(
        columns: &Columns<'m>,
        schema: &SchemaName,
        tenant: &TenantId,
        seeds: impl IntoIterator<Item = &'m SeedDecl>,
        is_readable: impl Fn(&SeedDecl) -> bool,
    ) -> Self {
        let (mut parts, mut script) = (Vec::new(), String::new());
        for seed in seeds {
            let readable = is_readable(seed);
            for rows in seed.rows.chunks(ROWS_PER_STATEMENT) {
                parts.push((seed, rows, readable));
                if readable {
                    script.push_str(&statement(columns, seed, rows, schema, tenant));
                }
            }
        }
        Self { parts, script }
    }

    /// Statements, each with one row in its answer; possibly none.
    pub(super) fn script(&self) -> &str {
        &self.script
    }

    /// What the statement with this number is for; after these, declared privileges are looked for.
    pub(super) fn doing(&self, at: usize) -> String {
        let mut checked = self.parts.iter().filter(|(.., readable)| *readable);
        match checked.nth(at) {
            Some((seed, ..)) => format!("looking for the baseline rows of table {}", seed.table),
            None => grantcheck::DOING.to_owned(),
        }
    }

    /// The rows whose keys are not found, in the manifest's order.
    ///
    /// # Errors
    /// When the answers are not understood.
    pub(super) fn absent(&self, answers: &[Vec<PgRow>]) -> Result<Vec<Row<'m>>, PgError> {
        let mut answers = answers.iter();
        let mut absent = Vec::new();
        for (seed, rows, readable) in &self.parts {
            if !readable {
                absent.extend(rows.iter().map(|row| (*seed, row)));
                continue;
            }
            for answer in answers.next().into_iter().flatten() {
                let text: &str = column(answer, "absent", "looking for baseline rows")?;
                absent.extend(named(text, rows).into_iter().map(|row| (*seed, row)));
            }
        }
        Ok(absent)
    }
}

/// The same check for many tenants of one shape: the rows are sent once, not once per tenant.
pub(super) struct SharedCheck<'m, 's> {
    columns: Columns<'m>,
    subjects: &'s [(&'s TenantId, &'s SchemaName)],
    live: &'s Catalog,
    avoid: &'s Reasons,
}

impl<'m, 's> SharedCheck<'m, 's> {
    /// `live` is the shape of all of `subjects`; none of the tables in `avoid` is read.
    pub(super) fn new(
        declared: Declared<'m>,
        subjects: &'s [(&'s TenantId, &'s SchemaName)],
        live: &'s Catalog,
        avoid: &'s Reasons,
    ) -> Self {
        Self { columns: Columns::of_tenant(declared, Some(live)), subjects, live, avoid }
    }

    /// The absent rows of each subject, in their order.
    ///
    /// # Errors
    /// When a statement fails, even if because of a single subject.
    pub(super) async fn run(&self, session: &mut Session) -> Result<Vec<Vec<Row<'m>>>, PgError> {
        let mut absent: Vec<Vec<Row<'m>>> = vec![Vec::new(); self.subjects.len()];
        for seed in &self.columns.manifest().seeds {
            let doing = format!("looking for the baseline rows of table {}", seed.table);
            let is_checked =
                is_readable(seed, self.live) && !is_avoided(&self.columns, seed, self.avoid);
            for rows in seed.rows.chunks(ROWS_PER_STATEMENT) {
                if !is_checked {
                    for all in &mut absent {
                        all.extend(rows.iter().map(|row| (seed, row)));
                    }
                    continue;
                }
                for (start, subjects) in (0..)
                    .step_by(TENANTS_PER_STATEMENT)
                    .zip(self.subjects.chunks(TENANTS_PER_STATEMENT))
                {
                    let script = if is_literal(seed, rows) {
                        shared_statement(&self.columns, seed, rows, subjects)
                    } else {
                        own_statements(&self.columns, seed, rows, subjects)
                    };
                    let answers = session.run(&doing, &script).await?;
                    for (at, answer) in answers.iter().flatten().enumerate() {
                        let text: Option<&str> = column(answer, "absent", &doing)?;
                        if let Some(all) = absent.get_mut(start + at) {
                            let found = named(text.unwrap_or_default(), rows);
                            all.extend(found.into_iter().map(|row| (seed, row)));
                        }
                    }
                }
            }
        }
        Ok(absent)
    }
}

/// What a statement answers where the rows must not be compared: all count as absent.
const ALL: &str = "all";

/// The rows that an answer names.
fn named<'r>(answer: &str, rows: &'r [SeedRow]) -> Vec<&'r SeedRow> {
    if answer == ALL {
        return rows.iter().collect();
    }
    let positions = answer.split(',').filter_map(|at| at.parse::<usize>().ok());
    positions.filter_map(|at| rows.get(at)).collect()
}

/// How many tenants one statement checks: the server's effort to plan it grows with them.
const TENANTS_PER_STATEMENT: usize = 25;

/// Whether the keys of the rows are the same for all tenants.
fn is_literal(seed: &SeedDecl, rows: &[SeedRow]) -> bool {
    let keys = rows.iter().flat_map(|row| &row.cells).filter(|(name, _)| seed.key.contains(name));
    keys.into_iter().all(|(_, cell)| matches!(cell, Cell::Null | Cell::Value(_)))
}

/// One statement for all of `subjects`, with a row in its answer for each.
fn shared_statement(
    columns: &Columns<'_>,
    seed: &SeedDecl,
    rows: &[SeedRow],
    subjects: &[(&TenantId, &SchemaName)],
) -> String {
    let Some((tenant, schema)) = subjects.first() else {
        return String::new();
    };
    let KeyList { values, names } = key_list(columns, seed, rows, schema, tenant);
    // The list of rows takes its types from the first.
    let of_first = safe(columns, seed, rows, schema);
    let arms: Vec<String> = subjects
        .iter()
        .map(|(_, schema)| {
            let (table, equal) = (columns.relation(schema, &seed.table), equal(columns, seed));
            let conditions = [of_first.clone(), safe(columns, seed, rows, schema)];
            let conditions: Vec<String> =
                conditions.into_iter().filter(|condition| !condition.is_empty()).collect();
            guarded(
                &conditions.join(" AND "),
                &format!(
                    "SELECT string_agg(v.n::text, ',' ORDER BY v.n) FROM v \
                     WHERE NOT EXISTS (SELECT 1 FROM {table} AS t WHERE {equal})"
                ),
            )
        })
        .collect();
    format!(
        "WITH v AS MATERIALIZED (SELECT * FROM (VALUES {values}) AS v(n, {names}) \
         WHERE v.n >= 0)\n{};\n",
        arms.join("\nUNION ALL ")
    )
}

/// A statement for each of `subjects`.
fn own_statements(
    columns: &Columns<'_>,
    seed: &SeedDecl,
    rows: &[SeedRow],
    subjects: &[(&TenantId, &SchemaName)],
) -> String {
    let each = subjects.iter();
    each.map(|(tenant, schema)| statement(columns, seed, rows, schema, tenant)).collect()
}

fn statement(
    columns: &Columns<'_>,
    seed: &SeedDecl,
    rows: &[SeedRow],
    schema: &SchemaName,
    tenant: &TenantId,
) -> String {
    let table = columns.relation(schema, &seed.table);
    let KeyList { values, names } = key_list(columns, seed, rows, schema, tenant);
    let query = format!(
        "SELECT coalesce(string_agg(v.n::text, ',' ORDER BY v.n), '') \
         FROM (VALUES {values}) AS v(n, {names}) \
         WHERE v.n >= 0 AND NOT EXISTS (SELECT 1 FROM {table} AS t WHERE {})",
        equal(columns, seed)
    );
    guarded(&safe(columns, seed, rows, schema), &query) + ";\n"
}

/// The query, run only where the condition holds; otherwise the answer is [`ALL`].
fn guarded(condition: &str, query: &str) -> String {
    if condition.is_empty() {
        format!("SELECT ({query}) AS absent")
    } else {
        format!("SELECT CASE WHEN {condition} THEN ({query}) ELSE '{ALL}' END AS absent")
    }
}

/// A condition: comparing the keys of the rows runs no code of a tenant. Empty: it never does.
fn safe(columns: &Columns<'_>, seed: &SeedDecl, rows: &[SeedRow], schema: &SchemaName) -> String {
    let conditions = seed.columns_read_for(rows).into_iter().filter_map(|(table, column)| {
        let comparison = columns.comparison(table, column);
        comparison.is_safe(schema, &schema.qualify(table), column)
    });
    conditions.collect::<Vec<_>>().join(" AND ")
}

/// The keys to search for, as a list of rows, and the names of its columns except the first.
struct KeyList {
    values: String,
    names: String,
}

/// The first row of the list has no values but gives each column its type, so that the server
/// converts the literals of the others as it would on input, without truncating them.
fn key_list(
    columns: &Columns<'_>,
    seed: &SeedDecl,
    rows: &[SeedRow],
    schema: &SchemaName,
    tenant: &TenantId,
) -> KeyList {
    let table = schema.qualify(&seed.table);
    let key: Vec<(&Ident, Comparison)> =
        seed.key.iter().map(|key| (key, columns.comparison(&seed.table, key))).collect();
    let typed: Vec<String> =
        key.iter().map(|(key, compared)| compared.typed_null(&table, key)).collect();
    let mut values = format!("(-1, {})", typed.join(", "));
    for (at, row) in rows.iter().enumerate() {
        let key = key.iter().map(|(key, compared)| {
            let cell = row.cells.iter().find(|(name, _)| name == *key).map(|(_, cell)| cell);
            let cell = cell.unwrap_or(&Cell::Null);
            compared.value(columns, cell, &rows::cell(columns, cell, schema, tenant))
        });
        values.push_str(&format!(", ({at}, {})", key.collect::<Vec<_>>().join(", ")));
    }
    let names: Vec<String> = (0..seed.key.len()).map(|n| format!("k{n}")).collect();
    KeyList { values, names: names.join(", ") }
}

/// A condition: row `t` has the key `v`.
fn equal(columns: &Columns<'_>, seed: &SeedDecl) -> String {
    let parts = seed.key.iter().enumerate().map(|(n, key)| {
        let comparison = columns.comparison(&seed.table, key);
        comparison.equal(&format!("t.{}", key.quoted()), &format!("v.k{n}"))
    });
    parts.collect::<Vec<_>>().join(" AND ")
}

/// Whether the table of the rows, or one in which their keys are looked up, is to be avoided.
fn is_avoided(columns: &Columns<'_>, seed: &SeedDecl, avoid: &Reasons) -> bool {
    if avoid.is_empty() {
        return false;
    }
    seed.columns_read().into_iter().any(|(table, column)| {
        let name = || table.as_str().to_owned();
        let of_column = Subject::Column { table: name(), name: column.as_str().to_owned() };
        // Labels are compared in their printed form; a column that should be no enum is not compared with one.
        let is_other = !matches!(columns.comparison(table, column), Comparison::Printed { .. });
        avoid.contains_key(&Subject::Relation(name()))
            || avoid.contains_key(&Subject::Rows(name()))
            || is_other && avoid.contains_key(&of_column)
    })
}

fn is_readable(seed: &SeedDecl, live: &Catalog) -> bool {
    seed.columns_read()
        .into_iter()
        .all(|(table, column)| kinds::column(live, table, column).is_some())
}
