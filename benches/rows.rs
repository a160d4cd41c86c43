//! Many tenants, and rows in the way: what it costs to count them before anything is tried.
//! `cargo bench --bench rows -- --tenants 1000`.
//!
//! On the embedded server with `fsync` on, through the library. Each tenant has 12 tables, two of them with 500 rows; in one of
//! a hundred tenants, rows are in the way of a column that becomes NOT NULL, of a check, and of a unique constraint. The
//! counting is what `plan --all` takes longer than without it, against the same counts, written by hand, of as many tenants in
//! one message; in turns. Then all tenants are applied.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a benchmark prints, and ends when it cannot go on"
)]

mod support;
#[expect(dead_code, reason = "there are tenants with code, too")]
mod tenants;

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use provision::embedded::Cluster;
use provision::fleet::{self, Fleet, FleetPlan, Options, Selection, Settings, Source};
use provision::manifest;
use provision::pg::Target;
use provision::reconcile::RowChecks;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};
use support::on_a_server;
use tenants::Kind;
use tokio::runtime::Builder;

const ROUNDS: usize = 5;
const TOGETHER: usize = 50;

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--tenants").skip(1);
    let tenants = arguments.next().map_or(200, |n| n.parse().expect("--tenants takes a number"));
    on_a_server(Builder::new_current_thread(), 20, async |cluster| bench(cluster, tenants).await);
}

async fn bench(cluster: &Cluster, tenants: usize) {
    let folder = std::env::temp_dir().join(format!("provision-rows-m-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let ids: Vec<String> = (0..tenants).map(|n| format!("tenant-{n:06}")).collect();
    let loose = tenants::manifest(Kind::Tables);
    let ended = apply(&fleet_of(&folder, cluster, &loose), &ids).await;
    assert!(!ended.has_failed(), "{:?}", ended.tenants);
    let mut conn = connect(cluster).await;
    let in_the_way: Vec<&String> = ids.iter().step_by(100).collect();
    for id in &ids {
        run(&mut conn, &rows(id, in_the_way.contains(&id))).await;
    }
    run(&mut conn, "VACUUM ANALYZE").await;

    let (mut with, mut without, mut bare) = (Duration::MAX, Duration::MAX, Duration::MAX);
    let strict = tightened(&loose);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let plan = plan(&fleet_of(&folder, cluster, &strict), &ids).await;
        with = with.min(start.elapsed());
        assert_eq!(plan.rows_in_the_way.len(), 3, "{:?} {:?}", plan.not_counted, plan.failed);
        for rows in &plan.rows_in_the_way {
            let named: Vec<String> = rows.tenants.iter().map(ToString::to_string).collect();
            assert!(named.iter().eq(in_the_way.iter().copied()), "{named:?}");
        }
        let start = Instant::now();
        let unchecked = fleet_of(&folder, cluster, &strict)
            .with_row_checks(RowChecks { limit: None, must_be_clean: false });
        self::plan(&unchecked, &ids).await;
        without = without.min(start.elapsed());
        // As for the tool, nothing of the tenants is in the caches of the session yet.
        let mut fresh = connect(cluster).await;
        let start = Instant::now();
        for some in ids.chunks(TOGETHER) {
            run(&mut fresh, &some.iter().map(|id| counts(id)).collect::<String>()).await;
        }
        bare = bare.min(start.elapsed());
    }
    let counting = with.saturating_sub(without);
    println!("{tenants} tenants, {} with rows in the way", in_the_way.len());
    println!("| what | tool | against | | ratio |\n|---|---:|---|---:|---:|");
    row("counting the rows in the way", counting, "the same counts sent raw", bare);
    row("plan --all with that", with, "without", without);

    let must_be_clean = RowChecks { must_be_clean: true, ..RowChecks::default() };
    let fleet = fleet_of(&folder, cluster, &strict).with_row_checks(must_be_clean);
    let clean = apply(&fleet, &ids).await;
    assert_eq!(clean.count(is_updated), 0, "--require-clean touches none");
    let ended = apply(&fleet_of(&folder, cluster, &strict), &ids).await;
    let is_named = |outcome: &fleet::TenantOutcome| matches!(outcome, fleet::TenantOutcome::Failed { error } if error.code == "rows-in-the-way");
    assert_eq!(ended.count(is_named), in_the_way.len());
    assert_eq!(ended.count(is_updated), tenants - in_the_way.len());
    // Those that failed are as they were: the same is left to do in each.
    let left = plan(&fleet_of(&folder, cluster, &strict), &ids).await;
    assert_eq!((left.plans.len(), left.plans[0].steps.len()), (1, 3));
    assert_eq!(left.plans[0].count, in_the_way.len());
    println!(
        "apply --all: {} updated, {} named and untouched",
        tenants - in_the_way.len(),
        in_the_way.len()
    );
    std::fs::remove_dir_all(&folder).expect("cleaning up");
}

fn is_updated(outcome: &fleet::TenantOutcome) -> bool {
    matches!(outcome, fleet::TenantOutcome::Updated { .. })
}

/// A table's column becomes NOT NULL, and gets a check; another table, a unique constraint.
fn tightened(loose: &str) -> String {
    let table = |name: &str, from: &str, to: &str| {
        let at = loose.find(&format!("[tables.{name}]\n")).expect("the table");
        let end = loose[at..].find("\n[[").map_or(loose.len(), |end| at + end);
        (at..end, loose[at..end].replacen(from, to, 1))
    };
    let not_null = "note = \"text\"";
    let (first, text) = table("t01", "note = { type = \"text\", null = true }", not_null);
    let text = text.replacen("checks = [", "checks = [\"length(code) >= 2\", ", 1);
    let (second, other) = table("t02", "[\"code\"]", "[\"code\"], [\"amount\", \"note\"]");
    [&loose[..first.start], &text, &loose[first.end..second.start], &other, &loose[second.end..]]
        .concat()
}

fn rows(id: &str, is_in_the_way: bool) -> String {
    let fill = |table: &str| {
        format!(
            "INSERT INTO \"{id}\".{table} (code, amount, note) \
             SELECT 'code ' || n, n, 'note ' || n FROM generate_series(1, 500) n;\n"
        )
    };
    let bad = format!(
        "INSERT INTO \"{id}\".t01 (code) VALUES ('x');\n\
         INSERT INTO \"{id}\".t02 (code, amount, note) VALUES ('y', 1, 'note 1');\n"
    );
    [fill("t01"), fill("t02"), if is_in_the_way { bad } else { String::new() }].concat()
}

fn counts(id: &str) -> String {
    format!(
        "SELECT (SELECT count(*) FROM \"{id}\".t01 WHERE note IS NULL), \
         (SELECT count(*) FROM \"{id}\".t01 WHERE NOT length(code) >= 2), \
         (SELECT coalesce(sum(d.n), 0) FROM (SELECT count(*) AS n FROM \"{id}\".t02 \
          GROUP BY amount, note HAVING count(*) > 1) d);\n"
    )
}

fn fleet_of(folder: &Path, cluster: &Cluster, manifest: &str) -> Fleet {
    let path = folder.join("schema.toml");
    std::fs::write(&path, manifest).expect("a manifest");
    let Cluster { socket_dir, port, user, database, .. } = cluster;
    let target = Target::from_socket(socket_dir, *port, user, database);
    let manifest = manifest::load(&path).expect("a valid manifest");
    Fleet::new(manifest, [(None, target)], &Settings::default())
        .with_consent(&"alter".parse().expect("a class"))
}

async fn plan(fleet: &Fleet, ids: &[String]) -> FleetPlan {
    fleet::plan(fleet, roster(fleet, ids).await, &|_| {}).await
}

async fn apply(fleet: &Fleet, ids: &[String]) -> fleet::RunReport {
    let options = Options { jobs: 4, ..Options::default() };
    let roster = roster(fleet, ids).await;
    fleet::apply(fleet, roster, None, &options, &AtomicBool::new(false), &|_| {}).await
}

async fn roster(fleet: &Fleet, ids: &[String]) -> fleet::Roster {
    let source = Source::Ids { ids: ids.to_vec(), unregistered: true };
    fleet::enumerate(fleet, &source, &Selection::default()).await
}

async fn connect(cluster: &Cluster) -> PgConnection {
    let options = PgConnectOptions::new_without_pgpass()
        .socket(&cluster.socket_dir)
        .port(cluster.port)
        .username(&cluster.user)
        .database(&cluster.database);
    options.connect().await.expect("a connection")
}

async fn run(conn: &mut PgConnection, sql: &str) {
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(conn).await {
        assert!(error.to_string().is_empty(), "{error}\n{sql}");
    }
}

fn row(what: &str, tool: Duration, against: &str, bare: Duration) {
    let (tool, bare) = (tool.as_secs_f64(), bare.as_secs_f64());
    println!("| {what} | {tool:.2} s | {against} | {bare:.2} s | {:.2} |", tool / bare);
}
