//! An owner who acts at the very moment: while the tool waits for a lock that he holds, or between its look
//! and its statement.

use std::process::{Child, Stdio};

use sqlx::PgConnection;

use super::stage::RAISED;
use crate::support::service::eventually;
use crate::support::tool::{RunReport, on};
use crate::support::{Database, Folder, server_major};

/// Table `t` misses a column and a row; `n`, which is new, points to a table of somebody else.
const MANIFEST: &str = r#"
version = 1
[tenants]
query = "SELECT 'ten'"
[types.mood]
enum = ["sad", "ok"]
[tables.t]
columns = { id = "int", more = { type = "mood", null = true } }
[tables.u]
primary_key = ["id"]
columns = { id = "int", more = { type = "int", null = true } }
[tables.n]
columns = { id = "int" }
foreign_keys = [{ columns = ["id"], references = { schema = "away", table = "target", columns = ["id"] } }]
[[seeds]]
table = "t"
key = ["id"]
rows = [{ id = 1 }, { id = 2 }]
[[seeds]]
table = "u"
key = ["id"]
rows = [{ id = 1 }, { id = 2 }]
[[seeds]]
table = "n"
key = ["id"]
rows = [{ id = 1 }]
"#;

/// A tenant that belongs to the role `evil`, who has a function that leaves a trace, and raises.
struct Tenant {
    database: Database,
    folder: Folder,
    evil: String,
}

impl Tenant {
    async fn new() -> Self {
        let database = Database::new().await;
        let evil = format!("evil_{}", uuid::Uuid::new_v4().simple());
        let name = &database.name;
        let sql = format!(
            "CREATE ROLE {evil}; GRANT CREATE ON DATABASE {name} TO {evil}; \
             CREATE SCHEMA ten AUTHORIZATION {evil}; CREATE SCHEMA away AUTHORIZATION {evil}; \
             SET ROLE {evil}; \
             CREATE TYPE ten.mood AS ENUM ('sad', 'ok'); \
             CREATE TABLE ten.t (id int NOT NULL); INSERT INTO ten.t VALUES (1); \
             CREATE TABLE ten.u (id int PRIMARY KEY); INSERT INTO ten.u VALUES (1); \
             CREATE TABLE away.target (id int PRIMARY KEY); INSERT INTO away.target VALUES (1); \
             CREATE SEQUENCE away.trace; \
             CREATE FUNCTION away.f(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN \
             BEGIN PERFORM nextval('away.trace'); \
             EXCEPTION WHEN read_only_sql_transaction THEN NULL; END; \
             IF session_user = '{evil}' OR current_setting('evil.arms', true) = 'off' THEN \
             RETURN 'x'; END IF; RAISE EXCEPTION 'planted code ran' USING ERRCODE = '{RAISED}'; \
             END $$"
        );
        database.run(&sql).await;
        Self { database, folder: Folder::new(MANIFEST), evil }
    }

    /// A session of the role, in which its function does nothing.
    async fn session(&self) -> Session<'_> {
        let mut conn = self.database.connect().await;
        let sql =
            format!("SET ROLE {}; SET evil.arms = 'off'; SET lock_timeout = '300ms'", self.evil);
        run(&mut conn, &sql).await.expect("a session");
        Session { conn, tenant: self }
    }

    fn start(&self, args: &[&str]) -> Child {
        let mut command = on(&self.database, self.folder.dir.path(), args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the binary starts")
    }

    async fn strike(self) {
        let Self { database, evil, .. } = self;
        database.run(&format!("DROP OWNED BY {evil} CASCADE; DROP ROLE {evil}")).await;
    }

    /// Checks that nothing of the role's has run but in its own sessions.
    async fn check(&self, what: &str, ended: &RunReport) {
        let trace = self.database.ask("SELECT is_called::text FROM away.trace").await;
        assert!(
            !ended.stderr.contains(RAISED) && !ended.stdout.contains(RAISED),
            "{what} {ended:?}"
        );
        assert_eq!(trace, "false", "{what} ran planted code: {ended:?}");
        assert!(matches!(ended.code, Some(0 | 2 | 3)), "{what} {ended:?}");
    }
}

struct Session<'t> {
    conn: PgConnection,
    tenant: &'t Tenant,
}

async fn run(conn: &mut PgConnection, sql: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(conn).await.map(drop)
}

impl Session<'_> {
    async fn run(&mut self, sql: &str) {
        run(&mut self.conn, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Checks that a statement waits for the tool until it gives up.
    async fn waits(&mut self, what: &str, sql: &str) {
        let error = run(&mut self.conn, sql).await.expect_err(&format!("{what}: {sql}"));
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        assert_eq!(code.as_deref(), Some("55P03"), "{what}: {sql}: {error}");
    }

    /// Waits until the tool waits for a lock.
    async fn is_waited_for(&self) {
        let database = &self.tenant.database;
        eventually("the tool waits for a lock", async || {
            database
                .count(
                    "pg_stat_activity WHERE datname = current_database() \
                     AND application_name = 'provision' AND wait_event_type = 'Lock'",
                )
                .await
                > 0
        })
        .await;
    }

    /// Forgets what has run in sessions of the role.
    async fn forget(&mut self) {
        self.run("SELECT setval('away.trace', 1, false)").await;
    }
}

async fn end(child: Child) -> RunReport {
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output()).await;
    ended.expect("a thread").expect("an end").into()
}

/// All commands that look at a tenant or work on it.
const COMMANDS: &[&[&str]] =
    &[&["drift"], &["plan", "ten"], &["status", "ten"], &["plan", "--all"], &["apply", "ten"]];

const INDEX: &str = "CREATE INDEX x ON ten.t ((away.f('a')))";

/// What the owner does to table `t` while he holds a lock on it that the tool waits for, and what reports
/// must name.
const ACTS: &[(&str, &str)] = &[
    (INDEX, "away.f(text)"),
    ("CREATE STATISTICS ten.x ON (away.f('a')) FROM ten.t", "away.f(text)"),
    (
        "CREATE DOMAIN ten.own AS int CHECK (away.f(VALUE::text) = 'x'); \
         ALTER TABLE ten.t ALTER id TYPE ten.own",
        "own",
    ),
    (
        "ALTER TABLE ten.t RENAME TO o; CREATE TABLE ten.t (id int NOT NULL); \
         CREATE INDEX x ON ten.t ((away.f('a')))",
        "away.f(text)",
    ),
    (
        "CREATE FUNCTION away.g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM away.f('a'); RETURN NEW; END $$; CREATE TRIGGER x BEFORE INSERT ON ten.t \
         FOR EACH ROW EXECUTE FUNCTION away.g()",
        "away.g()",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_an_owner_does_while_he_is_waited_for_is_seen() {
    for (act, told) in ACTS {
        for args in COMMANDS {
            let what = format!("{} after {act}", args.join(" "));
            let tenant = Tenant::new().await;
            {
                let mut evil = tenant.session().await;
                evil.run("BEGIN; LOCK TABLE ten.t").await;
                let child = tenant.start(args);
                evil.is_waited_for().await;
                evil.run(act).await;
                evil.forget().await;
                evil.run("COMMIT").await;
                let ended = end(child).await;
                tenant.check(&what, &ended).await;
                let is_told = ended.stdout.contains(told) || args[0] == "status";
                assert!(is_told, "{what} {ended:?}");
            }
            tenant.strike().await;
        }
    }
}

/// Whether a schema is not renamed while it is locked: so it is since the minor releases of November 2026.
async fn renaming_waits(database: &Database) -> bool {
    let (mut one, mut two) = (database.connect().await, database.connect().await);
    run(&mut one, "CREATE SCHEMA probe").await.expect("a schema");
    let lock = "BEGIN; SELECT pg_get_object_address('schema', ARRAY['probe'], '{}')";
    run(&mut one, lock).await.expect("a lock");
    let rename = "SET lock_timeout = '100ms'; ALTER SCHEMA probe RENAME TO probed";
    let waits = run(&mut two, rename).await.is_err();
    run(&mut one, "COMMIT; DROP SCHEMA IF EXISTS probe, probed").await.expect("it is dropped");
    assert!(
        waits || server_major() != 15,
        "the tests need a PostgreSQL 15 of November 2026 or later"
    );
    waits
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_cannot_change_what_is_looked_at() {
    for args in COMMANDS {
        let tenant = Tenant::new().await;
        {
            let (mut evil, mut other) = (tenant.session().await, tenant.session().await);
            // The tool comes to `u` after `t`.
            evil.run("BEGIN; LOCK TABLE ten.u").await;
            let child = tenant.start(args);
            evil.is_waited_for().await;
            for act in [INDEX, "DROP TABLE ten.t", "ALTER TABLE ten.t RENAME TO o"] {
                other.waits(&args.join(" "), act).await;
            }
            if renaming_waits(&tenant.database).await {
                other.waits(&args.join(" "), "ALTER SCHEMA ten RENAME TO other").await;
            }
            other.waits(&args.join(" "), "DROP SCHEMA ten CASCADE").await;
            evil.run("COMMIT").await;
            other.forget().await;
            let ended = end(child).await;
            tenant.check(&args.join(" "), &ended).await;
        }
        tenant.strike().await;
    }
}

/// What the owner can do at any time, since no lock keeps him from it, before the tool's statements.
const AT_ANY_TIME: &[&str] = &[
    "ALTER TYPE ten.mood RENAME TO was; CREATE DOMAIN ten.mood AS text CHECK (away.f(VALUE) = 'x')",
    "CREATE FUNCTION away.c(ten.mood) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT away.f('a') $$; \
     CREATE CAST (ten.mood AS text) WITH FUNCTION away.c(ten.mood) AS IMPLICIT",
    "CREATE INDEX ON away.target ((away.f('a')))",
    "CREATE STATISTICS away.x ON (away.f('a')) FROM away.target",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_an_owner_does_after_the_look_is_seen_or_runs_nothing() {
    for act in AT_ANY_TIME {
        let tenant = Tenant::new().await;
        {
            let (mut evil, mut other) = (tenant.session().await, tenant.session().await);
            // It lets the tool look, but not add a column.
            evil.run("BEGIN; LOCK TABLE ten.u IN ROW EXCLUSIVE MODE").await;
            let child = tenant.start(&["apply", "ten"]);
            evil.is_waited_for().await;
            other.run(act).await;
            evil.forget().await;
            evil.run("COMMIT").await;
            let ended = end(child).await;
            tenant.check(act, &ended).await;
            let added = "pg_attribute WHERE attrelid = 'ten.u'::regclass AND attname = 'more'";
            let is_added = tenant.database.count(added).await == 1;
            assert_eq!(is_added, ended.code != Some(1), "{act}: {ended:?}");
        }
        tenant.strike().await;
    }
}

/// What a superuser's event trigger lets the tool wait for, before it makes what it has found absent, and
/// what the owner makes meanwhile.
const MADE_MEANWHILE: &[(&str, &str, &str)] = &[
    (
        "CREATE SCHEMA",
        "DROP SCHEMA ten CASCADE",
        "CREATE SCHEMA ten; CREATE TABLE ten.t (id int NOT NULL); CREATE TRIGGER x BEFORE INSERT ON ten.t \
         FOR EACH ROW EXECUTE FUNCTION away.g()",
    ),
    (
        "CREATE TABLE",
        "DROP TABLE ten.t",
        "CREATE TABLE ten.n (id int NOT NULL); CREATE TRIGGER x BEFORE INSERT ON ten.n FOR EACH ROW \
         EXECUTE FUNCTION away.g()",
    ),
    (
        "CREATE TYPE",
        "DROP TYPE ten.mood",
        "CREATE DOMAIN ten.mood AS text CHECK (away.f(VALUE) = 'x')",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_makes_meanwhile_is_not_taken_for_ours() {
    for (tag, before, act) in MADE_MEANWHILE {
        let tenant = Tenant::new().await;
        let waits = format!(
            "CREATE FUNCTION public.waits() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF current_setting('application_name') = 'provision' AND current_query() LIKE '%\"ten\"%' \
             THEN PERFORM pg_advisory_xact_lock_shared(42); END IF; END $$; \
             CREATE EVENT TRIGGER waits ON ddl_command_start WHEN TAG IN ('{tag}') \
             EXECUTE FUNCTION public.waits(); {before}"
        );
        tenant.database.run(&waits).await;
        {
            let mut evil = tenant.session().await;
            evil.run(
                "CREATE FUNCTION away.g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 PERFORM away.f('a'); RETURN NEW; END $$; SELECT pg_advisory_lock(42)",
            )
            .await;
            let child = tenant.start(&["apply", "ten"]);
            evil.is_waited_for().await;
            evil.run(act).await;
            evil.forget().await;
            evil.run("SELECT pg_advisory_unlock(42)").await;
            let ended = end(child).await;
            let trace = tenant.database.ask("SELECT is_called::text FROM away.trace").await;
            assert!(trace == "false" && !ended.stderr.contains(RAISED), "{tag}: {ended:?}");
            let is_right = match *tag {
                "CREATE TYPE" => ended.code == Some(1),
                _ => ended.code == Some(3) && ended.stdout.contains("away.g()"),
            };
            assert!(is_right, "{tag}: {ended:?}");
        }
        tenant.strike().await;
    }
}

/// Rows with enums as keys, looked up, and copied into a text, inserted after the row of `w`.
const ROWS: &str = r#"
version = 1
[types.mood]
enum = ["sad", "ok"]
[tables.w]
primary_key = ["id"]
columns = { id = "int" }
[tables.k]
columns = { kind = "mood", label = "text" }
[tables.l]
columns = { name = "text", found = "text" }
[tables.m]
columns = { name = "text", found = "text" }
[[seeds]]
table = "w"
key = ["id"]
rows = [{ id = 1 }]
[[seeds]]
table = "k"
key = ["kind"]
rows = [{ kind = "sad", label = "y" }, { kind = "ok", label = "x" }]
[[seeds]]
table = "l"
key = ["name"]
rows = [{ name = "a", found = { lookup = "k", where = { label = "y" }, column = "kind" } }]
[[seeds]]
table = "m"
key = ["name"]
rows = [{ name = { lookup = "k", where = { kind = "sad" }, column = "label" }, found = "z" }]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_cast_that_is_made_between_two_rows_is_not_used() {
    for context in ["IMPLICIT", "ASSIGNMENT"] {
        let tenant = Tenant::new().await;
        tenant.folder.write("schema.toml", ROWS);
        {
            let (mut evil, mut other) = (tenant.session().await, tenant.session().await);
            evil.run(
                "CREATE TABLE ten.w (id int PRIMARY KEY); \
                 CREATE TABLE ten.k (kind ten.mood NOT NULL, label text NOT NULL); \
                 CREATE TABLE ten.l (name text NOT NULL, found text NOT NULL); \
                 CREATE TABLE ten.m (name text NOT NULL, found text NOT NULL); \
                 INSERT INTO ten.k VALUES ('sad', 'y'); \
                 CREATE FUNCTION away.c(ten.mood) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN \
                 RETURN away.f('a'); END $$",
            )
            .await;
            evil.run("BEGIN; INSERT INTO ten.w VALUES (1)").await;
            let child = tenant.start(&["apply", "ten"]);
            evil.is_waited_for().await;
            let cast = "CREATE CAST (ten.mood AS text) WITH FUNCTION away.c(ten.mood) AS";
            other.run(&format!("{cast} {context}")).await;
            other.forget().await;
            evil.run("ROLLBACK").await;
            let ended = end(child).await;
            tenant.check(context, &ended).await;
            // What is printed is compared; what would be converted is held back.
            let rows =
                "(SELECT FROM ten.w UNION ALL SELECT FROM ten.k UNION ALL SELECT FROM ten.m) q";
            assert_eq!(tenant.database.count(rows).await, 4, "{ended:?}");
            assert!(ended.code == Some(3) && ended.stdout.contains("enum mood"), "{ended:?}");
        }
        tenant.strike().await;
    }
}

/// A tenant that belongs to a superuser, with or without a key to a table elsewhere.
fn own(key: &str) -> String {
    format!(
        "version = 1\n[tables.links]\nprimary_key = [\"id\"]\n\
         columns = {{ id = \"int\", ref = \"int\" }}\n{key}\n\
         [[seeds]]\ntable = \"links\"\nkey = [\"id\"]\nrows = [{{ id = 1, ref = 1 }}]\n"
    )
}

const KEY: &str = "foreign_keys = [{ columns = [\"ref\"], references = { schema = \"away\", \
                   table = \"ref\", columns = [\"id\"] } }]";

/// Tables to which a key of somebody else's tenant is to point: how it is made by a superuser, and the part
/// of it that belongs to the role.
const REFERENCED: &[(&str, &str)] =
    &[("ALTER TABLE away.ref OWNER TO {evil}", "away.ref"), ("", "away.ref_1")];

#[tokio::test(flavor = "multi_thread")]
async fn what_a_new_key_points_to_is_locked_before_it_is_asked() {
    for (sql, table) in REFERENCED {
        let tenant = Tenant::new().await;
        let make = if sql.is_empty() {
            "CREATE TABLE away.ref (id int PRIMARY KEY) PARTITION BY LIST (id); \
             CREATE TABLE away.ref_1 PARTITION OF away.ref FOR VALUES IN (1); \
             ALTER TABLE away.ref_1 OWNER TO {evil}"
        } else {
            "CREATE TABLE away.ref (id int PRIMARY KEY)"
        };
        let sql = format!(
            "ALTER SCHEMA away OWNER TO CURRENT_USER; {make}; {sql}; \
             GRANT ALL ON SCHEMA away TO PUBLIC; INSERT INTO away.ref VALUES (1)"
        );
        tenant.database.run(&sql.replace("{evil}", &tenant.evil)).await;
        tenant.folder.write("schema.toml", &own(""));
        let ended = end(tenant.start(&["apply", "own"])).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        tenant.folder.write("schema.toml", &own(KEY));
        {
            let mut evil = tenant.session().await;
            evil.run(&format!("BEGIN; LOCK TABLE {table} IN ROW EXCLUSIVE MODE")).await;
            let child = tenant.start(&["apply", "own"]);
            evil.is_waited_for().await;
            evil.run(&format!("CREATE INDEX ON {table} (id) WHERE away.f('a') = 'x'")).await;
            evil.forget().await;
            evil.run("COMMIT").await;
            let ended = end(child).await;
            tenant.check(table, &ended).await;
            assert!(ended.code == Some(3) && ended.stdout.contains("away.f(text)"), "{ended:?}");
        }
        tenant.strike().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn code_of_predefined_roles_is_somebody_elses() {
    let tenant = Tenant::new().await;
    tenant.folder.write("schema.toml", &own(""));
    let sql = format!(
        "GRANT pg_monitor TO {evil}; CREATE SCHEMA own; \
         CREATE TABLE own.links (id int PRIMARY KEY, ref int NOT NULL); \
         CREATE FUNCTION away.g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM away.f('a'); RETURN NEW; END $$; \
         ALTER FUNCTION away.g() OWNER TO pg_monitor; ALTER FUNCTION away.f(text) OWNER TO pg_monitor; \
         CREATE TRIGGER x BEFORE INSERT ON own.links FOR EACH ROW EXECUTE FUNCTION away.g(); \
         DROP SCHEMA ten CASCADE; ALTER SEQUENCE away.trace OWNER TO CURRENT_USER; \
         ALTER TABLE away.target OWNER TO CURRENT_USER; ALTER SCHEMA away OWNER TO CURRENT_USER; \
         GRANT ALL ON SCHEMA away TO PUBLIC; GRANT ALL ON SEQUENCE away.trace TO PUBLIC",
        evil = tenant.evil
    );
    tenant.database.run(&sql).await;
    let ended = end(tenant.start(&["apply", "own"])).await;
    tenant.check("apply", &ended).await;
    assert!(ended.code == Some(3) && ended.stdout.contains("away.g()"), "{ended:?}");
    tenant.strike().await;
}
