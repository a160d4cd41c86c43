//! Requests that only read keep nobody from provisioning, and do not go on for ever.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sqlx::{Connection as _, PgConnection};

use crate::serve::{metric, metrics, register, registered};
use crate::support::Database;
use crate::support::service::{READ_TOKEN, Service, TOKEN, bearer, eventually};

/// A service that provisions acme, whose plan then waits for a lock, for a minute unless something
/// else ends it; and the session that holds the lock.
async fn held(args: &[&str]) -> (Database, Service, PgConnection) {
    let database = Database::new().await;
    register(&database, &["acme", "bolt", "cargo"]).await;
    let args = [&["--interval", "0", "--lock-timeout", "60", "--attempts", "1"], args].concat();
    let service = Service::start(&database, &registered(), &args);
    service.post("/ops/provision/acme").await.with(200);
    let mut holder = database.connect().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE acme.a").execute(&mut holder).await.expect("the lock");
    (database, service, holder)
}

async fn waiting(database: &Database) -> i64 {
    database
        .count("pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
        .await
}

#[tokio::test]
async fn readers_keep_nobody_from_provisioning() {
    let (database, service, holder) = held(&["--jobs", "2", "--queue", "2"]).await;
    let headers = bearer(TOKEN);
    {
        let read = |_| service.try_call("GET", "/ops/plan/acme", &headers, "");
        let mut readers = std::pin::pin!(join_all((0..8).map(read)));
        let provisioned = async {
            eventually("a reader waits", async || waiting(&database).await == 1).await;
            // More readers than the queue takes are sent away, but nobody else is.
            eventually("the readers' queue is full", async || {
                read_status(&service, "/ops/plan/bolt").await == 503
            })
            .await;
            let start = Instant::now();
            service.post("/ops/provision/bolt").await.with(200);
            service.post("/ops/provision/cargo").await.with(200);
            start.elapsed()
        };
        let elapsed = tokio::select! {
            elapsed = provisioned => elapsed,
            _ = &mut readers => panic!("the readers are through"),
        };
        assert!(elapsed < Duration::from_secs(20), "{elapsed:?}");
    }
    // All readers have left: their places are free, though what they asked for still waits.
    eventually("a reader is answered", async || {
        read_status(&service, "/ops/plan/bolt").await == 200
    })
    .await;
    assert_eq!(metric(&metrics(&service).await, "http_requests_in_flight"), Some(1.0));
    holder.close().await.expect("closing");
}

async fn read_status(service: &Service, path: &str) -> u16 {
    service.get(path).await.status
}

#[tokio::test]
async fn who_only_reads_waits_no_longer_than_others() {
    let (_database, service, holder) = held(&["--request-timeout", "1.5"]).await;
    for path in ["/ops/plan/acme", "/ops/tenants/acme", "/ops/tenants", "/ops/drift"] {
        let start = Instant::now();
        let answer = service.get(path).await.with(503);
        assert_eq!(answer.code(), "timeout", "{path}");
        assert_eq!(answer.header("retry-after"), Some("5"), "{path}");
        let elapsed = start.elapsed();
        assert!((1..20).contains(&elapsed.as_secs()), "{path}: {elapsed:?}");
    }
    holder.close().await.expect("closing");
    service.get("/ops/drift").await.with(200);
}

#[tokio::test]
async fn a_read_only_token_may_ask_for_a_plan_in_each_way() {
    let database = Database::new().await;
    register(&database, &["acme"]).await;
    let service = Service::start(&database, &registered(), &["--interval", "0"]);
    let as_reader =
        async |method: &str, path: &str| service.call(method, path, &bearer(READ_TOKEN), "").await;
    as_reader("GET", "/ops/plan/acme").await.with(200);
    let answer = as_reader("POST", "/ops/provision/acme?dryRun=true").await.with(200);
    assert!(answer.json()["statements"].as_array().is_some_and(|all| !all.is_empty()));
    for path in [
        "/ops/provision/acme",
        "/ops/provision/acme?dryRun=false",
        "/ops/provision/acme?dryRun=true&dryRun=false",
        "/ops/provision/acme?dryRun=false&dryRun=true",
        "/ops/provision/acme?x&dryRun=true",
        "/ops/provision?dryRun=true",
        "/ops/provision",
    ] {
        assert_eq!(as_reader("POST", path).await.with(403).code(), "read-only-token", "{path}");
    }
    assert_eq!(database.count("pg_namespace WHERE nspname = 'acme'").await, 0);
}
