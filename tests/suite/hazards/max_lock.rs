//! `--max-lock`: a plan that takes stronger locks is refused before anything is touched.

use crate::support::service::{Service, eventually};
use crate::support::tool::go;
use crate::support::{Database, Folder};

const MANIFEST: &str = r#"
version = 1

[tenants]
list = ["a", "b", "c"]

[tables.t]
columns = { id = { type = "integer", null = true }, note = { type = "text", null = true } }
indexes = [{ name = "by_id", columns = ["id"] }]
"#;

/// The one lacks a column and the other an index; the last is new.
async fn tenants() -> (Database, Folder) {
    let database = Database::new().await;
    database
        .run(
            "CREATE SCHEMA a; CREATE TABLE a.t (id integer); CREATE INDEX by_id ON a.t (id);
             CREATE SCHEMA b; CREATE TABLE b.t (id integer, note text)",
        )
        .await;
    (database, Folder::new(MANIFEST))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_with_stronger_locks_is_refused() {
    let (database, folder) = tenants().await;
    let go = |args: &[&str]| go(&database, &folder, args);
    let plan = go(&["plan", "a"]).with(0).stdout;
    assert!(plan.contains("+ add column t.note\n      ! locks ACCESS EXCLUSIVE\n"), "{plan}");
    let saved = go(&["plan", "a", "--format", "json"]).with(0).stdout;
    let saved: serde_json::Value = serde_json::from_str(&saved).expect("JSON");
    let expected = serde_json::json!({
        "rules": ["add-column"],
        "locks": [{ "relation": "table t", "mode": "ACCESS EXCLUSIVE", "own": true }],
    });
    assert_eq!(saved["steps"][0]["hazards"], expected);
    for args in [&["plan", "a"][..], &["apply", "a"]] {
        let told = go(&[args, &["--max-lock", "share"]].concat()).with(1).stderr;
        for part in [
            "stronger locks than share, and nothing of it was done: add column t.note (ACCESS EXCLUSIVE on table t)",
            "lock-too-strong",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
    assert_eq!(database.ask("SELECT to_regclass('a._provision_state')::text").await, "");
    // An index takes no more than is allowed, and a new tenant nothing.
    let plan = go(&["plan", "b", "--max-lock", "SHARE"]).with(0).stdout;
    assert!(plan.contains("! locks SHARE, builds an index"), "{plan}");
    let applied = go(&["apply", "b", "--max-lock", "SHARE"]).with(0).stdout;
    assert!(!applied.contains("locks SHARE"), "{applied}");
    go(&["apply", "c", "--max-lock", "access-share"]).with(0);
    go(&["apply", "a", "--max-lock", "access-exclusive"]).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_tenants_only_those_are_refused_and_told_before() {
    let (database, folder) = tenants().await;
    let go = |args: &[&str]| go(&database, &folder, args);
    let plan = go(&["plan", "--all", "--max-lock", "share"]).with(1).stdout;
    for told in ["cannot be planned", "add column t.note", "create index by_id"] {
        assert!(plan.contains(told), "{told}: {plan}");
    }
    let ended = go(&["apply", "--all", "--max-lock", "share"]).with(1);
    let beforehand = "refused beforehand: 1 tenant: the plan for schema a takes stronger locks";
    assert!(ended.stderr.contains(beforehand), "{}", ended.stderr);
    assert!(ended.stdout.contains("lock-too-strong"), "{}", ended.stdout);
    assert_eq!(database.ask("SELECT to_regclass('a._provision_state')::text").await, "");
    assert_eq!(database.ask("SELECT to_regclass('b.by_id')::text").await, "b.by_id");
    assert_eq!(database.ask("SELECT to_regclass('c.t')::text").await, "c.t");
    let page = go(&["plan", "--all", "--format", "markdown"]).with(0).stdout;
    assert!(page.contains("add column t.note — locks ACCESS EXCLUSIVE"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_and_its_loop_refuse_them_as_well() {
    let (database, folder) = tenants().await;
    let args = ["--interval", "3600", "--max-lock", "share"];
    let service = Service::start_on(&database.url, folder, &args);
    service.logs("lock-too-strong").await;
    let has = async |name: &str| {
        database.ask(&format!("SELECT (to_regclass('{name}') IS NOT NULL)::text")).await == "true"
    };
    eventually("the others are done", async || has("b.by_id").await && has("c.t").await).await;
    let refused = service.post("/ops/provision/a").await.with(409);
    assert_eq!(refused.code(), "lock-too-strong");
    assert!(
        refused.body.contains("add column t.note (ACCESS EXCLUSIVE on table t)"),
        "{refused:?}"
    );
    assert!(!has("a._provision_state").await);
    service.post("/ops/provision/b").await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mode_that_does_not_exist_is_an_error_that_lists_them() {
    let (database, folder) = tenants().await;
    let told = go(&database, &folder, &["plan", "a", "--max-lock", "shared"]).code;
    assert_ne!(told, Some(0));
    let told = go(&database, &folder, &["plan", "a", "--max-lock", "shared"]).stderr;
    assert!(told.contains("\"shared\" is no lock mode; there are \"access-share\""), "{told}");
    assert!(told.contains("\"access-exclusive\""), "{told}");
}

/// Those that were saved before steps had hazards are still read.
#[tokio::test(flavor = "multi_thread")]
async fn older_saved_plans_are_read() {
    let (database, folder) = tenants().await;
    go(&database, &folder, &["plan", "a", "--out", "plan.json"]).with(0);
    let path = folder.dir.path().join("plan.json");
    let mut saved: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&path).expect("a plan")).expect("JSON");
    for step in saved["steps"].as_array_mut().expect("steps") {
        step.as_object_mut().expect("a step").remove("hazards").expect("hazards");
    }
    folder.write("plan.json", &saved.to_string());
    let refused = go(&database, &folder, &["apply", "--plan", "plan.json", "--max-lock", "share"]);
    assert!(refused.with(1).stderr.contains("lock-too-strong"));
    go(&database, &folder, &["apply", "--plan", "plan.json"]).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn estimates_are_of_the_largest_tenant() {
    let (database, folder) = tenants().await;
    database
        .run(
            "CREATE SCHEMA c; CREATE TABLE c.t (id integer, note text);
             INSERT INTO c.t SELECT n FROM generate_series(1, 5000) n; INSERT INTO b.t VALUES (1);
             ANALYZE b.t; ANALYZE c.t",
        )
        .await;
    let go = |args: &[&str]| go(&database, &folder, args);
    let plan = go(&["plan", "--all", "--estimate"]).with(0).stdout;
    let largest =
        "! locks SHARE, builds an index, largest in tenant c: table t of about 5000 rows, 184 kB";
    assert!(plan.contains(largest), "{plan}");
    assert!(
        plan.contains("! locks ACCESS EXCLUSIVE, largest in tenant a: table t of 8 kB"),
        "{plan}"
    );
    let plan = go(&["plan", "b", "--estimate", "--format", "json"]).with(0).stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).expect("JSON");
    let expected =
        serde_json::json!({ "tenant": "b", "relation": "table t", "rows": 1, "bytes": 8192 });
    assert_eq!(plan["steps"][0]["hazards"]["estimate"], expected);
}
