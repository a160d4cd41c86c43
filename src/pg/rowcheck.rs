//! Which of the declared rows exist, which of them have other values than declared, and which rows are not declared: one
//! statement per seed, all in one message.

mod kept;

use std::collections::BTreeSet;

use kept::Kept;
use sqlx::postgres::PgRow;

use super::answers::column;
use super::error::PgError;
use super::grantcheck;
use super::session::Session;
use crate::absent::Absent;
use crate::catalog::Catalog;
use crate::grants::AbsentGrant;
use crate::kinds;
use crate::manifest::{Cell, Manifest, SeedDecl, SeedMode, SeedRow};
use crate::name::{Ident, SchemaName, TenantId};
use crate::obstacle::{Reasons, Subject};
use crate::rows::{self, Columns, Comparison, Declared, DifferentRow, Surplus};
use crate::touched::Touched;

/// The most rows that one statement checks.
const ROWS_PER_STATEMENT: usize = 2_000;

/// A declared row, and where it belongs.
pub type Row<'m> = (&'m SeedDecl, &'m SeedRow);

/// What was found of the declared rows, each in the manifest's order.
#[derive(Debug, Clone, Default)]
pub struct FoundRows<'m> {
    /// Those whose keys were not found.
    pub absent: Vec<Row<'m>>,
    pub different: Vec<DifferentRow<'m>>,
    pub surplus: Vec<Surplus<'m>>,
}

/// All declared rows: none of them exists.
pub(super) fn all(manifest: &Manifest) -> FoundRows<'_> {
    let rows = manifest.seeds.iter().flat_map(|seed| seed.rows.iter().map(move |row| (seed, row)));
    FoundRows { absent: rows.collect(), ..FoundRows::default() }
}

/// The rows of a seed that one statement checks. To find what is not declared, all of them have to be known.
fn parts(seed: &SeedDecl) -> Vec<&[SeedRow]> {
    match seed.mode {
        SeedMode::Exact => vec![&seed.rows],
        _ => seed.rows.chunks(ROWS_PER_STATEMENT).collect(),
    }
}

/// The check of the declared rows of one tenant.
pub(super) struct RowCheck<'c, 'm> {
    columns: &'c Columns<'m>,
    /// Rows, and whether the script checks them.
    parts: Vec<(&'m SeedDecl, &'m [SeedRow], bool)>,
    script: String,
}

impl<'c, 'm> RowCheck<'c, 'm> {
    /// Where, according to `live`, the table or a column that the key needs does not exist, nothing is
    /// checked and no row is found; without `live` these are assumed to exist. Nor are tables checked
    /// that are among the subjects of `avoid`.
    pub(super) fn new(
        columns: &'c Columns<'m>,
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
        columns: &'c Columns<'m>,
        schema: &SchemaName,
        tenant: &TenantId,
        touched: &Touched,
    ) -> Self {
        let seeds = columns.manifest().seeds.iter();
        let seeds = seeds.filter(|seed| touched.relations.contains(&seed.table));
        Self::of(columns, schema, tenant, seeds, |_| true)
    }

    fn of(
        columns: &'c Columns<'m>,
        schema: &SchemaName,
        tenant: &TenantId,
        seeds: impl IntoIterator<Item = &'m SeedDecl>,
        is_readable: impl Fn(&SeedDecl) -> bool,
    ) -> Self {
        let (mut checked, mut script) = (Vec::new(), String::new());
        for seed in seeds.into_iter().filter(|seed| columns.searches_for(seed)) {
            let readable = is_readable(seed);
            for rows in parts(seed) {
                checked.push((seed, rows, readable));
                if readable {
                    script.push_str(&statement(columns, seed, rows, schema, tenant));
                }
            }
        }
        Self { columns, parts: checked, script }
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

    /// What the answers say.
    ///
    /// # Errors
    /// When they are not understood.
    pub(super) fn found(&self, answers: &[Vec<PgRow>]) -> Result<FoundRows<'m>, PgError> {
        let mut answers = answers.iter();
        let mut found = FoundRows::default();
        for (seed, rows, readable) in &self.parts {
            if !readable {
                found.absent.extend(rows.iter().map(|row| (*seed, row)));
                continue;
            }
            let kept = Kept::new(self.columns, seed, rows);
            for answer in answers.next().into_iter().flatten() {
                found.add(&kept, (*seed, *rows), answer, "looking for baseline rows")?;
            }
        }
        Ok(found)
    }
}

impl<'m> FoundRows<'m> {
    /// With the privileges that are absent.
    pub(super) fn with(self, grants: Vec<AbsentGrant<'m>>) -> Absent<'m> {
        let Self { absent, different, surplus } = self;
        Absent { rows: absent, different, surplus, grants }
    }

    /// Adds what the answer for some rows says.
    fn add(
        &mut self,
        kept: &Kept<'_, 'm>,
        (seed, rows): (&'m SeedDecl, &'m [SeedRow]),
        answer: &PgRow,
        doing: &str,
    ) -> Result<(), PgError> {
        let text: Option<&str> = column(answer, "absent", doing)?;
        let absent = named(text.unwrap_or_default(), rows.len());
        self.absent.extend(absent.iter().filter_map(|at| Some((seed, rows.get(*at)?))));
        if seed.mode.keeps_values() {
            let is_absent = |at: usize| absent.contains(&at);
            self.different.extend(kept.different(answer, doing, is_absent)?);
            self.surplus.extend(kept.others(answer, doing)?);
        }
        Ok(())
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

    /// What is found of each subject, in their order.
    ///
    /// # Errors
    /// When a statement fails, even if because of a single subject.
    pub(super) async fn run(&self, session: &mut Session) -> Result<Vec<FoundRows<'m>>, PgError> {
        let mut found: Vec<FoundRows<'m>> = vec![FoundRows::default(); self.subjects.len()];
        let seeds = self.columns.manifest().seeds.iter();
        for seed in seeds.filter(|seed| self.columns.searches_for(seed)) {
            let doing = format!("looking for the baseline rows of table {}", seed.table);
            let is_checked =
                is_readable(seed, self.live) && !is_avoided(&self.columns, seed, self.avoid);
            for rows in parts(seed) {
                if !is_checked {
                    for all in &mut found {
                        all.absent.extend(rows.iter().map(|row| (seed, row)));
                    }
                    continue;
                }
                let kept = Kept::new(&self.columns, seed, rows);
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
                        if let Some(all) = found.get_mut(start + at) {
                            all.add(&kept, (seed, rows), answer, &doing)?;
                        }
                    }
                }
            }
        }
        Ok(found)
    }
}

/// What a statement answers where the rows must not be compared: all count as absent.
const ALL: &str = "all";

/// The positions that an answer names, of so many rows.
fn named(answer: &str, rows: usize) -> BTreeSet<usize> {
    if answer == ALL {
        return (0..rows).collect();
    }
    answer.split(',').filter_map(|at| at.parse().ok()).collect()
}

/// How many tenants one statement checks: the server's effort to plan it grows with them.
const TENANTS_PER_STATEMENT: usize = 25;

/// Whether what is compared of the rows is the same for all tenants.
fn is_literal(seed: &SeedDecl, rows: &[SeedRow]) -> bool {
    let is_literal = |cell: &Cell| matches!(cell, Cell::Null | Cell::Value(_));
    let keys = rows.iter().flat_map(|row| &row.cells).filter(|(name, _)| seed.key.contains(name));
    let mut kept = rows.iter().flat_map(|row| seed.kept(row));
    keys.into_iter().all(|(_, cell)| is_literal(cell)) && kept.all(|(_, cell)| is_literal(cell))
}

/// One statement for all of `subjects`, with a row in its answer for each.
fn shared_statement<'m>(
    columns: &Columns<'m>,
    seed: &'m SeedDecl,
    rows: &'m [SeedRow],
    subjects: &[(&TenantId, &SchemaName)],
) -> String {
    let Some((tenant, schema)) = subjects.first() else {
        return String::new();
    };
    // The list of rows takes its types from the first.
    let of_first = safe(columns, seed, rows, schema);
    let arms: Vec<String> = subjects
        .iter()
        .map(|(_, schema)| {
            let conditions = [of_first.clone(), safe(columns, seed, rows, schema)];
            let conditions: Vec<String> =
                conditions.into_iter().filter(|condition| !condition.is_empty()).collect();
            answer(columns, seed, rows, schema, &conditions.join(" AND "))
        })
        .collect();
    let list = list(columns, seed, rows, schema, tenant);
    format!("{list}\n{};\n", arms.join("\nUNION ALL "))
}

/// A statement for each of `subjects`.
fn own_statements<'m>(
    columns: &Columns<'m>,
    seed: &'m SeedDecl,
    rows: &'m [SeedRow],
    subjects: &[(&TenantId, &SchemaName)],
) -> String {
    let each = subjects.iter();
    each.map(|(tenant, schema)| statement(columns, seed, rows, schema, tenant)).collect()
}

fn statement<'m>(
    columns: &Columns<'m>,
    seed: &'m SeedDecl,
    rows: &'m [SeedRow],
    schema: &SchemaName,
    tenant: &TenantId,
) -> String {
    let condition = safe(columns, seed, rows, schema);
    let list = list(columns, seed, rows, schema, tenant);
    format!("{list}\n{};\n", answer(columns, seed, rows, schema, &condition))
}

/// A query with one row: which of the rows `v` are absent, and what is asked about their values. It is run only where the
/// condition holds; otherwise [`ALL`] are absent.
fn answer<'m>(
    columns: &Columns<'m>,
    seed: &'m SeedDecl,
    rows: &'m [SeedRow],
    schema: &SchemaName,
    condition: &str,
) -> String {
    let (table, equal) = (columns.relation(schema, &seed.table), equal(columns, seed));
    let guarded = |query: &str, otherwise: &str| {
        if condition.is_empty() || query == "NULL" {
            format!("({query})")
        } else {
            format!("CASE WHEN {condition} THEN ({query}) ELSE {otherwise} END")
        }
    };
    let absent = guarded(
        &format!(
            "SELECT coalesce(string_agg(v.n::text, ',' ORDER BY v.n), '') FROM v \
             WHERE NOT EXISTS (SELECT 1 FROM {table} AS t WHERE {equal})"
        ),
        &format!("'{ALL}'"),
    );
    if !seed.mode.keeps_values() {
        return format!("SELECT {absent} AS absent");
    }
    let kept = Kept::new(columns, seed, rows);
    let differing = guarded(&kept.differing(&table, &equal), "NULL");
    let surplus = guarded(&kept.surplus(&table, &equal), "NULL");
    format!("SELECT {absent} AS absent, {differing}::text AS differing, {surplus}::text AS surplus")
}

/// A condition: comparing the rows runs no code of a tenant. Empty: it never does.
fn safe(columns: &Columns<'_>, seed: &SeedDecl, rows: &[SeedRow], schema: &SchemaName) -> String {
    let read = seed.columns_read_for(rows).into_iter();
    let read = read.filter(|(table, column)| columns.has(table, column));
    let conditions = read.filter_map(|(table, column)| {
        let is_kept = *table == seed.table && !seed.key.contains(column);
        let comparison = if is_kept {
            columns.kept_comparison(table, column)
        } else {
            columns.comparison(table, column)
        };
        comparison.is_safe(schema, &schema.qualify(table), column)
    });
    conditions.collect::<Vec<_>>().join(" AND ")
}

/// The rows to search for, as a list `v` with their numbers, their keys, and what is kept of them.
///
/// The first row of the list has no values but gives each column its type, so that the server
/// converts the literals of the others as it would on input, without truncating them.
fn list<'m>(
    columns: &Columns<'m>,
    seed: &'m SeedDecl,
    rows: &'m [SeedRow],
    schema: &SchemaName,
    tenant: &TenantId,
) -> String {
    let table = schema.qualify(&seed.table);
    let kept = seed.mode.keeps_values().then(|| Kept::new(columns, seed, rows));
    let key: Vec<(&Ident, Comparison)> =
        seed.key.iter().map(|key| (key, columns.comparison(&seed.table, key))).collect();
    let mut typed: Vec<String> =
        key.iter().map(|(key, compared)| compared.typed_null(&table, key)).collect();
    let mut names: Vec<String> = (0..seed.key.len()).map(|n| format!("k{n}")).collect();
    if let Some(kept) = &kept {
        typed.extend(kept.typed(schema));
        names.extend(kept.names());
    }
    let mut list = format!("(-1, {})", typed.join(", "));
    for (at, row) in rows.iter().enumerate() {
        let key = key.iter().map(|(key, compared)| {
            let cell = row.cells.iter().find(|(name, _)| name == *key).map(|(_, cell)| cell);
            let cell = cell.unwrap_or(&Cell::Null);
            compared.value(columns, cell, &rows::cell(columns, cell, schema, tenant))
        });
        let mut values: Vec<String> = key.collect();
        values.extend(kept.iter().flat_map(|kept| kept.values(row, (schema, tenant))));
        list.push_str(&format!(", ({at}, {})", values.join(", ")));
    }
    format!(
        "WITH v AS MATERIALIZED (SELECT * FROM (VALUES {list}) AS v(n, {}) WHERE v.n >= 0)",
        names.join(", ")
    )
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
    seed.columns_of_keys(&seed.rows)
        .into_iter()
        .all(|(table, column)| kinds::column(live, table, column).is_some())
}
