//! Baseline rows, from the manifest itself and from the files that it names.

mod cells;
mod files;
mod input;
mod json;
mod lookups;
mod order;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use self::input::{Input, Place, Value, note, origin};
use super::checking::Checking;
use super::model::RowTable;
use super::model::{Cell, ColumnDecl, SeedDecl, SeedMode, SeedRow};
use super::raw::{self, Spanned};
use crate::name::Ident;

/// Reads all seeds and puts them in the order in which they can be inserted.
pub(super) fn read(
    checking: &mut Checking<'_>,
    raw: &[Spanned<raw::Seed>],
    tables: &[RowTable],
    folder: &Path,
) -> Vec<SeedDecl> {
    let mut seeds = Vec::new();
    let mut keys_seen = HashMap::new();
    for seed in raw {
        seeds.extend(self::seed(checking, seed, tables, folder, &mut keys_seen));
    }
    check_modes(checking, raw);
    lookups::check(checking, raw, &seeds, tables);
    order::ordered(seeds, tables)
}

/// Keys of the rows so far, with their places, by table and key columns.
type KeysSeen = HashMap<(Ident, Vec<Ident>), HashMap<String, String>>;

fn seed(
    checking: &mut Checking<'_>,
    raw: &Spanned<raw::Seed>,
    tables: &[RowTable],
    folder: &Path,
    keys_seen: &mut KeysSeen,
) -> Option<SeedDecl> {
    if raw.key.is_empty() {
        checking.note(&raw.key.span, "the key needs at least one column");
    }
    let input = match (&raw.file, &raw.rows) {
        (Some(file), None) => files::read(checking, file, raw.null.as_ref(), folder),
        (None, Some(rows)) => {
            if let Some(null) = &raw.null {
                checking.note(&null.span, "null is for CSV files");
            }
            Some(files::inline(checking, rows))
        }
        _ => {
            checking.note(&raw.span, "give the rows or a file with them, one of both");
            None
        }
    };
    let table = checking.table(&raw.table)?;
    let key = checking.columns_of(&raw.table.value, &raw.key);
    let decl = tables.iter().find(|decl| decl.name == table)?;
    let keys_seen = keys_seen.entry((table.clone(), key.clone())).or_default();
    let mut rows = Vec::new();
    let input = input?;
    let mode = mode(raw.mode);
    if mode == SeedMode::Exact && input.is_empty() {
        let message = "with mode = \"exact\" and no rows, the table would be emptied";
        checking.note(&raw.span, message);
    }
    match input {
        Input::Table { place, header, rows: lines } => {
            let columns = header_columns(checking, decl, &key, &header, &place)?;
            for (place, values) in lines {
                let cells = columns.iter().zip(values);
                let cells = cells.map(|(column, value)| (*column, place.clone(), value)).collect();
                rows.extend(row(checking, &key, &place, cells, keys_seen));
            }
        }
        Input::Objects(objects) => {
            for object in objects {
                let cells = object.cells.into_iter().map(|(name, place, value)| {
                    (cells::column(checking, decl, &name, &place), place, value)
                });
                let cells = cells.collect();
                rows.extend(row(checking, &key, &object.place, cells, keys_seen));
            }
        }
    }
    Some(SeedDecl { table, key, rows, mode })
}

fn mode(raw: Option<raw::SeedMode>) -> SeedMode {
    match raw {
        None | Some(raw::SeedMode::Insert) => SeedMode::Insert,
        Some(raw::SeedMode::Upsert) => SeedMode::Upsert,
        Some(raw::SeedMode::Exact) => SeedMode::Exact,
        Some(raw::SeedMode::Once) => SeedMode::Once,
    }
}

/// Where all rows of a table are listed, they are listed in one place.
fn check_modes(checking: &mut Checking<'_>, raw: &[Spanned<raw::Seed>]) {
    for seed in raw.iter().filter(|seed| seed.mode == Some(raw::SeedMode::Exact)) {
        let table = &seed.table.value;
        if raw.iter().filter(|other| other.table.value == *table).count() > 1 {
            let message = format!(
                "with mode = \"exact\", table {table:?} has the rows of this seed and no others, but there are other seeds of it"
            );
            checking.note(&seed.table.span, message);
        }
    }
}

/// The columns of a CSV file, each where the header has its name; `None` for a name that was
/// reported. Without its key no row can be understood.
fn header_columns<'t>(
    checking: &mut Checking<'_>,
    table: &'t RowTable,
    key: &[Ident],
    header: &[String],
    place: &Place,
) -> Option<Vec<Option<&'t ColumnDecl>>> {
    let mut columns: Vec<Option<&ColumnDecl>> = Vec::new();
    for name in header {
        let mut column = cells::column(checking, table, name, place);
        if column.is_some_and(|column| columns.iter().flatten().any(|c| c.name == column.name)) {
            note(checking, place, &format!("column {name:?} is given twice"));
            column = None;
        }
        columns.push(column);
    }
    let mut has_key = true;
    for name in key.iter().filter(|name| !header.iter().any(|given| given == name.as_str())) {
        let message = format!("the key column {:?} is missing from the header", name.as_str());
        note(checking, place, &message);
        has_key = false;
    }
    has_key.then_some(columns)
}

fn row(
    checking: &mut Checking<'_>,
    key: &[Ident],
    place: &Place,
    given: Vec<(Option<&ColumnDecl>, Place, Value)>,
    keys_seen: &mut HashMap<String, String>,
) -> Option<SeedRow> {
    let mut cells: Vec<(Ident, Cell)> = Vec::with_capacity(given.len());
    let mut whole = true;
    for (column, place, value) in given {
        let Some(column) = column else {
            whole = false;
            continue;
        };
        if cells.iter().any(|(known, _)| *known == column.name) {
            let message = format!("column {:?} is given twice", column.name.as_str());
            note(checking, &place, &message);
            continue;
        }
        match cells::cell(checking, column, value, &place) {
            Some(cell) => cells.push((column.name.clone(), cell)),
            None => whole = false,
        }
    }
    for name in key {
        match cells.iter().find(|(column, _)| column == name) {
            None if whole => {
                let message = format!("the key column {:?} is missing from the row", name.as_str());
                note(checking, place, &message);
                whole = false;
            }
            Some((_, Cell::Null | Cell::Sql(_))) => {
                let message = format!(
                    "key column {:?} needs a value that can be looked for: not null, not sql",
                    name.as_str()
                );
                note(checking, place, &message);
                whole = false;
            }
            _ => {}
        }
    }
    if !whole {
        return None;
    }
    let row = SeedRow { origin: origin(checking, place), cells };
    match keys_seen.entry(row.key_text(key)) {
        Entry::Vacant(free) => {
            free.insert(row.origin.clone());
        }
        Entry::Occupied(taken) => {
            let message = format!("a row with {} is already at {}", taken.key(), taken.get());
            note(checking, place, &message);
        }
    }
    Some(row)
}

#[cfg(test)]
mod tests;
