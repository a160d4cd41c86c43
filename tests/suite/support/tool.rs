//! The built binary.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::{Database, Folder};

/// The binary with a clean environment: what a test does not set is not set.
pub fn tool(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provision"));
    command.args(args).current_dir(dir).env_clear().stdin(Stdio::null());
    command.env("HOME", dir).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

/// The binary on a database.
pub fn on(database: &Database, dir: &Path, args: &[&str]) -> Command {
    let mut command = tool(dir, args);
    command.env("DATABASE_URL", &database.url);
    command
}

/// The same in a folder with a manifest, until it has ended.
pub fn go(database: &Database, folder: &Folder, args: &[&str]) -> RunReport {
    run(on(database, folder.dir.path(), args))
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct RunReport {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl RunReport {
    /// Checks the exit code.
    #[track_caller]
    pub fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}

impl From<Output> for RunReport {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8 on stdout"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8 on stderr"),
        }
    }
}

/// Runs to the end.
pub fn run(mut command: Command) -> RunReport {
    command.output().expect("the binary starts").into()
}
