//! Changes in place, with the consent of a person: what is allowed is changed, and nothing else.

use crate::support::killing::killed_everywhere;
use crate::support::tool::go;
use crate::support::{Database, Folder};
use crate::untrusted_types_and_views::{Stage, traitor};

const MANIFEST: &str = r#"
version = 1

[tenants]
list = ["acme", "beta", "gamma"]

[tables.t]
primary_key = ["id"]
comment = "new"
columns = { id = "integer", day = { type = "date", default = "current_date" }, note = "text" }

[views.days]
query = "SELECT id, day, note FROM t"

[functions.one]
returns = "integer"
language = "sql"
body = "SELECT 1"

[functions.two]
arguments = "a integer, b text"
returns = "integer"
language = "sql"
body = "SELECT 2"
"#;

/// The same as it was before.
const BEFORE: &str = "
    CREATE SCHEMA acme; SET search_path = acme;
    CREATE TABLE t (id integer PRIMARY KEY, day date, note text DEFAULT '-');
    COMMENT ON TABLE t IS 'old';
    INSERT INTO t VALUES (1, '2026-01-01', 'kept');
    CREATE VIEW days AS SELECT id, day FROM t;
    CREATE FUNCTION one() RETURNS integer LANGUAGE sql AS 'SELECT 0';
    CREATE FUNCTION two(a integer, b text) RETURNS integer LANGUAGE sql AS 'SELECT 0';";

async fn tenants() -> (Database, Folder) {
    let database = Database::new().await;
    for tenant in ["acme", "beta", "gamma"] {
        database.run(&BEFORE.replace("acme", tenant)).await;
    }
    (database, Folder::new(MANIFEST))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_allowed_is_changed_and_nothing_else() {
    let (database, folder) = tenants().await;
    let go = |args: &[&str]| go(&database, &folder, args);
    let plan = go(&["plan", "acme"]).with(0).stdout;
    for told in [
        "~ changed table t",
        "~ changed column t.day (--allow alter changes it)",
        "~ changed function two(integer, text) (--allow alter changes it)",
        "Nothing to do in schema acme.",
    ] {
        assert!(plan.contains(told), "{told}: {plan}");
    }
    // Two objects by name, one of them with a comma in it.
    let two = "alter:function two(integer, text),alter:column t.d?y";
    let applied = go(&["apply", "acme", "--allow", two, "--sql"]).with(3).stdout;
    assert!(applied.contains("Updated schema acme: 1 added, 2 altered ("), "{applied}");
    assert_eq!(database.ask("SELECT acme.two(1, '')::text").await, "2");
    assert_eq!(database.ask("SELECT acme.one()::text").await, "0");
    assert_eq!(database.count("acme.days").await, 1);
    // The rest; the row is as it was.
    let applied = go(&["apply", "acme", "--allow", "alter"]).with(0).stdout;
    assert!(applied.contains("- drop default of column t.note"), "{applied}");
    assert_eq!(database.ask("SELECT acme.one()::text").await, "1");
    assert_eq!(database.ask("SELECT day || note FROM acme.days").await, "2026-01-01kept");
    let defaults = "SELECT string_agg(column_name || coalesce(column_default, '') || is_nullable, ' ' ORDER BY \
                    ordinal_position) FROM information_schema.columns WHERE table_schema = 'acme' AND table_name = 't'";
    assert_eq!(database.ask(defaults).await, "idNO dayCURRENT_DATENO noteNO");
    // Nothing is left to do, and nothing is done twice.
    let again = go(&["apply", "acme", "--allow", "alter"]).with(0).stdout;
    assert!(again.contains("is current") || again.contains("Nothing to do"), "{again}");
    let plan = go(&["plan", "acme", "--allow", "alter", "--detailed-exitcode"]).with(0);
    assert!(plan.stdout.contains("Nothing to do in schema acme."), "{}", plan.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_that_cannot_be_meant_is_refused() {
    let (database, folder) = tenants().await;
    let go = |args: &[&str]| go(&database, &folder, args);
    let told = go(&["plan", "acme", "--allow", "delete"]).with(1).stderr;
    assert!(
        told.contains(
            "\"delete\" is no class of changes; there are \"alter\", \"rebuild\" and \"drop\""
        ),
        "{told}"
    );
    for args in [&["plan", "acme"][..], &["plan", "--all"], &["apply", "acme"]] {
        let allow = ["--allow", "alter:view day,alter:table t"];
        let ended = go(&[args, &allow].concat());
        let told = ended.stderr + &ended.stdout;
        assert_eq!(ended.code, Some(1), "{told}");
        assert!(
            told.contains("declares nothing that --allow or [[allow]] names with view day"),
            "{told}"
        );
    }
    assert_eq!(database.ask("SELECT acme.one()::text").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_carries_its_consent() {
    let (database, folder) = tenants().await;
    let go = |args: &[&str]| go(&database, &folder, args);
    go(&["plan", "acme", "--allow", "alter:view *", "--out", "one.json"]).with(0);
    let saved = std::fs::read_to_string(folder.dir.path().join("one.json")).expect("a plan");
    let saved: serde_json::Value = serde_json::from_str(&saved).expect("JSON");
    assert_eq!(saved["consent"], serde_json::json!(["alter:view *"]));
    assert_eq!(saved["steps"][0]["action"], "alter");
    assert_eq!(saved["changed"][0]["allowed_by"], "alter");
    go(&["apply", "--plan", "one.json", "--allow", "alter"]).with(1);
    go(&["apply", "--plan", "one.json"]).with(3);
    assert_eq!(database.ask("SELECT note FROM acme.days").await, "kept");
    assert_eq!(database.ask("SELECT acme.one()::text").await, "0");
    // All of them; nothing is done where the state is no longer the reviewed one.
    go(&["plan", "--all", "--allow", "alter", "--out", "all.json"]).with(0);
    database.run("COMMENT ON TABLE gamma.t IS 'other'").await;
    let ended = go(&["apply", "--plan", "all.json"]).with(1);
    assert!(ended.stdout.contains("stale-plan"), "{}", ended.stdout);
    assert_eq!(database.ask("SELECT (acme.one() + beta.one())::text").await, "2");
    assert_eq!(database.ask("SELECT gamma.one()::text").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tenants_are_changed_alike() {
    let (database, folder) = tenants().await;
    let go = |args: &[&str]| go(&database, &folder, args);
    // It has a row in the way, and fails alone.
    database.run("INSERT INTO beta.t VALUES (2, NULL, NULL)").await;
    let drift = go(&["drift"]).with(2).stdout;
    assert!(drift.contains("3 tenants"), "{drift}");
    let plan = go(&["plan", "--all", "--allow", "alter"]).with(0).stdout;
    assert!(plan.contains("alter column t.day"), "{plan}");
    let ended = go(&["apply", "--all", "--allow", "alter"]).with(1);
    let told = ended.stderr + &ended.stdout;
    assert!(told.contains("beta [rows-in-the-way]"), "{told}");
    assert_eq!(database.ask("SELECT (acme.one() + gamma.one())::text").await, "2");
    assert_eq!(database.ask("SELECT beta.one()::text").await, "0", "half a tenant");
    database.run("UPDATE beta.t SET day = '2026-01-02', note = '' WHERE id = 2").await;
    go(&["apply", "--all", "--allow", "alter"]).with(0);
    go(&["drift"]).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_any_two_statements() {
    let (database, folder) = tenants().await;
    killed_everywhere(&database, &folder, "alter", "SELECT note FROM acme.t").await;
    let state =
        "SELECT (acme.one() + acme.two(1, ''))::text || obj_description('acme.t'::regclass)";
    assert_eq!(database.ask(state).await, "3new");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rebuilt_keeps_what_is_declared_of_it() {
    let database = Database::new().await;
    database
        .run(
            "CREATE SCHEMA acme; SET search_path = acme;
             CREATE TABLE t (id integer PRIMARY KEY, a integer NOT NULL CONSTRAINT t_check CHECK (a > 1));
             INSERT INTO t VALUES (1, 2), (2, 3);
             CREATE INDEX by_a ON t (a) WHERE a > 2; COMMENT ON INDEX by_a IS 'for reports';
             CREATE INDEX mine ON t (a, id); COMMENT ON INDEX mine IS 'of somebody';
             CREATE INDEX order_by_a ON t (a, id); ALTER TABLE t CLUSTER ON order_by_a;
             CREATE UNIQUE INDEX one ON t (id, a);
             CREATE TABLE of_t (id integer NOT NULL, a integer NOT NULL, FOREIGN KEY (id, a) REFERENCES t (id, a))",
        )
        .await;
    let folder = Folder::new(
        r#"
version = 1
[tables.t]
primary_key = ["id"]
columns = { id = "integer", a = "integer" }
checks = [{ expression = "a > 0" }]
cluster_on = "order_by_a"
indexes = [
  { name = "by_a", columns = ["a"], comment = "for reports" },
  { name = "mine", columns = ["id"] },
  { name = "order_by_a", columns = ["a", "id"], with = { fillfactor = 80 } },
  { name = "one", columns = ["id", "a"], unique = true, with = { fillfactor = 80 } },
]
[tables.of_t]
columns = { id = "integer", a = "integer" }
foreign_keys = [{ columns = ["id", "a"], references = { table = "t", columns = ["id", "a"] }, on_delete = "cascade" }]
"#,
    );
    let go = |args: &[&str]| go(&database, &folder, args);
    let plan = go(&["plan", "acme"]).with(0).stdout;
    for (object, is_offered) in [
        ("constraint t_check on t", true),
        ("index by_a on t", true),
        ("index mine on t", true),
        ("index order_by_a on t", true),
        ("index one on t", true),
        ("constraint of_t_id_a_fkey on of_t", true),
    ] {
        let line = format!(
            "~ changed {object}{}\n",
            if is_offered { " (--allow rebuild changes it)" } else { "" }
        );
        assert!(plan.contains(&line), "{line}: {plan}");
    }
    let applied = go(&["apply", "acme", "--allow", "rebuild"]).with(3).stdout;
    assert!(applied.contains("rebuilt ("), "{applied}");
    let comment = "SELECT obj_description('acme.by_a'::regclass)";
    assert_eq!(database.ask(comment).await, "for reports");
    let checks = "SELECT string_agg(pg_get_constraintdef(oid), ' ' ORDER BY conname) FROM pg_constraint \
                  WHERE conrelid = 'acme.t'::regclass AND contype = 'c'";
    assert_eq!(database.ask(checks).await, "CHECK ((a > 0))");
    assert_eq!(database.count("acme.t").await, 2);
    let clustered = "SELECT indexrelid::regclass::text FROM pg_index WHERE indisclustered";
    assert_eq!(database.ask(clustered).await, "acme.order_by_a");
    // A comment of somebody would be lost.
    let plan = go(&["plan", "acme", "--allow", "rebuild,alter"]).with(0).stdout;
    assert!(plan.contains("| rebuild index mine on t"), "{plan}");
    assert!(plan.contains("the comment on index mine on t is not declared"), "{plan}");
    assert!(plan.contains("Nothing can be added to schema acme now."), "{plan}");
    go(&["apply", "acme", "--allow", "rebuild,drop:index mine on t"]).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_declared_and_what_is_inherited_is_left() {
    let database = Database::new().await;
    database
        .run(
            "CREATE SCHEMA acme; SET search_path = acme;
             CREATE TABLE mine (id bigserial PRIMARY KEY, made timestamptz DEFAULT now());
             CREATE TABLE t (id bigint NOT NULL, x uuid DEFAULT gen_random_uuid(), y bigserial);
             CREATE TABLE parted (id integer, n text) PARTITION BY RANGE (id);
             CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (9);
             ALTER TABLE part ALTER n SET DEFAULT 'own';
             CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
             CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
             CREATE TRIGGER tr AFTER INSERT ON parted FOR EACH ROW EXECUTE FUNCTION f();
             CREATE TABLE person (name text); CREATE TABLE child () INHERITS (person);
             ALTER TABLE child ALTER name SET DEFAULT 'own';
             CREATE VIEW v AS SELECT id FROM t;
             CREATE TRIGGER acts INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION g();
             CREATE RULE acts AS ON DELETE TO v DO INSTEAD NOTHING;
             CREATE TABLE s (id bigserial); ALTER SEQUENCE s_id_seq RENAME TO other",
        )
        .await;
    let folder = Folder::new(
        r#"
version = 1
[tables.t.columns]
id = { type = "bigint", null = true }
[tables.parted]
partition_by = "RANGE (id)"
columns = { id = { type = "integer", null = true }, n = { type = "text", default = "'all'", null = true } }
partitions = { part = "FROM (0) TO (9)" }
triggers = [{ name = "tr", timing = "after", events = ["insert"], function = "f" }]
[tables.person.columns]
name = { type = "text", default = "'all'", null = true }
[tables.s.columns]
id = "bigserial"
[views.v]
query = "SELECT id FROM t"
triggers = [{ name = "acts", timing = "instead of", events = ["insert"], for_each = "row", function = "f" }]
rules = [{ name = "acts", event = "delete", instead = true, do = "NOTIFY gone" }]
[functions.f]
returns = "trigger"
language = "plpgsql"
body = "BEGIN RETURN NULL; END"
[functions.g]
returns = "trigger"
language = "plpgsql"
body = "BEGIN RETURN NULL; END"
"#,
    );
    let go = |args: &[&str]| go(&database, &folder, args);
    let defaults = "SELECT string_agg(adrelid::regclass || ' ' || pg_get_expr(adbin, adrelid), ', ' ORDER BY adrelid, adnum) \
                    FROM pg_attrdef";
    let before = database.ask(defaults).await;
    let plan = go(&["plan", "acme", "--allow", "alter,rebuild"]).with(0).stdout;
    assert!(plan.contains("Plan: 3 to alter."), "{plan}");
    go(&["apply", "acme", "--allow", "alter,rebuild"]).with(3);
    assert_eq!(database.ask(defaults).await, before);
    let calls = "SELECT string_agg(tgrelid::regclass || ' ' || tgfoid::regproc, ', ' ORDER BY tgrelid) FROM pg_trigger";
    assert_eq!(database.ask(calls).await, "acme.parted acme.f, acme.part acme.f, acme.v acme.f");
    let plan = go(&["plan", "acme", "--allow", "alter,rebuild"]).with(0).stdout;
    assert!(plan.contains("Nothing to do in schema acme."), "{plan}");
}

/// What a tenant's owner has put in the place of something declared, and what hangs on it, is not run by a change.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_runs_no_code_of_others() {
    let manifest = r#"
version = 1
[tenants]
list = ["acme"]
[tables.t]
columns = { id = "integer" }
checks = [{ name = "positive", expression = "id > 0" }, { name = "small", expression = "id < 9" }]
indexes = [{ name = "by_id", columns = ["id"] }]
"#;
    let tenant = "
        CREATE TABLE public.marks (who text);
        GRANT INSERT ON public.marks TO PUBLIC;
        CREATE SCHEMA acme; SET search_path = acme;
        CREATE TABLE t (id integer);
        INSERT INTO t VALUES (1);
        CREATE INDEX by_id ON t (id) WHERE id > 0;
        ALTER TABLE t ADD CONSTRAINT small CHECK (id < 8);
        ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 0) NOT VALID;";
    let trusted = Stage::of(manifest, tenant, |_| String::new()).await;
    trusted.run(&["apply", "acme", "--allow", "alter,rebuild"]).with(0);
    trusted.strike().await;
    let stage = Stage::of(manifest, tenant, |eve| {
        format!(
            "ALTER TABLE acme.t OWNER TO {eve}; SET ROLE {eve}; {}
             CREATE INDEX hers ON acme.t (id) WHERE id < 0; CREATE TABLE acme.other ();
             ALTER TABLE acme.t ADD CONSTRAINT hers CHECK (acme.hers(id) = 1) NOT VALID",
            traitor("hers", "integer")
        )
    })
    .await;
    let plan = stage.run(&["plan", "acme", "--allow", "alter,rebuild"]).with(0).stdout;
    assert!(plan.contains("| alter constraint positive on t"), "{plan}");
    for step in ["alter column t.id", "rebuild constraint small on t", "rebuild index by_id on t"] {
        assert!(plan.contains(&format!("| {step}")), "{step}: {plan}");
    }
    stage.run(&["apply", "acme", "--allow", "alter,rebuild"]).with(3);
    assert_eq!(stage.database.count("public.marks").await, 0);
    stage.strike().await;
}
