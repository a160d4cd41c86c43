//! The command line: arguments, and what each subcommand prints.

mod allow;
mod apply;
mod detached;
mod drift;
mod embedded;
mod exit;
mod global;
mod hold;
mod output;
mod plan;
mod progress;
mod row_checks;
mod serve;
mod status;
mod tenants;
mod validate;

use clap::{Parser, Subcommand};

pub use exit::Exit;
pub use global::{Global, LogFormat};
pub use output::{Color, notice, print_error, print_usage};

use crate::error::Error;

/// Gives every tenant of a PostgreSQL application its own, complete, up-to-date schema.
#[derive(Debug, Parser)]
#[command(
    name = "provision",
    version,
    max_term_width = 100,
    override_usage = "provision [OPTIONS] <COMMAND>",
    after_help = "\
Examples:
  provision validate                      check schema.toml and seeds/, without a database
  provision plan acme                     show what apply would do to tenant acme
  provision plan acme --sql               the same with the exact SQL
  provision plan acme --out acme.json     save the plan for a review
  provision apply --plan acme.json        run exactly the saved plan
  provision apply acme                    create or complete tenant acme's schema
  provision status acme                   whether it is now as declared, and what was done when
  provision apply --all                   create or complete the schemas of all tenants
  provision drift                         which tenants differ from the manifest, and how
  provision hold acme --reason '…'        leave tenant acme alone, until: provision release acme
  provision serve --token-file token      provision over HTTP, and keep all tenants up to date

Exit codes:
  0  done, or nothing to do
  1  error
  2  changes pending (plan --detailed-exitcode), drift
  3  done as far as allowed, but drift remains that is not touched

Without --database-url, DATABASE_URL or PG* variables, a private PostgreSQL server is started from
the installed binaries; see `provision help embedded`."
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Validate(validate::Validate),
    Schema(validate::Schema),
    Plan(plan::Plan),
    Apply(apply::Apply),
    Status(status::Status),
    Drift(drift::Drift),
    Hold(hold::Hold),
    Release(hold::Release),
    Serve(serve::Serve),
    #[command(subcommand)]
    Embedded(embedded::Embedded),
}

impl Cli {
    /// Whether it serves many at a time.
    #[must_use]
    pub fn is_service(&self) -> bool {
        matches!(self.command, Command::Serve(_))
    }

    /// Whether the final error is to be JSON: log lines are, or the result is.
    #[must_use]
    pub fn is_json(&self) -> bool {
        let is_result = match &self.command {
            Command::Validate(validate) => validate.is_json(),
            Command::Plan(plan) => plan.is_json(),
            Command::Apply(apply) => apply.is_json(),
            Command::Status(status) => status.is_json(),
            Command::Drift(drift) => drift.is_json(),
            Command::Hold(hold) => hold.is_json(),
            Command::Release(release) => release.is_json(),
            _ => false,
        };
        is_result || self.global.log_format == LogFormat::Json
    }

    /// Which log lines to write.
    #[must_use]
    pub fn log_filter(&self) -> &str {
        let is_long = match &self.command {
            Command::Validate(validate) => validate.is_of_all(),
            Command::Plan(plan) => plan.is_of_all(),
            Command::Apply(apply) => apply.is_of_all(),
            Command::Drift(_) => true,
            _ => false,
        };
        let default = if is_long && self.global.shows_progress() { "warn" } else { "info" };
        self.global.log.as_deref().unwrap_or(default)
    }
}

/// Runs the command.
///
/// # Errors
/// Whatever ended it; to be printed by [`print_error`].
pub async fn run(cli: Cli) -> Result<Exit, Error> {
    let global = &cli.global;
    match cli.command {
        Command::Validate(command) => command.run(global).await,
        Command::Schema(command) => command.run(global),
        Command::Plan(command) => command.run(global).await,
        Command::Apply(command) => command.run(global).await,
        Command::Status(command) => command.run(global).await,
        Command::Drift(command) => command.run(global).await,
        Command::Hold(command) => command.run(global).await,
        Command::Release(command) => command.run(global).await,
        Command::Serve(command) => command.run(global).await,
        Command::Embedded(command) => command.run(global).await,
    }
}
