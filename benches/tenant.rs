//! One tenant: what the tool costs on top of the work that the server does. `cargo bench --bench tenant`.
//!
//! Each figure is a ratio of two times measured in turn in the same run, on the embedded server
//! with `fsync` on, through the library, with one connection kept open and the manifest elaborated
//! once, as in a run over many tenants. The command line's own costs (connecting, elaborating) are
//! shown separately.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and ends when it cannot go on"
)]

mod example;
mod support;

use std::time::{Duration, Instant};

use provision::embedded::Cluster;
use provision::name::TenantId;
use provision::pg::{Session, Target};
use provision::plan::Plan;
use provision::reconcile::{self, ApplyOptions, Context, Outcome, Tenant};
use provision::{causes, manifest};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};

use example::example_of_tables;
use support::on_a_server;
use tokio::runtime::Builder;

const ROUNDS: usize = 60;
const OTHERS: usize = 2_000;

fn main() {
    on_a_server(Builder::new_current_thread(), 20, async |cluster| {
        println!("{ROUNDS} rounds, medians");
        Box::pin(bench(cluster)).await;
    });
}

async fn bench(cluster: &Cluster) {
    let target =
        || Target::from_socket(&cluster.socket_dir, cluster.port, &cluster.user, &cluster.database);
    let folder = tempfile::tempdir().expect("a folder");
    let path = example_of_tables(folder.path());
    let context = Context::new(manifest::load(&path).expect("the example"), target());
    let mut raw = connect(cluster).await;
    let mut session: Option<Session> = None;

    // The statements are the same for each tenant, except for its name.
    let template = tenant(&context, "template-of-all");
    let plan = reconcile::plan(&context, &template).await.expect("a plan");
    let script = raw_script(&plan);
    let cold = Instant::now();
    apply(&mut session, &context, "warm-up").await;
    let first = cold.elapsed();

    let (mut tool, mut bare) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let sql = script.replace("template-of-all", &format!("raw-{round}"));
        bare.push(timed(run_raw(&mut raw, &sql)).await);
        let id = format!("tool-{round}");
        tool.push(Box::pin(timed(apply(&mut session, &context, &id))).await);
    }
    row("new tenant, median", &tool, "same SQL sent raw", &bare);

    let alone = no_op(&mut session, &context, &mut raw, "nothing to do, few tenants").await;
    for n in 0..OTHERS {
        let sql = script.replace("template-of-all", &format!("other-{n}"));
        run_raw(&mut raw, &sql).await;
    }
    run_raw(&mut raw, "VACUUM ANALYZE").await;
    // An older session keeps its caches; a new one starts like a new run.
    session = None;
    apply(&mut session, &context, "tool-0").await;
    let crowded =
        no_op(&mut session, &context, &mut raw, "nothing to do, 2,000 other tenants").await;
    println!(
        "| nothing to do: 2,000 other tenants against few | {} | {} | {:.2} |",
        ms(crowded),
        ms(alone),
        crowded.as_secs_f64() / alone.as_secs_f64()
    );
    println!("first apply on a new connection, elaboration included: {}", ms(first));
}

async fn no_op(
    session: &mut Option<Session>,
    context: &Context,
    raw: &mut PgConnection,
    what: &str,
) -> Duration {
    let (mut tool, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(timed(run_raw(raw, "SELECT 1")).await);
        let start = Instant::now();
        let outcome = apply(session, context, "tool-0").await;
        tool.push(start.elapsed());
        assert_eq!(outcome, Outcome::Current);
    }
    row(what, &tool, "SELECT 1", &bare);
    median(&tool)
}

fn tenant(context: &Context, id: &str) -> Tenant {
    context.tenant(&TenantId::new(id).expect("an id")).expect("a schema name")
}

async fn apply(session: &mut Option<Session>, context: &Context, id: &str) -> Outcome {
    let tenant = tenant(context, id);
    match reconcile::apply_on(session, context, &tenant, ApplyOptions::default()).await {
        Ok(applied) => applied.outcome,
        Err(error) => panic_with(&causes::chain(&error)),
    }
}

#[expect(clippy::panic, reason = "a benchmark ends when it cannot go on")]
fn panic_with(text: &str) -> ! {
    panic!("{text}")
}

/// All that an apply writes, in one transaction: the statements of the plan and the record.
fn raw_script(plan: &Plan) -> String {
    let mut sql = String::new();
    for step in &plan.steps {
        sql.push_str(&step.sql);
        sql.push_str(";\n");
    }
    sql + "CREATE TABLE \"template-of-all\".\"_provision_state\" (\
         seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, apply_id uuid NOT NULL, \
         manifest_checksum text NOT NULL, fingerprint text NOT NULL, plan_digest text NOT NULL, \
         statements integer NOT NULL, complete boolean NOT NULL, tool_version text NOT NULL, \
         actor text NOT NULL, applied_at timestamptz NOT NULL, duration_ms bigint NOT NULL);\n\
         INSERT INTO \"template-of-all\".\"_provision_state\" (apply_id, manifest_checksum, \
         fingerprint, plan_digest, statements, complete, tool_version, actor, applied_at, \
         duration_ms) VALUES (gen_random_uuid(), 'm', 'f', 'p', 1, true, 'v', 'a', now(), 1);\n\
         COMMENT ON TABLE \"template-of-all\".\"_provision_state\" IS 'The record of provision.';"
}

async fn connect(cluster: &Cluster) -> PgConnection {
    PgConnectOptions::new_without_pgpass()
        .socket(&cluster.socket_dir)
        .port(cluster.port)
        .username(&cluster.user)
        .database(&cluster.database)
        .connect()
        .await
        .expect("a connection")
}

/// As a plain client would: BEGIN, all statements in one message, COMMIT.
async fn run_raw(conn: &mut PgConnection, sql: &str) {
    if sql.starts_with("SELECT") || sql.starts_with("VACUUM") {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.expect("raw SQL");
        return;
    }
    for sql in ["BEGIN", sql, "COMMIT"] {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *conn).await.expect("raw SQL");
    }
}

async fn timed<T>(future: impl Future<Output = T>) -> Duration {
    let start = Instant::now();
    future.await;
    start.elapsed()
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times[times.len() / 2]
}

fn row(what: &str, tool: &[Duration], against: &str, bare: &[Duration]) {
    let (tool, bare) = (median(tool), median(bare));
    let ratio = tool.as_secs_f64() / bare.as_secs_f64();
    println!("| {what} against {against} | {} | {} | {ratio:.2} |", ms(tool), ms(bare));
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}
