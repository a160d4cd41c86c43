//! Checking, stopping and removing a cluster.

use std::fs;

use super::account;
use super::cluster::{Layout, MARKER, lock};
use super::error::{EmbeddedError, io};
use super::process::run;
use super::{Config, Status, locate, socket};

/// # Errors
/// When there are no binaries.
pub fn status(config: &Config) -> Result<Status, EmbeddedError> {
    let binaries = locate::binaries(config.bin_dir.as_deref())?;
    let layout = Layout::new(config, &binaries);
    if !layout.data.join("PG_VERSION").exists() {
        return Ok(Status::Absent { root: config.root.clone() });
    }
    let pid = fs::read_to_string(layout.data.join("postmaster.pid")).ok();
    let pid = pid.and_then(|text| text.lines().next()?.trim().parse().ok());
    match pid {
        Some(pid) if socket::answers(&layout.socket) => {
            Ok(Status::Running { data_dir: layout.data, socket_dir: layout.socket, pid })
        }
        _ => Ok(Status::Stopped { data_dir: layout.data }),
    }
}

/// Stops the server; sessions are disconnected. Returns whether it was running.
///
/// # Errors
/// When it does not stop.
pub fn stop(config: &Config) -> Result<bool, EmbeddedError> {
    if !config.root.join(MARKER).exists() {
        return Ok(false);
    }
    let account = account::server_account()?;
    let _lock = lock(config, &account)?;
    stop_locked(config)
}

/// Stops the server and deletes the cluster with all its data. Returns whether there was one.
///
/// # Errors
/// When the folder was not created by this tool, or cannot be removed.
pub fn destroy(config: &Config) -> Result<bool, EmbeddedError> {
    if !config.root.exists() {
        return Ok(false);
    }
    if !config.root.join(MARKER).exists() {
        return Err(EmbeddedError::ForeignFolder { root: config.root.clone() });
    }
    let account = account::server_account()?;
    let _lock = lock(config, &account)?;
    stop_locked(config)?;
    let binaries = locate::binaries(config.bin_dir.as_deref())?;
    let layout = Layout::new(config, &binaries);
    for dir in [&layout.socket, &layout.root] {
        if dir.exists() {
            fs::remove_dir_all(dir).map_err(|e| io("remove", dir, e))?;
        }
    }
    Ok(true)
}

fn stop_locked(config: &Config) -> Result<bool, EmbeddedError> {
    if !matches!(status(config)?, Status::Running { .. }) {
        return Ok(false);
    }
    let binaries = locate::binaries(config.bin_dir.as_deref())?;
    let layout = Layout::new(config, &binaries);
    let mut pg_ctl = account::server_account()?.command(&binaries.dir.join("pg_ctl"));
    pg_ctl.args(["stop", "--wait", "--silent", "--mode", "fast", "--pgdata"]).arg(&layout.data);
    run(&mut pg_ctl, "pg_ctl stop")?;
    Ok(true)
}
