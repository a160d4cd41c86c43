//! Where a server is and how to reach it, with the meanings that libpq gives to its settings
//! (PostgreSQL manual, §34.1, §34.15, §34.19).

mod opened_by_sqlx;
mod url;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};

use super::error::{Cause, PgError, ServerError};
use crate::causes::chain;
use crate::manifest::Trust;
use crate::name::Ident;

/// Variables that say which server is meant. With none of them set, none is.
const SERVER_VARIABLES: [&str; 5] = ["PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER"];

/// What sqlx calls a user whose name it could not learn.
const UNKNOWN_USER: &str = "unknown";

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// A server to connect to. Neither `Debug` nor `Display` shows the password.
#[derive(Clone)]
pub struct Target {
    /// Everything but the encryption mode.
    options: PgConnectOptions,
    ssl_mode: PgSslMode,
    timeout: Duration,
    label: String,
    /// Whether it has been reported that a connection is not encrypted.
    is_warned: Arc<AtomicBool>,
    /// Whether a connection has been established before.
    was_reached: Arc<AtomicBool>,
    values: bool,
    trust: Arc<Trust>,
    /// See [`Target::with_unmanaged`].
    unmanaged: Arc<[Ident]>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.label)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

impl Target {
    /// A server named by a URL `postgres://user:password@host:port/database?sslmode=…`; what it
    /// leaves out is taken from the `PG*` variables and the password file.
    ///
    /// # Errors
    /// When the URL, a parameter in it, a variable, or a file that one of them names is not usable.
    pub fn from_url(url: &str) -> Result<Self, PgError> {
        let (base, parameters) = url::split(url)?;
        let value_of =
            |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| &**value);
        if value_of("channel_binding") == Some("require") {
            return Err(PgError::setting("channel_binding=require is not supported"));
        }
        check_variables()?;
        opened_by_sqlx::check(value_of)?;
        // sqlx warns of parameters that it does not know, with their values.
        let known = |key: &str| key != "connect_timeout" && key != "channel_binding";
        let kept = parameters
            .iter()
            .filter(|(key, value)| known(key) && !(key == "sslrootcert" && value == "system"));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
        // The error of sqlx may quote a part of the URL, and the password with it.
        let options = PgConnectOptions::from_str(&format!("{base}?{query}"))
            .map_err(|_| PgError::setting("the database URL cannot be parsed"))?;
        let timeout = value_of("connect_timeout")
            .map(str::to_owned)
            .or_else(|| std::env::var("PGCONNECT_TIMEOUT").ok());
        let ssl_mode =
            value_of("sslmode").map(str::to_owned).or_else(|| std::env::var("PGSSLMODE").ok());
        let root = value_of("sslrootcert")
            .map(str::to_owned)
            .or_else(|| std::env::var("PGSSLROOTCERT").ok());
        Self::new(options, timeout.as_deref(), ssl_mode.as_deref(), root.as_deref())
    }

    /// The server that the `PG*` variables name; `None` when they name none.
    ///
    /// # Errors
    /// When a variable is set to something unusable.
    pub fn from_environment() -> Result<Option<Self>, PgError> {
        if SERVER_VARIABLES.iter().all(|name| std::env::var_os(name).is_none()) {
            return Ok(None);
        }
        check_variables()?;
        opened_by_sqlx::check(|_| None)?;
        let variable = |name| std::env::var(name).ok();
        Self::new(
            PgConnectOptions::new(),
            variable("PGCONNECT_TIMEOUT").as_deref(),
            variable("PGSSLMODE").as_deref(),
            variable("PGSSLROOTCERT").as_deref(),
        )
        .map(Some)
    }

    /// A server on a private Unix socket; the environment is ignored.
    #[must_use]
    pub fn from_socket(directory: &Path, port: u16, user: &str, database: &str) -> Self {
        let options = PgConnectOptions::new_without_pgpass()
            .socket(directory)
            .port(port)
            .username(user)
            .password("")
            .database(database);
        let label = format!("{user}@{}:{port}/{database}", directory.display());
        Self {
            options: finish(options),
            ssl_mode: PgSslMode::Disable,
            timeout: DEFAULT_TIMEOUT,
            label,
            is_warned: Arc::default(),
            was_reached: Arc::default(),
            values: false,
            trust: Arc::default(),
            unmanaged: Arc::default(),
        }
    }

    /// The same server; with `values`, its errors are shown in full, where otherwise what may
    /// contain values of rows is left out.
    #[must_use]
    pub fn with_values(self, values: bool) -> Self {
        Self { values, ..self }
    }

    /// The same server; code that belongs to the roles of `trust` may be run on it.
    #[must_use]
    pub fn with_trust(self, trust: Trust) -> Self {
        Self { trust: Arc::new(trust), ..self }
    }

    /// The same server; the partitions of these tables are left to another program.
    #[must_use]
    pub fn with_unmanaged(self, tables: impl IntoIterator<Item = Ident>) -> Self {
        Self { unmanaged: tables.into_iter().collect(), ..self }
    }

    pub(super) fn values(&self) -> bool {
        self.values
    }

    pub(super) fn unmanaged(&self) -> Arc<[Ident]> {
        Arc::clone(&self.unmanaged)
    }

    pub(super) fn trust(&self) -> Arc<Trust> {
        Arc::clone(&self.trust)
    }

    fn new(
        mut options: PgConnectOptions,
        timeout: Option<&str>,
        ssl_mode: Option<&str>,
        root: Option<&str>,
    ) -> Result<Self, PgError> {
        // libpq: a user that nothing names is that of the operating system.
        if ["", UNKNOWN_USER].contains(&options.get_username()) {
            options = options.username(&whoami::username().map_err(|_| {
                PgError::setting(
                    "no user is named, and the operating system has no name for the one that runs \
                     this; name one in the URL or as PGUSER",
                )
            })?);
        }
        let timeout = match timeout {
            None | Some("") => DEFAULT_TIMEOUT,
            Some(text) => match text.parse::<u64>() {
                // libpq: zero waits forever; this is long enough.
                Ok(0) => Duration::from_hours(24),
                Ok(seconds) => Duration::from_secs(seconds.max(2)),
                Err(_) => {
                    return Err(PgError::setting("the connect timeout is not a number of seconds"));
                }
            },
        };
        let ssl_mode = match ssl_mode {
            None => PgSslMode::Prefer,
            Some(text) => PgSslMode::from_str(text).map_err(|_| {
                PgError::setting(
                    "sslmode is one of disable, allow, prefer, require, verify-ca and verify-full",
                )
            })?,
        };
        match root {
            Some("system") if !matches!(ssl_mode, PgSslMode::VerifyFull) => {
                return Err(PgError::setting(
                    "sslrootcert=system goes with sslmode=verify-full only",
                ));
            }
            Some(_) => {}
            None => match default_file("root.crt") {
                Some(file) => options = options.ssl_root_cert(file),
                None if matches!(ssl_mode, PgSslMode::VerifyCa | PgSslMode::VerifyFull) => {
                    return Err(PgError::setting(
                        "sslmode=verify-ca and verify-full need sslrootcert (a file, or `system`), \
                         or the file ~/.postgresql/root.crt",
                    ));
                }
                None => {}
            },
        }
        // libpq: `require` checks the authority when there is a root certificate, and a connection
        // over a Unix socket is never encrypted.
        let ssl_mode = match ssl_mode {
            _ if options.get_socket().is_some() || options.get_host().starts_with('/') => {
                PgSslMode::Disable
            }
            PgSslMode::Require if root.is_some() || default_file("root.crt").is_some() => {
                PgSslMode::VerifyCa
            }
            other => other,
        };
        let database = options.get_database().unwrap_or(options.get_username()).to_owned();
        let place = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => options.get_host().to_owned(),
        };
        let label = format!("{}@{place}:{}/{database}", options.get_username(), options.get_port());
        Ok(Self {
            options: finish(options),
            ssl_mode,
            timeout,
            label,
            is_warned: Arc::default(),
            was_reached: Arc::default(),
            values: false,
            trust: Arc::default(),
            unmanaged: Arc::default(),
        })
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// As [`Target::connect`].
    pub(super) async fn open(&self) -> Result<PgConnection, PgError> {
        self.connect(async |options| options.connect().await).await
    }

    /// Connects by `connect`, with the options for each way that `sslmode` allows.
    ///
    /// # Errors
    /// [`PgError::Connect`] when the server cannot be reached, refuses, or does not answer in time.
    pub(super) async fn connect<T>(
        &self,
        connect: impl AsyncFn(PgConnectOptions) -> Result<T, sqlx::Error>,
    ) -> Result<T, PgError> {
        match self.in_allowed_ways(&connect).await {
            Ok(connection) => {
                self.was_reached.store(true, Ordering::Relaxed);
                Ok(connection)
            }
            Err(cause) => {
                let is_away = matches!(cause, Cause::Unreachable(_) | Cause::Lost(_))
                    && self.was_reached.load(Ordering::Relaxed);
                let source = if is_away { Cause::Away(Box::new(cause)) } else { cause };
                Err(PgError::Connect { target: self.label.clone(), source })
            }
        }
    }

    async fn in_allowed_ways<T>(
        &self,
        connect: &impl AsyncFn(PgConnectOptions) -> Result<T, sqlx::Error>,
    ) -> Result<T, Cause> {
        let first = match self.attempt(connect, self.ssl_mode).await {
            Ok(connection) => return Ok(connection),
            Err(first) => first,
        };
        let Some(ssl_mode) = self.second_choice(&first) else {
            return Err(first);
        };
        match self.attempt(connect, ssl_mode).await {
            // That is about encryption, too: the error of the first attempt is the one to fix.
            Err(Cause::Server(error)) if is_refusal(&error) => Err(first),
            Err(second) => Err(second),
            Ok(connection) => {
                if matches!(ssl_mode, PgSslMode::Disable) {
                    self.warn_of_plaintext(&first);
                }
                Ok(connection)
            }
        }
    }

    /// How to try again after the first attempt has failed in this way: with `allow`, encrypted; with
    /// `prefer`, unencrypted.
    fn second_choice(&self, first: &Cause) -> Option<PgSslMode> {
        match (self.ssl_mode, first) {
            (PgSslMode::Allow, Cause::Server(error)) if is_refusal(error) => {
                Some(PgSslMode::Require)
            }
            (PgSslMode::Prefer, Cause::Server(error)) if is_refusal(error) => {
                Some(PgSslMode::Disable)
            }
            // A server that does not support TLS may also just close the connection.
            (PgSslMode::Prefer, Cause::Tls(_) | Cause::Lost(_) | Cause::Client(_)) => {
                Some(PgSslMode::Disable)
            }
            _ => None,
        }
    }

    fn warn_of_plaintext(&self, first: &Cause) {
        if !self.is_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                server = self.label,
                error = chain(first),
                "connected without encryption, as sslmode=prefer allows"
            );
        }
    }

    async fn attempt<T>(
        &self,
        connect: &impl AsyncFn(PgConnectOptions) -> Result<T, sqlx::Error>,
        ssl_mode: PgSslMode,
    ) -> Result<T, Cause> {
        let options = self.options.clone().ssl_mode(ssl_mode);
        match tokio::time::timeout(self.timeout, connect(options)).await {
            Ok(Err(sqlx::Error::Io(error))) if is_unreachable(&error) => {
                Err(Cause::Unreachable(error))
            }
            Ok(result) => result.map_err(Cause::from),
            Err(_) => Err(Cause::Timeout(self.timeout.as_secs())),
        }
    }
}

/// "No entry in `pg_hba.conf`", which may be for connections with or without encryption only.
fn is_refusal(error: &ServerError) -> bool {
    error.sqlstate == "28000"
}

/// Whether there was no answer at all, or there is no such address.
fn is_unreachable(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    // Errors of the resolver have no kind of their own.
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::AddrNotAvailable
            | ErrorKind::TimedOut
            | ErrorKind::NotFound
            | ErrorKind::PermissionDenied
    ) || error.to_string().starts_with("failed to lookup address information")
}

/// Options of all our connections. Statements are not logged: they contain seed values. The
/// one start-up parameter that PgBouncer refuses by default is not sent; each transaction sets it.
fn finish(options: PgConnectOptions) -> PgConnectOptions {
    let named = options.get_application_name().is_some();
    let options =
        options.disable_statement_logging().statement_cache_capacity(0).extra_float_digits(None);
    if named { options } else { options.application_name("provision") }
}

/// sqlx uses its default for a variable that it cannot parse; a typing error in `PGSSLMODE` would
/// thus turn encryption off.
fn check_variables() -> Result<(), PgError> {
    let bad = |name: &str, good: fn(&str) -> bool| {
        std::env::var_os(name).is_some_and(|value| !value.to_str().is_some_and(good))
    };
    if bad("PGPORT", |port| port.parse::<u16>().is_ok()) {
        return Err(PgError::setting("PGPORT is not a port number"));
    }
    if bad("PGSSLMODE", |mode| PgSslMode::from_str(mode).is_ok()) {
        return Err(PgError::setting(
            "PGSSLMODE is one of disable, allow, prefer, require, verify-ca and verify-full",
        ));
    }
    if std::env::var_os("PGSSLROOTCERT").is_some_and(|root| root == "system") {
        return Err(PgError::setting(
            "give sslrootcert=system in the database URL, not in PGSSLROOTCERT",
        ));
    }
    if std::env::var_os("PGSERVICE").is_some() {
        return Err(PgError::setting("PGSERVICE is not supported; use PGHOST and the like"));
    }
    Ok(())
}

fn default_file(name: &str) -> Option<PathBuf> {
    let file = etcetera::home_dir().ok()?.join(".postgresql").join(name);
    file.is_file().then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_a_target_shows_the_password() {
        let target = Target::from_url("postgres://me:s3cret@db.example:6432/app").unwrap();
        assert_eq!(target.to_string(), "me@db.example:6432/app");
        assert!(!format!("{target:?}").contains("s3cret"));
    }
}
