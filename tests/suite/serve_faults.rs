//! The service under load, under attack, and without its database.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use provision::embedded::{self, Durability};
use provision::fleet::{self, Fleet, Selection, Settings, Source, State};
use provision::manifest;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::serve::{TABLES, metric, metrics, register, registered};
use crate::support::service::{READ_TOKEN, Service, TOKEN, bearer, eventually, exchange};
use crate::support::{Database, Folder};

fn ids(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}{n:03}")).collect()
}

async fn with_tenants(ids: &[String]) -> Database {
    let database = Database::new().await;
    database.run("CREATE TABLE public.tenants (id text)").await;
    let rows: Vec<String> = ids.iter().map(|id| format!("('{id}')")).collect();
    database.run(&format!("INSERT INTO public.tenants VALUES {}", rows.join(", "))).await;
    database
}

/// How many tenants are in each state.
async fn states(database: &Database, manifest: &str) -> BTreeMap<State, usize> {
    let folder = Folder::new(manifest);
    let manifest = manifest::load(&folder.manifest()).expect("a manifest");
    let fleet = Fleet::new(manifest, [(None, database.target())], &Settings::default());
    let roster = fleet::enumerate(&fleet, &Source::Registry, &Selection::default()).await;
    let survey = fleet::survey(&fleet, &roster.members, 1, &|_| {}).await;
    fleet::drift(&fleet, roster, &survey, jiff::civil::date(2026, 1, 1)).summary
}

#[tokio::test]
async fn two_hundred_calls_for_fifty_tenants_make_each_once() {
    let ids = ids("t", 50);
    let database = with_tenants(&ids).await;
    // The loop works on the same tenants all the while.
    let service = Service::start(&database, &registered(), &["--interval", "1"]);
    let calls = (0..200).map(|n| {
        let (service, id) = (&service, &ids[n % ids.len()]);
        async move {
            let answer = service.post(&format!("/ops/provision/{id}")).await.with(200).json();
            assert_eq!(answer["tenant"], id.as_str());
            (answer["created"] == true).then(|| answer["applyId"].to_string())
        }
    });
    // Those who waited together have one answer.
    let created: HashSet<String> = join_all(calls).await.into_iter().flatten().collect();
    let created = created.len();
    let metrics = metrics(&service).await;
    assert_eq!(metric(&metrics, "provision_schemas_provisioned_total"), Some(50.0), "{created}");
    assert!(created <= 50);
    for id in &ids {
        assert_eq!(database.count(&format!("\"{id}\"._provision_state")).await, 1, "{id}");
        assert_eq!(database.count(&format!("\"{id}\".a")).await, 2, "{id}");
    }
}

#[tokio::test]
async fn too_much_at_once_is_told_to_come_back() {
    let ids = ids("t", 30);
    let database = with_tenants(&ids).await;
    let arguments = ["--interval", "0", "--jobs", "1", "--queue", "2"];
    let service = Service::start(&database, &registered(), &arguments);
    let calls = ids.iter().map(|id| {
        let service = &service;
        async move { service.post(&format!("/ops/provision/{id}")).await }
    });
    let mut full = 0;
    for answer in join_all(calls).await {
        if answer.status == 503 {
            assert_eq!(answer.code(), "queue-full");
            assert!(answer.header("retry-after").is_some());
            full += 1;
        } else {
            answer.with(200);
        }
    }
    assert!(full > 0);
    assert_eq!(states(&database, &registered()).await.get(&State::InSync), Some(&(30 - full)));
}

#[tokio::test]
async fn a_caller_who_leaves_interrupts_nothing() {
    let ids = ids("t", 20);
    let database = with_tenants(&ids).await;
    let service = Service::start(&database, &registered(), &["--interval", "0"]);
    for id in &ids {
        let path = format!("/ops/provision/{id}");
        let headers = bearer(TOKEN);
        let call = service.try_call("POST", &path, &headers, "");
        let _ = tokio::time::timeout(Duration::from_millis(4), call).await;
    }
    // Those that were begun are ended.
    eventually("nothing goes on", async || {
        let others = "pg_stat_activity WHERE state <> 'idle' AND pid <> pg_backend_pid() \
                      AND datname = current_database()";
        database.count(others).await == 0
    })
    .await;
    let states = states(&database, &registered()).await;
    assert_eq!(states.get(&State::Drifted), None, "{states:?}");
    let ended = service.log().matches("provisioning ended").count();
    assert_eq!(service.log().matches("provisioning started").count(), ended);
}

#[tokio::test]
async fn ended_under_load_fifty_times_every_tenant_is_whole_or_absent() {
    let ids = ids("t", 400);
    let database = with_tenants(&ids).await;
    for round in 0..50 {
        let service = Service::start(&database, &registered(), &["--interval", "1"]);
        let calls = ids.iter().skip(round * 8).take(8).map(|id| {
            let service = &service;
            async move {
                let path = format!("/ops/provision/{id}");
                service.try_call("POST", &path, &bearer(TOKEN), "").await
            }
        });
        let stop = async {
            tokio::time::sleep(Duration::from_millis(pause_millis(round))).await;
            service.signal("TERM");
        };
        let (answers, ()) = tokio::join!(join_all(calls), stop);
        let told: Vec<u16> = answers.into_iter().flatten().map(|answer| answer.status).collect();
        assert!(told.iter().all(|status| [200, 503].contains(status)), "{told:?}");
        let log = service.log();
        assert_eq!(service.exit_code(), Some(0), "{log}");
    }
    let states = states(&database, &registered()).await;
    let known = [State::InSync, State::Unprovisioned];
    assert!(states.keys().all(|state| known.contains(state)), "{states:?}");
    assert!(states.contains_key(&State::InSync), "{states:?}");
}

/// From nothing to longer than a tenant takes, without chance.
fn pause_millis(round: usize) -> u64 {
    (round as u64 * 37) % 100
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let database = Database::new().await;
    register(&database, &["acme"]).await;
    let service = Service::start(
        &database,
        &registered(),
        &["--interval", "0", "--lock-timeout", "60", "--grace", "100"],
    );
    service.post("/ops/provision/acme").await.with(200);
    database.run("ALTER TABLE acme.b DROP COLUMN a").await;
    let mut holder = database.connect().await;
    for sql in ["BEGIN", "LOCK TABLE acme.a, acme.b IN ACCESS EXCLUSIVE MODE"] {
        sqlx::raw_sql(sql).execute(&mut holder).await.expect(sql);
    }
    let path = "/ops/provision/acme";
    let stop = async {
        service.logs("provisioning started").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        service.signal("TERM");
        service.logs("finishing work in progress").await;
        let ready = service.call("GET", "/readyz", "", "").await.with(503);
        assert_eq!(ready.code(), "not-ready");
        assert_eq!(ready.json()["title"], "The service is stopping");
        assert_eq!(service.post(path).await.with(503).code(), "stopping");
        service.signal("TERM");
    };
    let headers = bearer(TOKEN);
    let (cut_off, ()) = tokio::join!(service.try_call("POST", path, &headers, ""), stop);
    assert!(cut_off.is_err(), "{cut_off:?}");
    assert_eq!(service.exit_code(), Some(1));
}

#[tokio::test]
async fn a_database_that_goes_away_and_comes_back_needs_no_restart_of_the_service() {
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
    let manifest = format!("version = 1\n[tenants]\nlist = [\"a\", \"b\", \"c\"]\n{TABLES}");
    let service = Service::start_on(&url, Folder::new(&manifest), &["--interval", "2"]);
    service.post("/ops/provision/a").await.with(200);
    eventually("ready", async || service.get("/readyz").await.status == 200).await;
    let tenants = async || -> f64 {
        let told = metrics(&service).await;
        let counts = State::ALL.map(|state| {
            metric(&told, &format!("provision_tenants{{state=\"{}\"}}", state.name()))
        });
        counts.into_iter().flatten().sum()
    };
    let is_whole = "provision_tenants{state=\"in_sync\"}";
    eventually("all are made", async || metric(&metrics(&service).await, is_whole) == Some(3.0))
        .await;
    let success = "provision_reconcile_last_success_timestamp_seconds";
    let before = metric(&metrics(&service).await, success);

    embedded::stop(&config).expect("stopping");
    let away = service.post("/ops/provision/b").await.with(503);
    assert!(away.header("retry-after").is_some());
    assert!(["connect-failed", "connection-lost"].contains(&&*away.code()), "{away:?}");
    eventually("not ready", async || service.get("/readyz").await.status == 503).await;
    service.get("/healthz").await.with(200);
    service.get("/ops/drift").await.with(503);
    let all = service.post("/ops/provision").await.with(202).json();
    let job = format!("/ops/jobs/{}", all["id"].as_str().expect("an id"));
    eventually("the job fails", async || service.get(&job).await.json()["state"] == "failed").await;
    service.get("/ops/tenants/a").await.with(503);
    // No tenant is forgotten, not even after it has noticed that it leads no more.
    service.logs("cannot take the leadership").await;
    assert!((tenants().await - 3.0).abs() < 0.1, "{}", metrics(&service).await);

    embedded::ensure_running(&config).expect("the server again");
    eventually("ready again", async || service.get("/readyz").await.status == 200).await;
    // Nobody holds the leader's lock, whatever may keep this one from leading yet.
    let ready = service.get("/readyz").await.with(200);
    assert!(!ready.body.contains("who holds"), "{ready:?}");
    service.post("/ops/provision/b").await.with(200);
    eventually("it leads again", async || {
        let told = metrics(&service).await;
        metric(&told, is_whole) == Some(3.0) && metric(&told, success) > before
    })
    .await;
    drop(service);
    embedded::destroy(&config).expect("cleaning up");
}

#[tokio::test]
async fn oversized_and_malformed_requests_are_refused() {
    let database = Database::new().await;
    register(&database, &["acme"]).await;
    let service = Service::start(&database, &registered(), &["--interval", "0"]);
    let head = format!("x-large: {}\r\n", "x".repeat(20_000));
    let many: String = (0..100).map(|n| format!("x-{n}: y\r\n")).collect();
    let path = format!("/{}", "x".repeat(20_000));
    for (request, expected) in [
        (format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{head}\r\n"), [431, 431]),
        (format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{many}\r\n"), [431, 431]),
        (format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"), [414, 431]),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), [400, 505]),
        ("nonsense\r\n\r\n".to_owned(), [400, 400]),
    ] {
        let answer = service.raw(request.as_bytes()).await.expect("an answer");
        assert!(expected.contains(&answer.status), "{answer:?}");
    }
    // A body that is announced and does not come, or is said to be two lengths.
    let lies = format!(
        "POST /ops/provision/acme HTTP/1.1\r\nhost: x\r\n{}content-length: 5\r\n\
         content-length: 6\r\n\r\nhello",
        bearer(TOKEN)
    );
    assert_eq!(service.raw(lies.as_bytes()).await.expect("an answer").status, 400);
    service.get("/healthz").await.with(200);
}

#[test]
fn no_input_makes_it_fail() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let database = runtime.block_on(async {
        let database = Database::new().await;
        register(&database, &["acme"]).await;
        database
    });
    let service = Service::start(&database, &registered(), &["--interval", "0"]);
    let path = prop_oneof![
        any::<String>(),
        "[ -~]{0,40}".prop_map(|tail| format!("/ops/provision/{tail}")),
        "/ops/(tenants|plan|jobs)/[^ \r\n]{0,70}",
        "/ops/tenants\\?(limit|after|x)=[^ \r\n]{0,20}",
        "/ops/provision/acme\\?dryRun=[^ \r\n]{0,8}",
    ];
    let bytes = |most| prop::collection::vec(any::<u8>(), 0..most);
    let all = ("(GET|POST|PUT|[A-Z]{1,8})", path, bytes(80), bytes(200), any::<bool>());
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
    let mut runner = TestRunner::new(Config { cases, ..Config::default() });
    let run = runner.run(&all, |(method, path, header, body, has_token)| {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
        if has_token {
            request.push_str(&bearer(TOKEN));
        }
        let mut request = request.into_bytes();
        request.extend_from_slice(b"x-any: ");
        request.extend_from_slice(&header);
        request.extend_from_slice(format!("\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes());
        request.extend_from_slice(&body);
        let answer = runtime.block_on(async {
            let mut stream = TcpStream::connect(service.address).await?;
            let (read, mut write) = stream.split();
            write.write_all(&request).await?;
            // Whoever announced more than he sent is not waited for.
            write.shutdown().await?;
            exchange(tokio::io::join(read, tokio::io::sink()), b"").await
        });
        // A connection that is closed without a word is an answer to nonsense, too.
        let status = answer.map_or(400, |answer| answer.status);
        prop_assert!((200..500).contains(&status), "{status}");
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}\n{}", service.log()));
    assert!(!service.log().contains("panicked"), "{}", service.log());
    runtime.block_on(async { service.get("/healthz").await.with(200) });
}

#[tokio::test]
async fn no_secret_is_in_any_output() {
    let database = Database::new().await;
    register(&database, &["acme"]).await;
    let (base, query) = database.url.split_once('?').expect("a query");
    let url = format!("{base}?{query}&password=canary-password");
    let folder = Folder::new(&registered());
    let arguments = ["--interval", "1", "--log", "trace", "--log-format", "json"];
    // With JSON logs, what people are told is still told in words.
    let service = Service::start_on(&url, folder, &arguments);
    let mut told = String::new();
    for (method, path) in [
        ("POST", "/ops/provision/acme"),
        ("POST", "/ops/provision/nobody"),
        ("GET", "/ops/tenants/acme"),
        ("GET", "/ops/drift"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("GET", "/readyz"),
    ] {
        for token in [TOKEN, READ_TOKEN, "canary-wrong-token-0123456789abcdef"] {
            let answer = service.call(method, path, &bearer(token), "").await;
            told.push_str(&answer.head);
            told.push_str(&answer.body);
        }
    }
    service.signal("HUP");
    service.logs("were reloaded").await;
    told.push_str(&service.log());
    assert!(!told.contains("canary"), "{told}");
}
