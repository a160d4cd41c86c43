//! Creating and starting a cluster.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tracing::info;

use super::account::{self, Account};
use super::error::{EmbeddedError, io};
use super::locate::{self, Binaries};
use super::process::{run, run_with_input};
use super::{Cluster, Config, Durability, NAME, PORT, socket};

/// Marks a folder as created by this tool.
pub(super) const MARKER: &str = "made-by-provision";
/// The server's log is renamed at a start when it is larger.
const LARGEST_LOG: u64 = 16 * 1024 * 1024;
const START_SECONDS: &str = "60";
/// How long the processes of a crashed server may take to end.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where the parts of one cluster are.
pub(super) struct Layout {
    pub(super) root: PathBuf,
    pub(super) home: PathBuf,
    pub(super) data: PathBuf,
    pub(super) log: PathBuf,
    pub(super) socket: PathBuf,
}

impl Layout {
    pub(super) fn new(config: &Config, binaries: &Binaries) -> Self {
        let home = config.root.join(&binaries.major);
        Self {
            root: config.root.clone(),
            data: home.join("data"),
            log: home.join("server.log"),
            socket: socket::directory(&config.root, &binaries.major),
            home,
        }
    }
}

/// Makes sure that the cluster exists and runs. Any number of processes may call this at once.
///
/// # Errors
/// When there are no binaries, a folder cannot be created, or the server does not start.
pub fn ensure_running(config: &Config) -> Result<Cluster, EmbeddedError> {
    let binaries = locate::binaries(config.bin_dir.as_deref())?;
    let layout = Layout::new(config, &binaries);
    if !(layout.data.join("PG_VERSION").exists() && socket::answers(&layout.socket)) {
        let account = account::server_account()?;
        let _lock = lock(config, &account)?;
        // Another process may have done it while we waited.
        if !layout.data.join("PG_VERSION").exists() {
            initialise(config, &binaries, &layout, &account)?;
        }
        if !socket::answers(&layout.socket) {
            start(config, &binaries, &layout, &account)?;
        }
    }
    Ok(Cluster {
        socket_dir: layout.socket,
        port: PORT,
        user: NAME.to_owned(),
        database: NAME.to_owned(),
        version: binaries.version,
        data_dir: layout.data,
        log: layout.log,
    })
}

/// Held while the cluster is created, started, stopped or destroyed; released when dropped.
pub(super) fn lock(config: &Config, account: &Account) -> Result<File, EmbeddedError> {
    account.create_root(&config.root)?;
    let path = config.root.join("lock");
    let file = File::create(&path).map_err(|e| io("create", &path, e))?;
    file.lock().map_err(|e| io("lock", &path, e))?;
    let marker = config.root.join(MARKER);
    fs::write(&marker, "").map_err(|e| io("write", &marker, e))?;
    Ok(file)
}

/// Creates the cluster in a folder beside its place, and moves it there when it is complete, so that
/// no process finds an incomplete one.
fn initialise(
    config: &Config,
    binaries: &Binaries,
    layout: &Layout,
    account: &Account,
) -> Result<(), EmbeddedError> {
    info!(folder = %layout.data.display(), version = binaries.version, "making the embedded server");
    account.create_dir(&layout.home)?;
    let unfinished = layout.home.join("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(|e| io("remove", &unfinished, e))?;
    }
    let mut initdb = account.command(&binaries.dir.join("initdb"));
    initdb.arg("--pgdata").arg(&unfinished).args([
        "--username",
        NAME,
        "--encoding=UTF8",
        "--locale=C",
        "--auth=peer",
    ]);
    if config.durability == Durability::Throwaway {
        initdb.arg("--no-sync");
    }
    run(&mut initdb, "initdb")?;

    // Everything else that initdb writes there is defaults and comments.
    account.write(&unfinished.join("postgresql.conf"), "include 'provision.conf'\n")?;
    account.write(&unfinished.join("provision.conf"), &settings(config, layout))?;
    account.write(&unfinished.join("pg_hba.conf"), "local all all peer map=provision\n")?;
    account.write(&unfinished.join("pg_ident.conf"), &identities(account)?)?;

    let mut single = account.command(&binaries.dir.join("postgres"));
    single.arg("--single").arg("-D").arg(&unfinished).arg("template1").stdin(Stdio::piped());
    run_with_input(&mut single, &format!("CREATE DATABASE {NAME}\n"), "postgres --single")?;
    fs::rename(&unfinished, &layout.data).map_err(|e| io("rename", &unfinished, e))
}

/// Only the user who runs this tool, and the server's own account, may be the superuser.
fn identities(account: &Account) -> Result<String, EmbeddedError> {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let own = account::own_name()?;
    let mut names = vec![own, account.name.clone()];
    names.dedup();
    Ok(names.iter().map(|name| format!("provision {} {NAME}\n", quoted(name))).collect())
}

fn settings(config: &Config, layout: &Layout) -> String {
    let socket = layout.socket.to_string_lossy();
    let mut settings: Vec<(&str, String)> = vec![
        ("listen_addresses", String::new()),
        ("unix_socket_directories", format!("\"{}\"", socket.replace('"', "\"\""))),
        ("unix_socket_permissions", "0700".into()),
        ("port", PORT.to_string()),
        ("logging_collector", "off".into()),
    ];
    if config.durability == Durability::Throwaway {
        let off = ["fsync", "full_page_writes", "synchronous_commit"];
        settings.extend(off.map(|name| (name, "off".to_owned())));
    }
    settings.extend(config.settings.iter().map(|(name, value)| (name.as_str(), value.clone())));
    settings
        .iter()
        .map(|(name, value)| format!("{name} = '{}'\n", value.replace('\'', "''")))
        .collect()
}

fn start(
    config: &Config,
    binaries: &Binaries,
    layout: &Layout,
    account: &Account,
) -> Result<(), EmbeddedError> {
    account.create_dir(&layout.socket)?;
    // The settings may differ from those of the last start.
    account.write(&layout.data.join("provision.conf"), &settings(config, layout))?;
    if fs::metadata(&layout.log).is_ok_and(|meta| meta.len() > LARGEST_LOG) {
        let old = layout.log.with_extension("log.old");
        fs::rename(&layout.log, &old).map_err(|e| io("rename", &old, e))?;
    }
    info!(folder = %layout.data.display(), version = binaries.version, "starting the embedded server");
    let program = binaries.dir.join("pg_ctl");
    let patience = Instant::now();
    loop {
        let mut pg_ctl = account.command(&program);
        pg_ctl.args(["start", "--wait", "--silent", "--timeout", START_SECONDS, "--log"]);
        pg_ctl.arg(&layout.log).arg("--pgdata").arg(&layout.data);
        let status = pg_ctl.status().map_err(|e| io("run", &program, e))?;
        if status.success() {
            return Ok(());
        }
        let tail = tail(&layout.log);
        // After a crash, the processes of the old server need a moment to end.
        let is_leaving = tail.contains("lock file \"postmaster.pid\" already exists")
            || tail.contains("pre-existing shared memory block");
        if !is_leaving || patience.elapsed() > PATIENCE {
            return Err(EmbeddedError::NotStarted { log: layout.log.clone(), tail });
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The last lines of a file, as far as it can be read.
fn tail(path: &Path) -> String {
    let mut text = Vec::new();
    if let Ok(mut file) = File::open(path) {
        let length = file.metadata().map_or(0, |meta| meta.len());
        let _ = file.seek(SeekFrom::Start(length.saturating_sub(4096)));
        let _ = file.take(4096).read_to_end(&mut text);
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines = text.lines().count();
    text.lines().skip(lines.saturating_sub(12)).collect::<Vec<_>>().join("\n")
}
