//! Lookups of rows that the manifest itself holds.

use std::cell::LazyCell;
use std::collections::{HashMap, HashSet};

use crate::manifest::checking::Checking;
use crate::manifest::model::{Cell, RowTable, SeedDecl, TypeDecl};
use crate::manifest::raw::{self, Spanned};
use crate::name::Ident;

/// A lookup by the key of a table that has rows in the manifest must name one of these.
pub(super) fn check(
    checking: &mut Checking<'_>,
    raw: &[Spanned<raw::Seed>],
    seeds: &[SeedDecl],
    tables: &[RowTable],
) {
    if checking.damage.touches(&["seeds"]) || seeds.len() != raw.len() {
        return;
    }
    let keys = LazyCell::new(|| keys_by_table(seeds, tables));
    for (seed, raw) in seeds.iter().zip(raw) {
        for row in &seed.rows {
            for (column, cell) in &row.cells {
                let Cell::Lookup { table, matching, .. } = cell else {
                    continue;
                };
                if keys.get(table).is_some_and(|keys| keys.is_absent(matching)) {
                    let message = format!(
                        "{}: column {:?} looks for a row of {table} that no seed has",
                        row.origin,
                        column.as_str()
                    );
                    checking.note(&raw.table.span, message);
                }
            }
        }
    }
}

/// The keys of all rows that the manifest has of one table.
struct Keys<'s> {
    /// Sorted.
    columns: Vec<&'s Ident>,
    rows: HashSet<Vec<Spelling<'s>>>,
}

/// What makes two literals equal: the number that they spell, or else the text.
#[derive(PartialEq, Eq, Hash)]
enum Spelling<'s> {
    Number(i64),
    Text(&'s str),
}

/// By table; only where all its seeds have the same key, and its columns are of types in which
/// nothing but what is spelled alike is equal: all others are left to the server.
fn keys_by_table<'s>(seeds: &'s [SeedDecl], tables: &[RowTable]) -> HashMap<&'s Ident, Keys<'s>> {
    let mut by_table: HashMap<&Ident, Option<Keys<'_>>> = HashMap::new();
    for seed in seeds {
        let mut columns: Vec<&Ident> = seed.key.iter().collect();
        columns.sort();
        let known = by_table.entry(&seed.table).or_insert_with(|| {
            let columns = columns.clone();
            let are_literal = columns.iter().all(|column| is_literal(tables, &seed.table, column));
            are_literal.then(|| Keys { columns, rows: HashSet::new() })
        });
        match known {
            Some(keys) if keys.columns == columns => {
                keys.rows.extend(seed.rows.iter().filter_map(|row| spelled(&columns, &row.cells)));
            }
            other => *other = None,
        }
    }
    by_table.into_iter().filter_map(|(table, keys)| Some((table, keys?))).collect()
}

fn is_literal(tables: &[RowTable], table: &Ident, column: &Ident) -> bool {
    let table = tables.iter().find(|decl| decl.name == *table);
    let column = table.and_then(|decl| decl.columns.iter().find(|c| c.name == *column));
    column.is_some_and(|column| match &column.data_type {
        TypeDecl::Declared { dimensions, .. } => *dimensions == 0,
        TypeDecl::Sql(name) => {
            let name = name.as_written().to_ascii_lowercase();
            column.collation.is_none()
                && (matches!(&*name, "text" | "varchar" | "int" | "integer" | "bigint")
                    || name.starts_with("varchar("))
        }
    })
}

/// The literals in these columns; `None` if one of them holds something else.
fn spelled<'s>(columns: &[&Ident], cells: &'s [(Ident, Cell)]) -> Option<Vec<Spelling<'s>>> {
    let spelling = |column: &&Ident| {
        let (_, cell) = cells.iter().find(|(name, _)| name == *column)?;
        let Cell::Value(text) = cell else {
            return None;
        };
        let text = text.as_str();
        Some(text.trim().parse().map_or(Spelling::Text(text), Spelling::Number))
    };
    columns.iter().map(spelling).collect()
}

impl Keys<'_> {
    /// Whether the conditions are the whole key, all literals, and no row has it. Any others may
    /// refer to a row that is inserted elsewhere.
    fn is_absent(&self, matching: &[(Ident, Cell)]) -> bool {
        matching.len() == self.columns.len()
            && spelled(&self.columns, matching).is_some_and(|key| !self.rows.contains(&key))
    }
}
