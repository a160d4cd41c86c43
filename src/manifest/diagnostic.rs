//! The errors in a manifest, and where they are.

use std::fmt;
use std::path::PathBuf;

use crate::explain::Explain;
use crate::files::Unreadable;
use crate::name::printable;

/// More than these are counted, not listed.
const SHOWN: usize = 100;

/// One error.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Its path relative to the manifest's folder.
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

impl Explain for ManifestError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "manifest-unreadable",
            Self::Invalid { .. } => "manifest-invalid",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { source: Unreadable::Io(_), .. } => {
                Some("name it with --manifest".into())
            }
            Self::Unreadable { .. } | Self::Invalid { .. } => None,
        }
    }
}
