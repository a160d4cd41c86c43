//! What can go wrong between this tool and a server, and whether trying again may help.

use std::fmt;

use tokio_rustls::rustls;

/// A failure in talking to a PostgreSQL server.
#[derive(Debug, thiserror::Error)]
pub enum PgError {
    #[error("the connection setting is not usable: {reason}")]
    Setting { reason: String },
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
    /// An answer that this version does not understand.
    #[error("{doing}: the server answered with something unexpected: {reason}")]
    Answer { doing: String, reason: String },
}

/// Why the server or the way to it refused.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    #[error(transparent)]
    Server(Box<ServerError>),
    /// There never was a connection.
    #[error(transparent)]
    Unreachable(std::io::Error),
    #[error("the connection was lost")]
    Lost(#[source] sqlx::Error),
    #[error("TLS failed")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("no answer within {0} seconds")]
    Timeout(u64),
    #[error(transparent)]
    Client(sqlx::Error),
}

/// An error that the server reported, in its words.
#[derive(Debug)]
pub struct ServerError {
    /// Five characters (PostgreSQL manual, appendix A).
    pub sqlstate: String,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// Name of the violated constraint, if that is the trouble.
    pub constraint: Option<String>,
    schema: Option<String>,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (SQLSTATE {})", self.message, self.sqlstate)?;
        if let Some(detail) = &self.detail {
            write!(f, "; {detail}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ServerError {}

impl From<sqlx::Error> for Cause {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => Self::Server(Box::new(server_error(&*error))),
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

/// Why no encrypted connection came about.
#[derive(Debug, thiserror::Error)]
enum TlsError {
    #[error(transparent)]
    Handshake(rustls::Error),
    /// rustls takes no other version, whatever is to be verified.
    #[error("the server's certificate is of X.509 version 1, and only version 3 is supported here")]
    OldCertificate,
}

fn server_error(error: &(dyn sqlx::error::DatabaseError + 'static)) -> ServerError {
    let pg = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>();
    ServerError {
        sqlstate: error.code().unwrap_or_default().into_owned(),
        message: error.message().to_owned(),
        // "Failing row contains (…)" would carry a tenant's data into logs.
        detail: pg
            .and_then(|e| e.detail())
            .filter(|detail| !detail.starts_with("Failing row contains"))
            .map(str::to_owned),
        hint: pg.and_then(|e| e.hint()).map(str::to_owned),
        constraint: error.constraint().map(str::to_owned),
        schema: pg.and_then(|e| e.schema()).map(str::to_owned),
    }
}

impl Cause {
    /// The server's five characters, if it said anything.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Server(error) => Some(&error.sqlstate),
            _ => None,
        }
    }

    /// Whether the session is gone, so that it is unknown what the server did last.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Lost(_) | Self::Timeout(_) => true,
            Self::Server(error) => {
                error.sqlstate.starts_with("08")
                    || matches!(&*error.sqlstate, "57P01" | "57P02" | "57P03" | "57P05" | "25P03")
            }
            Self::Tls(_) => false,
            Self::Client(error) => matches!(error, sqlx::Error::Protocol(_)),
        }
    }

    /// Whether the same transaction, run anew, may succeed.
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
            // Somebody else changed the catalog at the same moment: a unique violation in
            // pg_catalog itself, or an object that went away while it was being deparsed.
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

impl PgError {
    /// Why, if it was the server or the way to it.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Connect { source, .. } | Self::Query { source, .. } => Some(source),
            Self::Setting { .. } | Self::Answer { .. } => None,
        }
    }

    /// The server's five characters, if it said anything.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&str> {
        self.cause().and_then(Cause::sqlstate)
    }

    /// See [`Cause::is_lost`].
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.cause().is_some_and(Cause::is_lost)
    }

    /// See [`Cause::is_transient`].
    #[must_use]
    pub fn is_transient(&self) -> bool {
        // A server that cannot be reached at all is reported at once, unless it said "later".
        match self {
            Self::Connect { source, .. } => {
                matches!(source.sqlstate(), Some("53300" | "57P03"))
            }
            _ => self.cause().is_some_and(Cause::is_transient),
        }
    }

    /// Stable identifier for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Setting { .. } => "connection-setting",
            Self::Connect { .. } => "connect-failed",
            Self::Answer { .. } => "unexpected-answer",
            Self::Query { source, .. } => match source.sqlstate() {
                Some("55P03") => "lock-timeout",
                Some("42501") => "permission-denied",
                _ if source.is_lost() => "connection-lost",
                _ => "database-error",
            },
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        if let Self::Setting { .. } = self {
            return Some(
                "give --database-url, DATABASE_URL or the PG* variables as for psql; with none \
                 of them the embedded server is used"
                    .into(),
            );
        }
        match self.cause() {
            Some(Cause::Unreachable(_)) => Some(
                "check host and port, that the server runs, and that nothing between here and \
                 there keeps connections away"
                    .into(),
            ),
            Some(Cause::Tls(_)) => Some(
                "give the server a certificate of X.509 version 3 that the sslmode in force \
                 accepts, or say sslmode=disable where the network itself is trusted"
                    .into(),
            ),
            _ => hint_for(self.sqlstate()),
        }
    }
}

/// What to do about an error of the server.
#[must_use]
pub fn hint_for(sqlstate: Option<&str>) -> Option<String> {
    let hint = match sqlstate? {
        "28P01" | "28000" => "check the user, the password (PGPASSWORD, ~/.pgpass) and pg_hba.conf",
        "3D000" => "create the database first, or name another one",
        "42501" => {
            "connect as the role that owns the tenants' schemas; it needs CREATE on the \
             database, and REFERENCES on tables outside that foreign keys point to"
        }
        "53100" => "the server's disk is full",
        "53200" => "raise max_locks_per_transaction or the server's memory settings",
        "53300" => "raise max_connections, or close sessions that are not needed",
        "55P03" => "raise --lock-timeout, or end the session that holds the lock",
        "25006" => "this server is read-only; use the primary",
        "57014" => "the statement was cancelled by an administrator or a timeout",
        "23502" => {
            "a column that is NOT NULL without a default cannot be added to a table with \
             rows; give it a default, or null = true"
        }
        "23503" | "23505" | "23514" | "23P01" => {
            "rows that are there already break the rule; repair them first"
        }
        "42704" | "42P01" | "42883" => {
            "expressions see the server's own objects only; write {schema}.name for one of \
             the tenant's schema, and the schema's name before any other"
        }
        "22P05" | "22021" => "the database's encoding cannot hold a character; use UTF8",
        _ => return None,
    };
    Some(hint.into())
}
