//! Rows as they are written: in the manifest, in CSV, JSON and TOML files.

use std::path::Path;
use std::sync::Arc;

use super::input::{Input, Object, Place, Value, note};
use super::json;
use crate::manifest::checking::Checking;
use crate::manifest::decode;
use crate::manifest::raw::{Name, Row, RowsFile, Spanned};
use crate::manifest::source::Source;

/// Rows in the manifest.
pub(super) fn inline(checking: &Checking<'_>, rows: &[Spanned<Row>]) -> Input {
    Input::Objects(rows.iter().map(|row| toml_row(checking.source, row, Place::Span)).collect())
}

/// The rows of a file. A file without rows says so, with a header alone or an empty list. A file that
/// says nothing may have been cut off, which is noted, like all other errors in it.
pub(super) fn read(
    checking: &mut Checking<'_>,
    file: &Name,
    null: Option<&Name>,
    folder: &Path,
) -> Option<Input> {
    let source = match Source::below(folder, &file.value) {
        Ok(source) => source,
        Err(message) => {
            checking.note(&file.span, message);
            return None;
        }
    };
    let extension = Path::new(&file.value).extension().and_then(|e| e.to_str());
    if let Some(null) = null.filter(|_| extension != Some("csv")) {
        checking.note(&null.span, "null is for CSV files");
    }
    match extension {
        Some("csv") => csv(checking, &source, null.map_or("", |null| &null.value)),
        Some("json") => json::read(checking, &source),
        Some("toml") => toml_file(checking, &source),
        _ => {
            checking.note(&file.span, "a file with rows ends in .csv, .json or .toml");
            None
        }
    }
}

fn csv(checking: &mut Checking<'_>, source: &Source, null: &str) -> Option<Input> {
    let name = &source.name;
    let place = |line| Place::Line(Arc::clone(name), line);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(source.text.as_bytes());
    let header = match reader.headers() {
        Ok(header) if header.is_empty() => {
            let message = "the file is empty; a CSV file starts with a line of column names";
            note(checking, &place(1), message);
            return None;
        }
        Ok(header) => header.clone(),
        Err(error) => {
            note(checking, &place(1), &error.to_string());
            return None;
        }
    };
    let mut last = start_of(source, &header);
    let header_place = place(source.line(last));
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                note(checking, &place(usize::try_from(line).unwrap_or(0)), &error.to_string());
                continue;
            }
        };
        last = start_of(source, &record);
        let place = place(source.line(last));
        if record.len() != header.len() {
            let message =
                format!("the row has {} cells, but the header has {}", record.len(), header.len());
            note(checking, &place, &message);
            continue;
        }
        let value = |text: &str| {
            if text == null { Value::Null } else { Value::Text(text.to_owned()) }
        };
        rows.push((place, record.iter().map(value).collect()));
    }
    if ends_in_quotes(source.text.get(last..).unwrap_or_default()) {
        let message = "a quotation mark is opened here, but never closed";
        note(checking, &place(source.line(last)), message);
    }
    let header = header.iter().map(str::to_owned).collect();
    Some(Input::Table { place: header_place, header, rows })
}

/// Where a record starts. The reader counts a line break in two characters to the next record,
/// and empty lines as well.
fn start_of(source: &Source, record: &csv::StringRecord) -> usize {
    let start = record.position().map_or(0, csv::Position::byte);
    let start = usize::try_from(start).unwrap_or(0);
    let rest = source.text.as_bytes().get(start..).unwrap_or_default();
    start + rest.iter().take_while(|byte| b"\r\n".contains(byte)).count()
}

/// Whether the last record continues to the end of the text, which the reader takes for its end:
/// then one more line is not one more record.
fn ends_in_quotes(last_record: &str) -> bool {
    let longer = format!("{last_record}\nend");
    let mut reader = csv::ReaderBuilder::new();
    let reader = reader.has_headers(false).flexible(true).from_reader(longer.as_bytes());
    reader.into_records().count() < 2
}

fn toml_file(checking: &mut Checking<'_>, source: &Source) -> Option<Input> {
    let name = &source.name;
    let line = |span: std::ops::Range<usize>| source.line(span.start);
    match toml::from_str::<RowsFile>(&source.text) {
        Ok(file) => {
            let at = |span| Place::Line(Arc::clone(name), line(span));
            Some(Input::Objects(file.rows.iter().map(|row| toml_row(source, row, at)).collect()))
        }
        Err(error) => {
            let place = Place::Line(Arc::clone(name), error.span().map_or(1, line));
            note(checking, &place, &decode::message(error.message()));
            None
        }
    }
}

fn toml_row(
    source: &Source,
    row: &Spanned<Row>,
    at: impl Fn(std::ops::Range<usize>) -> Place,
) -> Object {
    let cells = row
        .iter()
        .map(|(name, value)| {
            let value = &value.0;
            let input = match &value.value {
                // As it is written: a binary number might not hold all digits.
                toml::Value::Float(_) => {
                    let written = source.text.get(value.span.clone()).unwrap_or_default();
                    Value::Number(written.replace('_', "").trim_start_matches('+').to_owned())
                }
                other => toml_value(other),
            };
            (name.value.clone(), at(name.span.clone()), input)
        })
        .collect();
    Object { place: at(row.span.clone()), cells }
}

fn toml_value(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::Text(text.clone()),
        toml::Value::Integer(number) => Value::Number(number.to_string()),
        toml::Value::Float(number) => Value::Number(number.to_string()),
        toml::Value::Boolean(value) => Value::Boolean(*value),
        toml::Value::Datetime(time) => Value::Text(time.to_string()),
        toml::Value::Array(items) => Value::Array(items.iter().map(toml_value).collect()),
        toml::Value::Table(entries) => {
            Value::Object(entries.iter().map(|(k, v)| (k.clone(), toml_value(v))).collect())
        }
    }
}
