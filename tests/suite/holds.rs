//! Tenants that somebody holds: nothing touches them, everything says so, and it ends.

use std::process::{Child, Stdio};
use std::sync::atomic::AtomicBool;

use provision::fleet::{self, Canary, Event, Options, Stages, TenantOutcome};
use serde_json::Value;
use uuid::Uuid;

use crate::fleet::{fleet_of, roster};
use crate::support::killing::killed_after;
use crate::support::proxy::{Proxy, Rule};
use crate::support::service::{Service, TOKEN, bearer, eventually};
use crate::support::tool::{self, RunReport, go, on, run};
use crate::support::{Database, Folder, server};

const MANIFEST: &str = "version = 1\n[tenants]\nlist = [\"acme\", \"beta\", \"coda\"]\n\
                        [tables.t]\ncolumns = { id = \"int\" }\n";

/// A column more than [`MANIFEST`].
fn grown() -> String {
    MANIFEST.replace("{ id = \"int\" }", "{ id = \"int\", more = { type = \"int\", null = true } }")
}

/// Three tenants as [`MANIFEST`] says, and a folder with a manifest that says more.
async fn behind() -> (Database, Folder) {
    let database = Database::new().await;
    let folder = Folder::new(MANIFEST);
    go(&database, &folder, &["apply", "--all"]).with(0);
    folder.write("schema.toml", &grown());
    (database, folder)
}

/// The tenants that have the new column.
async fn grown_tenants(database: &Database) -> String {
    let sql = "SELECT string_agg(table_schema, ' ' ORDER BY table_schema) \
               FROM information_schema.columns WHERE table_name = 't' AND column_name = 'more'";
    database.ask(sql).await
}

async fn recorded(database: &Database, schema: &str) -> String {
    let sql = format!("SELECT col_description('{schema}._provision_state'::regclass, 1)");
    database.ask(&sql).await
}

fn json(ended: &RunReport) -> Value {
    serde_json::from_str(&ended.stdout).expect("JSON")
}

fn hold(database: &Database, folder: &Folder, id: &str) {
    let args = ["hold", id, "--reason", "repair, ticket 4711", "--actor", "ana"];
    go(database, folder, &args).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_tenant_is_left_alone_until_it_is_released() {
    let (database, folder) = behind().await;
    let args = ["hold", "beta", "--reason", "repair, ticket 4711", "--until", "2999-12-31"];
    let ended = go(&database, &folder, &[&args[..], &["--actor", "ana"]].concat()).with(0);
    assert!(ended.stdout.starts_with("Tenant beta is held by ana since 20"), "{ended:?}");
    assert!(ended.stdout.contains(" until 2999-12-31: repair, ticket 4711\n"), "{ended:?}");

    let ended = go(&database, &folder, &["apply", "--all"]).with(0);
    assert!(ended.stdout.contains("\nheld               1 "), "{ended:?}");
    assert!(ended.stdout.contains("  beta: held by ana since 20"), "{ended:?}");
    assert!(ended.stderr.contains("left alone: somebody holds it"), "{ended:?}");
    assert_eq!(grown_tenants(&database).await, "acme coda");
    let report = json(&go(&database, &folder, &["apply", "--all", "--format", "json"]).with(0));
    let tenants = &report["tenants"];
    assert_eq!(tenants[0]["outcome"], "current");
    assert_eq!(tenants[1]["outcome"], "held");
    assert_eq!(tenants[1]["hold"]["by"], "ana");
    assert_eq!(tenants[1]["hold"]["reason"], "repair, ticket 4711");
    assert_eq!(tenants[1]["hold"]["until"], "2999-12-31");

    let ended = go(&database, &folder, &["apply", "beta"]).with(1);
    assert!(ended.stderr.contains("error[held]: tenant beta is held by ana since 20"), "{ended:?}");
    assert!(ended.stderr.contains("provision release beta"), "{ended:?}");
    let plan = folder.dir.path().join("beta.json");
    let saved = ["plan", "beta", "--out", plan.to_str().expect("a path")];
    let ended = go(&database, &folder, &saved).with(0);
    assert!(ended.stderr.contains("tenant beta is held by ana"), "{ended:?}");
    let ended = go(&database, &folder, &["apply", "--plan", "beta.json"]).with(1);
    assert!(ended.stderr.contains("error[held]"), "{ended:?}");
    assert_eq!(grown_tenants(&database).await, "acme coda");

    let ended = go(&database, &folder, &["release", "beta"]).with(0);
    assert!(ended.stdout.starts_with("Tenant beta is released; it was held by ana"), "{ended:?}");
    assert_eq!(recorded(&database, "beta").await, "");
    go(&database, &folder, &["apply", "--all"]).with(0);
    assert_eq!(grown_tenants(&database).await, "acme beta coda");
    let ended = go(&database, &folder, &["release", "beta"]).with(0);
    assert_eq!(ended.stdout, "Tenant beta is not held: nothing to release.\n");
    let ended = go(&database, &folder, &["release", "beta", "--format", "json"]).with(0);
    assert_eq!(json(&ended)["released"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_status_and_plans_say_who_holds_a_tenant() {
    let (database, folder) = behind().await;
    hold(&database, &folder, "beta");
    let held = "held by ana since 20";
    let ended = go(&database, &folder, &["drift"]).with(2);
    assert!(ended.stdout.lines().next().expect("a headline").ends_with("; 1 held"), "{ended:?}");
    assert!(ended.stdout.contains(&format!("Held\n  beta: {held}")), "{ended:?}");
    let drift = json(&go(&database, &folder, &["drift", "--format", "json"]).with(2));
    assert_eq!(drift["tenants"][1]["hold"]["by"], "ana");
    assert_eq!(drift["tenants"][1]["state"], "drifted");
    assert_eq!(drift["tenants"][0]["hold"], Value::Null);
    let ended = go(&database, &folder, &["drift", "--format", "markdown"]).with(2);
    assert!(ended.stdout.contains(&format!("### Held\n\n- beta: {held}")), "{ended:?}");
    let ended = go(&database, &folder, &["drift", "--format", "github"]).with(2);
    assert!(ended.stdout.contains(&format!("::notice title=tenant held::beta: {held}")));
    let ended = go(&database, &folder, &["drift", "--format", "junit"]).with(2);
    assert!(ended.stdout.contains(&format!("<system-out>{held}")), "{ended:?}");

    let ended = go(&database, &folder, &["status", "beta"]).with(0);
    assert!(ended.stdout.contains(&format!("  {held}")), "{ended:?}");
    let status = json(&go(&database, &folder, &["status", "beta", "--format", "json"]).with(0));
    assert_eq!(status["hold"]["reason"], "repair, ticket 4711");

    let ended = go(&database, &folder, &["plan", "--all"]).with(0);
    assert!(ended.stdout.contains(&format!("  beta: {held}")), "{ended:?}");
    assert!(ended.stdout.contains("2 tenants to bring up to date, 1 plan; 0 current; 1 held"));
    let ended = go(&database, &folder, &["plan", "--all", "--format", "markdown"]).with(0);
    assert!(ended.stdout.contains(&format!("### Held\n\n- beta: {held}")), "{ended:?}");
    let plan = json(&go(&database, &folder, &["plan", "--all", "--format", "json"]).with(0));
    assert_eq!(plan["held"][0]["tenant"], "beta");
    let pinned = plan["tenants"].as_array().expect("tenants");
    assert!(pinned.iter().all(|pin| pin["tenant"] != "beta"), "{plan:#}");
    // It can be run, and what has been held since it was made is left alone.
    folder.write("fleet.json", &plan.to_string());
    hold(&database, &folder, "acme");
    let ended = go(&database, &folder, &["apply", "--plan", "fleet.json"]).with(0);
    assert!(ended.stdout.contains("  acme: held by ana"), "{ended:?}");
    assert_eq!(grown_tenants(&database).await, "coda");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_replaces_the_one_before_and_survives_applies_of_others() {
    let (database, folder) = behind().await;
    hold(&database, &folder, "beta");
    let args = ["hold", "beta", "--reason", "longer", "--actor", "bob", "--format", "json"];
    let held = json(&go(&database, &folder, &args).with(0));
    assert_eq!((&held["hold"]["by"], &held["hold"]["reason"]), (&"bob".into(), &"longer".into()));
    assert_eq!(held["replaced"]["by"], "ana");
    assert_eq!(held["schema"], "beta");
    // The newest row of the record and its comment are as they were: earlier versions read them.
    assert_eq!(database.count("beta._provision_state").await, 1);
    let note = "SELECT obj_description('beta._provision_state'::regclass)";
    assert!(database.ask(note).await.starts_with("The record of provision."));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_ends_by_itself() {
    let (database, folder) = behind().await;
    for (until, is_held) in [("current_date", true), ("current_date - 1", false)] {
        let sql = format!(
            "DO $$ BEGIN SET LOCAL timezone TO 'UTC'; EXECUTE format('COMMENT ON COLUMN \
             beta._provision_state.seq IS %L', 'Held by provision: ' || json_build_object('by', 'ana', \
             'since', '2020-01-01T00:00:00Z', 'reason', 'r', 'until', {until})); END $$"
        );
        database.run(&sql).await;
        let status = json(&go(&database, &folder, &["status", "beta", "--format", "json"]).with(0));
        assert_eq!(status["hold"].is_object(), is_held, "{until}");
        go(&database, &folder, &["apply", "beta"]).with(i32::from(is_held));
    }
    let args = ["hold", "beta", "--reason", "r", "--until", "2020-01-01"];
    let ended = go(&database, &folder, &args).with(1);
    assert!(ended.stderr.contains("error[bad-hold]: a hold until 2020-01-01 would"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_held_is_an_error() {
    let database = Database::new().await;
    let folder = Folder::new(MANIFEST);
    for command in [&["hold", "acme", "--reason", "r"][..], &["release", "acme"]] {
        let ended = go(&database, &folder, command).with(1);
        let told = "error[not-provisioned]: tenant acme cannot be held: there is no schema acme";
        assert!(ended.stderr.contains(told), "{ended:?}");
    }
    database.run("CREATE SCHEMA acme").await;
    let ended = go(&database, &folder, &["hold", "acme", "--reason", "r"]).with(1);
    assert!(ended.stderr.contains("schema acme was never provisioned"), "{ended:?}");
    let long = "x".repeat(1_001);
    for (args, told) in [
        (&["--reason", " "][..], "the reason is empty"),
        (&["--reason", &long], "1001 characters"),
        (&["--reason", "r", "--until", "soon"], "not a date"),
        (&[], "--reason"),
    ] {
        let ended = go(&database, &folder, &[&["hold", "acme"], args].concat()).with(1);
        assert!(ended.stderr.contains(told), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_reasons_are_shown_as_text() {
    let (database, folder) = behind().await;
    let reason = "'; DROP SCHEMA beta; --\\ \"q\"\n::error::x\u{1b}[2J\u{202e} <b> | end";
    let actor = "eve\n##[error]";
    go(&database, &folder, &["hold", "beta", "--reason", reason, "--actor", actor]).with(0);
    for command in [
        &["status", "beta"][..],
        &["drift"],
        &["drift", "--format", "json"],
        &["drift", "--format", "markdown"],
        &["drift", "--format", "github"],
        &["drift", "--format", "junit"],
        &["plan", "--all"],
        &["apply", "--all"],
        &["apply", "--all", "--log-format", "json"],
        &["apply", "beta"],
        &["release", "beta"],
    ] {
        let ended = go(&database, &folder, command);
        let all = format!("{}\n{}", ended.stdout, ended.stderr);
        let is_active = |c: char| c != '\n' && c.is_control() || c == '\u{202e}';
        assert!(!all.contains(is_active), "{command:?}: {all:?}");
        let obeys =
            |line: &str| line.trim_start().starts_with("::error::x") || line.contains("##[");
        assert!(!all.lines().any(obeys), "{command:?}: {all}");
        assert!(all.contains("DROP SCHEMA beta"), "{command:?}: {all}");
    }
    assert_eq!(database.count("pg_namespace WHERE nspname = 'beta'").await, 1);
}

/// A record of the hold that cannot be read leaves the tenant alone, too.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_a_hold_and_can_be_released() {
    let (database, folder) = behind().await;
    let comment = async |text: &str| {
        let sql = format!("COMMENT ON COLUMN beta._provision_state.seq IS '{text}'");
        database.run(&sql).await;
    };
    comment(&format!("Held by provision: {}", "x".repeat(100_000))).await;
    let ended = go(&database, &folder, &["apply", "--all"]).with(0);
    assert!(ended.stdout.contains("beta: held by somebody: the record of the hold"), "{ended:?}");
    go(&database, &folder, &["release", "beta"]).with(0);
    comment("a note of somebody").await;
    go(&database, &folder, &["apply", "--all"]).with(0);
    assert_eq!(grown_tenants(&database).await, "acme beta coda");
    assert_eq!(recorded(&database, "beta").await, "a note of somebody");
}

/// The schema's owner may put a record of its own in the place of the tool's.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_cannot_make_up_a_hold() {
    let (database, folder) = behind().await;
    let stranger = format!("stranger_{}", Uuid::new_v4().simple());
    hold(&database, &folder, "beta");
    let text = recorded(&database, "beta").await;
    let sql = format!(
        "CREATE ROLE {stranger}; ALTER TABLE beta._provision_state OWNER TO {stranger}; \
         COMMENT ON COLUMN beta._provision_state.seq IS $c${text}$c$"
    );
    database.run(&sql).await;
    let status = json(&go(&database, &folder, &["status", "beta", "--format", "json"]).with(0));
    assert_eq!(status["hold"], Value::Null, "{status:#}");
    for command in
        [&["apply", "beta"][..], &["hold", "beta", "--reason", "r"], &["release", "beta"]]
    {
        let ended = go(&database, &folder, command).with(1);
        assert!(ended.stderr.contains("error[alien-state-table]"), "{ended:?}");
    }
    // The others are brought up to date, and that one is told.
    let ended = go(&database, &folder, &["apply", "--all"]).with(1);
    assert!(ended.stdout.contains("alien-state-table"), "{ended:?}");
    assert_eq!(grown_tenants(&database).await, "acme coda");
    database.run(&format!("DROP SCHEMA beta CASCADE; DROP ROLE {stranger}")).await;
}

/// Between the survey of a run and its turn, and while tenants like it are brought up to date.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_comes_during_a_run_is_not_overrun() {
    let (database, folder) = behind().await;
    let fleet = fleet_of(&grown(), vec![(None, database.target())]);
    let roster = roster(&fleet).await;
    let on_event = |event: Event<'_>| match event {
        Event::Starting(of) => {
            assert_eq!(of, 3);
            hold(&database, &folder, "acme");
        }
        // That was the first one that was done; the next is done as it was.
        Event::Done(done) if done.tenant.as_str() == "beta" => {
            hold(&database, &folder, "coda");
        }
        _ => {}
    };
    let options = Options { jobs: 1, ..Options::default() };
    let ended =
        fleet::apply(&fleet, roster, None, &options, &AtomicBool::new(false), &on_event).await;
    let is_held = |at: usize| matches!(ended.tenants[at].outcome, TenantOutcome::Held { .. });
    assert!(is_held(0) && !is_held(1) && is_held(2), "{ended:#?}");
    assert!(!ended.has_failed());
    assert_eq!(grown_tenants(&database).await, "beta");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_does_not_begin_without_its_canary() {
    let (database, folder) = behind().await;
    hold(&database, &folder, "beta");
    let ended = go(&database, &folder, &["apply", "--all", "--canary", "beta,"]).with(1);
    assert!(ended.stdout.contains("its canary beta is held by ana"), "{ended:?}");
    assert_eq!(grown_tenants(&database).await, "");
    let fleet = fleet_of(&grown(), vec![(None, database.target())]);
    let canary = Some(Canary::Count(1));
    let stages = Stages { canary, ..Stages::default() };
    let options = Options { stages, ..Options::default() };
    assert!(!crate::fleet::apply(&fleet, None, &options).await.has_failed());
    assert_eq!(grown_tenants(&database).await, "acme coda");
}

/// An apply that is at work is waited for; whoever waits longer than allowed is told for whom.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_waits_for_an_apply() {
    let (database, folder) = behind().await;
    let mut other = database.connect().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE beta.t IN ACCESS SHARE MODE")
        .execute(&mut other)
        .await
        .expect("a lock");
    let mut apply = on(
        &database,
        folder.dir.path(),
        &["apply", "beta", "--lock-timeout", "60", "--actor", "applier"],
    );
    let apply = apply.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let waiting = "pg_locks WHERE NOT granted AND locktype = 'relation'";
    eventually("apply waits", async || database.count(waiting).await > 0).await;
    let args = ["hold", "beta", "--reason", "r", "--lock-timeout", "0.2", "--attempts", "1"];
    let ended = go(&database, &folder, &args).with(1);
    assert!(ended.stderr.contains("error[busy]"), "{ended:?}");
    assert!(ended.stderr.contains("the tenant's lock"), "{ended:?}");
    let mut hold = on(
        &database,
        folder.dir.path(),
        &["hold", "beta", "--reason", "r", "--lock-timeout", "60"],
    );
    let hold = hold.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let waiting = "pg_locks WHERE NOT granted AND locktype = 'advisory'";
    eventually("hold waits", async || database.count(waiting).await > 0).await;
    sqlx::raw_sql("COMMIT").execute(&mut other).await.expect("an end");
    for child in [apply, hold] {
        RunReport::from(child.wait_with_output().expect("an end")).with(0);
    }
    assert_eq!(grown_tenants(&database).await, "beta");
    assert!(recorded(&database, "beta").await.starts_with("Held by provision: "));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_leave_one_hold() {
    let (database, folder) = behind().await;
    let children: Vec<Child> = (0..8)
        .map(|n| {
            let reason = format!("reason {n}");
            let args = ["hold", "beta", "--lock-timeout", "60", "--reason", &reason];
            let mut command = on(&database, folder.dir.path(), &args);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().expect("the binary starts")
        })
        .collect();
    let mut first = 0;
    for child in children {
        let ended = RunReport::from(child.wait_with_output().expect("an end")).with(0);
        first += usize::from(!ended.stdout.contains("Before, it was held"));
    }
    assert_eq!(first, 1, "each of the others has replaced one");
}

/// Whole, or as it was before.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_recorded_whole_or_not_at_all() {
    let (database, folder) = behind().await;
    let mut kills = 0;
    for at in 1.. {
        assert!(at < 100, "a hold does not take so many statements");
        let args = ["hold", "beta", "--reason", "whole"];
        let (status, statements) = killed_after(&database, &folder, &args, at).await;
        let others = format!(
            "pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()",
            database.name
        );
        eventually("the session ends", async || database.count(&others).await == 0).await;
        let text = recorded(&database, "beta").await;
        assert!(text.is_empty() || text.ends_with('}'), "after statement {at}: {text:?}");
        if statements < at {
            assert!(status.success());
            break;
        }
        kills += 1;
        go(&database, &folder, &["release", "beta"]).with(0);
    }
    assert!(kills > 3, "it was killed only {kills} times");
    assert!(recorded(&database, "beta").await.contains("whole"));
}

/// The connection is lost right after the server has committed: it is held, and nobody is replaced.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_commit_is_found_out() {
    let socket = server().socket.clone().expect("the throwaway cluster");
    let (database, folder) = behind().await;
    for (args, rule, was) in [
        (&["hold", "beta", "--reason", "r"][..], Rule::HideCommitAnswer, "replaced"),
        (&["release", "beta"], Rule::HideCommitAnswer, ""),
        (&["hold", "beta", "--reason", "r"], Rule::LoseCommit, "replaced"),
        (&["release", "beta"], Rule::LoseCommit, ""),
    ] {
        let proxy = Proxy::start(socket.clone(), rule);
        let mut command = tool::tool(folder.dir.path(), &[args, &["--format", "json"]].concat());
        command.env("DATABASE_URL", proxy.url("provision", &database.name));
        let ended = run(command).with(0);
        assert!(ended.stderr.contains("trying again"), "{ended:?}");
        let report = json(&ended);
        if was.is_empty() {
            assert_eq!(report["released"]["reason"], "r", "{report:#}");
        } else {
            assert_eq!(report[was], Value::Null, "{report:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_holds_releases_and_leaves_alone() {
    let (database, _folder) = behind().await;
    let service = Service::start(&database, &grown(), &["--interval", "3600"]);
    eventually("all are made", async || grown_tenants(&database).await == "acme beta coda").await;
    let path = "/ops/tenants/beta/hold";
    let put = async |body: &str| service.call("PUT", path, &bearer(TOKEN), body).await;
    let answer = put(r#"{"reason": "repair", "until": "2999-12-31", "by": "ana"}"#).await.with(200);
    let hold = answer.json()["hold"].clone();
    assert_eq!((&hold["by"], &hold["reason"]), (&"ana".into(), &"repair".into()));
    for (body, code) in [
        ("", "bad-request"),
        ("{}", "bad-request"),
        (r#"{"reason": "r", "untill": "2999-12-31"}"#, "bad-request"),
        (r#"{"reason": " "}"#, "bad-hold"),
        (r#"{"reason": "r", "until": "2020-01-01"}"#, "bad-hold"),
        (r#"{"reason": "r", "until": "soon"}"#, "bad-hold"),
    ] {
        let answer = put(body).await.with(400);
        assert_eq!(answer.code(), code, "{answer:?}");
    }
    let refused = service.post("/ops/provision/beta").await.with(409);
    assert_eq!(refused.code(), "held", "{refused:?}");
    assert_eq!(refused.json()["hold"], hold);
    for read in ["/ops/tenants/beta", "/ops/plan/beta"] {
        assert_eq!(service.get(read).await.with(200).json()["hold"], hold, "{read}");
    }
    let page = service.get("/ops/tenants").await.with(200).json();
    assert_eq!(page["tenants"][1]["hold"], hold, "{page:#}");
    let drift = service.get("/ops/drift").await.with(200).json();
    assert_eq!(drift["held"][0]["tenant"], "beta", "{drift:#}");

    let unknown = "/ops/tenants/nobody/hold";
    let body = r#"{"reason": "r"}"#;
    service.call("PUT", unknown, &bearer(TOKEN), body).await.with(404);
    service.call("PUT", path, "", body).await.with(401);
    // A release may be sent twice.
    let delete = async || service.call("DELETE", path, &bearer(TOKEN), "").await.with(200).json();
    assert_eq!(delete().await["released"], hold);
    assert_eq!(delete().await["released"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loop_leaves_held_tenants_alone_and_counts_them() {
    let (database, folder) = behind().await;
    hold(&database, &folder, "beta");
    let service = Service::start(&database, &grown(), &["--interval", "1"]);
    service.logs("a tenant is left alone: somebody holds it").await;
    eventually("the others are made", async || grown_tenants(&database).await == "acme coda").await;
    service.logs("a reconcile pass has ended").await;
    let metrics = crate::serve::metrics(&service).await;
    assert_eq!(crate::serve::metric(&metrics, "provision_tenants_held"), Some(1.0), "{metrics}");
    let accepted = service.post("/ops/provision").await.with(202);
    let job = accepted.header("location").expect("a job").to_owned();
    let done = async || service.get(&job).await.json()["state"] == "done";
    eventually("the job is done", done).await;
    let job = service.get(&job).await.json();
    assert_eq!(job["result"]["held"][0]["tenant"], "beta", "{job:#}");
    assert_eq!(job["result"]["failed"], 0);
    assert_eq!(grown_tenants(&database).await, "acme coda");
    go(&database, &folder, &["release", "beta"]).with(0);
    eventually("it is made, too", async || grown_tenants(&database).await == "acme beta coda")
        .await;
}
