//! The service by itself: what it does without being asked over HTTP.

use std::time::Duration;

use crate::fleet::twice;
use crate::serve::{metric, metrics, register, registered};
use crate::support::service::{Service, TOKEN, bearer, eventually};
use crate::support::{Database, Folder};

#[tokio::test]
async fn missing_tenants_are_made_on_boot_on_notice_and_at_intervals() {
    let database = Database::new().await;
    register(&database, &["boot"]).await;
    let service = Service::start(&database, &registered(), &["--interval", "3600"]);
    let has = async |schema: &str| {
        database.count(&format!("pg_namespace WHERE nspname = '{schema}'")).await == 1
    };
    eventually("made on boot", async || has("boot").await).await;
    // The trigger of docs/service.md.
    database
        .run(
            "CREATE FUNCTION public.announce_tenant() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             PERFORM pg_notify('provision_tenant', NEW.id); RETURN NULL; END $$; \
             CREATE TRIGGER announce_tenant AFTER INSERT ON public.tenants \
             FOR EACH ROW EXECUTE FUNCTION public.announce_tenant()",
        )
        .await;
    let listening = "pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()";
    eventually("it listens", async || database.count(listening).await == 1).await;
    database.run("INSERT INTO public.tenants VALUES ('noticed')").await;
    eventually("made on notice", async || has("noticed").await).await;

    // One that fails is tried again, long before the next pass.
    database.run(&twice("stuck")).await;
    database.run("INSERT INTO public.tenants VALUES ('stuck')").await;
    service.logs("rows-in-the-way").await;
    database.run("TRUNCATE stuck.a").await;
    let made = "pg_class WHERE relname = 'b' AND relnamespace = 'stuck'::regnamespace";
    eventually("made when it can be", async || database.count(made).await == 1).await;

    // Notices that name nothing, or nobody, do no harm.
    for payload in ["", "x'; DROP SCHEMA boot", "pg_catalog", "nobody"] {
        database.run(&format!("SELECT pg_notify('provision_tenant', $${payload}$$)")).await;
    }
    service.logs("\"unregistered\"").await;
    assert!(!has("nobody").await);

    // A lost listener is replaced, and what it missed is found.
    let kill = "SELECT count(pg_terminate_backend(pid))::text FROM pg_stat_activity \
                WHERE query LIKE 'LISTEN%' AND datname = current_database()";
    assert_eq!(database.ask(kill).await, "1");
    database.run("INSERT INTO public.tenants VALUES ('missed')").await;
    eventually("what was missed is made", async || has("missed").await).await;
}

#[tokio::test]
async fn a_tenant_that_keeps_failing_holds_nobody_up() {
    let database = Database::new().await;
    register(&database, &["bad", "good", "later"]).await;
    database.run(&twice("bad")).await;
    let service = Service::start(&database, &registered(), &["--interval", "1"]);
    eventually("the others are made", async || {
        database.count("pg_namespace WHERE nspname IN ('good', 'later')").await == 2
    })
    .await;
    service.logs("a reconcile pass has ended").await;
    let metrics = metrics(&service).await;
    assert_eq!(metric(&metrics, "provision_schemas_provisioned_total"), Some(2.0));
    assert_eq!(metric(&metrics, "provision_failures_total{code=\"rows-in-the-way\"}"), Some(1.0));
    assert_eq!(metric(&metrics, "provision_tenants{state=\"in_sync\"}"), Some(2.0));
    // A probe has a time limit, which a busy machine may exceed.
    eventually("ready", async || service.get("/readyz").await.status == 200).await;
    // Passes go on, but the failed one is not tried again so soon.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let failures = service.log().matches("a tenant could not be provisioned").count();
    assert_eq!(failures, 1, "{}", service.log());
    // Nor is a pass that leaves it out a success.
    let success = "provision_reconcile_last_success_timestamp_seconds";
    assert_eq!(metric(&self::metrics(&service).await, success), None);
    database.run("TRUNCATE bad.a").await;
    eventually("it is made in the end", async || {
        database.count("pg_class WHERE relname = 'b' AND relnamespace = 'bad'::regnamespace").await
            == 1
    })
    .await;
    eventually("all is well", async || metric(&self::metrics(&service).await, success).is_some())
        .await;
}

#[tokio::test]
async fn a_repaired_manifest_is_tried_at_once() {
    let database = Database::new().await;
    register(&database, &["acme"]).await;
    let wrong = format!(
        "{}[tables.c]\ncolumns = {{ x = \"int\" }}\n\
                         [[seeds]]\ntable = \"c\"\nkey = [\"x\"]\nrows = [{{ x = \"no\" }}]\n",
        registered()
    );
    let service = Service::start(&database, &wrong, &["--interval", "3600"]);
    service.logs("a tenant could not be provisioned").await;
    service.folder.write("schema.toml", &registered());
    service.signal("HUP");
    eventually("it leads anew", async || {
        service.log().matches("leads the reconcile loop").count() == 2
    })
    .await;
    eventually("it is made", async || {
        database.count("pg_namespace WHERE nspname = 'acme'").await == 1
    })
    .await;
}

#[tokio::test]
async fn a_registry_that_cannot_be_read_is_told_as_such_and_no_tenant_is_forgotten() {
    let database = Database::new().await;
    register(&database, &["acme", "bolt"]).await;
    let service = Service::start(&database, &registered(), &["--interval", "1"]);
    let all = async || {
        let told = metrics(&service).await;
        let count = |state| metric(&told, &format!("provision_tenants{{state=\"{state}\"}}"));
        (count("in_sync"), count("unreachable"))
    };
    eventually("both are made", async || all().await == (Some(2.0), Some(0.0))).await;
    database.run("ALTER TABLE public.tenants RENAME TO hidden").await;
    eventually("they are not forgotten", async || all().await == (Some(0.0), Some(2.0))).await;
    service.logs("a reconcile pass has failed").await;
    let log = service.log();
    let line = |what: &str| log.lines().find(|line| line.contains(what)).unwrap_or_default();
    let cause = line("the registry of tenants cannot be read");
    assert!(cause.contains("WARN") && cause.contains("does not exist (SQLSTATE 42P01)"), "{log}");
    assert!(cause.contains("check the query in [tenants]"), "{log}");
    let pass = line("a reconcile pass has failed");
    assert!(pass.contains("WARN") && pass.contains("failures=2"), "{log}");
    assert!(!log.contains("a server is unavailable") && !log.contains("expressions see"), "{log}");
    // Whoever asks is told the same everywhere: this does not pass by itself.
    for answer in [
        service.get("/ops/drift").await,
        service.get("/ops/tenants").await,
        service.get("/ops/plan/acme").await,
        service.post("/ops/provision/acme").await,
    ] {
        assert_eq!(answer.clone().with(500).code(), "registry-unreadable");
        assert_eq!(answer.header("retry-after"), None);
    }
    database.run("ALTER TABLE public.hidden RENAME TO tenants").await;
    eventually("all is well again", async || all().await == (Some(2.0), Some(0.0))).await;

    // A lock on it does pass.
    let service = Service::start(
        &database,
        &registered(),
        &["--interval", "0", "--lock-timeout", "0.1", "--attempts", "1"],
    );
    let mut holder = database.connect().await;
    for sql in ["BEGIN", "LOCK TABLE public.tenants IN ACCESS EXCLUSIVE MODE"] {
        sqlx::raw_sql(sql).execute(&mut holder).await.expect(sql);
    }
    for answer in [service.get("/ops/drift").await, service.post("/ops/provision/acme").await] {
        assert_eq!(answer.clone().with(503).code(), "lock-timeout");
        assert!(answer.header("retry-after").is_some());
    }
}

/// Which of the replicas lead.
pub async fn leaders(replicas: &[Service]) -> Vec<usize> {
    let mut leaders = Vec::new();
    for (at, replica) in replicas.iter().enumerate() {
        if metric(&metrics(replica).await, "provision_reconcile_leader") == Some(1.0) {
            leaders.push(at);
        }
    }
    leaders
}

#[tokio::test]
async fn of_several_replicas_one_leads_and_another_takes_over() {
    let database = Database::new().await;
    register(&database, &["a"]).await;
    let start = || Service::start(&database, &registered(), &["--interval", "1"]);
    let mut replicas = vec![start(), start(), start()];
    eventually("one leads", async || leaders(&replicas).await.len() == 1).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    // On a busy machine the leader may change while one replica after the other is asked.
    eventually("one leads", async || leaders(&replicas).await.len() == 1).await;
    let leader = leaders(&replicas).await;
    for replica in &replicas {
        assert_eq!(metric(&metrics(replica).await, "provision_reconcile_led"), Some(1.0));
    }
    // A pass that nothing is due for is none.
    let log = replicas[leader[0]].log();
    assert!(log.contains("tenants=1") && !log.contains("tenants=0"), "{log}");
    // What it waits in keeps VACUUM from nothing.
    let waiting = "pg_stat_activity WHERE datname = current_database() \
                   AND state = 'idle in transaction' AND backend_xmin IS NULL AND backend_xid IS NULL";
    assert_eq!(database.count(waiting).await, 1);
    drop(replicas.remove(leader[0]));
    eventually("another leads", async || leaders(&replicas).await.len() == 1).await;
    register(&database, &["b"]).await;
    eventually("it works", async || database.count("pg_namespace WHERE nspname = 'b'").await == 1)
        .await;
}

#[tokio::test]
async fn tokens_and_manifest_are_read_again_on_sighup() {
    let database = Database::new().await;
    register(&database, &["acme"]).await;
    let folder = Folder::new(&registered());
    folder.write("tokens", TOKEN);
    let service =
        Service::start_on(&database.url, folder, &["--interval", "0", "--token-file", "tokens"]);
    service.post("/ops/provision/acme").await.with(200);
    let new = "another-canary-token-0123456789abcdef";
    service.folder.write("tokens", &format!("{TOKEN}\n{new}\n"));
    let more = format!("{}[tables.c]\ncolumns = {{ x = \"int\" }}\n", registered());
    service.folder.write("schema.toml", &more);
    service.signal("HUP");
    service.logs("the manifest was reloaded").await;
    let updated = service.call("POST", "/ops/provision/acme", &bearer(new), "").await.with(200);
    assert_eq!(updated.json()["statements"], 1);
    service.post("/ops/provision/acme").await.with(200);

    // What is not usable is not used.
    service.folder.write("schema.toml", "version = 2\n");
    service.folder.write("tokens", "short");
    service.signal("HUP");
    service.logs("the previous version stays in use").await;
    service.call("POST", "/ops/provision/acme", &bearer(new), "").await.with(200);
    assert!(!service.log().contains("canary"), "{}", service.log());
}
