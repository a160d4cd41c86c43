//! Tenants of one shape, of which all but the first are looked at only in what the plan touches: what
//! somebody else does meanwhile is found, blocked, or not claimed to be known.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use provision::checksum::Checksum;
use provision::fleet::{self, Event, Fleet, Options, RunReport, State, TenantOutcome};
use provision::locks::Locks;
use provision::name::Ident;
use provision::obstacle::{Obstacle, Reasons};
use provision::pg::{self, Limits, PartialTransaction, Session, Shapes, Site, UntrustedQuery};
use provision::rows::Declared;
use provision::touched::Touched;

use crate::fingerprint::{EVERYTHING, read};
use crate::fleet::{drift, failures, fleet_of, register, roster};
use crate::support::service::eventually;
use crate::support::tool::{on, run};
use crate::support::{Database, Folder, context_of, converge, tenant};

/// Tables `a` and `b`, of which `more` is added to; `other` is not touched by it.
fn manifest(more: &str) -> String {
    format!(
        "version = 1\n[tenants]\nquery = \"SELECT id FROM public.tenants ORDER BY id\"\n\
         [tables.a]\nprimary_key = [\"id\"]\ncolumns = {{ id = \"int\"{more} }}\n\
         [tables.b]\ncolumns = {{ id = \"int\"{more} }}\n\
         [tables.other]\ncolumns = {{ id = \"int\" }}\n"
    )
}

const MORE: &str = ", more = { type = \"int\", null = true }";

/// The same with a row in `a`.
fn with_row() -> String {
    manifest(MORE) + "[[seeds]]\ntable = \"a\"\nkey = [\"id\"]\nrows = [{ id = 1 }]\n"
}

/// A database with tenants `t0` to `t3` that lack what `MORE` adds.
async fn tenants() -> Database {
    let database = Database::new().await;
    register(&database, (0..4).map(|n| format!("t{n}"))).await;
    let ended = apply(&fleet(&manifest(""), &database), &|_| {}).await;
    assert!(!ended.has_failed(), "{:?}", failures(&ended));
    database
}

fn fleet(manifest: &str, database: &Database) -> Fleet {
    fleet_of(manifest, vec![(None, database.target())])
}

/// One tenant after the other, so that the first is over when the second begins.
async fn apply(fleet: &Fleet, on_event: &(dyn Fn(Event<'_>) + Sync)) -> RunReport {
    let options = Options { jobs: 1, ..Options::default() };
    let members = roster(fleet).await;
    fleet::apply(fleet, members, None, &options, &AtomicBool::new(false), on_event).await
}

/// Applies, and runs `sql` when the first tenant is done.
async fn apply_and_run(fleet: &Fleet, database: &Database, sql: &str) -> RunReport {
    let waiting = Mutex::new(Some(sql.to_owned()));
    let on_event = |event: Event<'_>| {
        if let Event::Done(_) = event
            && let Some(sql) = waiting.lock().expect("no panic").take()
        {
            let run = database.run(&sql);
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(run));
        }
    };
    apply(fleet, &on_event).await
}

/// Gives each table `a` a trigger that runs `body` before rows are inserted.
async fn give_trigger(database: &Database, body: &str) {
    let mut sql = format!(
        "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         {body} RETURN NEW; END $$;"
    );
    for n in 0..4 {
        sql.push_str(&format!(
            "CREATE TRIGGER x BEFORE INSERT ON t{n}.a FOR EACH ROW EXECUTE FUNCTION public.f();"
        ));
    }
    database.run(&sql).await;
}

/// What the newest row of a record says that the schema's fingerprint is.
async fn recorded(database: &Database, id: &str) -> Checksum {
    let sql = format!("SELECT fingerprint FROM {id}._provision_state ORDER BY seq DESC LIMIT 1");
    database.ask(&sql).await.parse().expect("a fingerprint")
}

fn left(ended: &RunReport, id: &str) -> Vec<String> {
    let done = ended.tenants.iter().find(|done| done.tenant.as_str() == id).expect(id);
    assert!(matches!(done.outcome, TenantOutcome::Updated { .. }), "{done:?}");
    done.left.untouched.extra.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_other_tables_meanwhile_is_not_claimed_and_found_by_the_next_look() {
    let database = tenants().await;
    let fleet = fleet(&manifest(MORE), &database);
    let ended = apply_and_run(&fleet, &database, "ALTER TABLE t2.other ADD x int").await;
    assert!(!ended.has_failed(), "{:?}", failures(&ended));
    let first = recorded(&database, "t0").await;
    assert_eq!(read(&database, "t0").await.0, first);
    for id in ["t1", "t2", "t3"] {
        assert_eq!(recorded(&database, id).await, first, "{id}");
        assert_eq!(read(&database, id).await.0 == first, id != "t2", "{id}");
        assert_eq!(left(&ended, id), [""; 0], "it was not seen");
    }
    let found = drift(&fleet).await;
    assert_eq!(found.summary.get(&State::Drifted), Some(&1));
    let folder = Folder::new(&manifest(MORE));
    let status = ["status", "t2", "--format", "json"];
    let status = run(on(&database, folder.dir.path(), &status)).with(0).stdout;
    assert!(status.contains("\"live_is_recorded\": false"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_touched_table_that_was_altered_before_it_was_locked_is_looked_at_in_full() {
    let altered = [
        "CREATE INDEX extra ON t2.b (id)",
        "ALTER TABLE t2.b ADD more int, ADD extra int",
        "COMMENT ON TABLE t2.a IS 'extra'",
        "DROP TABLE t2.b; CREATE TABLE t2.b (extra int, id int NOT NULL)",
    ];
    for sql in altered {
        let database = tenants().await;
        let fleet = fleet(&manifest(MORE), &database);
        let ended = apply_and_run(&fleet, &database, sql).await;
        assert!(!ended.has_failed(), "{sql}: {:?}", failures(&ended));
        assert_eq!(recorded(&database, "t1").await, recorded(&database, "t0").await);
        let seen = recorded(&database, "t2").await;
        assert_ne!(seen, recorded(&database, "t0").await, "{sql}");
        assert_eq!(seen, read(&database, "t2").await.0, "{sql}");
        assert_eq!(left(&ended, "t2").len(), 1, "{sql}");
    }
    // What is not a table any more is not worked on.
    let database = tenants().await;
    let fleet = fleet(&manifest(MORE), &database);
    let view = "DROP TABLE t2.b; CREATE VIEW t2.b AS SELECT 1 AS id";
    let ended = apply_and_run(&fleet, &database, view).await;
    assert!(!ended.has_failed(), "{:?}", failures(&ended));
    let done = ended.tenants.iter().find(|done| done.tenant.as_str() == "t2").expect("t2");
    let held = &done.left.untouched.held;
    assert!(held.iter().any(|held| held.to_string().contains("taken by a view")), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_way_of_writing_is_seen_there_too() {
    let hooks = [
        (
            "CREATE VIEW t2.v AS SELECT 1; ALTER TABLE t2._provision_state ADD x int",
            "is not what this tool",
        ),
        (
            "DROP TABLE t2._provision_state; CREATE VIEW t2._provision_state AS SELECT 1 AS one",
            "is not what this tool",
        ),
        (
            "CREATE FUNCTION t2.f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; \
             CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION t2.f()",
            "event trigger",
        ),
    ];
    for (sql, told) in hooks {
        let database = tenants().await;
        let fleet = fleet(&manifest(MORE), &database);
        let ended = apply_and_run(&fleet, &database, sql).await;
        let failed = failures(&ended);
        assert!(failed.len() == 1 && failed["t2"].contains(told), "{sql}: {failed:?}");
    }
    // A record that is gone is made again.
    let database = tenants().await;
    let fleet = fleet(&manifest(MORE), &database);
    let ended = apply_and_run(&fleet, &database, "DROP TABLE t2._provision_state").await;
    assert!(!ended.has_failed(), "{:?}", failures(&ended));
    assert_eq!(database.count("t2._provision_state").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_touched_cannot_be_altered_by_others_while_it_is_worked_on() {
    let database = tenants().await;
    let fleet = fleet(&manifest(MORE), &database);
    let mut holder = database.connect().await;
    let hold = "BEGIN; LOCK TABLE t2.b IN ROW EXCLUSIVE MODE";
    sqlx::raw_sql(hold).execute(&mut holder).await.expect("a lock");
    let others = async {
        eventually("the tool waits for t2.b", async || {
            database.count("pg_locks WHERE NOT granted AND relation = 't2.b'::regclass").await > 0
        })
        .await;
        let mut other = database.connect().await;
        let alter = "SET lock_timeout = '50ms'; CREATE INDEX ON t2.a (id)";
        let error = sqlx::raw_sql(alter).execute(&mut other).await.expect_err("it has to wait");
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        assert_eq!(code.as_deref(), Some("55P03"), "{error}");
        sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.expect("unlocking");
    };
    let (ended, ()) = tokio::join!(apply(&fleet, &|_| {}), others);
    assert!(!ended.has_failed(), "{:?}", failures(&ended));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_statements_themselves_set_off_is_found_before_commit() {
    let database = tenants().await;
    // In one tenant, the trigger that all have does something else.
    let altering = "IF TG_TABLE_SCHEMA = 't2' THEN ALTER TABLE t2.b ADD set_off int; END IF;";
    give_trigger(&database, altering).await;
    let ended = apply(&fleet(&with_row(), &database), &|_| {}).await;
    assert!(!ended.has_failed(), "{:?}", failures(&ended));
    assert_eq!(left(&ended, "t1"), ["trigger x on a"]);
    assert_eq!(left(&ended, "t2"), ["trigger x on a", "column b.set_off"]);
    for id in ["t0", "t1", "t2", "t3"] {
        assert_eq!(recorded(&database, id).await, read(&database, id).await.0, "{id}");
        assert_eq!(database.count(&format!("{id}.a")).await, 1, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_do_not_come_are_missed_there_too() {
    let database = tenants().await;
    give_trigger(&database, "IF TG_TABLE_SCHEMA = 't2' THEN RETURN NULL; END IF;").await;
    let ended = apply(&fleet(&with_row(), &database), &|_| {}).await;
    let failed = failures(&ended);
    assert!(failed.len() == 1 && failed["t2"].contains("still to do"), "{failed:?}");
}

/// What a record of the first version of the digest looks like.
const FIRST: &str = "UPDATE {t}._provision_state SET tool_version = '0.1.0', fingerprint = \
    'sha256:44b72c686f7ac5cc07bd416652d2d34f71ac0b09116df2033898f005fefae6ba'; \
    DO $$ BEGIN EXECUTE format('COMMENT ON TABLE {t}._provision_state IS %L', (\
    SELECT 'The record of provision. Newest apply: manifest ' || manifest_checksum || ', nothing left' \
    FROM {t}._provision_state ORDER BY seq DESC LIMIT 1)); END $$;";

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_another_version_of_the_digest_says_nothing_and_is_written_anew() {
    let database = tenants().await;
    for id in ["t0", "t1", "t2", "t3"] {
        database.run(&FIRST.replace("{t}", id)).await;
    }
    let folder = Folder::new(&manifest(""));
    let go = |args: &[&str]| run(on(&database, folder.dir.path(), args)).with(0).stdout;
    let status = go(&["status", "t0", "--format", "json"]);
    let is = |key: &str, value: &str| status.contains(&format!("\"{key}\": {value}"));
    assert!(is("conforms", "true") && is("live_is_recorded", "null"), "{status}");
    assert!(is("manifest_is_current", "true"), "{status}");
    let status = go(&["status", "t0"]);
    assert!(status.contains("how the last apply left the schema is not known"), "{status}");
    assert!(!status.contains("the schema has changed"), "{status}");
    go(&["drift"]);
    assert!(go(&["plan", "t0"]).contains("Nothing to do"));
    assert!(go(&["apply", "t0", "--format", "json"]).contains("\"recorded\""));
    let status = go(&["status", "t0", "--format", "json"]);
    assert!(status.contains("\"live_is_recorded\": true"), "{status}");
    let version = format!("+digest.{}\"", provision::kinds::DIGEST_VERSION);
    assert!(status.contains(&version), "{status}");
    assert!(go(&["apply", "t0", "--format", "json"]).contains("\"current\""));
    // The others together; then there is nothing to do.
    let ended = apply(&fleet(&manifest(""), &database), &|_| {}).await;
    let count = |ended: &RunReport| {
        ended.count(|outcome| matches!(outcome, TenantOutcome::Recorded { .. }))
    };
    assert_eq!(count(&ended), 3, "{:?}", ended.tenants);
    for id in ["t1", "t2", "t3"] {
        assert_eq!(recorded(&database, id).await, read(&database, id).await.0, "{id}");
    }
    let ended = apply(&fleet(&manifest(""), &database), &|_| {}).await;
    assert_eq!(ended.count(|outcome| *outcome == TenantOutcome::Current), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_have_the_same_digests_whichever_others_are_looked_at() {
    let database = Database::new().await;
    database
        .run(
            "CREATE TABLE public.users (id integer PRIMARY KEY, ref integer UNIQUE);
             CREATE TABLE public.people (id integer PRIMARY KEY);",
        )
        .await;
    let context = context_of("version = 1\n", &database);
    converge(&context, "acme").await;
    database.run(EVERYTHING).await;
    let subject = tenant(&context, "acme");
    let (id, schema) = (&subject.id, &subject.schema);
    let mut session = Session::open(&database.target()).await.expect("a session");
    let shapes = Shapes::default();
    let (subjects, limits, query) = ([(id, schema)], Limits::default(), UntrustedQuery::default());
    let avoid = |_: &[Obstacle]| Reasons::new();
    let declared =
        Declared { manifest: &context.manifest, desired: None, grants: &[], values: None };
    let found =
        pg::survey(&mut session, declared, &shapes, &subjects, limits, &query, &avoid).await;
    let mut found = found.expect("a survey");
    let present = found.remove(0).expect("it can be read").present.expect("it is there");
    let all = shapes.get(present.fingerprint).expect("it was read").objects;
    let names =
        |names: &[&str]| names.iter().map(|name| Ident::new(*name).expect("a name")).collect();
    let parts: [(&[&str], &[&str]); 8] = [
        (&["a"], &[]),
        (&["b", "z"], &["cor"]),
        (&["counter"], &[]),
        (&["a_id_seq"], &[]),
        (&["v"], &["nat"]),
        (&["nothing"], &["nothing"]),
        (&[], &[]),
        (&["a", "b", "z", "v", "counter"], &["cor", "nat"]),
    ];
    for (relations, types) in parts {
        let touched = Touched { relations: names(relations), types: names(types) };
        let locks = Locks::default();
        let site = Site { tenant: id, schema, limits, locks: &locks, touched: &touched };
        let opened = PartialTransaction::open(&mut session, site).await.expect("a transaction");
        let transaction = opened.expect("nobody else is involved");
        assert_eq!(*transaction.objects(), all.among(&touched), "{touched:?}");
        transaction.rollback().await.expect("rolling back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tenant_after_the_other_ends_as_the_first_did() {
    let database = tenants().await;
    let context = context_of(&with_row(), &database);
    for id in ["t0", "t1", "t2"] {
        let applied = converge(&context, id).await;
        assert_eq!(applied.plan.steps.len(), 3, "{:?}", applied.plan);
        assert_eq!(recorded(&database, id).await, read(&database, id).await.0);
        assert_eq!(database.count(&format!("{id}._provision_state")).await, 2);
    }
    // A row that is gone while nothing else is to be done.
    database.run("DELETE FROM t1.a; DELETE FROM t2.a").await;
    for id in ["t1", "t2"] {
        assert_eq!(converge(&context, id).await.plan.steps.len(), 1);
        assert_eq!(database.count(&format!("{id}.a")).await, 1);
    }
}
