//! Files that options name: whatever they are, the tool ends.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::tool::{RunReport, on, run, tool};
use crate::support::{Database, Folder};

const MANIFEST: &str = "version = 1\n[tables.t]\ncolumns = { id = \"int\" }\n";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Runs to the end, which must come soon.
fn soon(mut command: Command) -> RunReport {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("the binary starts");
    let end = Instant::now() + Duration::from_secs(20);
    while child.try_wait().expect("waiting").is_none() {
        if Instant::now() > end {
            child.kill().expect("killing");
            panic!("it does not end: {command:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().expect("its output").into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_nobody_writes_to_holds_nothing_up() {
    let database = Database::new().await;
    let folder = Folder::new(MANIFEST);
    let dir = folder.dir.path();
    let pipe = Command::new("mkfifo").arg(dir.join("pipe")).status();
    assert!(pipe.expect("mkfifo runs").success());
    folder.write("token", TOKEN);
    for args in [
        &["validate", "-f", "pipe"][..],
        &["apply", "--plan", "pipe"],
        &["apply", "--all", "--tenants-from", "pipe"],
        &["drift", "--tenants-from", "pipe"],
        &["serve", "--token-file", "pipe"],
        &["serve", "--token-file", "token", "--read-token-file", "pipe"],
        &["serve", "--token-file", "token", "--tls-cert", "pipe", "--tls-key", "pipe"],
    ] {
        let ended = soon(on(&database, dir, args)).with(1);
        let told = "pipe: it is a pipe, not a regular file";
        assert!(ended.stderr.replace("\n  caused by", "").contains(told), "{args:?}: {ended:?}");
        let is_list = args.contains(&"--tenants-from");
        assert_eq!(ended.stderr.contains("--tenants-from -"), is_list, "{args:?}: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_regular_files_are_replaced() {
    let database = Database::new().await;
    let folder = Folder::new(MANIFEST);
    let dir = folder.dir.path();
    let pipe = Command::new("mkfifo").arg(dir.join("pipe")).status();
    assert!(pipe.expect("mkfifo runs").success());
    folder.write("old", "old");
    std::os::unix::fs::symlink("old", dir.join("link")).expect("a link");
    let pipe = dir.join("pipe");
    let kind = || pipe.symlink_metadata().expect("the pipe").file_type();
    let before = kind();
    for args in [
        &["plan", "acme", "--out", "pipe"][..],
        &["plan", "--all", "--allow-empty", "--unregistered", "--out", "pipe"],
        &["apply", "acme", "--metrics-file", "pipe"],
    ] {
        let ended = soon(on(&database, dir, args)).with(1);
        let told = "it is a pipe, not a regular file";
        assert!(ended.stderr.contains(told), "{args:?}: {ended:?}");
        assert_eq!(kind(), before, "{args:?}");
    }
    assert_eq!(database.count("pg_namespace WHERE nspname = 'acme'").await, 0);
    soon(on(&database, dir, &["plan", "acme", "--out", "link"])).with(0);
    assert!(dir.join("link").is_symlink());
    soon(on(&database, dir, &["apply", "--plan", "old", "--metrics-file", "link"])).with(0);
    let counts = std::fs::read_to_string(dir.join("old")).expect("the counts");
    assert!(counts.contains("provision_applies_total{result=\"created\"} 1"), "{counts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_url_stands_for_no_other_server() {
    let folder = Folder::new(MANIFEST);
    let dir = folder.dir.path();
    for (args, variable) in [
        (&["drift", "--database-url", ""][..], None),
        (&["drift", "--database-url="], Some("postgres://me@127.0.0.1:1/db")),
        (&["drift"], Some("")),
    ] {
        let mut command = tool(dir, args);
        command.env("PGHOST", "127.0.0.1").env("PGPORT", "1");
        if let Some(url) = variable {
            command.env("DATABASE_URL", url);
        }
        let ended = soon(command).with(1);
        assert!(ended.stderr.contains("error[usage]: the database URL is empty"), "{ended:?}");
    }
}

#[test]
fn a_user_that_nothing_names_is_that_of_the_operating_system() {
    let folder = Folder::new(MANIFEST);
    let ended = Command::new("id").arg("-un").output().expect("id");
    let name = String::from_utf8(ended.stdout).expect("UTF-8");
    let expected = format!("cannot connect to {}@127.0.0.1:1/db\n", name.trim());
    let by_url = [("DATABASE_URL", "postgres://127.0.0.1:1/db")];
    let by_variables =
        [("PGHOST", "127.0.0.1"), ("PGPORT", "1"), ("PGDATABASE", "db"), ("PGUSER", "")];
    for variables in [&by_url[..], &by_variables] {
        let mut command = tool(folder.dir.path(), &["plan", "acme"]);
        command.envs(variables.iter().copied());
        let ended = soon(command).with(1);
        assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
    }
}

#[test]
fn a_log_filter_that_would_silence_everything_is_an_error() {
    let folder = Folder::new(MANIFEST);
    for filter in ["wanr", "", "info,wanr", "provision=loud"] {
        let ended = run(tool(folder.dir.path(), &["validate", "--log", filter]));
        assert_eq!(ended.code, Some(1), "{filter}: {ended:?}");
        assert!(ended.stderr.contains("--log"), "{filter}: {ended:?}");
    }
    for filter in ["warn", "off", "provision=debug,warn"] {
        run(tool(folder.dir.path(), &["validate", "--log", filter])).with(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_query_with_a_parameter_is_no_lost_connection() {
    let database = Database::new().await;
    let query = "[tenants]\nquery = \"SELECT $1::text\"\n";
    let folder = Folder::new(&MANIFEST.replace("[tables.t]", &format!("{query}[tables.t]")));
    for args in [&["drift"][..], &["plan", "acme"], &["apply", "--all"]] {
        let ended = soon(on(&database, folder.dir.path(), args)).with(1);
        assert!(ended.stderr.contains("error[registry-unreadable]"), "{args:?}: {ended:?}");
    }
}

#[test]
fn help_that_is_not_written_is_an_error() {
    let folder = Folder::new(MANIFEST);
    for args in [&["--help"][..], &["--version"], &["plan", "--help"], &["schema"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
        let mut command = tool(folder.dir.path(), args);
        let ended: RunReport = command.stdout(full).output().expect("the binary starts").into();
        let ended = ended.with(1);
        assert!(ended.stderr.contains("cannot write the result"), "{args:?}: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_among_the_files_of_a_connection_holds_nothing_up() {
    let database = Database::new().await;
    let folder = Folder::new(MANIFEST);
    let dir = folder.dir.path();
    for pipe in ["pipe", ".pgpass"] {
        let made = Command::new("mkfifo").arg(dir.join(pipe)).status();
        assert!(made.expect("mkfifo runs").success());
    }
    let with = |variable: &str, value: &str, parameters: &str| {
        let mut command = on(&database, dir, &["apply", "acme"]);
        let joint = if database.url.contains('?') { '&' } else { '?' };
        command.env("DATABASE_URL", format!("{}{joint}{parameters}", database.url));
        command.env(variable, value);
        soon(command)
    };
    let home = dir.to_str().expect("a path in UTF-8");
    for (variable, value, parameters, file) in [
        ("PGPASSFILE", "pipe", "", "pipe"),
        ("HOME", home, "", ".pgpass"),
        ("PGSSLCERT", "pipe", "", "pipe"),
        ("PGSSLKEY", "pipe", "", "pipe"),
        ("PGSSLROOTCERT", "pipe", "", "pipe"),
        ("UNUSED", "", "sslrootcert=%70ipe", "pipe"),
        ("UNUSED", "", "sslcert=./pipe", "pipe"),
    ] {
        let ended = with(variable, value, parameters).with(1);
        let told = format!("{file}: it is a pipe, not a regular file");
        let stderr = ended.stderr.replace("\n  caused by", "");
        assert!(
            stderr.contains("error[connection-setting]") && stderr.contains(&told),
            "{ended:?}"
        );
    }
    std::fs::remove_file(dir.join(".pgpass")).expect("removing the pipe");
    with("PGPASSFILE", "/dev/null", "sslmode=%64isable").with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_that_pipes_a_list_in_is_told_how() {
    let database = Database::new().await;
    let folder = Folder::new(MANIFEST);
    let tool = env!("CARGO_BIN_EXE_provision");
    let shell = |script: &str| {
        let mut command = Command::new("bash");
        command.args(["-c", script]).current_dir(folder.dir.path());
        command.env("DATABASE_URL", &database.url);
        run(command)
    };
    let ended = shell(&format!("{tool} apply --all --tenants-from <(echo acme)")).with(1);
    assert!(ended.stderr.contains("--tenants-from -"), "{ended:?}");
    shell(&format!("echo acme | {tool} apply --all --tenants-from -")).with(0);
    assert_eq!(database.count("acme.t").await, 0);
}

#[test]
fn a_list_that_is_too_long_is_not_cut_off() {
    let folder = Folder::new(MANIFEST);
    let list = std::fs::File::create(folder.dir.path().join("list")).expect("a file");
    list.set_len(65 * 1024 * 1024).expect("a large file");
    let mut command = tool(folder.dir.path(), &["drift", "--tenants-from", "list"]);
    command.env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none");
    let ended = soon(command).with(1);
    assert!(ended.stderr.contains("it has more than 67108864 bytes"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_that_is_reported_is_the_time_that_it_took() {
    let database = Database::new().await;
    // Patterns take long to read, and nothing of them reaches the server.
    let patterns: Vec<String> = (0..1000).map(|n| format!("\"view {n} *\"")).collect();
    let drift = format!("[drift]\nignore = [{}]\n", patterns.join(", "));
    let folder = Folder::new(&format!("{MANIFEST}{drift}"));
    folder.write("ids", "acme\n");
    let before = Instant::now();
    provision::manifest::load(&folder.manifest()).expect("a valid manifest");
    let reading = before.elapsed();
    assert!(reading > Duration::from_millis(20), "too fast to tell: {reading:?}");
    for args in [&["acme"][..], &["acme"], &["--all", "--tenants-from", "ids"]] {
        let args = [&["apply", "--format", "json"], args].concat();
        let before = Instant::now();
        let ended = run(on(&database, folder.dir.path(), &args)).with(0);
        let took = before.elapsed();
        let report: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        let told = Duration::from_millis(report["duration_ms"].as_u64().expect("a number"));
        assert!(told > reading / 2 && told <= took, "{args:?}: {told:?} of {took:?}, {reading:?}");
    }
}
