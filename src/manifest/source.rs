//! The text of the manifest and of the files that it names, none of them outside its folder.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::ManifestError;
use crate::files::{self, Unreadable};

const MANIFEST_BYTES: u64 = 8 * 1024 * 1024;
const FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Where something is declared, shown as `file:line:column`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The path relative to the manifest's folder.
    pub file: Arc<str>,
    /// From one.
    pub line: usize,
    /// From one, in characters.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A text and its name in messages.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: Arc<str>,
    pub(super) text: String,
    /// Where the line breaks are, so that the line of each row is found without counting them.
    breaks: Vec<usize>,
}

impl Source {
    fn new(name: &str, text: String) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let breaks = breaks.map(|(at, _)| at).collect();
        Self { name: name.into(), text, breaks }
    }

    /// The manifest, and the folder that it may name files in.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn manifest(path: &Path) -> Result<(Self, PathBuf), ManifestError> {
        let unreadable = |source| ManifestError::Unreadable { path: path.to_owned(), source };
        let text = files::read(path, MANIFEST_BYTES).map_err(|error| unreadable(error.source))?;
        let folder = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize();
        let folder = folder.map_err(|error| unreadable(error.into()))?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        Ok((Self::new(&name, text), folder))
    }

    /// A file that the manifest names.
    ///
    /// # Errors
    /// A message, when it must not or cannot be read.
    pub(super) fn below(folder: &Path, name: &str) -> Result<Self, String> {
        let relative = Path::new(name);
        let stays_inside =
            |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if name.is_empty() || name.contains('\0') || !relative.components().all(stays_inside) {
            return Err(
                "the path of a file must be relative, and inside the manifest's folder".into()
            );
        }
        let failed = |error: Unreadable| format!("cannot read {name:?}: {error}");
        // Links may lead out of the folder; their targets count.
        let path = folder.join(relative).canonicalize().map_err(|error| failed(error.into()))?;
        if !path.starts_with(folder) {
            return Err(format!("{name:?} leads out of the manifest's folder"));
        }
        let text = files::read(&path, FILE_BYTES).map_err(|error| failed(error.source))?;
        Ok(Self::new(name, text))
    }

    /// The line of a byte, from one.
    pub(super) fn line(&self, at: usize) -> usize {
        self.breaks_before(at) + 1
    }

    /// The place of a byte.
    pub(super) fn position(&self, at: usize) -> Position {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let breaks = self.breaks_before(at);
        let last = breaks.checked_sub(1).and_then(|last| self.breaks.get(last));
        let line_start = last.map_or(0, |line_break| line_break + 1);
        let before = self.text.get(line_start..at).unwrap_or_default();
        let column = before.chars().count() + 1;
        Position { file: Arc::clone(&self.name), line: breaks + 1, column }
    }

    fn breaks_before(&self, at: usize) -> usize {
        self.breaks.partition_point(|line_break| *line_break < at)
    }
}
