//! A private PostgreSQL cluster, created with the server binaries that are installed.
//!
//! It is initialised once, listens on a Unix socket in a private folder only, is started on demand
//! and keeps running for the next command. The folder is one per major version of the server:
//! after an upgrade of the binaries, a new cluster is created beside the old one.
//!
//! The functions block; asynchronous callers run them on a thread of their own.

mod account;
mod cluster;
mod config;
mod control;
mod error;
mod locate;
mod process;
mod socket;
mod throwaway;

pub use account::operating_system_user;
pub use cluster::ensure_running;
pub use config::{Cluster, Config, Durability, NAME, PORT, Status};
pub use control::{destroy, status, stop};
pub use error::EmbeddedError;
pub use locate::bin_dir;
pub use throwaway::{Throwaway, throwaway};
