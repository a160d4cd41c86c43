//! Who leads the reconcile loop, and what is told when nobody does.

use std::time::{Duration, Instant};

use provision::embedded::{self, Cluster};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _};

use crate::serve::{metric, metrics, register, registered};
use crate::serve_loop::leaders;
use crate::support::service::{Service, eventually};
use crate::support::{Database, Folder};

const LED: &str = "provision_reconcile_led";

async fn run(conn: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(conn).await.expect(sql);
}

async fn ask(conn: &mut PgConnection, sql: &str) -> Option<String> {
    let row = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_optional(conn).await.expect(sql);
    row.map(|row| row.get(0))
}

/// The leader's lock, as everybody sees it.
const LOCK: &str = "SELECT ((classid::bigint << 32) | objid::bigint)::text FROM pg_locks l \
                    JOIN pg_database d ON d.oid = l.database AND d.datname = current_database() \
                    WHERE locktype = 'advisory' AND granted AND mode = 'ExclusiveLock'";

#[tokio::test]
async fn who_takes_the_leaders_lock_without_leading_is_told() {
    let settings = [("max_connections", "40"), ("max_prepared_transactions", "2")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let server = embedded::throwaway(settings).expect("a server");
    let Cluster { socket_dir, port, user, database, data_dir, .. } = server.cluster();
    let url = |user: &str| {
        let name = "application_name=provision";
        format!(
            "postgres:///{database}?host={}&port={port}&user={user}&{name}",
            socket_dir.display()
        )
    };
    let connect = async |user: &str| {
        let options: PgConnectOptions = url(user).parse().expect("a usable URL");
        options.connect().await.expect("a connection")
    };
    let mut admin = connect(user).await;
    for sql in [
        format!("COPY (SELECT 'local all all trust') TO '{}/pg_hba.conf'", data_dir.display()),
        "SELECT pg_reload_conf()".to_owned(),
        "CREATE ROLE stranger LOGIN".to_owned(),
        "CREATE TABLE public.tenants AS SELECT 'acme'::text AS id".to_owned(),
    ] {
        run(&mut admin, &sql).await;
    }
    let start = || Service::start_on(&url(user), Folder::new(&registered()), &["--interval", "1"]);
    let first = start();
    first.logs("leads the reconcile loop").await;
    let key = ask(&mut admin, LOCK).await.expect("a lock");
    let mut stranger = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            // The server may not have read its file yet.
            let options: PgConnectOptions = url("stranger").parse().expect("a usable URL");
            if let Ok(conn) = options.connect().await {
                return conn;
            }
        }
    })
    .await
    .expect("a connection");
    run(&mut stranger, "BEGIN").await;
    let taken = format!("SELECT pg_advisory_xact_lock({key})");
    let taking = run(&mut stranger, &taken);
    let leaving = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        first.signal("TERM");
    };
    tokio::join!(taking, leaving);
    assert_eq!(first.exit_code(), Some(0));

    let second = start();
    let unknown = async || metric(&metrics(&second).await, LED) == Some(1.0);
    eventually("that nobody leads is not taken for granted", unknown).await;
    second.logs("no replica has led the reconcile loop for two intervals").await;
    let pid = ask(&mut stranger, "SELECT pg_backend_pid()::text").await.expect("a pid");
    // As the field of a log line, in which quotation marks are escaped.
    let holder = format!(r#"process {pid}, user \"stranger\", application \"provision\""#);
    assert!(second.log().contains(&holder), "{holder}: {}", second.log());
    assert_eq!(metric(&metrics(&second).await, LED), Some(0.0));
    let ready = second.get("/readyz").await.with(200).json();
    assert_eq!(ready["status"], "ready");
    let detail = ready["detail"].as_str().expect("a detail");
    assert!(detail.starts_with("no replica has been seen to lead"), "{detail}");
    assert!(!detail.contains("stranger"), "{detail}");
    assert!(detail.ends_with("the service's log says who holds the leader's lock"), "{detail}");
    second.post("/ops/provision/acme").await.with(200);

    // Without a session, it can be held as well.
    run(&mut stranger, "PREPARE TRANSACTION 'forgotten'").await;
    second.logs("prepared transaction").await;
    let log = second.log();
    let told = log.lines().find(|line| line.contains("prepared transaction")).expect("a line");
    assert!(told.contains("forgotten") && told.contains("stranger"), "{told}");
    assert!(!told.contains("process"), "{told}");

    run(&mut stranger, "ROLLBACK PREPARED 'forgotten'").await;
    second.logs("leads the reconcile loop").await;
    assert_eq!(metric(&metrics(&second).await, LED), Some(1.0));
    assert_eq!(second.get("/readyz").await.with(200).json()["detail"], serde_json::Value::Null);

    // A true leader is seen by those who follow, whoever asks for its lock.
    let third = start();
    let waits = format!("SELECT pg_try_advisory_xact_lock({key})::text");
    assert_eq!(ask(&mut stranger, &waits).await.as_deref(), Some("false"));
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(metric(&metrics(&third).await, LED), Some(1.0));
    assert!(!third.log().contains("nobody has been seen"), "{}", third.log());
    stranger.close().await.expect("closing");
}

#[tokio::test]
async fn a_leader_that_gives_no_sign_of_life_is_replaced() {
    let database = Database::new().await;
    register(&database, &["a"]).await;
    let start = || Service::start(&database, &registered(), &["--interval", "1"]);
    let silent = start();
    silent.logs("leads the reconcile loop").await;
    // As if its machine had vanished: its connection stays open.
    silent.signal("STOP");
    let replicas = [start()];
    let begin = Instant::now();
    while leaders(&replicas).await.is_empty() {
        assert!(begin.elapsed() < Duration::from_mins(1), "{}", replicas[0].log());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    silent.signal("CONT");
    silent.logs("the connection of the leader was lost").await;
    eventually("one leads", async || leaders(&replicas).await.len() == 1).await;
}

#[tokio::test]
async fn services_with_different_registries_lead_side_by_side() {
    let database = Database::new().await;
    register(&database, &["a"]).await;
    database.run("CREATE TABLE public.others AS SELECT 'b'::text AS id").await;
    let other = registered().replace("public.tenants", "public.others");
    let services = [registered(), other]
        .map(|manifest| Service::start(&database, &manifest, &["--interval", "3600"]));
    for service in &services {
        service.logs("leads the reconcile loop").await;
    }
    eventually("both are made", async || {
        database.count("pg_namespace WHERE nspname IN ('a', 'b')").await == 2
    })
    .await;
}
