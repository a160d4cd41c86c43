//! The text of the manifest and of the files that it names, none of them outside of its folder.

#![expect(clippy::string_slice, reason = "all positions are boundaries found by the search before")]

use std::path::{Component, Path, PathBuf};

use super::diagnostic::ManifestError;
use crate::files::{self, Unreadable};

const MANIFEST_BYTES: u64 = 8 * 1024 * 1024;
const ROWS_BYTES: u64 = 16 * 1024 * 1024;

/// A text and its name in messages.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: String,
}

impl Source {
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
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok((Self { name, text }, folder))
    }

    /// A file that the manifest names.
    ///
    /// # Errors
    /// A message, when it must not or cannot be read.
    pub(super) fn rows(folder: &Path, name: &str) -> Result<Self, String> {
        let relative = Path::new(name);
        let stays_inside =
            |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if name.is_empty() || name.contains('\0') || !relative.components().all(stays_inside) {
            return Err("a file is named by its path below the manifest's folder".into());
        }
        let failed = |error: Unreadable| format!("cannot read {name:?}: {error}");
        // Links may lead out of the folder; where they end is what counts.
        let path = folder.join(relative).canonicalize().map_err(|error| failed(error.into()))?;
        if !path.starts_with(folder) {
            return Err(format!("{name:?} leads out of the manifest's folder"));
        }
        let text = files::read(&path, ROWS_BYTES).map_err(|error| failed(error.source))?;
        Ok(Self { name: name.to_owned(), text })
    }

    /// Line and column of a byte, both from one; the column counts characters.
    pub(super) fn position(&self, at: usize) -> (usize, usize) {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }
}
