//! Collects the errors in a manifest.

use std::ops::Range;

use super::diagnostic::Diagnostic;
use super::source::Source;
pub(super) use crate::words::suggestion;

/// The errors found so far.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<Diagnostic>);

impl Report {
    /// At a place in a TOML file.
    pub(super) fn at(&mut self, source: &Source, span: &Range<usize>, message: impl Into<String>) {
        let position = source.position(span.start);
        self.0.push(Diagnostic {
            file: position.file.to_string(),
            line: position.line,
            column: Some(position.column),
            message: message.into(),
        });
    }

    /// In a row of a file with rows.
    pub(super) fn in_row(&mut self, file: &str, line: usize, message: impl Into<String>) {
        self.0.push(Diagnostic {
            file: file.to_owned(),
            line,
            column: None,
            message: message.into(),
        });
    }

    /// In the order of files and places; what was found twice is reported once.
    pub(super) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        self.0.sort();
        self.0.dedup();
        self.0
    }
}
