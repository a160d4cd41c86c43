//! Many tenants: what the tool costs on top of the work that the server does.
//! `cargo bench --bench fleet -- --tenants 1000`.
//!
//! On the embedded server with `fsync` on, through the library. Each tenant has 12 tables with keys,
//! foreign keys, checks, indexes, an enum and identity columns, and 20 baseline rows; the tenants of a
//! second database also have functions, views, triggers and policies. What is compared is
//! done in turns, such as a block of tenants by the tool and one by raw SQL, so that a noisy machine
//! affects both.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and ends when it cannot go on"
)]

mod support;
mod tenants;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use provision::embedded::Cluster;
use provision::fleet::{self, Fleet, Options, Selection, Settings, Source};
use provision::name::TenantId;
use provision::pg::Target;
use provision::{manifest, reconcile};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};

use support::on_a_server;
use tenants::{CODE, Kind, TABLES};
use tokio::runtime::Builder;

const JOBS: usize = 4;
const BLOCK: usize = 250;
const ROUNDS: usize = 3;

/// What the server has to do, whoever compares such definitions.
const PRINTING: &str = "SELECT count(pg_get_viewdef(c.oid)) FROM pg_class c \
     JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname LIKE 'tenant-%' \
     WHERE c.relkind = 'v'; \
     SELECT count(pg_get_triggerdef(t.oid, true)) FROM pg_trigger t WHERE NOT t.tgisinternal; \
     SELECT count(pg_get_expr(p.polqual, p.polrelid)) FROM pg_policy p; \
     SELECT count(pg_get_function_arguments(p.oid) || pg_get_function_result(p.oid)) \
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname LIKE 'tenant-%'";

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--tenants").skip(1);
    let tenants = arguments.next().map_or(200, |n| n.parse().expect("--tenants takes a number"));
    on_a_server(Builder::new_current_thread(), 40, async |cluster| {
        println!("{tenants} tenants of {TABLES} tables");
        println!("| what | tool | against | | ratio |\n|---|---:|---|---:|---:|");
        bench(cluster, tenants).await;
    });
}

async fn bench(cluster: &Cluster, tenants: usize) {
    let backend = Arc::new(AtomicU64::new(0));
    let folder = std::env::temp_dir().join(format!("provision-fleet-m-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut admin = connect(cluster, &cluster.database).await;
    for database in ["tool", "raw", "code"] {
        run(&mut admin, &format!("CREATE DATABASE {database}")).await;
    }
    let ids: Vec<String> = (0..tenants).map(|n| format!("tenant-{n:06}")).collect();
    let mut raw = Vec::new();
    for _ in 0..JOBS {
        raw.push(connect(cluster, "raw").await);
    }
    let watch = tokio::spawn(watch(connect(cluster, "tool").await, Arc::clone(&backend)));

    let first = fleet_of(&folder, cluster, Kind::Tables);
    let (tool, bare) = write(&first, &ids, &mut raw).await;
    row("apply --all, all new, 4 jobs", tool, "the same SQL sent raw", bare);

    let mut scan = connect(cluster, "tool").await;
    run(&mut scan, "VACUUM ANALYZE").await;
    run(&mut scan, "SET max_parallel_workers_per_gather = 0").await;
    let in_sync = best(|| drift(&first, &ids, 0)).await;
    let bare = best_scan(&mut scan).await;
    row("drift, all in sync", in_sync, "bare catalog scan", bare);
    let each = in_sync.as_secs_f64() * 1e3 / tenants as f64;
    println!("| drift, per tenant | {each:.2} ms | | | |");
    let nothing = best(|| apply(&first, &ids)).await;
    row("apply --all, nothing to do", nothing, "drift", in_sync);

    let broken = tenants.div_ceil(100).max(5);
    for (n, id) in ids.iter().rev().take(broken).enumerate() {
        run(&mut scan, &breakage(n, id)).await;
    }
    let drifted = best(|| drift(&first, &ids, broken)).await;
    row("drift, 1 % broken in 5 ways", drifted, "drift, all in sync", in_sync);
    for (n, id) in ids.iter().rev().take(broken).enumerate() {
        run(&mut scan, &repair(n, id)).await;
    }

    let code = fleet_of(&folder, cluster, Kind::WithCode);
    for block in ids.chunks(BLOCK) {
        let ended = apply_some(&code, block).await;
        assert!(!ended.has_failed(), "{:?}", ended.tenants);
    }
    run(&mut connect(cluster, "code").await, "VACUUM ANALYZE").await;
    let (mut with, mut without) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        with = with.min(time(drift(&code, &ids, 0)).await);
        without = without.min(time(drift(&first, &ids, 0)).await);
    }
    row(&format!("drift, {CODE}"), with, "drift, all in sync", without);
    let mut printing = Duration::MAX;
    for _ in 0..ROUNDS {
        // As in drift, nothing of a tenant is in the caches of the session yet.
        let mut fresh = connect(cluster, "code").await;
        printing = printing.min(time(run(&mut fresh, PRINTING)).await);
    }
    row(
        "what these add to drift",
        with.saturating_sub(without),
        "their definitions printed, raw",
        printing,
    );

    let second = fleet_of(&folder, cluster, Kind::Added);
    let (tool, bare) = write(&second, &ids, &mut raw).await;
    row("apply --all, a column and an index more, 4 jobs", tool, "the same SQL sent raw", bare);
    watch.abort();
    println!("| memory of this program, at most | {} MiB | | | |", own_memory() / 1024);
    println!(
        "| memory of a backend, at most | {} MiB | | | |",
        backend.load(Ordering::Relaxed) / 1024
    );
    std::fs::remove_dir_all(&folder).expect("cleaning up");
}

fn fleet_of(folder: &Path, cluster: &Cluster, kind: Kind) -> Fleet {
    let path = folder.join("schema.toml");
    std::fs::write(&path, tenants::manifest(kind)).expect("a manifest");
    let database = if kind == Kind::WithCode { "code" } else { "tool" };
    let target = Target::from_socket(&cluster.socket_dir, cluster.port, &cluster.user, database);
    let manifest = manifest::load(&path).expect("a valid manifest");
    Fleet::new(manifest, [(None, target)], &Settings::default())
}

/// Applies all tenants, and sends the same statements raw, in turns.
async fn write(fleet: &Fleet, ids: &[String], raw: &mut [PgConnection]) -> (Duration, Duration) {
    let (mut tool, mut bare) = (Duration::ZERO, Duration::ZERO);
    let context = &fleet.servers[0].context;
    let template: TenantId = ids[0].parse().expect("an id");
    let template = context.tenant(&template).expect("a name");
    let plan = reconcile::plan(context, &template).await.expect("a plan");
    let creates = plan.steps.iter().any(|step| step.sql.starts_with("CREATE SCHEMA"));
    let mut script = plan.steps.iter().map(|step| step.sql.clone() + ";\n").collect::<String>();
    script.push_str(&record(&ids[0], creates));
    for block in ids.chunks(BLOCK) {
        let start = Instant::now();
        let ended = apply_some(fleet, block).await;
        tool += start.elapsed();
        let is_open = |outcome: &fleet::TenantOutcome| {
            !matches!(
                outcome,
                fleet::TenantOutcome::Created { .. } | fleet::TenantOutcome::Updated { .. }
            )
        };
        assert_eq!(ended.count(is_open), 0, "{:?}", ended.tenants);
        let scripts: Vec<String> = block.iter().map(|id| script.replace(&ids[0], id)).collect();
        let start = Instant::now();
        let parts = scripts.chunks(scripts.len().div_ceil(raw.len()));
        let sent = raw.iter_mut().zip(parts).map(|(conn, part)| async move {
            for sql in part {
                run(conn, &format!("BEGIN;\n{sql}")).await;
                run(conn, "COMMIT").await;
            }
        });
        futures_util::future::join_all(sent).await;
        bare += start.elapsed();
    }
    (tool, bare)
}

/// What the tool records for itself.
fn record(id: &str, creates: bool) -> String {
    let table = format!("\"{id}\".\"_provision_state\"");
    let create = format!(
        "CREATE TABLE {table} (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
         apply_id uuid NOT NULL, manifest_checksum text NOT NULL, fingerprint text NOT NULL, \
         plan_digest text NOT NULL, statements integer NOT NULL, complete boolean NOT NULL, \
         tool_version text NOT NULL, actor text NOT NULL, applied_at timestamptz NOT NULL, \
         duration_ms bigint NOT NULL);\n"
    );
    format!(
        "{}INSERT INTO {table} (apply_id, manifest_checksum, fingerprint, plan_digest, statements, \
         complete, tool_version, actor, applied_at, duration_ms) \
         VALUES (gen_random_uuid(), 'm', 'f', 'p', 1, true, 'v', 'a', now(), 1);\n\
         COMMENT ON TABLE {table} IS 'The record of provision.';",
        if creates { create } else { String::new() }
    )
}

async fn apply_some(fleet: &Fleet, ids: &[String]) -> fleet::RunReport {
    let source = Source::Ids { ids: ids.to_vec(), unregistered: true };
    let roster = fleet::enumerate(fleet, &source, &Selection::default()).await;
    let options = Options { jobs: JOBS, ..Options::default() };
    fleet::apply(fleet, roster, None, &options, &AtomicBool::new(false), &|_| {}).await
}

async fn apply(fleet: &Fleet, ids: &[String]) {
    let ended = apply_some(fleet, ids).await;
    assert_eq!(ended.count(|outcome| *outcome == fleet::TenantOutcome::Current), ids.len());
}

async fn drift(fleet: &Fleet, ids: &[String], broken: usize) {
    let source = Source::Ids { ids: ids.to_vec(), unregistered: true };
    let roster = fleet::enumerate(fleet, &source, &Selection::default()).await;
    let survey = fleet::survey(fleet, &roster.members, 1, &|_| {}).await;
    let drift = fleet::drift(fleet, roster, &survey, jiff::civil::date(2026, 1, 1));
    let in_sync = drift.summary.get(&fleet::State::InSync).copied().unwrap_or_default();
    assert_eq!(in_sync, ids.len() - broken);
}

async fn best<F: Future<Output = ()>>(work: impl Fn() -> F) -> Duration {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        times.push(time(work()).await);
    }
    times.into_iter().min().unwrap_or_default()
}

async fn time(work: impl Future<Output = ()>) -> Duration {
    let start = Instant::now();
    work.await;
    start.elapsed()
}

async fn best_scan(conn: &mut PgConnection) -> Duration {
    let of_schemas =
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname LIKE 'tenant-%'";
    let sql = format!(
        "SELECT (SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
         {of_schemas}), \
         (SELECT count(*) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid {of_schemas}), \
         (SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid {of_schemas})"
    );
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        run(conn, &sql).await;
        times.push(start.elapsed());
    }
    times.into_iter().min().unwrap_or_default()
}

fn breakage(n: usize, id: &str) -> String {
    match n % 5 {
        0 => format!("DROP INDEX \"{id}\".t03_parent_idx"),
        1 => format!("ALTER TABLE \"{id}\".t04 ALTER code TYPE varchar(60)"),
        2 => format!("ALTER TABLE \"{id}\".t05 ADD undeclared integer"),
        3 => format!("DELETE FROM \"{id}\".t00 WHERE code = 'c7'"),
        _ => format!("ALTER TABLE \"{id}\".t06 DROP CONSTRAINT t06_check"),
    }
}

fn repair(n: usize, id: &str) -> String {
    match n % 5 {
        0 => format!("CREATE INDEX t03_parent_idx ON \"{id}\".t03 (parent)"),
        1 => format!("ALTER TABLE \"{id}\".t04 ALTER code TYPE varchar(40)"),
        2 => format!("ALTER TABLE \"{id}\".t05 DROP undeclared"),
        3 => format!("INSERT INTO \"{id}\".t00 (code, note) VALUES ('c7', 'seed')"),
        _ => format!("ALTER TABLE \"{id}\".t06 ADD CONSTRAINT t06_check CHECK (length(code) >= 1)"),
    }
}

/// Records the largest private memory of the tool's backends.
async fn watch(mut conn: PgConnection, most: Arc<AtomicU64>) {
    use sqlx::Row as _;
    loop {
        let rows = sqlx::raw_sql(
            "SELECT pid::text FROM pg_stat_activity \
             WHERE datname = 'tool' AND application_name = 'provision'",
        )
        .fetch_all(&mut conn)
        .await
        .unwrap_or_default();
        for row in rows {
            let pid: &str = row.get(0);
            most.fetch_max(
                memory(Path::new(&format!("/proc/{pid}/status")), "RssAnon:"),
                Ordering::Relaxed,
            );
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn own_memory() -> u64 {
    memory(Path::new("/proc/self/status"), "VmHWM:")
}

/// In KiB.
fn memory(status: &Path, key: &str) -> u64 {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| line.split_whitespace().next()).and_then(|n| n.parse().ok()).unwrap_or(0)
}

async fn connect(cluster: &Cluster, database: &str) -> PgConnection {
    PgConnectOptions::new_without_pgpass()
        .socket(&cluster.socket_dir)
        .port(cluster.port)
        .username(&cluster.user)
        .database(database)
        .connect()
        .await
        .expect("a connection")
}

async fn run(conn: &mut PgConnection, sql: &str) {
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(conn).await {
        assert!(error.to_string().is_empty(), "{error}\n{sql}");
    }
}

fn row(what: &str, tool: Duration, against: &str, bare: Duration) {
    let seconds = |duration: Duration| format!("{:.2} s", duration.as_secs_f64());
    println!(
        "| {what} | {} | {against} | {} | {:.2} |",
        seconds(tool),
        seconds(bare),
        tool.as_secs_f64() / bare.as_secs_f64()
    );
}
