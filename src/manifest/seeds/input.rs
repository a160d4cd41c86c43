//! Rows before they are checked, and their places.

use std::ops::Range;
use std::sync::Arc;

use crate::manifest::checking::Checking;

/// The place of a row or a cell, for messages.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In the manifest.
    Span(Range<usize>),
    /// In a file, on a line; zero: the file as a whole.
    Line(Arc<str>, usize),
}

/// Rows before they are checked.
pub(super) enum Input {
    /// All rows have a value for each name of the header.
    Table { place: Place, header: Vec<String>, rows: Vec<(Place, Vec<Value>)> },
    /// Each row names its columns.
    Objects(Vec<Object>),
}

impl Input {
    /// Whether there are no rows.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Table { rows, .. } => rows.is_empty(),
            Self::Objects(objects) => objects.is_empty(),
        }
    }
}

/// A row that names its columns.
pub(super) struct Object {
    pub(super) place: Place,
    pub(super) cells: Vec<(String, Place, Value)>,
}

/// A value as it is written, numbers digit for digit.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Text(String),
    Number(String),
    Boolean(bool),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// Notes an error in a row or a cell.
pub(super) fn note(checking: &mut Checking<'_>, place: &Place, message: &str) {
    match place {
        Place::Span(span) => checking.note(span, message),
        Place::Line(file, line) => checking.report.in_row(file, *line, message),
    }
}

/// Such as `seeds/x.csv:4` or `schema.toml:12`.
pub(super) fn origin(checking: &Checking<'_>, place: &Place) -> String {
    match place {
        Place::Line(file, line) => format!("{file}:{line}"),
        Place::Span(span) => {
            format!("{}:{}", checking.source.name, checking.source.line(span.start))
        }
    }
}
