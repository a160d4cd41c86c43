//! Why there is no embedded server.

use std::io;
use std::path::{Path, PathBuf};

use crate::explain::Explain;

/// What can keep the embedded server from running.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error("no PostgreSQL server binaries were found; looked in {}", list(looked_in))]
    NoBinaries { looked_in: Vec<PathBuf> },
    #[error("{} has no usable initdb, pg_ctl and postgres", dir.display())]
    UnusableBinaries { dir: PathBuf },
    #[error("the user has no home folder to keep an embedded server in")]
    NoHome,
    #[error("there is no unprivileged account (postgres or nobody) to run the server under")]
    NoAccount,
    #[error("cannot {doing} {}", path.display())]
    Io {
        doing: String,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{program} failed: {output}")]
    Program { program: String, output: String },
    #[error("the embedded server does not start; the end of {}:\n{tail}", log.display())]
    NotStarted { log: PathBuf, tail: String },
    #[error("{} is not safe to put a socket in: {reason}", dir.display())]
    UnsafeFolder { dir: PathBuf, reason: String },
    #[error("{} was not made by this tool, so it is not deleted", root.display())]
    ForeignFolder { root: PathBuf },
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

impl Explain for EmbeddedError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoBinaries { .. } | Self::UnusableBinaries { .. } => "embedded-no-binaries",
            Self::NoHome | Self::NoAccount => "embedded-no-account",
            Self::Io { .. } => "embedded-io",
            Self::Program { .. } => "embedded-program",
            Self::NotStarted { .. } => "embedded-not-started",
            Self::UnsafeFolder { .. } | Self::ForeignFolder { .. } => "embedded-unsafe-folder",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoBinaries { .. } => Some(
                "install them (apt-get install postgresql, dnf install postgresql-server, brew \
                 install postgresql), name their folder in PROVISION_PG_BIN, or name a server with \
                 --database-url"
                    .into(),
            ),
            Self::UnusableBinaries { .. } => {
                Some("PROVISION_PG_BIN must name the folder that holds them".into())
            }
            Self::NoHome => Some("set PROVISION_EMBEDDED_DIR, or HOME".into()),
            Self::NoAccount => Some("run this as an ordinary user".into()),
            Self::ForeignFolder { .. } => {
                Some("set PROVISION_EMBEDDED_DIR to the folder of an embedded server".into())
            }
            Self::UnsafeFolder { .. } => {
                Some("set PROVISION_EMBEDDED_DIR to a folder that nobody else can write to".into())
            }
            Self::Io { .. } | Self::Program { .. } | Self::NotStarted { .. } => None,
        }
    }
}

pub(super) fn io(doing: &str, path: &Path, source: io::Error) -> EmbeddedError {
    EmbeddedError::Io { doing: doing.to_owned(), path: path.to_owned(), source }
}
