//! What can go wrong between this tool and a server, and whether a retry may help.

mod server;

use crate::explain::Explain;
use crate::files::FileError;
use crate::words::counted;
use tokio_rustls::rustls;

pub use server::ServerError;

/// A failure in the communication with a PostgreSQL server.
#[derive(Debug, thiserror::Error)]
pub enum PgError {
    #[error("the connection setting is not usable: {reason}")]
    Setting { reason: String },
    /// A file that the connection settings name.
    #[error(transparent)]
    File(#[from] FileError),
    #[error("cannot connect to {target}")]
    Connect {
        target: String,
        #[source]
        source: Cause,
    },
    #[error("{doing} failed")]
    Query {
        /// What was being done, such as "reading schema \"acme\"".
        doing: String,
        #[source]
        source: Cause,
    },
    /// The registry's query alone failed.
    #[error("the registry of tenants cannot be read")]
    Registry {
        #[source]
        source: Cause,
    },
    /// An answer that this version does not understand.
    #[error("{doing}: the server answered with something unexpected: {reason}")]
    Answer { doing: String, reason: String },
}

/// Why the server, or the connection to it, failed.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    #[error(transparent)]
    Server(Box<ServerError>),
    /// No connection was ever established.
    #[error(transparent)]
    Unreachable(std::io::Error),
    /// There were connections before, and now none can be established: the server may be
    /// restarting.
    #[error(transparent)]
    Away(Box<Self>),
    #[error("the connection was lost")]
    Lost(#[source] sqlx::Error),
    #[error("TLS failed")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("no answer within {}", counted(*.0, "second"))]
    Timeout(u64),
    #[error(transparent)]
    Client(sqlx::Error),
}

impl From<sqlx::Error> for Cause {
    /// Without values of rows.
    fn from(error: sqlx::Error) -> Self {
        Self::new(error, false)
    }
}

/// rustls reports a handshake that failed through the socket that it reads from.
fn tls_error(error: &std::io::Error) -> Option<TlsError> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(if error.to_string().contains("UnsupportedCertVersion") {
        TlsError::OldCertificate
    } else {
        TlsError::Handshake(error.clone())
    })
}

/// Why no encrypted connection could be established.
#[derive(Debug, thiserror::Error)]
enum TlsError {
    #[error(transparent)]
    Handshake(rustls::Error),
    /// rustls accepts no other version, whatever is to be verified.
    #[error("the server's certificate is of X.509 version 1, and only version 3 is supported here")]
    OldCertificate,
}

impl Cause {
    /// The cause that `error` reports; what may contain values of rows is included only with `values`.
    pub(super) fn new(error: sqlx::Error, values: bool) -> Self {
        match error {
            sqlx::Error::Database(error) => {
                Self::Server(Box::new(ServerError::new(&*error, values)))
            }
            sqlx::Error::Io(error) => match tls_error(&error) {
                Some(tls) => Self::Tls(tls.into()),
                None => Self::Lost(sqlx::Error::Io(error)),
            },
            sqlx::Error::Tls(error) => Self::Tls(error),
            sqlx::Error::WorkerCrashed => Self::Lost(error),
            // sqlx reports a socket that closes in the middle of a message as a protocol error.
            other => Self::Client(other),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Server(error) => return error.advice(),
            Self::Away(cause) => return cause.hint(),
            Self::Unreachable(_) => {
                "check host and port, that the server runs, and that nothing between here and \
                 there keeps connections away"
            }
            Self::Tls(_) => {
                "give the server a certificate of X.509 version 3 that the sslmode in force \
                 accepts, or say sslmode=disable where the network itself is trusted"
            }
            Self::Lost(_) | Self::Timeout(_) | Self::Client(_) => return None,
        };
        Some(hint.into())
    }

    /// The same where it was caused by a baseline row that was inserted.
    #[must_use]
    pub fn hint_for_row(&self) -> Option<String> {
        match self {
            Self::Server(error) => error.advice_for_row(),
            _ => self.hint(),
        }
    }

    /// The SQLSTATE, if the server reported the error.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Server(error) => Some(&error.sqlstate),
            _ => None,
        }
    }

    /// The character of the statement that the server's error points to, from one.
    #[must_use]
    pub fn position(&self) -> Option<usize> {
        match self {
            Self::Server(error) => error.position,
            _ => None,
        }
    }

    /// Whether the session is lost, so that it is unknown what the server did last.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Away(_) | Self::Lost(_) | Self::Timeout(_) => true,
            Self::Server(error) => {
                error.is_connection_error()
                    || matches!(&*error.sqlstate, "57P01" | "57P02" | "57P03" | "57P05" | "25P03")
            }
            Self::Tls(_) => false,
            Self::Client(error) => matches!(error, sqlx::Error::Protocol(_)),
        }
    }

    /// Whether the same transaction, when it is retried, may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        if self.is_lost() {
            return true;
        }
        let Self::Server(error) = self else {
            return false;
        };
        match &*error.sqlstate {
            // lock not available, deadlock, serialization failure, too many connections
            "55P03" | "40P01" | "40001" | "53300" => true,
            // Another session changed the catalog at the same moment: a unique violation in
            // pg_catalog itself, or an object that was dropped while it was being deparsed.
            "23505" => error.schema.as_deref() == Some("pg_catalog"),
            "XX000" => {
                error.message.starts_with("cache lookup failed")
                    || error.message.starts_with("could not open relation with OID")
                    || error.message.starts_with("tuple concurrently")
            }
            _ => false,
        }
    }
}

impl Explain for PgError {
    fn code(&self) -> &'static str {
        match self {
            Self::Setting { .. } | Self::File(_) => "connection-setting",
            Self::Connect { .. } => "connect-failed",
            Self::Answer { .. } => "unexpected-answer",
            Self::Query { source, .. } => match source.sqlstate() {
                Some("55P03") => "lock-timeout",
                Some("42501") => "permission-denied",
                _ if source.is_lost() => "connection-lost",
                _ => "database-error",
            },
            // A transient error says nothing about the registry itself.
            Self::Registry { source } => match source.sqlstate() {
                Some("55P03") => "lock-timeout",
                _ if source.is_lost() => "connection-lost",
                _ => "registry-unreadable",
            },
        }
    }

    fn hint(&self) -> Option<String> {
        if let Self::Setting { .. } = self {
            return Some(
                "give --database-url, DATABASE_URL or the PG* variables as for psql; with none \
                 of them the embedded server is used"
                    .into(),
            );
        }
        if let Self::Registry { source: Cause::Server(error) } = self
            && self.code() == "registry-unreadable"
        {
            let advice = "check the query in [tenants], and that the role may read what it names";
            return Some(error.advice_with(advice));
        }
        self.cause().and_then(Cause::hint)
    }

    fn sqlstate(&self) -> Option<&str> {
        self.cause().and_then(Cause::sqlstate)
    }
}

impl PgError {
    /// The same, without `text` in what the server said.
    pub(super) fn without(self, text: &str) -> Self {
        self.replacing(text, "")
    }

    pub(super) fn replacing(mut self, text: &str, other: &str) -> Self {
        if let Self::Query { source: Cause::Server(error), .. } = &mut self {
            error.message = error.message.replace(text, other);
        }
        self
    }

    pub(super) fn setting(reason: impl Into<String>) -> Self {
        Self::Setting { reason: reason.into() }
    }

    /// Why, if it was the server or the connection to it.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Connect { source, .. }
            | Self::Query { source, .. }
            | Self::Registry { source } => Some(source),
            Self::Setting { .. } | Self::File(_) | Self::Answer { .. } => None,
        }
    }

    /// See [`Cause::is_lost`].
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.cause().is_some_and(Cause::is_lost)
    }

    /// See [`Cause::is_transient`].
    #[must_use]
    pub fn is_transient(&self) -> bool {
        // A server that cannot be reached at all is reported at once, unless it accepts no connections for
        // the moment or has been reached before.
        match self {
            Self::Connect { source, .. } => {
                matches!(source, Cause::Away(_))
                    || matches!(source.sqlstate(), Some("53300" | "57P03"))
            }
            _ => self.cause().is_some_and(Cause::is_transient),
        }
    }
}
