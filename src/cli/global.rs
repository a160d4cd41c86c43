//! Options that several subcommands share, and what follows from them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use super::detached::run_detached;
use super::output::{Color, notice};
use crate::embedded;
use crate::error::Error;
use crate::fleet::{Fleet, Settings};
use crate::locks::TableLock;
use crate::manifest;
use crate::pg::{Limits, Target};
use crate::reconcile::Retry;

/// Options that all subcommands take.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Common options")]
pub struct Global {
    /// The manifest; files that it names are in its folder.
    #[arg(
        long,
        short = 'f',
        global = true,
        env = "PROVISION_MANIFEST",
        default_value = "schema.toml",
        value_name = "FILE"
    )]
    pub manifest: PathBuf,

    /// The database, as postgres://user@host:port/name?sslmode=…; what it leaves out is taken
    /// from PGHOST, PGUSER, ~/.pgpass and the like.
    #[arg(long, global = true, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,

    /// A server that elaborates the manifest, where the role may not create a schema in the
    /// database itself (a read-only role, a standby).
    #[arg(
        long,
        global = true,
        env = "PROVISION_ELABORATE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    elaborate_url: Option<String>,

    /// How long one attempt waits for a lock. Behind a statement that waits for a table, all later
    /// readers of the table wait as well; the pause before the next attempt is longer than this.
    #[arg(long, global = true, default_value = "2", value_name = "SECONDS", value_parser = some_seconds)]
    lock_timeout: Duration,

    /// Refuse plans with a step that takes a stronger lock than this on a table that exists already: PostgreSQL's lock modes,
    /// from access-share to access-exclusive. With `share`, nothing blocks reading.
    #[arg(long, global = true, value_name = "MODE", value_parser = <TableLock as std::str::FromStr>::from_str)]
    max_lock: Option<TableLock>,

    /// How long one statement may run; 0 is no limit.
    #[arg(long, global = true, default_value = "0", value_name = "SECONDS", value_parser = seconds)]
    statement_timeout: Duration,

    /// How often a transaction is tried before a lock timeout, a deadlock or a lost connection
    /// is reported. The default is 6, or 3 for serve.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    attempts: Option<u32>,

    /// The name in the tenant's record of who applied.
    #[arg(long, global = true, env = "PROVISION_ACTOR", value_name = "NAME")]
    actor: Option<String>,

    /// Show all that the server says of an error, values of rows included, such as "Key
    /// (email)=(…) already exists."; without it, they are left out of messages and logs.
    #[arg(long, global = true, env = "PROVISION_SHOW_VALUES", value_parser = clap::builder::FalseyValueParser::new())]
    show_values: bool,

    /// The format of log lines on stderr.
    #[arg(
        long,
        global = true,
        env = "PROVISION_LOG_FORMAT",
        default_value = "human",
        value_name = "FORMAT"
    )]
    pub log_format: LogFormat,

    /// Which log lines: error, warn, info, debug, trace, or a filter such as provision=debug. The
    /// default is info, or warn where a progress bar is shown.
    #[arg(long, global = true, env = "PROVISION_LOG", value_name = "FILTER", value_parser = log_filter)]
    pub log: Option<String>,

    /// When to use colours; `auto`: on terminals, unless `NO_COLOR` is set.
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub color: Color,
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// A word that is not a level would be taken for a part of the program, and would silence all others.
fn log_filter(text: &str) -> Result<String, String> {
    for directive in text.split(',').map(str::trim) {
        if !LEVELS.contains(&directive) && !directive.contains('=') {
            return Err(format!(
                "{directive:?} is neither a level ({}) nor a filter such as provision=debug",
                LEVELS.join(", ")
            ));
        }
    }
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Human,
    Json,
}

/// Result formats of commands that have a short and a complete form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// For programs; keys are stable.
    Json,
}

impl Global {
    /// Whether log lines are coloured.
    #[must_use]
    pub fn colours_stderr(&self) -> bool {
        use std::io::IsTerminal as _;
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                std::io::stderr().is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        }
    }

    /// Whether a progress bar would be seen, and not be broken up by log lines.
    #[must_use]
    pub fn shows_progress(&self) -> bool {
        use std::io::IsTerminal as _;
        std::io::stderr().is_terminal()
            && self.log_format == LogFormat::Human
            && matches!(self.log.as_deref(), None | Some("warn" | "error" | "off"))
    }

    /// Reads the manifest and finds the servers.
    pub(super) async fn fleet(&self) -> Result<Fleet, Error> {
        self.fleet_with(Retry::default()).await
    }

    /// The same, with a different number of attempts unless one is given.
    pub(super) async fn fleet_with(&self, retry: Retry) -> Result<Fleet, Error> {
        let file = self.manifest.clone();
        let manifest = run_detached("read the manifest", move || manifest::load(&file)).await??;
        let settings = Settings {
            limits: Limits { lock: self.lock_timeout, statement: self.statement_timeout },
            retry: Retry { attempts: self.attempts.unwrap_or(retry.attempts), ..retry },
            max_lock: self.max_lock,
            actor: self.actor.clone().unwrap_or_else(operating_system_user),
            elaborate_on: self
                .elaborate_url
                .as_deref()
                .map(|url| self.target_of(url))
                .transpose()?,
        };
        let mut servers = Vec::new();
        for server in &manifest.servers {
            let url = std::env::var(&server.url_env).unwrap_or_default();
            if url.is_empty() {
                return Err(Error::Usage(format!(
                    "server {} has no URL: the environment variable {} is not set",
                    server.name, server.url_env
                )));
            }
            servers.push((Some(server.name.clone()), self.target_of(&url)?));
        }
        if servers.is_empty() {
            servers.push((None, self.target().await?.with_values(self.show_values)));
        }
        Ok(Fleet::new(manifest, servers, &settings))
    }

    fn target_of(&self, url: &str) -> Result<Target, Error> {
        Ok(Target::from_url(url)?.with_values(self.show_values))
    }

    async fn target(&self) -> Result<Target, Error> {
        if let Some(url) = self.database_url.as_deref() {
            // As from a secret that is missing: no other server may be used instead.
            if url.is_empty() {
                return Err(Error::Usage(
                    "the database URL is empty; to use the PG* variables or the embedded server, \
                     leave out --database-url and unset DATABASE_URL"
                        .into(),
                ));
            }
            return Ok(Target::from_url(url)?);
        }
        if let Some(target) = Target::from_environment()? {
            return Ok(target);
        }
        let cluster =
            tokio::task::spawn_blocking(
                || embedded::ensure_running(&embedded::Config::for_user()?),
            )
            .await
            .map_err(|error| Error::Io {
                doing: "start the embedded server".into(),
                source: std::io::Error::other(error),
            })??;
        notice(&format!(
            "using the embedded PostgreSQL {} in {} (give --database-url for another server)",
            cluster.version,
            cluster.data_dir.display()
        ));
        Ok(Target::from_socket(&cluster.socket_dir, cluster.port, &cluster.user, &cluster.database))
    }
}

/// In containers and under some supervisors, no variable has the name.
fn operating_system_user() -> String {
    let variables = ["USER", "LOGNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
    let named = variables.into_iter().find(|name| !name.is_empty());
    named.or_else(embedded::operating_system_user).unwrap_or_default()
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    // PostgreSQL counts timeouts in milliseconds, in 32 bits.
    if !(0.0..=2_000_000.0).contains(&seconds) {
        return Err("not between 0 and 2000000 seconds".into());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Not waiting for a lock at all would never succeed, and for PostgreSQL 0 means no limit.
fn some_seconds(text: &str) -> Result<Duration, String> {
    let duration = seconds(text)?;
    if duration < Duration::from_millis(1) {
        return Err("not at least 0.001 seconds".into());
    }
    Ok(duration)
}
