//! The only place that prints: results to stdout, everything else to stderr.

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use tokio::signal::unix::{SignalKind, signal};

use super::Exit;
use crate::causes;
use crate::error::Error;
use crate::explain::Explain as _;
use crate::files;
use crate::name::{printable, printable_json, printable_lines};

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

fn choice(color: Color) -> anstream::ColorChoice {
    match color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::AlwaysAnsi,
        Color::Never => anstream::ColorChoice::Never,
    }
}

/// A result. A reader that has closed the pipe is not an error.
pub(super) fn result(color: Color, text: &str) -> Result<(), Error> {
    write(anstream::AutoStream::new(io::stdout(), choice(color)), text)
}

/// A result for a program, byte by byte: in a report, colours are removed where there should be
/// none.
pub(super) fn verbatim(text: &str) -> Result<(), Error> {
    write(io::stdout(), text)
}

fn write(mut stdout: impl io::Write, text: &str) -> Result<(), Error> {
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::Io { doing: "write the result".into(), source: error })
        }
        _ => Ok(()),
    }
}

/// A line for people, beside the result.
pub fn notice(text: &str) {
    let _ = writeln!(io::stderr(), "provision: {}", printable(text));
}

/// Writes a file as a whole, or not at all.
pub(super) fn file(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |source| Error::Io { doing: format!("write {}", path.display()), source };
    files::write(path, text).map_err(failed)
}

/// The error, its causes and a hint; once, at the end. With `json`, as an object in one line.
#[must_use]
pub fn print_error(color: Color, json: bool, error: &Error) -> Exit {
    let causes = causes::of(error);
    if json {
        error_line(&serde_json::json!({
            "level": "ERROR",
            "code": error.code(),
            "message": error.to_string(),
            "causes": causes,
            "hint": error.hint(),
            "sqlstate": error.sqlstate(),
        }));
        return Exit::Failed;
    }
    let mut stderr = anstream::AutoStream::new(io::stderr(), choice(color));
    let red = anstyle::AnsiColor::Red.on_default().bold();
    let _ = writeln!(
        stderr,
        "{red}error{red:#}[{}]: {}",
        error.code(),
        printable_lines(&error.to_string())
    );
    for cause in causes {
        let _ = writeln!(stderr, "  caused by: {}", printable_lines(&cause));
    }
    if let Some(hint) = error.hint() {
        let _ = writeln!(stderr, "  hint: {}", printable(&hint));
    }
    Exit::Failed
}

fn error_line(error: &serde_json::Value) {
    let _ = writeln!(io::stderr(), "{}", printable_json(&error.to_string()));
}

/// The output of the argument parser: help and version to stdout, wrong usage to stderr, as JSON if
/// that was requested.
#[must_use]
pub fn print_usage(error: &clap::Error) -> Exit {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    if !error.use_stderr() {
        return match error.print() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                notice(&format!("cannot write the result: {error}"));
                Exit::Failed
            }
            _ => Exit::Done,
        };
    }
    let rendered = error.render();
    let tip = tip(error, &arguments);
    if requests_json(&arguments) {
        let plain = rendered.to_string();
        let message = plain.split("\n\n").next().unwrap_or_default();
        error_line(&serde_json::json!({
            "level": "ERROR",
            "code": "usage",
            "message": message.strip_prefix("error: ").unwrap_or(message),
            "causes": [],
            "hint": tip,
            "sqlstate": null,
        }));
        return Exit::Failed;
    }
    // An argument may come from anywhere, and is quoted as it is.
    let values = arguments.iter().flat_map(|a| [Some(&**a), a.split_once('=').map(|(_, v)| v)]);
    let rendered = with_tip(&rendered.ansi().to_string(), tip.as_deref());
    let text = values.flatten().fold(rendered, |text, value| {
        let shown = printable(value);
        if shown == value { text } else { text.replace(value, &shown) }
    });
    let _ = anstream::AutoStream::new(io::stderr(), anstream::ColorChoice::Auto)
        .write_all(text.as_bytes());
    // clap's own code for wrong usage is 2, which here means pending changes.
    Exit::Failed
}

/// A hint for the mistake of giving `drift` a tenant.
fn tip(error: &clap::Error, arguments: &[String]) -> Option<String> {
    let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidArg) else { return None };
    let is_of_drift = arguments.iter().any(|argument| argument == "drift");
    let is_meant = error.kind() == ErrorKind::UnknownArgument && is_of_drift;
    (is_meant && !name.starts_with('-'))
        .then(|| format!("drift checks all tenants; to choose some, use '--match {name}'"))
}

/// The parser's message with our tip, and without its own on passing an unknown option as a value: no
/// value begins with a hyphen.
fn with_tip(rendered: &str, tip: Option<&str>) -> String {
    let is_misleading = |paragraph: &&str| {
        let plain = anstream::adapter::strip_str(paragraph).to_string();
        plain.trim_start().starts_with("tip: to pass '")
    };
    let mut paragraphs: Vec<&str> =
        rendered.split("\n\n").filter(|paragraph| !is_misleading(paragraph)).collect();
    let tip = tip.map(|tip| format!("  tip: {tip}"));
    if let Some(tip) = &tip {
        paragraphs.insert(1.min(paragraphs.len()), tip);
    }
    paragraphs.join("\n\n")
}

/// Whether arguments that could not be parsed request JSON.
fn requests_json(arguments: &[String]) -> bool {
    let option = |name: &str| {
        let of = |(at, arg): (usize, &String)| match arg.strip_prefix(name)?.strip_prefix('=') {
            Some(value) => Some(value.to_owned()),
            None if arg == name => arguments.get(at + 1).cloned(),
            None => None,
        };
        arguments.iter().enumerate().find_map(of)
    };
    let log_format = || std::env::var("PROVISION_LOG_FORMAT").ok();
    let formats = [option("--format"), option("--log-format").or_else(log_format)];
    formats.into_iter().flatten().any(|value| value == "json")
}

/// Runs to the end, or until it is interrupted: the first Ctrl-C or SIGTERM sets `stop`, so that
/// what is in flight is finished; the second cancels it, and the servers roll back.
pub(super) async fn interruptible<T>(
    run: impl Future<Output = T>,
    stop: &AtomicBool,
) -> Result<T, Error> {
    let failed = |source| Error::Io { doing: "wait for signals".into(), source };
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut run = std::pin::pin!(run);
    loop {
        tokio::select! {
            result = &mut run => return Ok(result),
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if stop.swap(true, Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        notice("interrupted: finishing what is in flight; once more gives up at once");
    }
}

/// Refuses to ask without a terminal.
pub(super) fn require_terminal() -> Result<(), Error> {
    use std::io::IsTerminal as _;
    if io::stdin().is_terminal() && io::stderr().is_terminal() {
        return Ok(());
    }
    Err(Error::Usage(
        "--ask needs a terminal to ask on; without one, review a saved plan: plan --out, then \
         apply --plan"
            .into(),
    ))
}

/// Asks a question on the terminal.
pub(super) fn ask(question: &str) -> Result<bool, Error> {
    let _ = write!(io::stderr(), "{question} [y/N] ");
    let _ = io::stderr().flush();
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|source| Error::Io { doing: "read the answer".into(), source })?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
