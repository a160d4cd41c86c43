//! Two runners at once, processes that are killed, sessions that are terminated, answers that get
//! lost: a tenant is whole or absent, and the next apply finishes it.

use std::process::{Child, Stdio};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use provision::explain::Explain as _;
use provision::pg::{Locking, Tables, Transaction};
use provision::reconcile::{Outcome, ReconcileError};
use sqlx::Connection as _;

use crate::support::proxy::{Proxy, Rule};
use crate::support::tool::{self, RunReport};
use crate::support::{self, Database, Folder, context_of, converge, refused, server, told};

const MANIFEST: &str = r#"
version = 1
[types.cor]
enum = ["a", "b"]
[tables.x]
primary_key = ["id"]
columns = { id = "int", cor = { type = "cor", default = "'a'" }, y = { type = "int", null = true } }
foreign_keys = [{ columns = ["y"], references = { table = "y", columns = ["id"] } }]
indexes = [{ columns = ["y"] }]
[tables.y]
primary_key = ["id"]
columns = { id = "int", x = { type = "int", null = true } }
foreign_keys = [{ columns = ["x"], references = { table = "x", columns = ["id"] } }]
[[seeds]]
table = "x"
key = ["id"]
rows = [{ id = 1 }, { id = 2 }, { id = 3 }]
"#;

/// Whole with one state row per apply, or absent.
async fn check_whole_or_absent(database: &Database, id: &str, why: &str) -> bool {
    let exists = database.count(&format!("pg_namespace WHERE nspname = '{id}'")).await == 1;
    if exists {
        let tables =
            database.count(&format!("information_schema.tables WHERE table_schema = '{id}'")).await;
        assert_eq!(tables, 3, "half a tenant: {why}");
        assert_eq!(database.count(&format!("\"{id}\".x")).await, 3, "half the rows: {why}");
        assert_eq!(database.count(&format!("\"{id}\"._provision_state")).await, 1, "{why}");
    }
    let scratch = database.count("pg_namespace WHERE nspname LIKE '\\_provision%'").await;
    assert_eq!(scratch, 0, "a scratch schema is left: {why}");
    exists
}

fn needs_socket() -> std::path::PathBuf {
    server()
        .socket
        .clone()
        .expect("these tests need the throwaway cluster: unset PROVISION_TEST_URL and DATABASE_URL")
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_processes_make_one_tenant_once() {
    let database = Database::new().await;
    let folder = Folder::new(MANIFEST);
    let children: Vec<Child> = (0..50)
        .map(|_| {
            tool::on(&database, folder.dir.path(), &["apply", "acme", "--lock-timeout", "60"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the binary starts")
        })
        .collect();
    let mut created = 0;
    for child in children {
        let ended: RunReport = child.wait_with_output().expect("an end").into();
        let ended = ended.with(0);
        created += usize::from(ended.stdout.contains("Created schema acme"));
    }
    assert_eq!(created, 1, "one process made it, the others found it made");
    assert!(check_whole_or_absent(&database, "acme", "50 processes").await);
}

/// Runs `apply` behind a proxy that acts after each number of completed statements in turn, until
/// a run is over before it acts. `act` gets the server's process and the tool's.
async fn act_between_statements(
    database: &Database,
    folder: &Folder,
    act: impl Fn(u32, &Mutex<Option<Child>>) + Send + Sync + 'static,
    expected: impl Fn(&RunReport, usize),
) -> usize {
    let act = Arc::new(act);
    let context = support::context(&folder.manifest(), database);
    let mut whole = 0;
    for at in 1.. {
        assert!(at < 500, "an apply does not take so many statements");
        let id = format!("t{at}");
        let child: Arc<Mutex<Option<Child>>> = Arc::default();
        let (shared, act) = (child.clone(), act.clone());
        let rule = Rule::AfterStatements(at, Arc::new(move |backend| act(backend, &shared)));
        let proxy = Proxy::start(needs_socket(), rule);
        let url = proxy.url("provision", &database.name);
        let mut command = tool::tool(folder.dir.path(), &["apply", &id]);
        command.env("DATABASE_URL", url).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Held while it starts, so that the action finds it however early it comes.
        {
            let mut slot = child.lock().expect("no panic");
            *slot = Some(command.spawn().expect("the binary starts"));
        }
        while !has_ended(&child) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let running = child.lock().expect("no panic").take().expect("it was started");
        let ended = RunReport::from(running.wait_with_output().expect("an end"));
        let acted = proxy.statements.load(Ordering::SeqCst) >= at;
        if !acted {
            ended.with(0);
            return whole;
        }
        expected(&ended, at);
        // The server may need a moment to see that its client is gone.
        wait_for_end_of_others(database).await;
        let why = format!("after statement {at}");
        whole += usize::from(check_whole_or_absent(database, &id, &why).await);
        converge(&context, &id).await;
        assert!(check_whole_or_absent(database, &id, &why).await);
    }
    whole
}

async fn wait_for_end_of_others(database: &Database) {
    let start = Instant::now();
    let others =
        format!("pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()", database.name);
    while database.count(&others).await > 0 {
        assert!(start.elapsed() < Duration::from_secs(30), "a session does not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_any_two_statements() {
    let database = Database::new().await;
    let folder = Folder::new(MANIFEST);
    let kill = |_, child: &Mutex<Option<Child>>| {
        if let Some(child) = child.lock().expect("no panic").as_mut() {
            let _ = child.kill();
        }
    };
    let whole = act_between_statements(&database, &folder, kill, |_, _| ()).await;
    assert!(whole <= 1, "only the kill after COMMIT may leave a tenant, not {whole}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_killed_at_any_moment_leaves_nothing() {
    let database = Database::new().await;
    let folder = Folder::new(MANIFEST);
    let objects = "(SELECT oid FROM pg_class UNION ALL SELECT oid FROM pg_namespace UNION ALL \
                   SELECT oid FROM pg_type) o";
    let before = database.count(objects).await;
    // All is one transaction that is rolled back, so that a third of the moments stands for all.
    for at in (1..).step_by(3) {
        assert!(at < 200, "a plan does not take so many statements");
        let child: Arc<Mutex<Option<Child>>> = Arc::default();
        let shared = child.clone();
        let kill = move |_| {
            if let Some(child) = shared.lock().expect("no panic").as_mut() {
                let _ = child.kill();
            }
        };
        let proxy = Proxy::start(needs_socket(), Rule::AfterStatements(at, Arc::new(kill)));
        let mut command = tool::tool(folder.dir.path(), &["plan", "acme"]);
        command.env("DATABASE_URL", proxy.url("provision", &database.name));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        {
            let mut slot = child.lock().expect("no panic");
            *slot = Some(command.spawn().expect("the binary starts"));
        }
        while !has_ended(&child) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let was_killed = proxy.statements.load(Ordering::SeqCst) >= at;
        wait_for_end_of_others(&database).await;
        assert_eq!(database.count(objects).await, before, "after statement {at}");
        if !was_killed {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn terminated_between_any_two_statements() {
    let database = Database::new().await;
    let folder = Folder::new(MANIFEST);
    let url = database.url.clone();
    let terminate = move |backend, _: &Mutex<Option<Child>>| {
        let url = url.clone();
        let done = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                use sqlx::ConnectOptions as _;
                let options: sqlx::postgres::PgConnectOptions = url.parse().expect("a URL");
                let mut conn = options.connect().await.expect("a connection");
                let sql = sqlx::AssertSqlSafe(format!("SELECT pg_terminate_backend({backend})"));
                sqlx::raw_sql(sql).execute(&mut conn).await.expect("terminating");
            });
        });
        done.join().expect("no panic");
    };
    // Whatever is lost is tried again, so every run ends well.
    let whole = act_between_statements(&database, &folder, terminate, |ended, at| {
        assert_eq!(ended.code, Some(0), "at {at}: {}", ended.stderr);
    })
    .await;
    assert!(whole > 20, "each run made its tenant, and there are more statements than {whole}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_commit_is_lost() {
    let database = Database::new().await;
    let folder = Folder::new(MANIFEST);
    for (id, rule) in [("heard", Rule::HideCommitAnswer), ("unheard", Rule::LoseCommit)] {
        let proxy = Proxy::start(needs_socket(), rule);
        let mut command = tool::tool(folder.dir.path(), &["apply", id]);
        command.env("DATABASE_URL", proxy.url("provision", &database.name));
        let ended = tool::run(command).with(0);
        assert!(ended.stdout.contains("Created schema"), "{id}: {}", ended.stdout);
        assert!(ended.stderr.contains("lost at COMMIT"), "{id}: {}", ended.stderr);
        assert!(check_whole_or_absent(&database, id, id).await);
    }
}

/// A statement that waits for a table lets all who come later wait behind it.
#[tokio::test(flavor = "multi_thread")]
async fn readers_get_their_turn_between_two_attempts() {
    let database = Database::new().await;
    let mut context = context_of(MANIFEST, &database);
    converge(&context, "acme").await;
    database.run("ALTER TABLE acme.x DROP COLUMN y").await;
    context.limits.lock = Duration::from_millis(500);
    context.retry.attempts = 4;

    let mut holder = database.connect().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE acme.x IN ACCESS SHARE MODE")
        .execute(&mut holder)
        .await
        .expect("locking");
    let mut reader = database.connect().await;
    let start = Instant::now();
    let applying = tokio::spawn(async move { support::apply(&context, "acme").await });
    let mut waits = Vec::new();
    while !applying.is_finished() {
        let begin = Instant::now();
        sqlx::raw_sql("SELECT count(*) FROM acme.x").execute(&mut reader).await.expect("reading");
        waits.push(begin.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let elapsed = start.elapsed();
    assert_eq!(refused(applying.await.expect("no panic")).code(), "busy");

    let long: Vec<&Duration> =
        waits.iter().filter(|wait| **wait > Duration::from_millis(200)).collect();
    assert_eq!(long.len(), 4, "one wait an attempt: {long:?}");
    assert!(long.iter().all(|wait| **wait < Duration::from_millis(900)), "{long:?}");
    let blocked: Duration = long.into_iter().sum();
    assert!(elapsed > Duration::from_millis(4 * 500 + 3 * 500), "{elapsed:?}");
    assert!(blocked < elapsed.mul_f64(0.65), "blocked for {blocked:?} of {elapsed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_held_by_another_session_is_waited_for_and_named() {
    let database = Database::new().await;
    let mut context = context_of(MANIFEST, &database);
    context.limits.lock = Duration::from_millis(100);
    context.retry.attempts = 2;
    converge(&context, "acme").await;
    database.run("ALTER TABLE acme.x DROP COLUMN y").await;

    let mut holder = database.connect().await;
    sqlx::raw_sql(
        "SET application_name = 'the holder'; BEGIN; LOCK TABLE acme.x IN ACCESS SHARE MODE",
    )
    .execute(&mut holder)
    .await
    .expect("locking");
    let error = refused(support::apply(&context, "acme").await);
    let ReconcileError::Busy { attempts, holders, .. } = &error else {
        panic!("{}", told(&error));
    };
    assert_eq!(*attempts, 2);
    assert_eq!(holders.len(), 1, "{}", told(&error));
    assert_eq!(holders[0].application.as_deref(), Some("the holder"));
    assert!(told(&error).contains("AccessShareLock on x"), "{}", told(&error));
    assert_eq!(error.code(), "busy");

    // Patience is rewarded.
    context.retry.attempts = 50;
    let applying = tokio::spawn(async move { support::apply(&context, "acme").await });
    tokio::time::sleep(Duration::from_millis(400)).await;
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.expect("unlocking");
    holder.close().await.expect("closing");
    let applied =
        applying.await.expect("no panic").unwrap_or_else(|error| panic!("{}", told(&error)));
    assert!(applied.attempts > 1, "it had to wait");
    assert!(matches!(applied.outcome, Outcome::Done { created: false, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_runner_that_holds_the_tenant_is_named() {
    let database = Database::new().await;
    let mut context = context_of(MANIFEST, &database);
    context.limits.lock = Duration::from_millis(50);
    context.retry.attempts = 1;
    let tenant = support::tenant(&context, "acme");
    let mut session = provision::pg::Session::open(&context.target).await.expect("a session");
    let (id, schema, tables) = (&tenant.id, &tenant.schema, Tables::of(&context.manifest));
    let (limits, locking) = (context.limits, Locking::First);
    let transaction = Transaction::write(&mut session, id, schema, &tables, limits, locking)
        .await
        .expect("a transaction");
    let error = refused(support::apply(&context, "acme").await);
    assert!(told(&error).contains("holds the tenant's lock"), "{}", told(&error));
    assert!(told(&error).contains("application \"provision\""), "{}", told(&error));
    transaction.rollback().await.expect("rolling back");
    converge(&context, "acme").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_breaks_a_rule_rolls_everything_back_and_is_named() {
    let database = Database::new().await;
    let folder = Folder::new(
        r#"
version = 1
[tables.x]
primary_key = ["id"]
checks = ["id < 10"]
columns = { id = "int" }
[[seeds]]
table = "x"
key = ["id"]
file = "seeds/x.csv"
"#,
    );
    folder.write("seeds/x.csv", "id\n1\n2\n30\n4\n");
    let context = support::context(&folder.manifest(), &database);
    let error = refused(support::apply(&context, "acme").await);
    assert_eq!(error.code(), "step-failed");
    assert!(told(&error).contains("seeds/x.csv:4"), "{}", told(&error));
    assert!(told(&error).contains("id = \"30\""), "{}", told(&error));
    assert!(told(&error).contains("SQLSTATE 23514"), "{}", told(&error));
    assert_eq!(database.count("pg_namespace WHERE nspname = 'acme'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_that_finds_nothing_rolls_everything_back() {
    let database = Database::new().await;
    let context = context_of(
        r#"
version = 1
[tables.a]
primary_key = ["id"]
columns = { id = "int", name = { type = "text", null = true } }
[tables.b]
columns = { k = "text", a = { type = "int", null = true } }
[[seeds]]
table = "b"
key = ["k"]
rows = [{ k = "x", a = { lookup = "a", where = { name = "nobody" }, column = "id" } }]
"#,
        &database,
    );
    let error = refused(support::apply(&context, "acme").await);
    assert_eq!(error.code(), "not-converged", "{}", told(&error));
    assert!(told(&error).contains("k = \"x\""), "{}", told(&error));
    assert_eq!(database.count("pg_namespace WHERE nspname = 'acme'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deferred_constraint_is_checked_before_commit() {
    let database = Database::new().await;
    let context = context_of(
        r#"
version = 1
[tables.a]
primary_key = ["id"]
columns = { id = "int", up = { type = "int", null = true } }
foreign_keys = [{ columns = ["up"], references = { table = "a", columns = ["id"] }, deferrable = true, initially_deferred = true }]
[[seeds]]
table = "a"
key = ["id"]
rows = [{ id = 1, up = 2 }, { id = 2, up = 9 }]
"#,
        &database,
    );
    let error = refused(support::apply(&context, "acme").await);
    assert_eq!(error.code(), "step-failed", "{}", told(&error));
    assert!(told(&error).contains("SQLSTATE 23503"), "{}", told(&error));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_label_can_be_used_at_once() {
    let database = Database::new().await;
    let old = r#"
version = 1
[types.cor]
enum = ["a"]
[tables.x]
columns = { id = "int" }
"#;
    let new = r#"
version = 1
[types.cor]
enum = ["a", "b"]
[tables.x]
columns = { id = "int", cor = { type = "cor", default = "'b'" } }
checks = ["cor <> 'a' or id > 0"]
[[seeds]]
table = "x"
key = ["cor"]
rows = [{ id = 5, cor = "b" }]
"#;
    converge(&context_of(old, &database), "acme").await;
    let context = context_of(new, &database);
    let applied = converge(&context, "acme").await;
    assert!(matches!(applied.outcome, Outcome::Done { .. }));
    assert_eq!(database.ask("SELECT cor::text FROM acme.x").await, "b");
    // One for the first apply, one for the labels, one for what uses them.
    assert_eq!(database.count("acme._provision_state").await, 3);
    assert_eq!(database.count("acme._provision_state WHERE complete").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_undoes_the_work_is_found_out() {
    let database = Database::new().await;
    database
        .run(
            "CREATE FUNCTION public.undo() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF to_regclass('acme.x') IS NOT NULL AND EXISTS (SELECT FROM pg_attribute WHERE \
             attrelid = to_regclass('acme.x') AND attname = 'y' AND NOT attisdropped) THEN \
             EXECUTE 'ALTER TABLE acme.x DROP COLUMN y CASCADE'; END IF; END $$; \
             CREATE EVENT TRIGGER undo ON ddl_command_end WHEN TAG IN ('CREATE INDEX') \
             EXECUTE FUNCTION public.undo()",
        )
        .await;
    let error = refused(support::apply(&context_of(MANIFEST, &database), "acme").await);
    assert!(matches!(error.code(), "not-converged" | "step-failed"), "{}", told(&error));
    assert_eq!(database.count("pg_namespace WHERE nspname = 'acme'").await, 0);
}

fn has_ended(child: &Mutex<Option<Child>>) -> bool {
    let mut slot = child.lock().expect("no panic");
    let running = slot.as_mut().expect("it was started");
    running.try_wait().expect("a state").is_some()
}
