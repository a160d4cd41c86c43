//! Reading files that somebody names: regular files only, of a bounded size, in UTF-8, opened so
//! that nobody can hold us up. A pipe that nobody writes to, or a device, would do that for ever.

use std::fs::{File, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A file that was not read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct FileError {
    pub path: PathBuf,
    #[source]
    pub source: Unreadable,
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it is a pipe, not a regular file")]
    Pipe,
    #[error("it is {0}, not a regular file")]
    NotRegular(&'static str),
    #[error("it has more than {0} bytes")]
    TooLarge(u64),
    #[error("it is not UTF-8 (byte {0})")]
    NotUtf8(usize),
}

/// The text of a regular file of at most `limit` bytes, without a byte order mark.
///
/// # Errors
/// When it is something else, or cannot be read.
pub fn read(path: &Path, limit: u64) -> Result<String, FileError> {
    regular(path)
        .and_then(|file| read_from(file, limit))
        .map_err(|source| FileError { path: path.to_owned(), source })
}

/// The text that `reader` gives until its end, on the same terms. How long that takes is up to who
/// writes it.
///
/// # Errors
/// When it is too long or not UTF-8, or cannot be read.
pub fn read_from(reader: impl Read, limit: u64) -> Result<String, Unreadable> {
    let mut bytes = Vec::new();
    // A file may grow while it is read.
    reader.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Unreadable::TooLarge(limit));
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| Unreadable::NotUtf8(error.utf8_error().valid_up_to()))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Refuses what exists and is no regular file, for those who open it in their own way. `/dev/null`,
/// which says that there is none, is never waited for.
///
/// # Errors
/// When it is something else.
pub fn check_regular(path: &Path) -> Result<(), FileError> {
    let Ok(metadata) = std::fs::metadata(path) else {
        return Ok(());
    };
    if path == Path::new("/dev/null") {
        return Ok(());
    }
    is_regular(metadata.file_type()).map_err(|source| FileError { path: path.to_owned(), source })
}

/// Looks before it opens, since to open a device may set it going, and again afterwards, since
/// another file may have taken its place.
fn regular(path: &Path) -> Result<File, Unreadable> {
    is_regular(std::fs::metadata(path)?.file_type())?;
    // Without it, opening a pipe waits for somebody who writes to it.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    is_regular(file.metadata()?.file_type())?;
    Ok(file)
}

fn is_regular(kind: FileType) -> Result<(), Unreadable> {
    if kind.is_file() {
        Ok(())
    } else if kind.is_fifo() {
        Err(Unreadable::Pipe)
    } else if kind.is_dir() {
        Err(Unreadable::NotRegular("a directory"))
    } else if kind.is_socket() {
        Err(Unreadable::NotRegular("a socket"))
    } else {
        Err(Unreadable::NotRegular("a device"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_files_are_read_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let read_with = |bytes: &[u8], limit| {
            std::fs::write(&file, bytes).unwrap();
            read(&file, limit).map_err(|error| crate::error::chain(&error))
        };
        let name = file.display().to_string();
        assert_eq!(read_with(b"\xef\xbb\xbfabc", 6), Ok("abc".into()));
        assert_eq!(read_with(b"", 0), Ok(String::new()));
        assert_eq!(
            read_with(b"abcd", 3),
            Err(format!("cannot read {name}: it has more than 3 bytes"))
        );
        assert_eq!(
            read_with(b"ab\xe9d", 9),
            Err(format!("cannot read {name}: it is not UTF-8 (byte 2)"))
        );
        assert_eq!(read_with(b"x", u64::MAX), Ok("x".into()));
    }

    #[test]
    fn nothing_else_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        for (path, kind) in [
            (pipe, "a pipe"),
            (folder.path().join("socket"), "a socket"),
            (folder.path().to_owned(), "a directory"),
            ("/dev/zero".into(), "a device"),
        ] {
            let error = read(&path, 10).unwrap_err();
            let expected =
                format!("cannot read {}: it is {kind}, not a regular file", path.display());
            assert_eq!(crate::error::chain(&error), expected);
        }
        let error = read(&folder.path().join("nothing"), 10).unwrap_err();
        assert!(matches!(error.source, Unreadable::Io(_)), "{error:?}");
    }
}
