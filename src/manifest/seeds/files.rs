//! Rows as they are written: in the manifest, in CSV, JSON and TOML files.

use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Place;
use super::cells::note;
use crate::manifest::check::Checking;
use crate::manifest::raw::{At, Name, Row, RowsFile};
use crate::manifest::source::Source;

/// A row that is not understood yet.
pub(in crate::manifest) struct RowInput {
    pub(super) place: Place,
    pub(super) cells: Vec<(String, Place, Input)>,
}

/// A value as it is written, numbers digit for digit.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::manifest) enum Input {
    Null,
    Text(String),
    Number(String),
    Boolean(bool),
    Array(Vec<Input>),
    Object(Vec<(String, Input)>),
}

/// Rows in the manifest.
pub(super) fn inline(checking: &Checking<'_>, rows: &[At<Row>]) -> Vec<RowInput> {
    rows.iter().map(|row| toml_row(checking.source, row, Place::Span)).collect()
}

/// The rows of a file; what is wrong with it is noted.
pub(super) fn read(
    checking: &mut Checking<'_>,
    file: &Name,
    null: Option<&Name>,
    folder: &Path,
) -> Vec<RowInput> {
    let source = match Source::rows(folder, &file.value) {
        Ok(source) => source,
        Err(message) => {
            checking.note(&file.span, message);
            return Vec::new();
        }
    };
    let extension = Path::new(&file.value).extension().and_then(|e| e.to_str());
    if let Some(null) = null.filter(|_| extension != Some("csv")) {
        checking.note(&null.span, "null is for CSV files");
    }
    match extension {
        Some("csv") => csv(checking, &source, null.map_or("", |null| &null.value)),
        Some("json") => json(checking, &source),
        Some("toml") => toml_file(checking, &source),
        _ => {
            checking.note(&file.span, "a file with rows ends in .csv, .json or .toml");
            Vec::new()
        }
    }
}

fn csv(checking: &mut Checking<'_>, source: &Source, null: &str) -> Vec<RowInput> {
    let place = |line| Place::Line(source.name.clone(), line);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(source.text.as_bytes());
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => {
            note(checking, &place(1), &error.to_string());
            return Vec::new();
        }
    };
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
        // It counts a line break in two characters to the next record, and may be one behind.
        let start = record.position().map_or(0, csv::Position::byte);
        let start = usize::try_from(start).unwrap_or(0);
        let ahead = source.text.bytes().skip(start).take_while(|b| b"\r\n".contains(b)).count();
        let place = place(source.position(start + ahead).0);
        if record.len() != header.len() {
            let message =
                format!("the row has {} cells, but the header has {}", record.len(), header.len());
            note(checking, &place, &message);
            continue;
        }
        let cell = |(name, text): (&str, &str)| {
            let input = if text == null { Input::Null } else { Input::Text(text.to_owned()) };
            (name.to_owned(), place.clone(), input)
        };
        let cells = header.iter().zip(record.iter()).map(cell).collect();
        rows.push(RowInput { place, cells });
    }
    rows
}

fn json(checking: &mut Checking<'_>, source: &Source) -> Vec<RowInput> {
    let rows: Vec<Entries> = match serde_json::from_str(&source.text) {
        Ok(rows) => rows,
        Err(error) => {
            let place = Place::Line(source.name.clone(), error.line());
            note(checking, &place, &format!("not an array of objects: {error}"));
            return Vec::new();
        }
    };
    let start = source.text.as_ptr() as usize;
    rows.into_iter()
        .map(|row| {
            // The raw values lie inside of the text, so the first tells where the row is.
            let line = row.0.first().map_or(0, |(_, raw)| {
                let at = (raw.get().as_ptr() as usize).saturating_sub(start);
                source.position(at).0
            });
            let place = Place::Line(source.name.clone(), line);
            let cells = row
                .0
                .into_iter()
                .map(|(name, raw)| (name, place.clone(), json_value(raw)))
                .collect();
            RowInput { place, cells }
        })
        .collect()
}

/// An object with its keys in order, repeated ones too.
struct Entries<'j>(Vec<(String, &'j RawValue)>);

impl<'de: 'j, 'j> Deserialize<'de> for Entries<'j> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Entries<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

fn json_value(raw: &RawValue) -> Input {
    let text = raw.get();
    // The text was checked when the whole file was read, so none of these can fail.
    match text.as_bytes().first() {
        Some(b'n') => Input::Null,
        Some(b't') => Input::Boolean(true),
        Some(b'f') => Input::Boolean(false),
        Some(b'"') => Input::Text(serde_json::from_str(text).unwrap_or_default()),
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
            Input::Array(items.into_iter().map(json_value).collect())
        }
        Some(b'{') => {
            let entries = serde_json::from_str(text).unwrap_or(Entries(Vec::new()));
            Input::Object(entries.0.into_iter().map(|(k, v)| (k, json_value(v))).collect())
        }
        _ => Input::Number(text.to_owned()),
    }
}

fn toml_file(checking: &mut Checking<'_>, source: &Source) -> Vec<RowInput> {
    match toml::from_str::<RowsFile>(&source.text) {
        Ok(file) => file
            .rows
            .iter()
            .map(|row| {
                let at = |span: std::ops::Range<usize>| {
                    Place::Line(source.name.clone(), source.position(span.start).0)
                };
                toml_row(source, row, at)
            })
            .collect(),
        Err(error) => {
            let line = source.position(error.span().map_or(0, |span| span.start)).0;
            note(checking, &Place::Line(source.name.clone(), line), error.message());
            Vec::new()
        }
    }
}

fn toml_row(
    source: &Source,
    row: &At<Row>,
    at: impl Fn(std::ops::Range<usize>) -> Place,
) -> RowInput {
    let cells = row
        .iter()
        .map(|(name, value)| {
            let value = &value.0;
            let input = match &value.value {
                // As it is written: a binary number might not hold all digits.
                toml::Value::Float(_) => {
                    let written = source.text.get(value.span.clone()).unwrap_or_default();
                    Input::Number(written.replace('_', "").trim_start_matches('+').to_owned())
                }
                other => toml_value(other),
            };
            (name.value.clone(), at(name.span.clone()), input)
        })
        .collect();
    RowInput { place: at(row.span.clone()), cells }
}

fn toml_value(value: &toml::Value) -> Input {
    match value {
        toml::Value::String(text) => Input::Text(text.clone()),
        toml::Value::Integer(number) => Input::Number(number.to_string()),
        toml::Value::Float(number) => Input::Number(number.to_string()),
        toml::Value::Boolean(value) => Input::Boolean(*value),
        toml::Value::Datetime(time) => Input::Text(time.to_string()),
        toml::Value::Array(items) => Input::Array(items.iter().map(toml_value).collect()),
        toml::Value::Table(entries) => {
            Input::Object(entries.iter().map(|(k, v)| (k.clone(), toml_value(v))).collect())
        }
    }
}
