//! Baseline rows: what they are, how they are shown in messages, and what is read to find them.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::manifest::fragment::Fragment;
use crate::name::{Ident, Text};

/// Baseline rows of one table.
#[derive(Debug, Clone, Serialize)]
pub struct SeedDecl {
    pub table: Ident,
    /// Natural key: a row counts as present if one with these values exists. At least one.
    pub key: Vec<Ident>,
    pub rows: Vec<SeedRow>,
    /// Left out where it is the usual one, as versions did that knew no other.
    #[serde(skip_serializing_if = "SeedMode::is_insert")]
    pub mode: SeedMode,
}

/// What is done about baseline rows that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SeedMode {
    /// Nothing: rows that are absent are inserted.
    Insert,
    /// The declared columns are kept at the declared values.
    Upsert,
    /// The same, and the table has no other rows.
    Exact,
    /// Rows are inserted by the run that creates their table, and never looked at again.
    Once,
}

impl SeedMode {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    fn is_insert(&self) -> bool {
        *self == Self::Insert
    }

    /// Whether the values of rows that are there are compared.
    #[must_use]
    pub fn keeps_values(self) -> bool {
        matches!(self, Self::Upsert | Self::Exact)
    }
}

/// One baseline row.
#[derive(Debug, Clone, Serialize)]
pub struct SeedRow {
    /// Where the row is written, for messages; not part of the checksum.
    #[serde(skip)]
    pub origin: String,
    /// In the order of the file, no column twice, every key column among them.
    pub cells: Vec<(Ident, Cell)>,
}

/// The value of one column of a baseline row.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    Null,
    /// The input text of the column's type, whatever that is: the server converts it.
    Value(Text),
    /// An SQL expression.
    Sql(Fragment),
    /// The tenant's id.
    Tenant,
    /// The value of `column` in the one row of `table` that has these values.
    Lookup {
        table: Ident,
        column: Ident,
        matching: Vec<(Ident, Cell)>,
    },
}

impl SeedDecl {
    /// The columns, with their tables, that are read to find its rows and to compare what is kept of them.
    #[must_use]
    pub fn columns_read(&self) -> BTreeSet<(&Ident, &Ident)> {
        self.columns_read_for(&self.rows)
    }

    /// The same for some of the rows.
    #[must_use]
    pub fn columns_read_for<'m>(&'m self, rows: &'m [SeedRow]) -> BTreeSet<(&'m Ident, &'m Ident)> {
        let mut columns = self.columns_of_keys(rows);
        for (name, cell) in rows.iter().flat_map(|row| self.kept(row)) {
            columns.insert((&self.table, name));
            columns.extend(cell.columns_read());
        }
        columns
    }

    /// The columns, with their tables, that are read to find some of the rows: the key, and what it looks up.
    #[must_use]
    pub fn columns_of_keys<'m>(&'m self, rows: &'m [SeedRow]) -> BTreeSet<(&'m Ident, &'m Ident)> {
        let mut columns: BTreeSet<(&Ident, &Ident)> =
            self.key.iter().map(|key| (&self.table, key)).collect();
        let cells = rows.iter().flat_map(|row| &row.cells);
        for (_, cell) in cells.filter(|(name, _)| self.key.contains(name)) {
            columns.extend(cell.columns_read());
        }
        columns
    }

    /// The cells of a row that are kept at their values. The key identifies the row; what an SQL expression returns
    /// may be another value each time, so that it is written once and not compared.
    pub fn kept<'m>(&'m self, row: &'m SeedRow) -> impl Iterator<Item = (&'m Ident, &'m Cell)> {
        let cells = row.cells.iter().filter(|_| self.mode.keeps_values());
        let cells = cells.filter(|(name, cell)| !self.key.contains(name) && !cell.has_sql());
        cells.map(|(name, cell)| (name, cell))
    }

    /// The columns in which a cell of one of these rows is kept, each once, in the order of the rows.
    #[must_use]
    pub fn kept_columns<'m>(&'m self, rows: &'m [SeedRow]) -> Vec<&'m Ident> {
        let mut known = BTreeSet::new();
        let kept = rows.iter().flat_map(|row| self.kept(row)).map(|(name, _)| name);
        kept.filter(|name| known.insert(*name)).collect()
    }
}

impl Cell {
    /// Whether an SQL expression is evaluated for it.
    #[must_use]
    pub fn has_sql(&self) -> bool {
        match self {
            Self::Sql(_) => true,
            Self::Lookup { matching, .. } => matching.iter().any(|(_, cell)| cell.has_sql()),
            Self::Null | Self::Value(_) | Self::Tenant => false,
        }
    }

    /// The columns, with their tables, that are read to find the value: those of lookups.
    #[must_use]
    pub fn columns_read(&self) -> BTreeSet<(&Ident, &Ident)> {
        let mut columns = BTreeSet::new();
        if let Self::Lookup { table, column, matching } = self {
            columns.insert((table, column));
            for (name, cell) in matching {
                columns.insert((table, name));
                columns.extend(cell.columns_read());
            }
        }
        columns
    }
}

impl SeedRow {
    /// The key as it is displayed, such as `grupo = "Funcao", nome = "Peão"`.
    #[must_use]
    pub fn key_text(&self, key: &[Ident]) -> String {
        let part = |name: &Ident| {
            let cell = self.cells.iter().find(|(column, _)| column == name);
            let value = cell.map_or_else(String::new, |(_, cell)| cell_text(cell));
            format!("{name} = {value}")
        };
        key.iter().map(part).collect::<Vec<_>>().join(", ")
    }
}

/// A value of a row as it is displayed.
#[must_use]
pub fn value_text(value: Option<&str>) -> String {
    value.map_or_else(|| "null".to_owned(), |text| format!("{text:?}"))
}

/// A cell as it is displayed.
#[must_use]
pub fn cell_text(cell: &Cell) -> String {
    match cell {
        Cell::Null => "null".to_owned(),
        Cell::Value(text) => format!("{:?}", text.as_str()),
        Cell::Sql(expression) => expression.as_written().to_owned(),
        Cell::Tenant => "the tenant's id".to_owned(),
        Cell::Lookup { table, matching, .. } => {
            let conditions: Vec<String> = matching
                .iter()
                .map(|(name, value)| format!("{name} = {}", cell_text(value)))
                .collect();
            format!("the {table} with {}", conditions.join(", "))
        }
    }
}
