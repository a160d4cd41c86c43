//! Programs that are run to their end.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::error::{EmbeddedError, io};

/// Runs a program that ends, and reports what it printed if it fails.
pub(super) fn run(command: &mut Command, program: &str) -> Result<(), EmbeddedError> {
    run_with_input(command, "", program)
}

/// The same with input.
pub(super) fn run_with_input(
    command: &mut Command,
    input: &str,
    program: &str,
) -> Result<(), EmbeddedError> {
    let failed = |source| io("run", Path::new(program), source);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ended early says why in its output.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    // A single-user server reports a failed statement, and still exits with 0.
    if output.status.success() && !said.contains("ERROR:") {
        return Ok(());
    }
    Err(EmbeddedError::Program { program: program.to_owned(), output: said.trim().to_owned() })
}
