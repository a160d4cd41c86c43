//! The service: what it answers, and what it does by itself.

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _};
use std::collections::BTreeSet;

use crate::support::service::{
    Answer, READ_TOKEN, Service, TOKEN, bearer, document, eventually, refuses_to_start,
};
use crate::support::{Database, Folder};

pub const TABLES: &str = r#"
[tables.a]
primary_key = ["id"]
columns = { id = "int", code = { type = "text", null = true } }
[tables.b]
columns = { a = "int" }
foreign_keys = [{ columns = ["a"], references = { table = "a", columns = ["id"] } }]
[[seeds]]
table = "a"
key = ["id"]
rows = [{ id = 1, code = "one" }, { id = 2, code = "two" }]
"#;

pub fn registered() -> String {
    format!("version = 1\n[tenants]\nquery = \"SELECT id FROM public.tenants\"\n{TABLES}")
}

pub async fn register(database: &Database, ids: &[&str]) {
    database.run("CREATE TABLE IF NOT EXISTS public.tenants (id text)").await;
    for id in ids {
        database.run(&format!("INSERT INTO public.tenants VALUES ('{id}')")).await;
    }
}

/// A service without a loop: only requests make it work.
async fn quiet(ids: &[&str]) -> (Database, Service) {
    let database = Database::new().await;
    register(&database, ids).await;
    let service = Service::start(&database, &registered(), &["--interval", "0"]);
    (database, service)
}

#[tokio::test]
async fn one_call_makes_a_usable_schema_and_more_calls_change_nothing() {
    let database = Database::new().await;
    let folder = Folder::new(include_str!("../../schema.toml"));
    folder.write("seeds/cad_lookup.csv", include_str!("../../seeds/cad_lookup.csv"));
    let service = Service::start_on(&database.url, folder, &["--interval", "0"]);

    let made = service.post("/ops/provision/acme").await.with(200).json();
    assert_eq!((&made["changed"], &made["created"]), (&true.into(), &true.into()));
    assert_eq!((&made["tenant"], &made["schema"]), (&"acme".into(), &"acme".into()));
    assert!(made["statements"].as_u64() > Some(20) && made["applyId"].is_string(), "{made}");
    let tables = "information_schema.tables WHERE table_schema = 'acme' AND table_name LIKE 'cad%'";
    assert_eq!(database.count(tables).await, 6);
    let rows = database.count("acme.cad_lookup").await;
    assert!(rows > 10);
    database
        .run(
            "INSERT INTO acme.cad_empresas (razao, fantasia, cnpj, registro, phone, email) \
             VALUES ('A', 'A', '12345678901', now(), '1', 'a@b')",
        )
        .await;

    for _ in 0..20 {
        let again = service.post("/ops/provision/acme").await.with(200).json();
        assert_eq!((&again["changed"], &again["statements"]), (&false.into(), &0.into()));
        assert_eq!(again["checksum"], made["checksum"]);
    }
    assert_eq!(database.count("acme.cad_lookup").await, rows);
    assert_eq!(database.count("acme._provision_state").await, 1);
}

#[tokio::test]
async fn every_path_but_the_listed_ones_is_closed() {
    let (_database, service) = quiet(&["acme"]).await;
    let open: BTreeSet<&str> = provision::server::OPEN.into_iter().collect();
    assert_eq!(open, BTreeSet::from(["/healthz", "/metrics", "/openapi.json", "/readyz"]));
    let mut seen = 0;
    for (path, item) in document()["paths"].as_object().expect("paths") {
        let path = path.replace("{tenantId}", "acme").replace("{id}", "1");
        for method in item.as_object().expect("operations").keys() {
            let answer = service.call(&method.to_uppercase(), &path, "", "").await;
            let is_open = open.contains(path.as_str());
            assert_eq!(answer.status == 401, !is_open, "{method} {path}: {answer:?}");
            seen += usize::from(!is_open);
        }
    }
    assert_eq!(seen, 9);
    for path in
        ["/", "/ops", "/ops/", "/healthz/", "/healthz/../ops/drift", "//healthz", "/nothing"]
    {
        assert_eq!(service.call("GET", path, "", "").await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_a_token_the_answer_is_the_same() {
    let (_database, service) = quiet(&["acme"]).await;
    let mut answers = BTreeSet::new();
    for header in [
        String::new(),
        bearer("wrong"),
        bearer(""),
        bearer(&TOKEN.to_uppercase()),
        bearer(&TOKEN[1..]),
        bearer(&format!("{TOKEN} x")),
        format!("authorization: Basic {TOKEN}\r\n"),
        format!("authorization: {TOKEN}\r\n"),
        format!("authorization: Bearer {TOKEN}\r\nauthorization: Bearer {TOKEN}\r\n"),
        "authorization: \u{e9}\r\n".to_owned(),
    ] {
        let answer = service.call("POST", "/ops/provision/acme", &header, "").await.with(401);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"provision\""));
        answers.insert(answer.body);
    }
    assert_eq!(answers.len(), 1, "{answers:?}");

    let reader = bearer(READ_TOKEN);
    let refused = service.call("POST", "/ops/provision/acme", &reader, "").await.with(403);
    assert_eq!(refused.code(), "read-only-token");
    service.call("GET", "/ops/drift", &reader, "").await.with(200);

    // After so many failures from one address it is told to wait; who has a token need not.
    for _ in 0..30 {
        service.call("GET", "/ops/drift", "", "").await;
    }
    let slow_down = service.call("GET", "/ops/drift", "", "").await.with(429);
    assert_eq!(slow_down.code(), "too-many-failures");
    assert!(slow_down.header("retry-after").is_some());
    service.get("/ops/drift").await.with(200);
}

#[tokio::test]
async fn what_cannot_be_done_is_told_as_a_problem() {
    let (database, service) = quiet(&["acme", "taken", "other", "wide"]).await;
    let bad = service.post("/ops/provision/pg_catalog").await.with(400);
    assert_eq!(bad.code(), "bad-tenant-id");
    assert_eq!(service.post("/ops/provision/%ff").await.with(400).code(), "bad-request");
    assert_eq!(service.post("/ops/provision/acme?dryRun=1x").await.with(400).code(), "bad-request");
    assert_eq!(
        service.post("/ops/provision/acme?force=true").await.with(400).code(),
        "bad-request"
    );
    assert_eq!(service.post("/ops/provision/nobody").await.with(404).code(), "unregistered");
    assert_eq!(service.get("/ops/plan/nobody").await.with(404).code(), "unregistered");
    assert_eq!(service.get("/ops/tenants/nobody").await.with(404).code(), "unregistered");
    assert_eq!(service.get("/ops/nothing").await.with(404).code(), "not-found");
    assert_eq!(service.get("/ops/jobs/1").await.with(404).code(), "not-found");
    let no_job = service.get("/ops/jobs/00000000-0000-0000-0000-000000000000").await;
    assert_eq!(no_job.with(404).code(), "not-found");
    let other = service.call("DELETE", "/ops/drift", &bearer(TOKEN), "").await.with(405);
    assert_eq!(
        (other.code(), other.header("allow")),
        ("method-not-allowed".into(), Some("GET,HEAD"))
    );
    let large = "x".repeat(100_000);
    let large = service.call("POST", "/ops/provision/acme", &bearer(TOKEN), &large).await.with(413);
    assert_eq!(large.code(), "body-too-large");
    assert_eq!(database.count("pg_namespace WHERE nspname = 'acme'").await, 0);

    // A view has the name of a table.
    database.run("CREATE SCHEMA taken; CREATE VIEW taken.a AS SELECT 1 AS id").await;
    let taken = service.post("/ops/provision/taken").await.with(422);
    assert_eq!(taken.code(), "held-back");
    assert!(taken.body.contains("is taken by a view"), "{taken:?}");
    // A table is there, but another one.
    database.run("CREATE SCHEMA other; CREATE TABLE other.a (id int PRIMARY KEY DEFAULT 7)").await;
    database.run("ALTER TABLE other.a ADD code text").await;
    let other = service.post("/ops/provision/other").await;
    assert_eq!(other.status, 422, "{other:?}");
    assert_eq!(other.json()["changed"][0]["object"], "column a.id", "{other:?}");
    let detail = |answer: &Answer| answer.json()["detail"].as_str().expect("a detail").to_owned();
    assert!(detail(&other).starts_with("what was missing has been created ("), "{other:?}");
    let again = service.post("/ops/provision/other").await.with(422);
    assert_eq!(
        detail(&again),
        "nothing is missing, but tenant other has 1 object present and different; nothing changes \
         or drops what is there"
    );
    // What needs that it were as declared is held back.
    database.run("CREATE SCHEMA wide; CREATE TABLE wide.a (id bigint PRIMARY KEY)").await;
    database.run("ALTER TABLE wide.a ADD code text").await;
    let wide = service.post("/ops/provision/wide").await.with(422);
    assert_eq!(wide.code(), "held-back");
    assert_eq!(wide.json()["held"][0]["reasons"][0], "column a.id is not as declared", "{wide:?}");
    assert_eq!(database.count("pg_class WHERE oid = 'wide.b'::regclass").await, 1);
}

#[tokio::test]
async fn what_the_manifest_excepts_the_service_accepts() {
    let database = Database::new().await;
    register(&database, &["acme", "bolt"]).await;
    let excepted = |until: &str| {
        format!(
            "{}[drift]\nexceptions = [{{ tenant = \"acme\", reason = \"wide ids\", until = \
             \"{until}\" }}]\n",
            registered()
        )
    };
    let service = Service::start(&database, &excepted("2999-12-31"), &["--interval", "0"]);
    for id in ["acme", "bolt"] {
        service.post(&format!("/ops/provision/{id}")).await.with(200);
        database.run(&format!("ALTER TABLE {id}.a ALTER code TYPE varchar")).await;
    }
    database.run("DROP TABLE acme.b").await;
    for is_changed in [true, false] {
        let accepted = service.post("/ops/provision/acme").await.with(200).json();
        assert_eq!(accepted["changed"], is_changed, "what is missing is created all the same");
        assert_eq!(accepted["exception"], "wide ids (until 2999-12-31)");
        assert_eq!(accepted["accepted"][0]["object"], "column a.code");
    }
    assert_eq!(service.post("/ops/provision/bolt").await.with(422).code(), "changed-objects");
    let page = service.get("/ops/tenants").await.with(200).json();
    assert_eq!(page["tenants"][0]["exception"], "wide ids (until 2999-12-31)", "{page}");
    assert_eq!(page["tenants"][1]["exception"], Value::Null, "{page}");

    let late = Service::start(&database, &excepted("2020-12-31"), &["--interval", "0"]);
    assert_eq!(late.post("/ops/provision/acme").await.with(422).code(), "changed-objects");
}

#[tokio::test]
async fn a_tenant_in_other_hands_is_a_conflict_that_passes() {
    let (database, _) = quiet(&["acme"]).await;
    let service = Service::start(
        &database,
        &registered(),
        &["--interval", "0", "--lock-timeout", "0.2", "--attempts", "2"],
    );
    service.post("/ops/provision/acme").await.with(200);
    database.run("ALTER TABLE acme.b DROP COLUMN a").await;
    let mut holder = database.connect().await;
    for sql in ["BEGIN", "LOCK TABLE acme.a, acme.b IN ACCESS EXCLUSIVE MODE"] {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut holder).await.expect(sql);
    }
    let busy = service.post("/ops/provision/acme").await.with(409);
    assert_eq!(busy.code(), "busy");
    assert!(busy.header("retry-after").is_some());
    assert!(!busy.body.contains("pid") && !busy.body.contains("process"), "{busy:?}");
    service.logs("is in use; gave up").await;
    holder.close().await.expect("closing");
    service.post("/ops/provision/acme").await.with(200);
}

#[tokio::test]
async fn plans_pages_states_and_drift_are_told() {
    let (database, service) = quiet(&["a", "b", "c", "d", "BAD ID"]).await;
    let plan = service.get("/ops/plan/a").await.with(200).json();
    let dry = service.post("/ops/provision/a?dryRun=true").await.with(200).json();
    assert_eq!(plan, dry);
    assert!(plan["statements"][0]["sql"].as_str().expect("SQL").starts_with("CREATE SCHEMA"));
    assert_eq!(database.count("pg_namespace WHERE nspname = 'a'").await, 0);

    for id in ["a", "b"] {
        service.post(&format!("/ops/provision/{id}")).await.with(200);
    }
    database.run("DROP TABLE b.b").await;
    let mut states = Vec::new();
    let mut path = "/ops/tenants?limit=3".to_owned();
    loop {
        let page = service.get(&path).await.with(200).json();
        assert_eq!((&page["total"], &page["refused"]), (&4.into(), &1.into()));
        for tenant in page["tenants"].as_array().expect("tenants") {
            states.push(format!("{} {}", tenant["tenant"], tenant["state"]).replace('"', ""));
        }
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/ops/tenants?limit=3&after={next}");
    }
    assert_eq!(states, ["a in_sync", "b drifted", "c unprovisioned", "d unprovisioned"]);
    service.get("/ops/tenants?limit=0").await.with(400);

    let drift = service.get("/ops/drift").await.with(200).json();
    assert_eq!(drift["inSync"], false);
    assert_eq!(drift["summary"]["unprovisioned"], 2);
    let shapes = drift["shapes"].as_array().expect("shapes");
    assert!(shapes.iter().any(|shape| shape["tenants"] == serde_json::json!(["b"])), "{drift}");
    let one = service.get("/ops/tenants/a").await.with(200).json();
    assert_eq!((&one["exists"], &one["liveIsRecorded"]), (&true.into(), &true.into()));
    assert_eq!((&one["conforms"], &one["missing"]), (&true.into(), &0.into()));
    assert_eq!(one["history"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn who_does_not_want_to_wait_gets_a_job() {
    let (database, service) = quiet(&["a", "b", "c"]).await;
    let headers = format!("{}prefer: wait=5, Respond-Async\r\n", bearer(TOKEN));
    let accepted = service.call("POST", "/ops/provision/a", &headers, "").await.with(202);
    let job = ended(&service, &accepted).await;
    assert_eq!((&job["state"], &job["result"]["tenant"]), (&"done".into(), &"a".into()));

    let accepted = service.call("POST", "/ops/provision/nobody", &headers, "").await.with(202);
    let job = ended(&service, &accepted).await;
    assert_eq!(
        (&job["state"], &job["problem"]["code"]),
        (&"failed".into(), &"unregistered".into())
    );

    // What is not heeded here is refused, not passed over.
    let refused = service.post("/ops/provision?dryRun=true").await.with(400).json();
    assert_eq!(refused["detail"], "/ops/provision takes no parameters");
    assert_eq!(database.count("pg_namespace WHERE nspname = 'b'").await, 0);
    let accepted = service.post("/ops/provision").await.with(202);
    let job = ended(&service, &accepted).await;
    let result = &job["result"];
    assert_eq!((&result["created"], &result["current"]), (&2.into(), &1.into()), "{job}");
    assert_eq!(database.count("pg_namespace WHERE nspname IN ('a', 'b', 'c')").await, 3);
}

async fn ended(service: &Service, accepted: &Answer) -> Value {
    let location = accepted.header("location").expect("a location").to_owned();
    let is_over = |job: &Value| job["state"] == "done" || job["state"] == "failed";
    eventually("the job ends", async || is_over(&service.get(&location).await.with(200).json()))
        .await;
    service.get(&location).await.json()
}

#[tokio::test]
async fn weak_tokens_and_open_doors_are_refused() {
    let database = Database::new().await;
    let ended = refuses_to_start(&database, &[], "");
    assert!(ended.stderr.contains("tokens-refused"), "{}", ended.stderr);
    let ended = refuses_to_start(&database, &[], "canary-short");
    assert!(ended.stderr.contains("shorter than 32 bytes"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
    let ended = refuses_to_start(&database, &["--listen", "0.0.0.0:0"], TOKEN);
    assert!(ended.stderr.contains("--plaintext"), "{}", ended.stderr);
    let files = ["--tls-cert", "schema.toml", "--tls-key", "schema.toml"];
    let ended = refuses_to_start(&database, &files, TOKEN);
    assert!(ended.stderr.contains("tls-refused"), "{}", ended.stderr);
}

pub async fn metrics(service: &Service) -> String {
    service.call("GET", "/metrics", "", "").await.with(200).body
}

pub fn metric(metrics: &str, name: &str) -> Option<f64> {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok())
}

#[tokio::test]
async fn counts_are_told_as_prometheus_wants_them() {
    let (_database, service) = quiet(&["acme"]).await;
    service.post("/ops/provision/acme").await.with(200);
    service.post("/ops/provision/acme").await.with(200);
    service.post("/ops/provision/nobody").await.with(404);
    let metrics = metrics(&service).await;
    assert_eq!(metric(&metrics, "provision_applies_total{result=\"created\"}"), Some(1.0));
    assert_eq!(metric(&metrics, "provision_applies_total{result=\"current\"}"), Some(1.0));
    assert_eq!(metric(&metrics, "provision_statements_total{kind=\"table\"}"), Some(2.0));
    // Whoever names a tenant that there is not is wrong; nothing has failed.
    assert_eq!(metric(&metrics, "provision_applies_total{result=\"failed\"}"), Some(0.0));
    assert!(!metrics.contains("provision_failures_total{"), "{metrics}");
    assert_eq!(metric(&metrics, "provision_apply_duration_seconds_count"), Some(2.0));
    let log = service.log();
    let told: Vec<&str> = log.lines().filter(|line| line.contains("nobody")).collect();
    assert!(told.iter().any(|line| line.contains("\"unregistered\"")), "{log}");
    assert!(told.iter().all(|line| line.contains("INFO")), "{log}");
    assert!(!log.contains("--unregistered"), "{log}");
    assert!(metrics.contains("provision_build_info{version="), "{metrics}");
    assert!(!metrics.contains("acme") && !metrics.contains("nobody"), "{metrics}");
    for line in metrics.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        let base = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .filter(|base| base.ends_with("_seconds"))
            .unwrap_or(name);
        for said in ["HELP", "TYPE"] {
            assert!(metrics.contains(&format!("# {said} {base} ")), "{said} of {base}: {metrics}");
        }
        let value = line.rsplit(' ').next().unwrap_or_default();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    // The judge of the format, where it is at hand.
    let promtool = std::process::Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn();
    if let Ok(mut promtool) = promtool {
        use std::io::Write as _;
        let mut stdin = promtool.stdin.take().expect("stdin");
        stdin.write_all(metrics.as_bytes()).expect("writing");
        drop(stdin);
        let ended = promtool.wait_with_output().expect("promtool");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
}
