//! Which values of declared rows are not as declared, and which rows are not declared: what a statement asks, and what
//! its answer says.

use std::collections::BTreeMap;

use sqlx::postgres::PgRow;

use crate::manifest::{Cell, SeedDecl, SeedMode, SeedRow, cell_text};
use crate::name::{Ident, SchemaName, TenantId, literal};
use crate::pg::answers::json;
use crate::pg::error::PgError;
use crate::rows::{
    CellDifference, Columns, Comparison, DifferentRow, MAX_SURPLUS, Surplus, SurplusRow, printed,
};

/// Longer texts are cut off where they differ.
const LONGEST: usize = 200;
/// What is left of them.
const CUT: usize = 160;

/// What is asked about the values of some rows of a seed, beside which of them exist.
pub(super) struct Kept<'c, 'm> {
    columns: &'c Columns<'m>,
    seed: &'m SeedDecl,
    rows: &'m [SeedRow],
    /// The columns that exist, and are kept.
    names: Vec<&'m Ident>,
}

/// How a cell of a row is asked for.
const NOT_KEPT: char = '0';
const COMPARED: char = '1';
/// It differs, too, if nothing is found.
const LOOKED_UP: char = '2';

impl<'c, 'm> Kept<'c, 'm> {
    pub(super) fn new(columns: &'c Columns<'m>, seed: &'m SeedDecl, rows: &'m [SeedRow]) -> Self {
        let mut names = seed.kept_columns(rows);
        names.retain(|name| columns.has(&seed.table, name));
        Self { columns, seed, rows, names }
    }

    /// Columns of the list of rows: their names, and their types as values without a value.
    pub(super) fn names(&self) -> Vec<String> {
        let flags = std::iter::once("g".to_owned());
        flags.chain((0..self.names.len()).map(|at| format!("c{at}"))).collect()
    }

    pub(super) fn typed(&self, schema: &SchemaName) -> Vec<String> {
        let table = schema.qualify(&self.seed.table);
        let typed = self.names.iter().map(|name| self.comparison(name).typed_null(&table, name));
        std::iter::once("NULL::text".to_owned()).chain(typed).collect()
    }

    /// The values of a row in these columns.
    pub(super) fn values(
        &self,
        row: &SeedRow,
        (schema, tenant): (&SchemaName, &TenantId),
    ) -> Vec<String> {
        let kept: BTreeMap<&Ident, &Cell> = self.seed.kept(row).collect();
        let (mut flags, mut values) = (String::new(), Vec::new());
        for name in &self.names {
            let (flag, value) = match kept.get(name) {
                None => (NOT_KEPT, None),
                Some(cell @ Cell::Lookup { .. }) => {
                    let read = cell.columns_read();
                    let exists = read.iter().all(|(table, name)| self.columns.has(table, name));
                    (LOOKED_UP, Some(*cell).filter(|_| exists))
                }
                Some(cell) => (COMPARED, Some(*cell)),
            };
            flags.push(flag);
            let value = value.map(|cell| {
                self.columns.kept_value((&self.seed.table, name), cell, (schema, tenant))
            });
            values.push(value.unwrap_or_else(|| "NULL".to_owned()));
        }
        std::iter::once(literal(&flags)).chain(values).collect()
    }

    fn comparison(&self, name: &Ident) -> Comparison {
        self.columns.kept_comparison(&self.seed.table, name)
    }

    /// A query for the values that differ, as JSON, with the list of rows as `v`; `equal` is the condition that row `t`
    /// of the table has the key of `v`.
    pub(super) fn differing(&self, table: &str, equal: &str) -> String {
        if self.names.is_empty() {
            return "NULL".to_owned();
        }
        let cells = self.names.iter().enumerate().map(|(at, name)| {
            let (actual, expected) = (format!("t.{}", name.quoted()), format!("v.c{at}"));
            let same = self.comparison(name).same(&actual, &expected);
            format!(
                "({at}, CASE substr(v.g, {}, 1) WHEN '{NOT_KEPT}' THEN false \
                 WHEN '{COMPARED}' THEN NOT ({same}) \
                 ELSE num_nulls({expected}) = 1 OR NOT ({same}) END, {}, {})",
                at + 1,
                shown(&actual),
                shown(&expected)
            )
        });
        format!(
            "SELECT json_agg(json_build_array(d.n, d.c, d.actual, d.expected) \
             ORDER BY d.n, d.c, d.actual)::text \
             FROM (SELECT DISTINCT v.n, x.c, x.actual, x.expected \
                   FROM v JOIN {table} AS t ON {equal} \
                   CROSS JOIN LATERAL (VALUES {}) AS x(c, differs, actual, expected) \
                   WHERE x.differs) AS d",
            cells.collect::<Vec<_>>().join(", ")
        )
    }

    /// A query for the rows that are not declared, in the same way.
    pub(super) fn surplus(&self, table: &str, equal: &str) -> String {
        if self.seed.mode != SeedMode::Exact {
            return "NULL".to_owned();
        }
        let key = self.seed.key.iter().map(|name| {
            let column = format!("t.{}", name.quoted());
            format!("CASE WHEN num_nulls({column}) = 0 THEN {} END", printed(&column))
        });
        let unique = self.names.iter().enumerate();
        let unique = unique.filter(|(_, name)| self.columns.is_unique(&self.seed.table, name));
        let taken: Vec<String> = unique
            .map(|(at, name)| {
                let (actual, expected) = (format!("t.{}", name.quoted()), format!("v.c{at}"));
                format!(
                    "num_nulls({expected}) = 0 AND {}",
                    self.comparison(name).same(&actual, &expected)
                )
            })
            .collect();
        let is_in_the_way = if taken.is_empty() {
            "false".to_owned()
        } else {
            format!("EXISTS (SELECT 1 FROM v WHERE {})", taken.join(" OR "))
        };
        format!(
            "SELECT json_agg(json_build_object('key', s.key, 'is_in_the_way', s.is_in_the_way) \
             ORDER BY s.key)::text \
             FROM (SELECT u.key, bool_or(u.is_in_the_way) AS is_in_the_way \
                   FROM (SELECT ARRAY[{}]::text[] AS key, {is_in_the_way} AS is_in_the_way \
                         FROM {table} AS t \
                         WHERE NOT EXISTS (SELECT 1 FROM v WHERE {equal})) AS u \
                   GROUP BY u.key ORDER BY u.key LIMIT {}) AS s",
            key.collect::<Vec<_>>().join(", "),
            MAX_SURPLUS + 1
        )
    }

    /// What an answer says of the values; `is_absent`: the row with this number does not exist.
    ///
    /// # Errors
    /// When the answer is not understood.
    pub(super) fn different(
        &self,
        answer: &PgRow,
        doing: &str,
        is_absent: impl Fn(usize) -> bool,
    ) -> Result<Vec<DifferentRow<'m>>, PgError> {
        type Cells = Vec<(usize, usize, Option<String>, Option<String>)>;
        let found: Option<Cells> = json(answer, "differing", doing)?;
        let mut cells: BTreeMap<usize, Vec<CellDifference>> = BTreeMap::new();
        for (row, column, actual, expected) in found.unwrap_or_default() {
            let (Some(row_), Some(name)) = (self.rows.get(row), self.names.get(column)) else {
                continue;
            };
            let declared = self.seed.kept(row_).find(|(kept, _)| kept == name);
            let expected = declared.map_or(expected.clone(), |(_, cell)| told(cell, expected));
            let column = name.as_str().to_owned();
            cells.entry(row).or_default().push(CellDifference { column, actual, expected });
        }
        for (at, row) in self.rows.iter().enumerate() {
            let gone = self.seed.kept(row).filter(|(name, _)| !self.has(name));
            for (name, cell) in gone.filter(|_| !is_absent(at)) {
                let (column, expected) = (name.as_str().to_owned(), told(cell, declared(cell)));
                let cell = CellDifference { column, actual: None, expected };
                cells.entry(at).or_default().push(cell);
            }
        }
        let rows = cells.into_iter().filter_map(|(at, cells)| {
            Some(DifferentRow { seed: self.seed, row: self.rows.get(at)?, cells })
        });
        Ok(rows.collect())
    }

    fn has(&self, name: &Ident) -> bool {
        self.columns.has(&self.seed.table, name)
    }

    /// What an answer says of other rows; `None`: there are none.
    ///
    /// # Errors
    /// When the answer is not understood.
    pub(super) fn others(
        &self,
        answer: &PgRow,
        doing: &str,
    ) -> Result<Option<Surplus<'m>>, PgError> {
        #[derive(serde::Deserialize)]
        struct Found {
            key: Vec<Option<String>>,
            is_in_the_way: bool,
        }
        let Some(found) = json::<Vec<Found>>(answer, "surplus", doing)? else { return Ok(None) };
        let has_more = found.len() > MAX_SURPLUS;
        let rows = found.into_iter().take(MAX_SURPLUS);
        let rows = rows.map(|Found { key, is_in_the_way }| SurplusRow { key, is_in_the_way });
        Ok(Some(Surplus { seed: self.seed, rows: rows.collect(), has_more }))
    }
}

/// The declared value as people see it. What is another value for each tenant is told in the same words for all.
fn told(cell: &Cell, stored: Option<String>) -> Option<String> {
    match cell {
        Cell::Tenant => Some("{tenant}".to_owned()),
        Cell::Lookup { .. } if stored.is_none() => Some(format!("{{{}}}", cell_text(cell))),
        _ => stored,
    }
}

fn declared(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Value(text) => Some(text.as_str().to_owned()),
        _ => None,
    }
}

/// A value as it is told, as text or NULL.
fn shown(value: &str) -> String {
    let text = printed(value);
    format!(
        "CASE WHEN num_nulls({value}) = 1 THEN NULL \
         WHEN length({text}) > {LONGEST} THEN left({text}, {CUT}) || '… (' || length({text}) \
         || ' characters, hash ' || hashtextextended({text}, 0) || ')' \
         ELSE {text} END"
    )
}
