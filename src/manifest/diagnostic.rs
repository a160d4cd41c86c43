//! What is wrong with a manifest, and where.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use super::source::Source;
use crate::files::Unreadable;
use crate::name::printable;

/// More than these are counted, not listed.
const SHOWN: usize = 100;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// As a person would name it from the manifest's folder.
    pub file: String,
    /// From one; zero: the file as a whole.
    pub line: usize,
    /// From one, in characters; `None` in row files.
    pub column: Option<usize>,
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.file))?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        write!(f, ": {}", printable(&self.message))
    }
}

/// Why there is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("cannot read the manifest {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: Unreadable,
    },
    #[error("the manifest is not valid:{}", list(diagnostics))]
    Invalid { diagnostics: Vec<Diagnostic> },
}

fn list(diagnostics: &[Diagnostic]) -> String {
    let mut text: String =
        diagnostics.iter().take(SHOWN).map(|diagnostic| format!("\n  {diagnostic}")).collect();
    if diagnostics.len() > SHOWN {
        text.push_str(&format!("\n  … and {} more", diagnostics.len() - SHOWN));
    }
    text
}

impl ManifestError {
    /// Stable identifier for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "manifest-unreadable",
            Self::Invalid { .. } => "manifest-invalid",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { source: Unreadable::Io(_), .. } => {
                Some("name it with --manifest".into())
            }
            Self::Unreadable { .. } | Self::Invalid { .. } => None,
        }
    }
}

/// Collects what is wrong.
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

    /// In the order of files and places; what was found twice is said once.
    pub(super) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        self.0.sort();
        self.0.dedup();
        self.0
    }
}

/// ", did you mean …?" if one of the candidates is close to the name.
pub(super) fn suggestion<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    let ratio = |candidate: &str| similar::TextDiff::from_chars(name, candidate).ratio();
    candidates
        .map(|candidate| (ratio(candidate), candidate))
        .filter(|(ratio, _)| *ratio >= 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| format!("; did you mean {candidate:?}?"))
        .unwrap_or_default()
}
