//! Where a cluster is, how it is run, and what it is.

use std::fmt;
use std::path::PathBuf;

use super::account;
use super::error::{EmbeddedError, io};

/// Name of the superuser role and of the database.
pub const NAME: &str = "provision";

/// The socket's folder is private, so its port does not matter.
pub const PORT: u16 = 5432;

/// Where a cluster is, and how it is run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Holds everything: data, log, lock, and the socket where its path is short enough.
    pub root: PathBuf,
    /// The folder of the server's binaries; `None`: they are searched for.
    pub bin_dir: Option<PathBuf>,
    pub durability: Durability,
    /// Settings of the server in addition to those of this module, by name.
    pub settings: Vec<(String, String)>,
}

/// Whether data must survive a crash of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    Durable,
    /// For tests: without `fsync`.
    Throwaway,
}

/// A running cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub socket_dir: PathBuf,
    pub port: u16,
    pub user: String,
    pub database: String,
    /// Such as `15.18`.
    pub version: String,
    pub data_dir: PathBuf,
    pub log: PathBuf,
}

/// What [`status`](super::status) finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    Absent { root: PathBuf },
    Stopped { data_dir: PathBuf },
    Running { data_dir: PathBuf, socket_dir: PathBuf, pid: u32 },
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent { root } => write!(f, "there is no cluster in {}", root.display()),
            Self::Stopped { data_dir } => write!(f, "stopped; data in {}", data_dir.display()),
            Self::Running { data_dir, socket_dir, pid } => write!(
                f,
                "running as process {pid}; data in {}; psql -h {} -U {NAME} {NAME}",
                data_dir.display(),
                socket_dir.display()
            ),
        }
    }
}

impl Config {
    /// The cluster of the user who runs this, in the folder for the user's data, or in the one
    /// that `PROVISION_EMBEDDED_DIR` names. Root's is in `/var/lib/provision/embedded`, where the
    /// account that the server runs under can reach it.
    ///
    /// # Errors
    /// When the user has no home.
    pub fn for_user() -> Result<Self, EmbeddedError> {
        let named = std::env::var_os("PROVISION_EMBEDDED_DIR").filter(|dir| !dir.is_empty());
        let root = match named {
            Some(dir) => PathBuf::from(dir),
            None if account::is_root()? => PathBuf::from("/var/lib/provision/embedded"),
            None => {
                use etcetera::BaseStrategy as _;
                etcetera::choose_base_strategy()
                    .map_err(|_| EmbeddedError::NoHome)?
                    .data_dir()
                    .join("provision/embedded")
            }
        };
        let root =
            std::path::absolute(&root).map_err(|source| io("find the folder", &root, source))?;
        let bin_dir = std::env::var_os("PROVISION_PG_BIN").filter(|dir| !dir.is_empty());
        Ok(Self {
            root,
            bin_dir: bin_dir.map(PathBuf::from),
            durability: Durability::Durable,
            settings: Vec::new(),
        })
    }
}
