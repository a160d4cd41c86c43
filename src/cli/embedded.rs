//! `provision embedded`: the private server that is used when no database is named.

use clap::Subcommand;

use super::{Exit, Global, output};
use crate::embedded::{self, Config, EmbeddedError};
use crate::error::Error;

/// Manage the embedded PostgreSQL server.
///
/// When no database is named, a private PostgreSQL cluster is created in the user's data folder from
/// the server binaries that are installed, started on demand, and kept running for the next
/// command. It listens on a Unix socket in a private folder, never on the network. Its binaries are
/// searched for in `PROVISION_PG_BIN`, `pg_config --bindir`, the usual folders and PATH;
/// `PROVISION_EMBEDDED_DIR`, if set, names its folder.
#[derive(Debug, Subcommand)]
#[command(override_usage = "provision embedded [OPTIONS] <COMMAND>")]
pub(super) enum Embedded {
    /// Show where the server is and whether it runs.
    #[command(override_usage = "provision embedded status [OPTIONS]")]
    Status,
    /// Start the server, creating it first if necessary.
    #[command(override_usage = "provision embedded start [OPTIONS]")]
    Start,
    /// Stop the server; the next command that needs it starts it again.
    #[command(override_usage = "provision embedded stop [OPTIONS]")]
    Stop,
    /// Stop the server and delete all its data.
    #[command(override_usage = "provision embedded destroy [OPTIONS]")]
    Destroy,
}

impl Embedded {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Error> {
        let work = move || -> Result<String, EmbeddedError> {
            let config = Config::for_user()?;
            Ok(match self {
                Self::Status => format!("{}\n", embedded::status(&config)?),
                Self::Start => {
                    let cluster = embedded::ensure_running(&config)?;
                    format!(
                        "PostgreSQL {} runs in {}\n",
                        cluster.version,
                        cluster.data_dir.display()
                    )
                }
                Self::Stop if embedded::stop(&config)? => "stopped\n".into(),
                Self::Stop => "it was not running\n".into(),
                Self::Destroy if embedded::destroy(&config)? => "destroyed\n".into(),
                Self::Destroy => "there was nothing to destroy\n".into(),
            })
        };
        let text = tokio::task::spawn_blocking(work).await.map_err(|error| Error::Io {
            doing: "work on the embedded server".into(),
            source: std::io::Error::other(error),
        })??;
        output::result(global.color, &text)?;
        Ok(Exit::Done)
    }
}
