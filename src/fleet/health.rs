//! The command that decides, between two stages, whether the run may continue.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use uuid::Uuid;

use crate::name::TenantId;

/// What is passed to the command about the stage that was just done.
pub(super) struct StageDone<'a> {
    /// From one.
    pub(super) number: usize,
    pub(super) of: usize,
    pub(super) tenants: &'a [&'a TenantId],
    /// In the whole run so far.
    pub(super) failures: usize,
}

/// A file that is removed when the value is dropped.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Runs the command line in a shell.
///
/// # Errors
/// Says why the run must end: the command failed, or could not be run.
pub(super) async fn check(command: &str, done: &StageDone<'_>) -> Result<(), String> {
    let path = std::env::temp_dir().join(format!("provision-stage-{}", Uuid::new_v4().simple()));
    let file = Temporary(path);
    write_ids(&file.0, done.tenants).map_err(|error| {
        format!(
            "the ids for the health command could not be written to {}: {error}",
            file.0.display()
        )
    })?;
    let mut shell = tokio::process::Command::new("sh");
    shell
        .arg("-c")
        .arg(command)
        .env("PROVISION_STAGE", done.number.to_string())
        .env("PROVISION_STAGES", done.of.to_string())
        .env("PROVISION_TENANTS", &file.0)
        .env("PROVISION_FAILURES", done.failures.to_string())
        // Standard output is for the result alone.
        .stdout(Stdio::from(std::io::stderr()));
    match shell.status().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            let how = match status.code() {
                Some(code) => format!("failed with exit code {code}"),
                None => format!("was ended by a {status}"),
            };
            Err(format!("the health command {how} after stage {} of {}", done.number, done.of))
        }
        Err(error) => Err(format!("the health command could not be run: {error}")),
    }
}

/// One id per line, in a new file that only its owner may read.
fn write_ids(path: &Path, ids: &[&TenantId]) -> std::io::Result<()> {
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let lines: String = ids.iter().map(|id| format!("{id}\n")).collect();
    file.write_all(lines.as_bytes())
}
