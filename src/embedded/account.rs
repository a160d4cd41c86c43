//! The account that the server runs under: it refuses root.

use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::error::{EmbeddedError, io};
use super::process::run_with_input;

/// The user and group of the server's processes and files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    gid: u32,
    /// Whether it is not the one that we run under.
    dropped: bool,
}

/// Accounts that root switches to, the first that exists.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// # Errors
/// When the system does not say who we are.
pub(super) fn is_root() -> Result<bool, EmbeddedError> {
    Ok(id(None, "-u")? == "0")
}

/// Our own account, or the one that root switches to.
///
/// # Errors
/// When there is none to switch to.
pub(super) fn server_account() -> Result<Account, EmbeddedError> {
    if !is_root()? {
        return account(None, false);
    }
    UNPRIVILEGED
        .iter()
        .find_map(|name| account(Some(name), true).ok())
        .filter(|account| account.uid != 0)
        .ok_or(EmbeddedError::NoAccount)
}

/// The name of the user who runs this.
pub(super) fn own_name() -> Result<String, EmbeddedError> {
    id(None, "-un")
}

/// The account that runs this: by name, or else by number.
#[must_use]
pub fn operating_system_user() -> Option<String> {
    own_name().or_else(|_| id(None, "-u").map(|uid| format!("uid {uid}"))).ok()
}

fn account(name: Option<&str>, dropped: bool) -> Result<Account, EmbeddedError> {
    let number = |flag| -> Result<u32, EmbeddedError> {
        id(name, flag)?.parse().map_err(|_| EmbeddedError::NoAccount)
    };
    Ok(Account { name: id(name, "-un")?, uid: number("-u")?, gid: number("-g")?, dropped })
}

/// Runs `id` (POSIX), which also knows the accounts of a directory service.
fn id(name: Option<&str>, flag: &str) -> Result<String, EmbeddedError> {
    let output = Command::new("id")
        .arg(flag)
        .args(name)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| io("run", Path::new("id"), source))?;
    if !output.status.success() {
        return Err(EmbeddedError::NoAccount);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

impl Account {
    /// A command that runs under this account, in a folder that it can enter, and that shares no
    /// stream with us: a server would keep our caller's pipes open forever.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.current_dir("/").env("LC_MESSAGES", "C").env_remove("PGDATA");
        if self.dropped {
            // As root, this also gives up the supplementary groups.
            command.gid(self.gid).uid(self.uid);
        }
        command
    }

    /// Creates a private folder of this account in an existing one.
    pub(super) fn create_dir(&self, dir: &Path) -> Result<(), EmbeddedError> {
        match std::fs::DirBuilder::new().mode(0o700).create(dir) {
            Ok(()) if self.dropped => {
                chown(dir, Some(self.uid), Some(self.gid)).map_err(|e| io("hand over", dir, e))
            }
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                self.check_private(dir)
            }
            Err(error) => Err(io("create", dir, error)),
        }
    }

    /// Creates our own folder, and those above it; the account may only pass through it.
    pub(super) fn create_root(&self, dir: &Path) -> Result<(), EmbeddedError> {
        let mode = if self.dropped { 0o711 } else { 0o700 };
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(dir.parent().unwrap_or(dir))
            .and_then(|()| match std::fs::DirBuilder::new().mode(mode).create(dir) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
                _ => Ok(()),
            })
            .map_err(|e| io("create", dir, e))
    }

    /// Writes a file as this account: root must not follow a link that the account could have
    /// put into its own folder.
    pub(super) fn write(&self, path: &Path, text: &str) -> Result<(), EmbeddedError> {
        if !self.dropped {
            return std::fs::write(path, text).map_err(|e| io("write", path, e));
        }
        let mut command = self.command(Path::new("/bin/sh"));
        command.args(["-c", "umask 077; cat > \"$1\"", "write"]).arg(path).stdin(Stdio::piped());
        run_with_input(&mut command, text, "writing a file")
    }

    /// What existed before must be a folder, this account's, and closed to others.
    fn check_private(&self, dir: &Path) -> Result<(), EmbeddedError> {
        let refuse = |reason: &str| EmbeddedError::UnsafeFolder {
            dir: dir.to_owned(),
            reason: reason.to_owned(),
        };
        let meta = std::fs::symlink_metadata(dir).map_err(|e| io("examine", dir, e))?;
        if !meta.is_dir() {
            return Err(refuse("it is not a folder"));
        }
        if meta.uid() != self.uid {
            return Err(refuse("it belongs to another user"));
        }
        if meta.permissions().mode() & 0o077 != 0 {
            return Err(refuse("others may enter it"));
        }
        Ok(())
    }
}
