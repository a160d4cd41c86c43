//! Files that users name: regular files only. They are read with a bounded size, in UTF-8, and
//! opened in a way that cannot block: a pipe that nobody writes to, or a device, would block
//! forever. They are written completely or not at all.

use std::fs::{File, FileType, OpenOptions, Permissions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use uuid::Uuid;

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

/// The text that `reader` returns until its end, with the same limits. How long that takes depends on who
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

/// Refuses what exists and is not a regular file, for callers that open it themselves. `/dev/null`,
/// which means that there is no file, never blocks.
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

/// Writes a file completely or not at all: a new file replaces the old one, and gets its
/// permissions. What a symbolic link points to is replaced, not the link.
///
/// # Errors
/// When it cannot be written; see [`check_writable`].
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let (target, old) = writable(path)?;
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", Uuid::new_v4().simple()));
    let new = target.with_file_name(name);
    // Fails if somebody has put a link in its place.
    let mut file = OpenOptions::new().write(true).create_new(true).open(&new)?;
    let written = old
        .map_or(Ok(()), |permissions| file.set_permissions(permissions))
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&new, &target));
    written.inspect_err(|_| {
        let _ = std::fs::remove_file(&new);
    })
}

/// Refuses what [`write()`] would refuse, before there is anything to write.
///
/// # Errors
/// When it exists and is not a regular file, or may not be written to.
pub fn check_writable(path: &Path) -> io::Result<()> {
    writable(path).map(drop)
}

/// The file that is meant and its permissions, if it exists. To replace a file takes no permission
/// on the file itself, so the permission is checked here.
fn writable(path: &Path) -> io::Result<(PathBuf, Option<Permissions>)> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        // Where a link points to nothing, it is unknown which file is meant.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
            return Ok((path.to_owned(), None));
        }
        Err(error) => return Err(error),
    };
    is_regular(metadata.file_type()).map_err(io::Error::other)?;
    if metadata.permissions().readonly() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file is read-only"));
    }
    let target = path.canonicalize()?;
    OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(&target)?;
    Ok((target, Some(metadata.permissions())))
}

/// Checks the file before opening it, since opening a device may have effects, and again afterwards, since
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
            read(&file, limit).map_err(|error| crate::causes::chain(&error))
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
            assert_eq!(crate::causes::chain(&error), expected);
        }
        let error = read(&folder.path().join("nothing"), 10).unwrap_err();
        assert!(matches!(error.source, Unreadable::Io(_)), "{error:?}");
    }

    #[test]
    fn files_are_written_whole_and_nothing_else_is_replaced() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write(&at("new"), "1").unwrap();
        assert_eq!(read(&at("new"), 9).unwrap(), "1");
        std::fs::set_permissions(at("new"), Permissions::from_mode(0o600)).unwrap();
        symlink("new", at("link")).unwrap();
        write(&at("link"), "2").unwrap();
        assert!(at("link").is_symlink());
        assert_eq!(read(&at("new"), 9).unwrap(), "2");
        assert_eq!(std::fs::metadata(at("new")).unwrap().mode() & 0o777, 0o600);

        assert!(std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        symlink("pipe", at("link to pipe")).unwrap();
        symlink("nothing", at("link to nothing")).unwrap();
        std::fs::write(at("read-only"), "old").unwrap();
        std::fs::set_permissions(at("read-only"), Permissions::from_mode(0o444)).unwrap();
        let names = || {
            let entries = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
            let kinds = entries.map(|entry| (entry.file_name(), entry.file_type().unwrap()));
            kinds.map(|(name, kind)| format!("{name:?} {kind:?}")).collect::<Vec<_>>()
        };
        let before = names();
        for (name, reason) in [
            ("pipe", "it is a pipe, not a regular file"),
            ("link to pipe", "it is a pipe, not a regular file"),
            ("socket", "it is a socket, not a regular file"),
            (".", "it is a directory, not a regular file"),
            ("read-only", "the file is read-only"),
            ("link to nothing", "No such file or directory (os error 2)"),
            ("nowhere/file", "No such file or directory (os error 2)"),
        ] {
            assert_eq!(write(&at(name), "new").unwrap_err().to_string(), reason, "{name}");
        }
        assert_eq!(
            write(Path::new("/dev/null/file"), "").unwrap_err().kind(),
            io::ErrorKind::NotADirectory
        );
        assert_eq!(names(), before);
        assert_eq!(read(&at("read-only"), 9).unwrap(), "old");
    }
}
