//! One error for all commands.

use crate::embedded::EmbeddedError;
use crate::explain::{Explain, Failure};
use crate::files::{FileError, Unreadable};
use crate::manifest::ManifestError;
use crate::pg::PgError;
use crate::reconcile::ReconcileError;
use crate::server::{TOKEN_BYTES, TlsError, TokenError};

/// Anything that can end a command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    #[error(transparent)]
    Pg(#[from] PgError),
    #[error(transparent)]
    Reconcile(#[from] ReconcileError),
    #[error("the tokens from {from} are refused")]
    Tokens {
        /// The file or the variable.
        from: String,
        #[source]
        source: TokenError,
    },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    File(#[from] FileError),
    /// A list of tenants that is a pipe.
    #[error(transparent)]
    TenantsPipe(FileError),
    #[error("{0}")]
    Usage(String),
    /// No server could be queried for its tenants; this is why the first could not.
    #[error("{}", .0.message)]
    NoServer(Failure),
    /// The rest is in a report.
    #[error("{0}")]
    Incomplete(String),
    #[error("interrupted: the transactions in flight were given up")]
    Interrupted,
    #[error("cannot {doing}")]
    Io {
        doing: String,
        #[source]
        source: std::io::Error,
    },
}

impl Explain for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Manifest(error) => error.code(),
            Self::Embedded(error) => error.code(),
            Self::Pg(error) => error.code(),
            Self::Reconcile(error) => error.code(),
            Self::Tokens { .. } => "tokens-refused",
            Self::Tls(_) => "tls-refused",
            Self::Usage(_) => "usage",
            Self::NoServer(failure) => failure.code,
            Self::Incomplete(_) => "incomplete",
            Self::Interrupted => "interrupted",
            Self::File(_) | Self::TenantsPipe(_) | Self::Io { .. } => "io",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Manifest(error) => error.hint(),
            Self::Embedded(error) => error.hint(),
            Self::Pg(error) => error.hint(),
            Self::Reconcile(ReconcileError::Unregistered { .. }) => {
                Some("add it to the registry, or pass --unregistered".into())
            }
            Self::Reconcile(error) => error.hint(),
            Self::Interrupted => Some("run it again: what is done is not done twice".into()),
            Self::Tokens { .. } => Some(format!(
                "give one or two tokens of at least {TOKEN_BYTES} characters each, such as from \
                 `openssl rand -hex 32`"
            )),
            Self::TenantsPipe(_) => {
                Some("write the list to a file first, or pipe it in: --tenants-from -".into())
            }
            Self::File(FileError { source: Unreadable::Pipe, .. }) => {
                Some("write it to a file first".into())
            }
            Self::NoServer(failure) => failure.hint.clone(),
            Self::Usage(_)
            | Self::Incomplete(_)
            | Self::Tls(_)
            | Self::File(_)
            | Self::Io { .. } => None,
        }
    }

    fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Pg(error) => error.sqlstate(),
            Self::Reconcile(error) => error.sqlstate(),
            Self::NoServer(failure) => failure.sqlstate.as_deref(),
            _ => None,
        }
    }
}
