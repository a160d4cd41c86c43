//! Clusters for tests: new, fast, and removed when the process that started them ends.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};

use super::cluster::ensure_running;
use super::error::{EmbeddedError, io};
use super::{Cluster, Config, Durability, locate};

/// A cluster that lives as long as this process and this value.
#[derive(Debug)]
pub struct Throwaway {
    cluster: Cluster,
    /// The watchdog waits for its other end to close, which the kernel does even when this process
    /// is killed.
    _lifeline: ChildStdin,
}

impl Throwaway {
    /// Where it is and how to connect.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }
}

/// Starts a new cluster with these settings, without `fsync`.
///
/// # Errors
/// As [`ensure_running`].
pub fn throwaway(settings: Vec<(String, String)>) -> Result<Throwaway, EmbeddedError> {
    let bin_dir = std::env::var_os("PROVISION_PG_BIN").filter(|dir| !dir.is_empty());
    let bin_dir = bin_dir.map(PathBuf::from);
    let binaries = locate::binaries(bin_dir.as_deref())?;
    let name = format!("provision-throwaway-{}", uuid::Uuid::new_v4().simple());
    let root = std::env::temp_dir().join(name);
    let config = Config { root, bin_dir, durability: Durability::Throwaway, settings };
    let data = config.root.join(&binaries.major).join("data");
    // The watchdog comes first, so that not even an incomplete cluster is left behind.
    let script = "cat > /dev/null; \
                  pid=$(head -n 1 \"$2/postmaster.pid\" 2> /dev/null) && kill -QUIT \"$pid\"; \
                  n=0; while kill -0 \"$pid\" 2> /dev/null && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done; \
                  rm -rf \"$1\"";
    let mut watchdog = Command::new("/bin/sh")
        .args(["-c", script, "watchdog"])
        .arg(&config.root)
        .arg(&data)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/")
        .process_group(0)
        .spawn()
        .map_err(|source| io("run", "/bin/sh".as_ref(), source))?;
    let lifeline = watchdog.stdin.take().ok_or_else(|| {
        io("watch over", &config.root, std::io::Error::other("the watchdog has no input"))
    })?;
    let cluster = ensure_running(&config)?;
    Ok(Throwaway { cluster, _lifeline: lifeline })
}
