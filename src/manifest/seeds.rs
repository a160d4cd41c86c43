//! Baseline rows, from the manifest itself and from the files that it names.

mod cells;
mod files;
mod order;

use std::collections::HashMap;
use std::path::Path;

use super::check::Checking;
use super::model::{Cell, SeedDecl, SeedRow, TableDecl};
use super::raw::{self, At};
use crate::name::Ident;

/// Where a row or a cell stands, to complain of it.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In the manifest.
    Span(std::ops::Range<usize>),
    /// In a file, on a line; zero: the file as a whole.
    Line(String, usize),
}

/// Reads all seeds and puts them in the order in which they can be inserted.
pub(super) fn read(
    checking: &mut Checking<'_>,
    raw: &[At<raw::Seed>],
    tables: &[TableDecl],
    folder: &Path,
) -> Vec<SeedDecl> {
    let mut seeds = Vec::new();
    let mut keys_seen = HashMap::new();
    for seed in raw {
        seeds.extend(self::seed(checking, seed, tables, folder, &mut keys_seen));
    }
    cells::check_lookups(checking, raw, &seeds, tables);
    order::ordered(seeds, tables)
}

/// Keys of rows that were seen, with their places, by table and key columns.
type KeysSeen = HashMap<(Ident, Vec<Ident>, String), String>;

fn seed(
    checking: &mut Checking<'_>,
    raw: &At<raw::Seed>,
    tables: &[TableDecl],
    folder: &Path,
    keys_seen: &mut KeysSeen,
) -> Option<SeedDecl> {
    if raw.key.is_empty() {
        checking.note(&raw.key.span, "the key needs at least one column");
    }
    let inputs = match (&raw.file, &raw.rows) {
        (Some(file), None) => files::read(checking, file, raw.null.as_ref(), folder),
        (None, Some(rows)) => {
            if let Some(null) = &raw.null {
                checking.note(&null.span, "null is for CSV files");
            }
            files::inline(checking, rows)
        }
        _ => {
            checking.note(&raw.span, "give the rows or a file with them, one of both");
            Vec::new()
        }
    };
    let table = checking.table(&raw.table)?;
    let key = checking.columns_of(&raw.table.value, &raw.key);
    let decl = tables.iter().find(|decl| decl.name == table)?;
    let mut rows = Vec::new();
    for input in inputs {
        let Some(row) = row(checking, decl, &key, input, keys_seen) else {
            continue;
        };
        rows.push(row);
    }
    Some(SeedDecl { table, key, rows })
}

fn row(
    checking: &mut Checking<'_>,
    table: &TableDecl,
    key: &[Ident],
    input: files::RowInput,
    keys_seen: &mut KeysSeen,
) -> Option<SeedRow> {
    let mut cells: Vec<(Ident, Cell)> = Vec::new();
    let mut whole = true;
    for (name, place, value) in input.cells {
        let Some(column) = cells::column(checking, table, &name, &place) else {
            whole = false;
            continue;
        };
        if cells.iter().any(|(known, _)| *known == column.name) {
            cells::note(checking, &place, &format!("column {name:?} is given twice"));
            continue;
        }
        match cells::cell(checking, column, &value, &place, 0) {
            Some(cell) => cells.push((column.name.clone(), cell)),
            None => whole = false,
        }
    }
    for name in key {
        match cells.iter().find(|(column, _)| column == name) {
            None if whole => {
                cells::note(
                    checking,
                    &input.place,
                    &format!("the row lacks its key column {name:?}", name = name.as_str()),
                );
                whole = false;
            }
            Some((_, Cell::Null | Cell::Sql(_))) => {
                let message = format!(
                    "key column {:?} needs a value that can be looked for: not null, not sql",
                    name.as_str()
                );
                cells::note(checking, &input.place, &message);
                whole = false;
            }
            _ => {}
        }
    }
    let origin = origin(checking, &input.place);
    if !whole {
        return None;
    }
    let row = SeedRow { origin: origin.clone(), cells };
    let text = row.key_text(key);
    if let Some(first) = keys_seen.insert((table.name.clone(), key.to_vec(), text.clone()), origin)
    {
        let message = format!("a row with {text} is already at {first}");
        cells::note(checking, &input.place, &message);
    }
    Some(row)
}

/// Such as `seeds/x.csv:4` or `schema.toml:12`.
fn origin(checking: &Checking<'_>, place: &Place) -> String {
    match place {
        Place::Line(file, line) => format!("{file}:{line}"),
        Place::Span(span) => {
            let (line, _) = checking.source.position(span.start);
            format!("{}:{line}", checking.source.name)
        }
    }
}
