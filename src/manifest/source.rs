//! Reading files, with care: only regular files, of a bounded size, in UTF-8, and none outside of
//! the manifest's folder.

#![expect(clippy::string_slice, reason = "all positions are boundaries found by the search before")]

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

use super::diagnostic::ManifestError;

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
        let unusable = |reason| ManifestError::Unusable { path: path.to_owned(), reason };
        let file = open(path).map_err(unreadable)?;
        let text = read(file, MANIFEST_BYTES).map_err(unreadable)?.map_err(unusable)?;
        let folder = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().map_err(unreadable)?;
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
        let failed = |error: io::Error| format!("cannot read {name:?}: {error}");
        // Links may lead out of the folder; where they end is what counts.
        let path = folder.join(relative).canonicalize().map_err(failed)?;
        if !path.starts_with(folder) {
            return Err(format!("{name:?} leads out of the manifest's folder"));
        }
        let file = open(&path).map_err(failed)?;
        let text = read(file, ROWS_BYTES).map_err(failed)?;
        let text = text.map_err(|reason| format!("{name:?} {reason}"))?;
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

/// Opens without waiting: a pipe that nobody writes to would hold us for ever.
fn open(path: &Path) -> io::Result<File> {
    const O_NONBLOCK: i32 = if cfg!(target_os = "linux") { 0o4000 } else { 0x4 };
    OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path)
}

/// The whole of a regular file; the inner error says what is wrong with it.
fn read(file: File, limit: u64) -> io::Result<Result<String, String>> {
    if !file.metadata()?.is_file() {
        return Ok(Err("is not a regular file".into()));
    }
    let mut bytes = Vec::new();
    // The file may grow while it is read.
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Ok(Err(format!("has more than {limit} bytes")));
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            return Ok(Err(format!("is not UTF-8 (byte {at})")));
        }
    };
    Ok(Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)))
}
