//! What the service reads from files: at the start, and again on SIGHUP.

use std::fmt::Write as _;
use std::io::Read as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use provision::embedded::{self, Durability};

use crate::serve::{TABLES, metric, metrics, register, registered};
use crate::support::service::{Service, TOKEN, bearer, eventually};
use crate::support::tool::on;
use crate::support::{Database, Folder};

/// No server knows the type.
fn refused() -> String {
    format!("{}[tables.c]\ncolumns = {{ x = \"no_such_type\" }}\n", registered())
}

fn with_another_table() -> String {
    format!("{}[tables.c]\ncolumns = {{ x = \"int\" }}\n", registered())
}

async fn reloads(service: &Service, result: &str) -> Option<f64> {
    let name = format!("provision_reloads_total{{result=\"{result}\"}}");
    metric(&metrics(service).await, &name)
}

#[tokio::test]
async fn a_manifest_that_the_server_refuses_does_not_replace_a_good_one() {
    let database = Database::new().await;
    register(&database, &["acme"]).await;
    let folder = Folder::new(&registered());
    folder.write("tokens", TOKEN);
    let service =
        Service::start_on(&database.url, folder, &["--interval", "0", "--token-file", "tokens"]);
    assert_eq!(reloads(&service, "refused").await, Some(0.0));
    service.folder.write("schema.toml", &refused());
    let new = "another-canary-token-0123456789abcdef";
    service.folder.write("tokens", new);
    service.signal("HUP");
    service.logs("the server rejects the new manifest").await;
    let log = service.log();
    assert!(log.contains("manifest-refused") && log.contains("no_such_type"), "{log}");
    // Whatever is wrong with the manifest, an old token has had its time.
    service.call("POST", "/ops/provision/acme", &bearer(TOKEN), "").await.with(401);
    service.call("POST", "/ops/provision/acme", &bearer(new), "").await.with(200);
    eventually("ready", async || service.get("/readyz").await.status == 200).await;
    assert_eq!(reloads(&service, "refused").await, Some(1.0));
    assert_eq!(reloads(&service, "ok").await, Some(0.0));

    service.folder.write("schema.toml", &with_another_table());
    service.signal("HUP");
    service.logs("the manifest was reloaded").await;
    let made = service.call("POST", "/ops/provision/acme", &bearer(new), "").await.with(200);
    assert_eq!(made.json()["statements"], 1);
    assert_eq!(reloads(&service, "ok").await, Some(1.0));
}

#[tokio::test]
async fn a_manifest_that_is_refused_at_the_start_is_told_in_the_log_and_to_probes() {
    let database = Database::new().await;
    register(&database, &["acme"]).await;
    let service = Service::start(&database, &refused(), &["--interval", "0"]);
    service.logs("the server rejects the manifest: no tenant can be provisioned there").await;
    let probed = service.get("/readyz").await.with(503);
    assert_eq!(probed.code(), "not-ready");
    let detail = probed.json()["detail"].as_str().expect("a detail").to_owned();
    assert!(detail.contains("rejects the manifest (manifest-refused)"), "{detail}");
    assert!(!detail.contains("no_such_type"), "{detail}");
    service.get("/healthz").await.with(200);

    service.folder.write("schema.toml", &registered());
    service.signal("HUP");
    service.logs("the manifest was reloaded").await;
    service.get("/readyz").await.with(200);
    service.post("/ops/provision/acme").await.with(200);
}

#[tokio::test]
async fn what_is_read_again_while_the_database_is_away_is_used_once_it_is_back() {
    let root = tempfile::tempdir_in("/tmp").expect("a folder");
    let config = embedded::Config {
        root: root.path().join("pg"),
        bin_dir: None,
        durability: Durability::Durable,
        settings: vec![("max_connections".into(), "20".into())],
    };
    let cluster = embedded::ensure_running(&config).expect("a server");
    let url = format!(
        "postgres:///{}?host={}&port={}&user={}",
        cluster.database,
        cluster.socket_dir.display(),
        cluster.port,
        cluster.user
    );
    let manifest = format!("version = 1\n[tenants]\nlist = [\"a\"]\n{TABLES}");
    let service = Service::start_on(&url, Folder::new(&manifest), &["--interval", "0"]);
    service.post("/ops/provision/a").await.with(200);
    embedded::stop(&config).expect("stopping");
    let detail = service.get("/readyz").await.with(503).json()["detail"].to_string();
    assert!(detail.contains("cannot be reached"), "{detail}");

    service
        .folder
        .write("schema.toml", &format!("{manifest}[tables.c]\ncolumns = {{ x = \"int\" }}\n"));
    service.signal("HUP");
    service.logs("the previous one stays in use until one is").await;
    assert_eq!(reloads(&service, "postponed").await, Some(1.0));
    assert_eq!(reloads(&service, "ok").await, Some(0.0));
    embedded::ensure_running(&config).expect("the server again");
    service.logs("the manifest was reloaded").await;
    let made = service.post("/ops/provision/a").await.with(200);
    assert_eq!(made.json()["statements"], 1);
    assert_eq!(reloads(&service, "ok").await, Some(1.0));
    drop(service);
    embedded::destroy(&config).expect("cleaning up");
}

/// Reading it takes longer than anybody wants to wait.
fn write_large_manifest(folder: &Folder) {
    let mut rows = String::from("id,code\n");
    for n in 0..600_000 {
        let _ = writeln!(rows, "{n},code {n}");
    }
    folder.write("seeds/a.csv", &rows);
    let tables =
        "[tables.a]\nprimary_key = [\"id\"]\ncolumns = { id = \"int\", code = \"text\" }\n";
    let seeds = "[[seeds]]\ntable = \"a\"\nkey = [\"id\"]\nfile = \"seeds/a.csv\"\n";
    folder.write("schema.toml", &format!("version = 1\n{tables}{seeds}"));
}

#[tokio::test]
async fn a_manifest_that_takes_long_to_read_keeps_no_signal_waiting() {
    let database = Database::new().await;
    let folder = Folder::new("");
    write_large_manifest(&folder);
    let mut command =
        on(&database, folder.dir.path(), &["serve", "--listen", "127.0.0.1:0", "--interval", "0"]);
    command.env("PROVISION_TOKEN", TOKEN).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the service starts");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let begin = Instant::now();
    let pid = child.id().to_string();
    std::process::Command::new("kill").args(["-TERM", &pid]).status().expect("kill");
    let status = child.wait().expect("waiting");
    let mut log = String::new();
    child.stderr.take().expect("stderr").read_to_string(&mut log).expect("a log");
    assert_eq!((status.code(), log.as_str()), (Some(0), ""));
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());

    let service = Service::start(&database, &registered(), &["--interval", "0"]);
    write_large_manifest(&service.folder);
    service.signal("HUP");
    // They are read first, and then the manifest is.
    service.logs("tokens and certificates were reloaded").await;
    service.get("/healthz").await.with(200);
    let begin = Instant::now();
    service.signal("TERM");
    let log = service.log();
    assert_eq!(service.exit_code(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    assert!(!log.contains("the manifest was reloaded"), "{log}");
}

#[tokio::test]
async fn signals_that_come_while_files_are_read_are_one() {
    let database = Database::new().await;
    register(&database, &["acme"]).await;
    let service = Service::start(&database, &registered(), &["--interval", "0"]);
    service.post("/ops/provision/acme").await.with(200);
    // Making up its mind takes the server a while.
    database
        .run(
            "CREATE FUNCTION public.slow() RETURNS event_trigger LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM pg_catalog.pg_sleep(1); END $$; \
             CREATE EVENT TRIGGER slow ON ddl_command_start WHEN TAG IN ('CREATE SCHEMA') \
             EXECUTE FUNCTION public.slow()",
        )
        .await;
    service.signal("HUP");
    let asleep = "pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    eventually("it is asked", async || database.count(asleep).await == 1).await;
    for _ in 0..5 {
        service.signal("HUP");
    }
    let read = || service.log().matches("the manifest was reloaded").count();
    eventually("it is read twice", async || read() == 2).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(read(), 2, "{}", service.log());
    assert_eq!(reloads(&service, "ok").await, Some(2.0));
}
