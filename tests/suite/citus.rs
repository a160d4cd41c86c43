//! Tenants on Citus. All but one of these tests run against the coordinator that
//! `PROVISION_TEST_CITUS_URL` names, with at least two workers, as a role that may make schemas and
//! reference tables: `cargo test -- --ignored citus`. Without that they are listed as ignored.

mod refusals;

use std::path::Path;
use std::process::Command;

use provision::manifest;
use provision::obstacle::Reasons;
use provision::pg::{self, Limits, Placement, Session, Target, UntrustedQuery};
use provision::reconcile::Context;
use provision::rows::Declared;
use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
use tokio::sync::{Mutex, MutexGuard};

use crate::support::service::Service;
use crate::support::tool::{RunReport, run, tool};
use crate::support::{self, Folder, converge, tenant};

/// All kinds of objects that the manifest knows, as far as Citus takes them.
const EVERYTHING: &str = include_str!("citus/everything.toml");
/// The same, and more.
const MORE: &str = include_str!("citus/more.toml");

/// The coordinator, for one test at a time: some count what it hands out.
struct Coordinator {
    url: String,
    /// What the ids of the test's tenants begin with.
    prefix: String,
    _turn: MutexGuard<'static, ()>,
}

impl Coordinator {
    async fn new() -> Self {
        static TURN: Mutex<()> = Mutex::const_new(());
        let url = std::env::var("PROVISION_TEST_CITUS_URL")
            .expect("not run: PROVISION_TEST_CITUS_URL is not set");
        let prefix = format!("t{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
        Self { url, prefix, _turn: TURN.lock().await }
    }

    fn id(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// With the setting that decides whether new schemas are distributed.
    fn url(&self, distributes: bool) -> String {
        let joint = if self.url.contains('?') { '&' } else { '?' };
        let setting = if distributes { "on" } else { "off" };
        format!("{}{joint}options[citus.enable_schema_based_sharding]={setting}", self.url)
    }

    fn context(&self, manifest: &str, distributes: bool) -> Context {
        let folder = Folder::new(manifest);
        self.context_at(&folder.manifest(), distributes)
    }

    fn context_at(&self, manifest: &Path, distributes: bool) -> Context {
        let manifest = manifest::load(manifest)
            .unwrap_or_else(|error| panic!("{}", provision::causes::chain(&error)));
        let target = Target::from_url(&self.url(distributes)).expect("a usable URL");
        Context::new(manifest, target)
    }

    fn tool(&self, folder: &Folder, args: &[&str]) -> RunReport {
        let mut command: Command = tool(folder.dir.path(), args);
        command.env("DATABASE_URL", self.url(true));
        run(command)
    }

    /// The first column of the first row, as text.
    async fn ask(&self, sql: &str) -> String {
        let options: PgConnectOptions = self.url.parse().expect("a usable URL");
        let mut conn = options.connect().await.expect("the coordinator is reachable");
        let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(&mut conn).await;
        let rows = rows.unwrap_or_else(|error| panic!("{error}\n{sql}"));
        conn.close().await.expect("closing");
        let text = rows.first().and_then(|row| row.try_get_unchecked(0).ok());
        text.unwrap_or_default()
    }

    /// The ids of the workers' shards of a tenant, by worker: `port: count`.
    async fn shards(&self, id: &str) -> String {
        self.ask(&format!(
            "SELECT string_agg(n || ':' || c, ' ') FROM (SELECT nodeport AS n, count(*) AS c \
             FROM citus_shards WHERE table_name::text LIKE '\"{id}\".%' GROUP BY 1) s"
        ))
        .await
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        run_each(
            &self.url,
            format!(
                "SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace \
                 WHERE nspname LIKE '{}%'",
                self.prefix
            ),
        );
    }
}

/// A worker whose address the coordinator has lost, until the value is dropped.
struct Away<'c> {
    citus: &'c Coordinator,
    back: String,
}

impl<'c> Away<'c> {
    async fn new(citus: &'c Coordinator, worker: &str) -> Self {
        let node = format!(
            "FROM pg_dist_node WHERE noderole = 'primary' AND nodename || ':' || nodeport = '{worker}'"
        );
        let move_to = |host, port| {
            format!(
                "SELECT format('SELECT citus_update_node(%s, %L, %s)', nodeid, {host}, {port}) {node}"
            )
        };
        let back = citus.ask(&move_to("nodename", "nodeport")).await;
        // Nobody listens there, so connections are refused at once.
        let gone = citus.ask(&move_to("'127.0.0.1'", "1")).await;
        citus.ask(&gone).await;
        Self { citus, back }
    }
}

impl Drop for Away<'_> {
    fn drop(&mut self) {
        // Until the workers know it, Citus locks no table.
        let known = "SELECT start_metadata_sync_to_all_nodes()::text";
        run_each(&self.citus.url, format!("VALUES ($sql${}$sql$), ('{known}')", self.back));
    }
}

/// Runs each of the statements that a query answers, as far as that is possible.
fn run_each(url: &str, find: String) {
    let url = url.to_owned();
    let done = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut conn = url.parse::<PgConnectOptions>()?.connect().await?;
            for row in sqlx::raw_sql(AssertSqlSafe(find)).fetch_all(&mut conn).await? {
                let sql = AssertSqlSafe(row.get::<String, _>(0));
                sqlx::raw_sql(sql).execute(&mut conn).await?;
            }
            Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
        })
    });
    let _ = done.join();
}

fn is_worker(placement: Option<&Placement>) -> bool {
    placement.and_then(Placement::worker).is_some_and(|worker| worker.contains(':'))
}

#[tokio::test]
#[ignore = "needs PROVISION_TEST_CITUS_URL"]
async fn a_tenant_with_everything_is_distributed_and_grows() {
    let citus = Coordinator::new().await;
    let id = citus.id("all");
    let applied = converge(&citus.context(EVERYTHING, true), &id).await;
    assert!(is_worker(applied.placement.as_ref()), "{:?}", applied.placement);
    assert!(applied.plan.changed.is_empty() && applied.plan.unmodelled.is_empty());
    assert_eq!(citus.shards(&id).await.split(' ').count(), 1, "all on one worker");
    assert!(citus.shards(&id).await.ends_with(":4"), "three tables and the record");
    let rows = format!("SELECT count(*)::text FROM \"{id}\".parent");
    assert_eq!(citus.ask(&rows).await, "2");

    let more = citus.context(MORE, true);
    let applied = converge(&more, &id).await;
    assert!(applied.plan.changed.is_empty() && applied.plan.unmodelled.is_empty());
    assert!(applied.plan.steps.len() > 8, "{}", applied.plan.to_sql());
    assert!(citus.shards(&id).await.ends_with(":5"));
    assert_eq!(citus.ask(&rows).await, "3");
    // A tenant made at once has the same shape.
    let other = citus.id("new");
    converge(&more, &other).await;
    let mut session = Session::open(&more.target).await.expect("a session");
    let tenants = [tenant(&more, &id), tenant(&more, &other)];
    let subjects: Vec<_> = tenants.iter().map(|t| (&t.id, &t.schema)).collect();
    let shapes = pg::Shapes::default();
    let found = pg::survey(
        &mut session,
        Declared { manifest: &more.manifest, desired: None, grants: &[], values: None },
        &shapes,
        &subjects,
        Limits::default(),
        &UntrustedQuery::default(),
        &|_| Reasons::new(),
    )
    .await;
    let found = found
        .expect("a survey")
        .into_iter()
        .map(|s| s.expect("it can be looked at").present.expect("it exists"));
    let found: Vec<_> = found.collect();
    assert_eq!(found[0].schema, found[1].schema);
    assert!(found.iter().all(|present| is_worker(present.placement.as_ref())));
}

#[tokio::test]
#[ignore = "needs PROVISION_TEST_CITUS_URL"]
async fn the_example_is_distributed_whole_and_damage_is_found() {
    let citus = Coordinator::new().await;
    let example = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Folder::new("");
    let read = |file: &str| std::fs::read_to_string(example.join(file)).expect("the example");
    // Citus refuses triggers of distributed tables.
    let mut manifest: toml::Table = read("schema.toml").parse().expect("TOML");
    manifest["tables"]["cad_empresas"].as_table_mut().expect("a table").remove("triggers");
    folder.write("schema.toml", &manifest.to_string());
    folder.write("seeds/cad_lookup.csv", &read("seeds/cad_lookup.csv"));
    let ids: Vec<String> = ["a", "b", "c"].iter().map(|name| citus.id(name)).collect();
    folder.write("ids", &ids.join("\n"));
    let list = ["--tenants-from", "ids"];
    citus.tool(&folder, &[&["apply", "--all"], &list[..]].concat()).with(0);
    citus.tool(&folder, &[&["drift"], &list[..]].concat()).with(0);
    let damaged = &ids[1];
    let index = citus
        .ask(&format!(
            "SELECT indexname FROM pg_indexes WHERE schemaname = '{damaged}' \
             AND tablename = 'cad_projetos' AND indexname LIKE '%idx'"
        ))
        .await;
    citus.ask(&format!("DROP INDEX \"{damaged}\".\"{index}\"")).await;
    citus.ask(&format!("DELETE FROM \"{damaged}\".cad_lookup WHERE grupo = 'Funcao'")).await;
    let drift = citus.tool(&folder, &[&["drift"], &list[..]].concat()).with(2);
    assert!(drift.stdout.contains("2 in sync, 1 drifted"), "{}", drift.stdout);
    assert!(drift.stdout.contains(&index) && drift.stdout.contains(damaged), "{}", drift.stdout);
    citus.tool(&folder, &[&["apply", "--all"], &list[..]].concat()).with(0);
    citus.tool(&folder, &[&["drift"], &list[..]].concat()).with(0);
}

#[tokio::test]
#[ignore = "needs PROVISION_TEST_CITUS_URL"]
async fn nothing_of_an_elaboration_is_distributed() {
    let citus = Coordinator::new().await;
    let context = citus.context(EVERYTHING, true);
    // What these sequences hand out is not given back when a transaction is rolled back.
    let handed_out = "SELECT (SELECT last_value FROM pg_catalog.pg_dist_colocationid_seq) || ' ' || \
        (SELECT last_value FROM pg_catalog.pg_dist_shardid_seq)";
    let before = citus.ask(handed_out).await;
    support::plan(&context, &citus.id("plan")).await.expect("a plan");
    assert_eq!(citus.ask(handed_out).await, before);
    converge(&context, &citus.id("apply")).await;
    assert_ne!(citus.ask(handed_out).await, before);
}

#[tokio::test]
#[ignore = "needs PROVISION_TEST_CITUS_URL"]
async fn baseline_rows_may_read_tables_of_every_kind() {
    let citus = Coordinator::new().await;
    let elsewhere = citus.id("elsewhere");
    citus
        .ask(&format!(
            "SET citus.enable_schema_based_sharding = off; CREATE SCHEMA \"{elsewhere}\"; \
             SET search_path = \"{elsewhere}\"; CREATE TABLE local AS SELECT 1 AS id; \
             CREATE TABLE spread AS SELECT 1 AS id; CREATE TABLE everywhere AS SELECT 1 AS id"
        ))
        .await;
    citus
        .ask(&format!("SELECT create_distributed_table('\"{elsewhere}\".spread', 'id')::text"))
        .await;
    citus.ask(&format!("SELECT create_reference_table('\"{elsewhere}\".everywhere')::text")).await;
    let rows: Vec<String> = ["local", "spread", "everywhere"]
        .iter()
        .map(|table| {
            let count = format!("(select count(*) from \\\"{elsewhere}\\\".{table})");
            format!("{{ name = \"{table}\", n = {{ sql = \"{count}\" }} }}")
        })
        .collect();
    let manifest = manifest_with("columns = { name = \"text\", n = \"int\" }", "")
        + &format!("[[seeds]]\ntable = \"t\"\nkey = [\"name\"]\nrows = [{}]\n", rows.join(", "));
    let id = citus.id("a");
    converge(&citus.context(&manifest, true), &id).await;
    assert_eq!(citus.ask(&format!("SELECT sum(n)::text FROM \"{id}\".t")).await, "3");
}

fn manifest_with(table: &str, elsewhere: &str) -> String {
    let table = table.replace("ELSEWHERE", elsewhere);
    format!("version = 1\n[sequences.big]\n[tables.t]\n{table}\n")
}

#[tokio::test]
#[ignore = "needs PROVISION_TEST_CITUS_URL"]
async fn a_schema_that_is_not_distributed_is_told() {
    let citus = Coordinator::new().await;
    let folder = Folder::new(&manifest_with("columns = { id = \"int\" }", ""));
    let (old, new) = (citus.id("old"), citus.id("new"));
    citus
        .ask(&format!("SET citus.enable_schema_based_sharding = off; CREATE SCHEMA \"{old}\""))
        .await;
    let line = format!("run SELECT citus_schema_distribute('\"{old}\"')");
    for _ in 0..2 {
        let applied = citus.tool(&folder, &["apply", &old]).with(0);
        assert!(applied.stdout.contains(&line), "{}", applied.stdout);
    }
    let applied = citus.tool(&folder, &["apply", &old, "--format", "json"]).with(0);
    let applied: Value = serde_json::from_str(&applied.stdout).expect("JSON");
    assert_eq!((&applied["undistributed"], &applied["worker"]), (&true.into(), &Value::Null));
    folder.write("ids", &format!("{old}\n{new}\n"));
    let all = citus.tool(&folder, &["apply", "--all", "--tenants-from", "ids"]).with(0);
    assert!(all.stdout.contains("1 tenant is not distributed"), "{}", all.stdout);
    for format in ["text", "markdown", "github"] {
        let args = ["drift", "--tenants-from", "ids", "--format", format];
        let drift = citus.tool(&folder, &args).with(0);
        let at = drift.stdout.to_lowercase().find("not distributed").expect(format);
        let told = &drift.stdout[at..];
        assert!(told.contains(&old) && !told.contains(&new), "{format}: {}", drift.stdout);
    }
    let drift =
        citus.tool(&folder, &["drift", "--tenants-from", "ids", "--format", "json"]).with(0);
    let drift: Value = serde_json::from_str(&drift.stdout).expect("JSON");
    assert_eq!(drift["tenants"][0]["undistributed"], true);
    assert!(
        drift["tenants"][1]["worker"].is_string() && drift["tenants"][1]["undistributed"].is_null()
    );

    citus.ask(&format!("SELECT citus_schema_distribute('\"{old}\"')::text")).await;
    let applied = citus.tool(&folder, &["apply", &old]).with(0);
    assert!(applied.stdout.contains("Nothing to do") && !applied.stdout.contains("distribute"));
    let drift = citus.tool(&folder, &["drift", "--tenants-from", "ids"]).with(0);
    assert!(!drift.stdout.contains("not distributed"), "{}", drift.stdout);

    // While new schemas are not distributed, there is nothing to tell.
    let context = citus.context_at(&folder.manifest(), false);
    let applied = converge(&context, &citus.id("local")).await;
    assert_eq!(applied.placement, None);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PROVISION_TEST_CITUS_URL"]
async fn the_worker_that_a_tenant_lives_on_is_named() {
    let citus = Coordinator::new().await;
    let (id, local) = (citus.id("a"), citus.id("local"));
    let table = "primary_key = [\"id\"]\ncolumns = { id = \"int\" }";
    let manifest =
        manifest_with(table, "") + &format!("[tenants]\nlist = [\"{id}\", \"{local}\"]\n");
    converge(&citus.context(&manifest, true), &id).await;
    converge(&citus.context(&manifest, false), &local).await;
    let folder = Folder::new(&manifest);
    let place = format!(
        "SELECT nodename || ':' || nodeport FROM citus_shards \
         WHERE table_name::text = '\"{id}\".t'"
    );
    let first = citus.ask(&place).await;
    let other = citus
        .ask(&format!(
            "SELECT nodename || ':' || nodeport FROM pg_dist_node WHERE shouldhaveshards \
             AND nodename || ':' || nodeport <> '{first}' LIMIT 1"
        ))
        .await;
    assert!(!other.is_empty(), "these tests take two workers");
    let service = Service::start_on(&citus.url(true), Folder::new(&manifest), &["--interval", "0"]);
    for worker in [&first, &other] {
        assert_eq!(citus.ask(&place).await, *worker);
        let status = citus.tool(&folder, &["status", &id]).with(0);
        assert!(status.stdout.contains(&format!("on worker {worker}")), "{}", status.stdout);
        let status = citus.tool(&folder, &["status", &id, "--format", "json"]).with(0);
        let status: Value = serde_json::from_str(&status.stdout).expect("JSON");
        assert_eq!(status["worker"], **worker);
        let page = service.get("/ops/tenants").await.with(200).json();
        assert_eq!(page["tenants"][0]["worker"], **worker, "{page}");
        assert_eq!(page["tenants"][1]["undistributed"], true, "{page}");
        let one = service.get(&format!("/ops/tenants/{id}")).await.with(200).json();
        assert_eq!(one["worker"], **worker, "{one}");
        let done = service.post(&format!("/ops/provision/{id}")).await.with(200).json();
        assert_eq!((&done["worker"], &done["changed"]), (&worker.as_str().into(), &false.into()));
        if worker == &first {
            let (host, port) = other.rsplit_once(':').expect("host and port");
            let sql = format!(
                "SELECT citus_schema_move('\"{id}\"', '{host}', {port}, 'block_writes')::text"
            );
            citus.ask(&sql).await;
        }
    }
    let drift = service.get("/ops/drift").await.with(200).json();
    assert_eq!(drift["undistributed"], Value::from(vec![local]), "{drift}");
}

#[tokio::test]
#[ignore = "needs PROVISION_TEST_CITUS_URL"]
async fn while_one_worker_is_away_the_tenants_of_the_others_are_looked_at() {
    let citus = Coordinator::new().await;
    let table = "primary_key = [\"id\"]\ncolumns = { id = \"int\" }";
    let rows = "[[seeds]]\ntable = \"t\"\nkey = [\"id\"]\nrows = [{ id = 1 }, { id = 2 }]\n";
    let folder = Folder::new(&(manifest_with(table, "") + rows));
    let ids: Vec<String> = (0..6).map(|n| citus.id(&n.to_string())).collect();
    folder.write("ids", &ids.join("\n"));
    let list = ["--tenants-from", "ids"];
    citus.tool(&folder, &[&["apply", "--all"], &list[..]].concat()).with(0);
    let mut placed: Vec<(String, String)> = Vec::new();
    for id in &ids {
        let sql = format!(
            "SELECT nodename || ':' || nodeport FROM citus_shards \
             WHERE table_name::text = '\"{id}\".t'"
        );
        placed.push((id.clone(), citus.ask(&sql).await));
    }
    let gone = placed[0].1.clone();
    let is_away = |id: &str| placed.iter().any(|(of, worker)| of == id && *worker == gone);
    let count = ids.iter().filter(|id| is_away(id)).count();
    assert!((1..6).contains(&count), "on two workers: {placed:?}");
    let reachable = ids.iter().find(|id| !is_away(id)).expect("on the other worker");
    citus.ask(&format!("DELETE FROM \"{reachable}\".t WHERE id = 2")).await;

    let away = Away::new(&citus, &gone).await;
    let drift = citus.tool(&folder, &[&["drift", "--format", "json"], &list[..]].concat()).with(1);
    let drift: Value = serde_json::from_str(&drift.stdout).expect("JSON");
    for tenant in drift["tenants"].as_array().expect("tenants") {
        let id = tenant["tenant"].as_str().expect("an id");
        let expected = match id {
            id if is_away(id) => "unreachable",
            id if id == reachable => "drifted",
            _ => "in_sync",
        };
        assert_eq!(tenant["state"], expected, "{drift:#}");
    }
    drop(away);
    citus.tool(&folder, &[&["apply", "--all"], &list[..]].concat()).with(0);
    citus.tool(&folder, &[&["drift"], &list[..]].concat()).with(0);
}
