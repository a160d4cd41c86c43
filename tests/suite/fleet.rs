//! Many tenants: each on its own terms, whatever happens to the others.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use provision::embedded;
use provision::fleet::{
    self, Event, Fleet, FleetPlan, Options, Roster, RunReport, Selection, Settings, Source, State,
    TenantOutcome,
};
use provision::manifest;
use provision::pg::{Limits, Target};
use provision::reconcile::Retry;
use sqlx::Connection as _;

use crate::support::tool::{self, run};
use crate::support::{Database, Folder};

pub const TABLES: &str = r#"
[tables.a]
primary_key = ["id"]
unique = [{ name = "a_code", columns = ["code"] }]
checks = [{ name = "a_positive", expression = "id > 0" }]
columns = { id = "int", code = { type = "text", null = true } }
[tables.b]
columns = { a = { type = "int", null = true } }
foreign_keys = [{ name = "b_a", columns = ["a"], references = { table = "a", columns = ["id"] } }]
indexes = [{ name = "b_a_idx", columns = ["a"] }]
[[seeds]]
table = "a"
key = ["id"]
rows = [{ id = 1, code = "one" }, { id = 2, code = "two" }]
"#;

/// A manifest whose registry is the table `public.tenants`.
pub fn registered() -> String {
    format!(
        "version = 1\n[tenants]\nquery = \"SELECT id FROM public.tenants ORDER BY id\"\n{TABLES}"
    )
}

fn settings() -> Settings {
    Settings {
        limits: Limits { lock: Duration::from_millis(300), ..Limits::default() },
        retry: Retry { attempts: 2, ..Retry::default() },
        max_lock: None,
        actor: "the tests".into(),
        elaborate_on: None,
    }
}

pub fn fleet_of(manifest: &str, servers: Vec<(Option<String>, Target)>) -> Fleet {
    elaborated_on(manifest, servers, None)
}

pub fn elaborated_on(
    manifest: &str,
    servers: Vec<(Option<String>, Target)>,
    elaborate_on: Option<Target>,
) -> Fleet {
    let folder = Folder::new(manifest);
    let manifest = manifest::load(&folder.manifest())
        .unwrap_or_else(|error| panic!("{}", provision::causes::chain(&error)));
    Fleet::new(manifest, servers, &Settings { elaborate_on, ..settings() })
}

pub async fn register(database: &Database, ids: impl IntoIterator<Item = String>) {
    let rows: Vec<String> = ids.into_iter().map(|id| format!("('{id}')")).collect();
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS public.tenants (id text); INSERT INTO public.tenants VALUES {}",
        rows.join(", ")
    );
    database.run(&sql).await;
}

/// A tenant that cannot get its primary key, since two rows have the same.
pub fn twice(schema: &str) -> String {
    format!(
        "CREATE SCHEMA {schema}; CREATE TABLE {schema}.a (id int NOT NULL, code text); \
         INSERT INTO {schema}.a VALUES (7), (7)"
    )
}

pub async fn roster(fleet: &Fleet) -> Roster {
    fleet::enumerate(fleet, &Source::Registry, &Selection::default()).await
}

pub async fn apply(fleet: &Fleet, plan: Option<&FleetPlan>, options: &Options) -> RunReport {
    let roster = roster(fleet).await;
    fleet::apply(fleet, roster, plan, options, &AtomicBool::new(false), &|_| {}).await
}

pub async fn drift(fleet: &Fleet) -> fleet::Drift {
    let roster = roster(fleet).await;
    let survey = fleet::survey(fleet, &roster.members, 2, &|_| {}).await;
    fleet::drift(fleet, roster, &survey, jiff::civil::date(2026, 6, 1))
}

pub fn failures(ended: &RunReport) -> BTreeMap<String, String> {
    let failed = ended.tenants.iter().filter_map(|done| match &done.outcome {
        TenantOutcome::Failed { error } => Some((done.tenant.to_string(), error.message.clone())),
        _ => None,
    });
    failed.collect()
}

/// A way to fail: what is done to the tenant, a word of the error, and how it is repaired.
const TROUBLES: [(&str, &str, &str); 9] = [
    (
        "CREATE TABLE X.a (id int, code text); INSERT INTO X.a VALUES (7, 'x'), (7, 'y')",
        "constraint a_pkey on a: 2 rows in a sharing (id) with others",
        "DELETE FROM X.a",
    ),
    (
        "CREATE TABLE X.a (id int PRIMARY KEY, code text); INSERT INTO X.a VALUES (3, 'x'), (4, 'x')",
        "2 rows in a sharing (code) with others",
        "DELETE FROM X.a WHERE id = 4",
    ),
    (
        "CREATE TABLE X.a (code text); INSERT INTO X.a VALUES ('x')",
        "1 row in a, for which column id has no value",
        "DELETE FROM X.a",
    ),
    (
        "CREATE TABLE X.a (id int PRIMARY KEY, code text); INSERT INTO X.a VALUES (-1, 'x')",
        "1 row in a violating it",
        "DELETE FROM X.a",
    ),
    (
        "CREATE TABLE X.b (a int); INSERT INTO X.b VALUES (77)",
        "1 row in b whose (a) is not in a",
        "DELETE FROM X.b",
    ),
    (
        "CREATE VIEW X._provision_state AS SELECT 1 AS one",
        "not what this tool made",
        "DROP VIEW X._provision_state",
    ),
    (
        "CREATE TABLE X._provision_state (x int)",
        "not what this tool made",
        "DROP TABLE X._provision_state",
    ),
    (
        "CREATE TABLE X.a (id int PRIMARY KEY, code text);
         CREATE FUNCTION X.no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''not here''; END';
         CREATE TRIGGER no BEFORE INSERT ON X.a FOR EACH ROW EXECUTE FUNCTION X.no()",
        "not here",
        "DROP TRIGGER no ON X.a",
    ),
    (
        "CREATE TABLE X.a (id int PRIMARY KEY CHECK (id > 1000000), code text)",
        "violates check constraint",
        "DROP TABLE X.a",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_tenants_those_that_cannot_are_reported_and_the_others_done() {
    let database = Database::new().await;
    register(&database, (0..1_000).map(|n| format!("t{n:04}"))).await;
    let id = |n: usize| format!("t{:04}", 100 * n + 7);
    for (n, (damage, ..)) in TROUBLES.iter().enumerate() {
        let id = id(n);
        database
            .run(&format!("CREATE SCHEMA {id}; {}", damage.replace("X.", &format!("{id}."))))
            .await;
    }
    // The tenth way: somebody holds the tenant's table.
    let locked = id(TROUBLES.len());
    database
        .run(&format!(
            "CREATE SCHEMA {locked}; CREATE TABLE {locked}.a (id int PRIMARY KEY, code text)"
        ))
        .await;
    let mut holder = database.connect().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("BEGIN; LOCK TABLE {locked}.a")))
        .execute(&mut holder)
        .await
        .expect("a lock");

    let fleet = fleet_of(&registered(), vec![(None, database.target())]);
    let ended = apply(&fleet, None, &Options::default()).await;
    let failed = failures(&ended);
    for (n, (_, word, _)) in TROUBLES.iter().enumerate() {
        let message =
            failed.get(&id(n)).unwrap_or_else(|| panic!("{} did not fail: {failed:?}", id(n)));
        assert!(message.contains(word), "{}: {message}", id(n));
    }
    assert!(failed[&locked].contains("holds"), "{}", failed[&locked]);
    assert_eq!(failed.len(), 10, "{failed:?}");
    assert_eq!(ended.count(|outcome| matches!(outcome, TenantOutcome::Created { .. })), 990);
    assert!(ended.has_failed());

    holder.close().await.expect("closing");
    for (n, (.., repair)) in TROUBLES.iter().enumerate() {
        database.run(&repair.replace("X.", &format!("{}.", id(n)))).await;
    }
    let ended = apply(&fleet, None, &Options::default()).await;
    assert_eq!(failures(&ended), BTreeMap::new());
    assert_eq!(ended.count(|outcome| matches!(outcome, TenantOutcome::Updated { .. })), 10);
    let states = "pg_class WHERE relname = '_provision_state'";
    assert_eq!(database.count(states).await, 1_000);
    let drift = drift(&fleet).await;
    let unmodelled = drift.summary.get(&State::Drifted).copied().unwrap_or_default();
    assert_eq!(unmodelled, 1, "only the tenant with the function: {:?}", drift.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_apply_each_tenant_once() {
    let database = Database::new().await;
    register(&database, (0..60).map(|n| format!("t{n}"))).await;
    let one = fleet_of(&registered(), vec![(None, database.target())]);
    let two = fleet_of(&registered(), vec![(None, database.target())]);
    let patient = Options { jobs: 3, ..Options::default() };
    let (one, two) = tokio::join!(apply(&one, None, &patient), apply(&two, None, &patient));
    assert!(!one.has_failed() && !two.has_failed(), "{one:?}\n{two:?}");
    let created =
        |ended: &RunReport| ended.count(|outcome| matches!(outcome, TenantOutcome::Created { .. }));
    assert_eq!(created(&one) + created(&two), 60);
    for n in 0..60 {
        assert_eq!(database.count(&format!("t{n}._provision_state")).await, 1);
        assert_eq!(database.count(&format!("t{n}.a")).await, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_vanishes_is_made_again_only_if_it_is_still_listed() {
    let database = Database::new().await;
    register(&database, ["gone", "kept", "other"].map(str::to_owned)).await;
    let folder = registered();
    let fleet = fleet_of(&folder, vec![(None, database.target())]);
    assert!(!apply(&fleet, None, &Options::default()).await.has_failed());
    // All three need something, and two are dropped between the look and the work.
    let more = format!("{folder}[tables.c]\ncolumns = {{ x = \"int\" }}\n");
    let fleet = fleet_of(&more, vec![(None, database.target())]);
    let members = roster(&fleet).await;
    let on_event = |event: Event<'_>| {
        if matches!(event, Event::Starting(_)) {
            let drop = database.run(
                "DROP SCHEMA gone CASCADE; DROP SCHEMA kept CASCADE; \
                 DELETE FROM public.tenants WHERE id = 'gone'",
            );
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(drop));
        }
    };
    let stop = AtomicBool::new(false);
    let ended = fleet::apply(&fleet, members, None, &Options::default(), &stop, &on_event).await;
    let failed = failures(&ended);
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(failed["gone"].contains("vanished"), "{failed:?}");
    assert_eq!(database.count("pg_namespace WHERE nspname IN ('gone', 'kept', 'other')").await, 2);
    assert_eq!(database.count("kept.a").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_goes_between_the_look_and_the_work_is_inserted_again() {
    let database = Database::new().await;
    register(&database, ["acme".to_owned()]).await;
    let fleet = fleet_of(&registered(), vec![(None, database.target())]);
    assert!(!apply(&fleet, None, &Options::default()).await.has_failed());
    let more = format!("{}[tables.c]\ncolumns = {{ x = \"int\" }}\n", registered());
    let fleet = fleet_of(&more, vec![(None, database.target())]);
    let members = roster(&fleet).await;
    let on_event = |event: Event<'_>| {
        if matches!(event, Event::Starting(_)) {
            let delete = database.run("DELETE FROM acme.a WHERE id = 2");
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(delete));
        }
    };
    let stop = AtomicBool::new(false);
    let ended = fleet::apply(&fleet, members, None, &Options::default(), &stop, &on_event).await;
    assert!(!ended.has_failed(), "{:?}", failures(&ended));
    assert_eq!(database.count("acme.a").await, 2);
    assert_eq!(database.count("acme._provision_state").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_plan_runs_what_was_reviewed_and_refuses_stale_tenants_alone() {
    let database = Database::new().await;
    register(&database, (0..6).map(|n| format!("t{n}"))).await;
    database.run("CREATE SCHEMA t1; CREATE TABLE t1.b (a int)").await;
    let folder = Folder::new(&registered());
    let dir = folder.dir.path();
    let on = |args: &[&str]| tool::on(&database, dir, args);
    let shown =
        run(on(&["plan", "--all", "--out", "fleet.json", "--detailed-exitcode", "--sql"])).with(2);
    assert!(shown.stdout.contains("6 tenants to bring up to date, 2 plans"), "{}", shown.stdout);
    assert!(shown.stdout.contains("CREATE TABLE"), "{}", shown.stdout);
    database.run("CREATE SCHEMA t3").await;
    register(&database, ["late".to_owned()]).await;
    let ended = run(on(&["apply", "--plan", "fleet.json", "--format", "json"])).with(1);
    let ended: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let outcome = |id: &str| {
        let all = ended["tenants"].as_array().expect("tenants");
        let found = all.iter().find(|done| done["tenant"] == id);
        found.map(|done| done["outcome"].as_str().expect("an outcome").to_owned())
    };
    assert_eq!(outcome("t0").as_deref(), Some("created"));
    assert_eq!(outcome("t1").as_deref(), Some("updated"));
    assert_eq!(outcome("t3").as_deref(), Some("failed"));
    assert_eq!(outcome("late"), None, "it is not in the plan");
    let codes = ended["tenants"].to_string();
    assert!(codes.contains("stale-plan"), "{codes}");
    // Another manifest makes the whole plan stale.
    folder.write(
        "schema.toml",
        &format!("{}[tables.c]\ncolumns = {{ x = \"int\" }}\n", registered()),
    );
    let ended = run(on(&["apply", "--plan", "fleet.json"])).with(1);
    assert!(ended.stdout.contains("the manifest has changed"), "{}", ended.stdout);
}

pub fn target_of(cluster: &embedded::Cluster) -> Target {
    Target::from_socket(&cluster.socket_dir, cluster.port, &cluster.user, &cluster.database)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_column_of_the_registry_is_the_id() {
    let database = Database::new().await;
    database.run("CREATE TABLE public.x (slug text, n int, id uuid); INSERT INTO public.x VALUES ('a', 1), ('b', 2)").await;
    let query = "SELECT slug, n, id, 'one' AS server FROM public.x ORDER BY slug";
    let manifest = format!("version = 1\n[tenants]\nquery = \"{query}\"\n{TABLES}");
    let fleet = fleet_of(&manifest, vec![(None, database.target())]);
    let roster = roster(&fleet).await;
    let ids: Vec<&str> = roster.members.iter().map(|member| member.tenant.id.as_str()).collect();
    assert_eq!(ids, ["a", "b"], "{:?}", roster.refused);
    let folder = Folder::new(&manifest);
    run(tool::on(&database, folder.dir.path(), &["apply", "b"])).with(0);
    run(tool::on(&database, folder.dir.path(), &["apply", "1"])).with(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_tells_each_way_of_differing_once_in_every_format() {
    let database = Database::new().await;
    register(&database, (0..12).map(|n| format!("t{n:02}"))).await;
    register(&database, ["Not an id".to_owned(), "unmade".to_owned()]).await;
    let folder = Folder::new(&registered());
    let on = |args: &[&str]| tool::on(&database, folder.dir.path(), args);
    run(on(&["apply", "--all", "--match", "t*"])).with(0);
    database
        .run(
            "DROP INDEX t01.b_a_idx; DROP INDEX t02.b_a_idx; DROP INDEX t03.b_a_idx;
             ALTER TABLE t04.a ALTER code TYPE varchar(9);
             CREATE VIEW t05.report AS SELECT 1 AS x; CREATE TABLE t06.scratch ();
             DELETE FROM t07.a WHERE id = 2;
             DELETE FROM public.tenants WHERE id = 't08'",
        )
        .await;
    let text = run(on(&["drift", "--match", "t*"])).with(2).stdout;
    assert!(text.contains("3 tenants: missing index b_a_idx"), "{text}");
    assert!(text.contains("t01, t02, t03"), "{text}");
    assert!(text.contains("different column a.code"), "{text}");
    let whole = run(on(&["drift"])).with(1).stdout;
    assert!(
        whole.contains("Not an id") && whole.contains("orphans") && whole.contains("t08"),
        "{whole}"
    );
    assert!(whole.contains("1 not provisioned"), "{whole}");

    let json = run(on(&["drift", "--match", "t*", "--format", "json"])).with(2).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["summary"], serde_json::json!({ "in_sync": 4, "drifted": 7 }));
    assert_eq!(json["shapes"][0]["count"], 3);
    let markdown = run(on(&["drift", "--match", "t*", "--format", "markdown"])).with(2).stdout;
    assert!(markdown.contains("| 3 | missing index b\\_a\\_idx"), "{markdown}");
    let junit = run(on(&["drift", "--match", "t*", "--format", "junit"])).with(2).stdout;
    assert!(junit.contains("tests=\"11\"") && junit.contains("failures=\"7\""), "{junit}");
    let github = run(on(&["drift", "--match", "t*", "--format", "github"])).with(2).stdout;
    assert_eq!(github.matches("::error title=tenant drift::").count(), 5, "{github}");

    // What the manifest ignores or accepts is no drift.
    let rules = "\n[drift]\nignore = [\"view report*\", \"table scratch\"]\n\
        exceptions = [{ tenant = \"t04\", reason = \"moves in June\", until = \"2999-12-31\" }, \
        { tenant = \"t07\", reason = \"was once\", until = \"2020-01-01\" }]\n";
    folder.write("schema.toml", &(registered() + rules));
    let json = run(on(&["drift", "--match", "t*", "--format", "json"])).with(2).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["summary"], serde_json::json!({ "in_sync": 6, "drifted": 4, "excepted": 1 }));
    // Applying heals what may be healed, and says what remains.
    let healed = run(on(&["apply", "--all", "--match", "t*"])).with(0).stdout;
    assert!(healed.contains("accepted: moves in June (until 2999-12-31)"), "{healed}");
    let text = run(on(&["drift", "--match", "t*"])).with(0).stdout;
    assert!(text.contains("1 drifted, but excepted"), "{text}");
}

#[tokio::test]
async fn the_command_line_takes_ids_from_its_input_and_writes_what_it_counted() {
    let database = Database::new().await;
    let folder = Folder::new(&format!("version = 1\n{TABLES}"));
    let apply = |arguments: &[&str], ids: &str| {
        let all = ["apply", "--all", "--tenants-from", "-", "--metrics-file", "counts.prom"];
        let mut command = tool::on(&database, folder.dir.path(), &[&all, arguments].concat());
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stdin = child.stdin.take().expect("stdin");
        std::io::Write::write_all(&mut stdin, ids.as_bytes()).expect("writing");
        drop(stdin);
        tool::RunReport::from(child.wait_with_output().expect("it ends"))
    };
    let counts = || std::fs::read_to_string(folder.dir.path().join("counts.prom")).expect("counts");
    let some = ["--match", "a*", "--exclude", "a2", "--limit", "2"];
    apply(&some, "# ids\na1\na2\n\na3\na4\nb1\n").with(0);
    assert_eq!(database.count("pg_namespace WHERE nspname IN ('a1', 'a3')").await, 2);
    assert_eq!(database.count("pg_namespace WHERE nspname IN ('a2', 'a4', 'b1')").await, 0);
    assert!(counts().contains("provision_applies_total{result=\"created\"} 2\n"), "{}", counts());
    assert!(counts().contains("provision_reconcile_last_success_timestamp_seconds "));

    database.run(&twice("b1")).await;
    let ended = apply(&[], "a1\nb1\nNo Id\n").with(1);
    assert!(ended.stdout.contains("b1") && ended.stdout.contains("No Id"), "{}", ended.stdout);
    assert!(counts().contains("provision_applies_total{result=\"current\"} 1\n"), "{}", counts());
    assert!(counts().contains("provision_failures_total{code=\"rows-in-the-way\"} 1\n"));
    // Found by what it left in their schemas, without being told.
    let found = Folder::new(&format!("version = 1\n[tenants]\ndiscover = true\n{TABLES}"));
    let drift = run(tool::on(&database, found.dir.path(), &["drift", "--format", "json"])).with(0);
    assert!(drift.stdout.contains("\"in_sync\": 2"), "{}", drift.stdout);
}
