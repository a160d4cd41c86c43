//! The embedded server: made once, reused, found again after a crash, gone when it should be.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use provision::embedded::{self, Config, Durability, Status};
use provision::explain::Explain as _;

use crate::support::Folder;
use crate::support::tool::{RunReport, tool};

const MANIFEST: &str = "version = 1\n[tables.t]\ncolumns = { id = \"int\" }\n";

/// A cluster's folder that goes away with the value, and the cluster with it.
struct Root(Config);

impl Root {
    fn new(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("provision-e-{name}-{}", std::process::id()));
        let settings = vec![("max_connections".to_owned(), "30".to_owned())];
        Self(Config { root, bin_dir: None, durability: Durability::Throwaway, settings })
    }

    fn pid(&self) -> u32 {
        match embedded::status(&self.0).expect("a status") {
            Status::Running { pid, .. } => pid,
            other => panic!("{other}"),
        }
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = embedded::destroy(&self.0);
    }
}

#[test]
fn a_cluster_is_made_once_by_many_and_reused() {
    let root = Root::new("many");
    assert!(matches!(embedded::status(&root.0), Ok(Status::Absent { .. })));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| embedded::ensure_running(&root.0).expect("a cluster"));
        }
    });
    let pid = root.pid();
    let start = Instant::now();
    embedded::ensure_running(&root.0).expect("a cluster");
    assert!(start.elapsed() < Duration::from_secs(1), "it took {:?} to find it", start.elapsed());
    assert_eq!(root.pid(), pid, "it is the same server");

    assert!(embedded::stop(&root.0).expect("stopping"));
    assert!(!embedded::stop(&root.0).expect("stopping again"));
    assert!(matches!(embedded::status(&root.0), Ok(Status::Stopped { .. })));
    embedded::ensure_running(&root.0).expect("a cluster again");

    // As after a power failure: a file with the number of a process that is gone.
    kill(root.pid(), "KILL");
    let start = Instant::now();
    while !matches!(embedded::status(&root.0), Ok(Status::Stopped { .. })) {
        assert!(start.elapsed() < Duration::from_secs(20), "the server does not die");
        std::thread::sleep(Duration::from_millis(20));
    }
    embedded::ensure_running(&root.0).expect("a cluster after a crash");
    assert!(embedded::destroy(&root.0).expect("destroying"));
    assert!(!root.0.root.exists());
    assert!(!embedded::destroy(&root.0).expect("destroying again"));
}

#[test]
fn half_a_cluster_is_never_taken_for_one() {
    let root = Root::new("half");
    embedded::ensure_running(&root.0).expect("a cluster");
    let data = data_dir(&root);
    embedded::stop(&root.0).expect("stopping");
    // As a kill in the middle of initdb leaves it.
    std::fs::rename(&data, data.with_file_name("unfinished")).expect("renaming");
    embedded::ensure_running(&root.0).expect("a new cluster");
    assert!(!data.with_file_name("unfinished").exists());
}

#[test]
fn a_folder_that_is_not_ours_is_not_deleted() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("precious"), "").expect("writing");
    let config = Config {
        root: dir.path().to_owned(),
        bin_dir: None,
        durability: Durability::Throwaway,
        settings: Vec::new(),
    };
    assert_eq!(embedded::destroy(&config).expect_err("refused").code(), "embedded-unsafe-folder");
    assert!(dir.path().join("precious").exists());
}

#[test]
fn a_start_that_fails_shows_the_servers_words() {
    let mut root = Root::new("fails");
    root.0.settings.push(("shared_buffers".into(), "much".into()));
    let error = embedded::ensure_running(&root.0).expect_err("it cannot start");
    let text = provision::causes::chain(&error);
    assert!(text.contains("shared_buffers"), "{text}");
}

#[test]
fn the_tool_uses_it_says_so_and_leaves_no_pipe_open() {
    let root = Root::new("tool");
    let folder = Folder::new(MANIFEST);
    let run = |args: &[&str]| -> RunReport {
        let mut command = tool(folder.dir.path(), args);
        command.env("PROVISION_EMBEDDED_DIR", &root.0.root);
        // Reading to the end takes until nobody holds the pipes any more.
        command.output().expect("the binary starts").into()
    };
    let start = Instant::now();
    let applied = run(&["apply", "acme"]).with(0);
    assert!(start.elapsed() < Duration::from_mins(1));
    assert!(applied.stderr.contains("using the embedded PostgreSQL"), "{}", applied.stderr);
    assert!(run(&["embedded", "status"]).with(0).stdout.starts_with("running as process"));
    run(&["plan", "acme", "--detailed-exitcode"]).with(0);
    assert_eq!(run(&["embedded", "stop"]).with(0).stdout, "stopped\n");
    run(&["status", "acme"]).with(0);
    assert_eq!(run(&["embedded", "destroy"]).with(0).stdout, "destroyed\n");
    assert!(run(&["embedded", "status"]).with(0).stdout.starts_with("there is no cluster"));

    let mut broken = tool(folder.dir.path(), &["plan", "acme"]);
    broken.env("PROVISION_PG_BIN", "/nonexistent");
    let broken = RunReport::from(broken.output().expect("the binary starts")).with(1);
    assert!(broken.stderr.contains("error[embedded-no-binaries]"), "{}", broken.stderr);
}

/// The server forgets what was not written to its log when it dies; with `synchronous_commit = off`,
/// here and in many a `postgresql.conf`, that is what was committed a moment ago.
#[test]
fn what_is_reported_as_done_outlives_a_crash() {
    let mut root = Root::new("crash");
    root.0.settings.push(("wal_writer_delay".into(), "10s".into()));
    embedded::ensure_running(&root.0).expect("a cluster");
    let folder = Folder::new(MANIFEST);
    let run = |args: &[&str]| -> RunReport {
        let mut command = tool(folder.dir.path(), args);
        command.env("PROVISION_EMBEDDED_DIR", &root.0.root);
        command.output().expect("the binary starts").into()
    };
    run(&["apply", "before"]).with(0);
    assert!(run(&["apply", "acme"]).with(0).stdout.contains("Created schema acme"));
    kill(root.pid(), "KILL");
    let start = Instant::now();
    while !matches!(embedded::status(&root.0), Ok(Status::Stopped { .. })) {
        assert!(start.elapsed() < Duration::from_secs(20), "the server does not die");
        std::thread::sleep(Duration::from_millis(20));
    }
    run(&["plan", "acme", "--detailed-exitcode"]).with(0);
}

/// Not a test: what the next one runs in a process of its own, to kill it.
#[test]
#[ignore = "run by `a_throwaway_ends_with_its_process`"]
fn hold_a_throwaway() {
    let Some(file) = std::env::var_os("HOLD_THROWAWAY") else { return };
    let throwaway = embedded::throwaway(Vec::new()).expect("a throwaway cluster");
    let data = throwaway.cluster().data_dir.clone();
    std::fs::write(file, data.as_os_str().as_encoded_bytes()).expect("telling where it is");
    std::thread::sleep(Duration::from_mins(2));
}

#[test]
fn a_throwaway_ends_with_its_process() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("where");
    let mut holder = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "embedded::hold_a_throwaway", "--ignored"])
        .env("HOLD_THROWAWAY", &file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starting ourselves");
    let start = Instant::now();
    let data = loop {
        match std::fs::read_to_string(&file) {
            Ok(data) if !data.is_empty() => break PathBuf::from(data),
            _ => assert!(start.elapsed() < Duration::from_mins(1), "no cluster came up"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let root: &Path = data.parent().and_then(Path::parent).expect("its root");
    assert!(root.exists());
    holder.kill().expect("killing");
    holder.wait().expect("an end");
    let start = Instant::now();
    while root.exists() {
        assert!(start.elapsed() < Duration::from_secs(30), "{} is left", root.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn data_dir(root: &Root) -> PathBuf {
    match embedded::status(&root.0).expect("a status") {
        Status::Running { data_dir, .. } => data_dir,
        other => panic!("{other}"),
    }
}

fn kill(pid: u32, signal: &str) {
    let status = Command::new("kill").args(["-s", signal, &pid.to_string()]).status();
    assert!(status.expect("kill").success());
}
