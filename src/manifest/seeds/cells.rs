//! Cells: literals in the input form of their column's type, SQL, the tenant's id, lookups.

use std::fmt::Write as _;

use super::input::{Place, Value, note};
use crate::manifest::Fragment;
use crate::manifest::checking::Checking;
use crate::manifest::model::{Cell, ColumnDecl, RowTable, TypeDecl};
use crate::manifest::report::suggestion;
use crate::name::{Ident, Text};

/// Lookups inside of lookups, at most.
const DEPTH: usize = 4;

/// A column of the table, if it has one with the name.
pub(super) fn column<'t>(
    checking: &mut Checking<'_>,
    table: &'t RowTable,
    name: &str,
    place: &Place,
) -> Option<&'t ColumnDecl> {
    let found = table.columns.iter().find(|column| column.name.as_str() == name);
    if found.is_none() && !checking.damage.touches(&["tables", table.name.as_str(), "columns"]) {
        let names = table.columns.iter().map(|column| column.name.as_str());
        let close = suggestion(name, names);
        let message = format!("table {:?} has no column {name:?}{close}", table.name.as_str());
        note(checking, place, &message);
    }
    found
}

/// The cell of a column. An object `{ sql }`, `{ tenant }` or `{ lookup, where, column }` has
/// that meaning in columns of all types; to put such an object into a JSON column, write it as text.
pub(super) fn cell(
    checking: &mut Checking<'_>,
    column: &ColumnDecl,
    value: Value,
    place: &Place,
) -> Option<Cell> {
    read(checking, column.name.as_str(), Some(&column.data_type), value, place, 0)
}

/// Without a type, any literal but a list or a table is taken.
fn read(
    checking: &mut Checking<'_>,
    column: &str,
    data_type: Option<&TypeDecl>,
    value: Value,
    place: &Place,
    depth: usize,
) -> Option<Cell> {
    let message = match special(&value) {
        Some(Special::Sql(sql)) => match Fragment::expression(sql) {
            Ok(fragment) => return Some(Cell::Sql(fragment)),
            Err(error) => error.to_string(),
        },
        Some(Special::Tenant) => return Some(Cell::Tenant),
        Some(Special::Lookup { table, column, matching }) => {
            return lookup(checking, table, column, matching, place, depth);
        }
        None => match literal(data_type, value) {
            Ok(None) => return Some(Cell::Null),
            Ok(Some(text)) => match Text::new(text) {
                Ok(text) => return Some(Cell::Value(text)),
                Err(error) => error.to_string(),
            },
            Err(message) => message,
        },
    };
    note(checking, place, &format!("column {column:?}: {message}"));
    None
}

enum Special<'i> {
    Sql(&'i str),
    Tenant,
    Lookup { table: &'i str, column: &'i str, matching: &'i [(String, Value)] },
}

fn special(value: &Value) -> Option<Special<'_>> {
    let Value::Object(entries) = value else {
        return None;
    };
    let get = |name: &str| entries.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    match (entries.len(), get("sql"), get("tenant"), get("lookup"), get("where"), get("column")) {
        (1, Some(Value::Text(sql)), ..) => Some(Special::Sql(sql)),
        (1, _, Some(Value::Boolean(true)), ..) => Some(Special::Tenant),
        (
            3,
            _,
            _,
            Some(Value::Text(table)),
            Some(Value::Object(matching)),
            Some(Value::Text(column)),
        ) => Some(Special::Lookup { table, column, matching }),
        _ => None,
    }
}

fn lookup(
    checking: &mut Checking<'_>,
    table: &str,
    column: &str,
    matching: &[(String, Value)],
    place: &Place,
    depth: usize,
) -> Option<Cell> {
    if depth >= DEPTH {
        note(checking, place, "lookups are nested too deeply");
        return None;
    }
    if matching.is_empty() {
        note(checking, place, "a lookup needs at least one column in where");
        return None;
    }
    let Some(known) = checking.tables.get(table) else {
        if !checking.damage.touches(&["tables", table]) {
            let close = suggestion(table, checking.tables.keys().map(String::as_str));
            note(checking, place, &format!("no table {table:?} is declared{close}"));
        }
        return None;
    };
    let mut names = std::iter::once(column).chain(matching.iter().map(|(name, _)| name.as_str()));
    if let Some(name) = names.find(|name| !known.contains(*name)) {
        let close = suggestion(name, known.iter().map(String::as_str));
        note(checking, place, &format!("table {table:?} has no column {name:?}{close}"));
        return None;
    }
    let mut cells = Vec::new();
    for (name, value) in matching {
        // It is compared with what the column holds, so its type does not matter here.
        match read(checking, name, None, value.clone(), place, depth + 1)? {
            Cell::Null => {
                note(checking, place, "a lookup cannot look for null");
                return None;
            }
            found => cells.push((Ident::new(name.clone()).ok()?, found)),
        }
    }
    Some(Cell::Lookup {
        table: Ident::new(table).ok()?,
        column: Ident::new(column).ok()?,
        matching: cells,
    })
}

/// The input text of a literal; `None` is NULL.
fn literal(data_type: Option<&TypeDecl>, value: Value) -> Result<Option<String>, String> {
    let (is_json, is_array) = match data_type {
        None => (false, false),
        Some(TypeDecl::Declared { dimensions, .. }) => (false, *dimensions > 0),
        Some(TypeDecl::Sql(fragment)) => {
            let name = fragment.as_written().to_ascii_lowercase();
            let base = name.strip_prefix("pg_catalog.").unwrap_or(&name);
            (matches!(base, "json" | "jsonb"), name.ends_with(']') || name.ends_with(" array"))
        }
    };
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Text(text) => text,
        Value::Number(_) | Value::Boolean(_) => json_text(&value)?,
        Value::Array(_) | Value::Object(_) if is_json => json_text(&value)?,
        Value::Array(items) if is_array => array_text(&items)?,
        Value::Array(_) => return Err("an array needs a column of an array or JSON type".into()),
        Value::Object(_) => {
            return Err("a table is a value in JSON columns only; elsewhere it is { sql = … }, \
                 { tenant = true } or { lookup = …, where = …, column = … }"
                .into());
        }
    }))
}

fn json_text(value: &Value) -> Result<String, String> {
    let quoted = |text: &str| serde_json::to_string(text).map_err(|error| error.to_string());
    Ok(match value {
        Value::Null => "null".into(),
        Value::Text(text) => quoted(text)?,
        Value::Number(digits) => digits.clone(),
        Value::Boolean(value) => value.to_string(),
        Value::Array(items) => {
            let items: Result<Vec<String>, String> = items.iter().map(json_text).collect();
            format!("[{}]", items?.join(", "))
        }
        Value::Object(entries) => {
            let mut text = String::new();
            for (name, value) in entries {
                let comma = if text.is_empty() { "" } else { ", " };
                let _ = write!(text, "{comma}{}: {}", quoted(name)?, json_text(value)?);
            }
            format!("{{{text}}}")
        }
    })
}

/// The input form of an array (PostgreSQL manual, §8.15.6).
fn array_text(items: &[Value]) -> Result<String, String> {
    let mut parts = Vec::new();
    for item in items {
        parts.push(match item {
            Value::Null => "NULL".to_owned(),
            Value::Array(items) => array_text(items)?,
            Value::Object(_) => return Err("an array of tables has no form in SQL".into()),
            Value::Text(text) => {
                format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
            }
            Value::Number(_) | Value::Boolean(_) => json_text(item)?,
        });
    }
    Ok(format!("{{{}}}", parts.join(",")))
}
