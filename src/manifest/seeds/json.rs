//! Rows in JSON. Numbers keep all their digits and objects all their keys, so values are read
//! here, in one pass, from text that `serde_json` has found well formed.

use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::input::{Input, Object, Place, Value, note};
use crate::manifest::checking::Checking;
use crate::manifest::source::Source;

/// How deep arrays and objects may be nested in one value: as deep as `serde_json` accepts.
const DEPTH: usize = 128;

/// The rows of a file; errors in it are noted.
pub(super) fn read(checking: &mut Checking<'_>, source: &Source) -> Option<Input> {
    let name = &source.name;
    let rows: Vec<Entries> = match serde_json::from_str(&source.text) {
        Ok(rows) => rows,
        Err(error) => {
            let message = format!("not an array of objects: {error}");
            note(checking, &Place::Line(Arc::clone(name), error.line().max(1)), &message);
            return None;
        }
    };
    let start = source.text.as_ptr() as usize;
    // The raw values are slices of the text, so their addresses give their places.
    let line = |text: &str| source.line((text.as_ptr() as usize).saturating_sub(start));
    let objects = rows.into_iter().filter_map(|row| {
        let first = row.0.first().map_or(0, |(_, raw)| line(raw.get()));
        let place = Place::Line(Arc::clone(name), first);
        let mut cells = Vec::with_capacity(row.0.len());
        for (column, raw) in row.0 {
            let mut reader = Reader { rest: raw.get() };
            match reader.value(0) {
                Ok(value) => cells.push((column, place.clone(), value)),
                Err(message) => {
                    let place = Place::Line(Arc::clone(name), line(reader.rest));
                    note(checking, &place, &format!("column {column:?}: {message}"));
                    return None;
                }
            }
        }
        Some(Object { place, cells })
    });
    Some(Input::Objects(objects.collect()))
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

/// Reads a well-formed value from its beginning to its end.
struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn value(&mut self, depth: usize) -> Result<Value, String> {
        Ok(match self.next() {
            Some(b'[' | b'{') if depth == DEPTH => {
                return Err(format!("arrays and objects are nested more than {DEPTH} deep"));
            }
            Some(b'[') => {
                let mut items = Vec::new();
                while self.has_more(b']') {
                    items.push(self.value(depth + 1)?);
                }
                Value::Array(items)
            }
            Some(b'{') => {
                let mut entries = Vec::new();
                while self.has_more(b'}') {
                    let name = self.string()?;
                    self.next();
                    self.take(":".len());
                    entries.push((name, self.value(depth + 1)?));
                }
                Value::Object(entries)
            }
            Some(b'"') => Value::Text(self.string()?),
            _ => match self.word() {
                "null" => Value::Null,
                "true" => Value::Boolean(true),
                "false" => Value::Boolean(false),
                number => Value::Number(number.to_owned()),
            },
        })
    }

    /// The next byte after spaces.
    fn next(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_ascii_start();
        self.rest.bytes().next()
    }

    fn take(&mut self, length: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// Whether another item follows the opening bracket, or the item before; reads past the comma,
    /// or past the bracket that is the end.
    fn has_more(&mut self, end: u8) -> bool {
        if self.next() != Some(end) {
            self.take(1);
            if self.next() != Some(end) {
                return !self.rest.is_empty();
            }
        }
        self.take(1);
        false
    }

    /// A string. Whether its escapes stand for characters has not been checked before.
    fn string(&mut self) -> Result<String, String> {
        let mut escaped = false;
        let end = self.rest.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let length = end.map_or(self.rest.len(), |end| end + 2);
        let text = self.rest.get(..length).unwrap_or_default();
        let string = serde_json::from_str(text)
            .map_err(|_| "an escape in the text stands for no character".to_owned())?;
        self.take(length);
        Ok(string)
    }

    /// What is neither quoted nor bracketed.
    fn word(&mut self) -> &'t str {
        let end = self.rest.find([',', ']', '}', ' ', '\t', '\r', '\n']);
        self.take(end.unwrap_or(self.rest.len()))
    }
}
