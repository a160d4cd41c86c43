//! Where the server's binaries are.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::EmbeddedError;

/// A folder with a server in it.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    pub(super) dir: PathBuf,
    /// Such as `15.18`.
    pub(super) version: String,
    /// Such as `15`.
    pub(super) major: String,
}

/// Folders that hold one folder per version, and the path below that.
const VERSIONED: [(&str, &str, &str); 6] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ("/usr/local", "pgsql-", "bin"),
];

const PLAIN: [&str; 4] = [
    "/opt/homebrew/opt/postgresql/bin",
    "/usr/local/opt/postgresql/bin",
    "/usr/local/pgsql/bin",
    "/usr/bin",
];

/// Finds the binaries: in the given folder, or else where `pg_config` says, in the usual
/// folders (newest version first), and in `PATH`.
///
/// # Errors
/// When there are none; the error lists where they were searched for.
pub(super) fn binaries(named: Option<&Path>) -> Result<Binaries, EmbeddedError> {
    if let Some(dir) = named {
        return examine(dir).ok_or_else(|| EmbeddedError::UnusableBinaries { dir: dir.to_owned() });
    }
    let mut looked_in = Vec::new();
    for dir in candidates() {
        if looked_in.contains(&dir) {
            continue;
        }
        if let Some(binaries) = examine(&dir) {
            return Ok(binaries);
        }
        looked_in.push(dir);
    }
    Err(EmbeddedError::NoBinaries { looked_in })
}

/// The folder of the server's binaries that would be used.
///
/// # Errors
/// When there are none.
pub fn bin_dir() -> Result<PathBuf, EmbeddedError> {
    let named = std::env::var_os("PROVISION_PG_BIN").filter(|dir| !dir.is_empty());
    Ok(binaries(named.map(PathBuf::from).as_deref())?.dir)
}

fn candidates() -> Vec<PathBuf> {
    let mut dirs = Vec::new();
    if let Some(text) = output(Command::new("pg_config").arg("--bindir")) {
        dirs.push(PathBuf::from(text));
    }
    for (parent, prefix, below) in VERSIONED {
        let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(parent)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let version = name.strip_prefix(prefix)?.parse().ok()?;
                Some((version, entry.path().join(below)))
            })
            .collect();
        versions.sort_by(|a, b| b.cmp(a));
        dirs.extend(versions.into_iter().map(|(_, dir)| dir));
    }
    dirs.extend(PLAIN.map(PathBuf::from));
    if let Some(path) = std::env::var_os("PATH") {
        dirs.extend(std::env::split_paths(&path).filter(|dir| dir.is_absolute()));
    }
    dirs
}

fn examine(dir: &Path) -> Option<Binaries> {
    if !["initdb", "pg_ctl", "postgres"].iter().all(|name| dir.join(name).is_file()) {
        return None;
    }
    // "postgres (PostgreSQL) 15.18 (Debian …)", or "… 18beta1".
    let text = output(Command::new(dir.join("postgres")).arg("--version"))?;
    let version = text.split_whitespace().nth(2)?.to_owned();
    let major: String = version.chars().take_while(char::is_ascii_digit).collect();
    if major.is_empty() {
        return None;
    }
    Some(Binaries { dir: dir.to_owned(), version, major })
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_folder_without_a_server_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let error = binaries(Some(dir.path())).unwrap_err();
        assert!(matches!(error, EmbeddedError::UnusableBinaries { .. }), "{error}");
    }

    #[test]
    fn the_installed_server_is_found_and_knows_its_version() {
        let found = binaries(None).unwrap();
        assert!(found.version.starts_with(&found.major));
        assert!(found.major.parse::<u32>().unwrap() >= 14);
    }
}
