//! Enum types that lose labels, or get another order: made anew, with all that uses them.

use crate::support::tool::go;
use crate::support::{self, Database, Folder};

/// Everything that a type can be used for, in another order than below, with a label more.
const USED: &str = r#"
version = 1
[tenants]
list = ["acme", "other"]
[types.state]
enum = ["open", "shut", "gone"]
comment = "How far it is"
[tables.tasks]
primary_key = ["id"]
unique = [["id", "state"]]
checks = [{ name = "known", expression = "state <> 'gone' OR id > 1" }]
indexes = [{ name = "open_tasks", columns = ["id"], where = "state = 'open'" }, { columns = ["state"] }]
policies = [{ name = "visible", using = "state <> 'gone'" }]
row_security = "enabled"
[tables.tasks.columns]
id = "int"
state = { type = "state", default = "'open'", comment = "of the task" }
was = { type = "state[]", null = true, storage = "external", compression = "pglz" }
[tables.notes]
columns = { task = "int", state = "state" }
foreign_keys = [{ columns = ["task", "state"], references = { table = "tasks", columns = ["id", "state"] } }]
[views.visible]
query = "SELECT id, state FROM tasks WHERE state < 'gone'"
[functions.next]
arguments = "of {schema}.state"
returns = "{schema}.state"
sql_body = "RETURN CASE of WHEN 'open' THEN 'gone' ELSE of END"
[[grants]]
to = ["pg_monitor"]
privileges = "usage"
on = ["types"]
"#;

const ROWS: &str = "INSERT INTO acme.tasks VALUES (1, 'open', '{open,NULL}'), (2, 'gone', NULL); \
    INSERT INTO acme.notes VALUES (1, 'open')";

/// One label goes, one comes, and the others change places.
fn used_otherwise() -> String {
    USED.replace(r#"["open", "shut", "gone"]"#, r#"["gone", "new", "open"]"#)
}

async fn used() -> (Database, Folder) {
    let database = Database::new().await;
    let folder = Folder::new(USED);
    go(&database, &folder, &["apply", "--all"]).with(0);
    database.run(ROWS).await;
    folder.write("schema.toml", &used_otherwise());
    (database, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_loses_labels_is_made_anew() {
    let (database, folder) = used().await;
    database.run("GRANT USAGE ON TYPE acme.state TO pg_read_all_data").await;
    let left = go(&database, &folder, &["plan", "acme"]).with(0);
    assert!(left.stdout.contains("(--allow rebuild changes it)"), "{}", left.stdout);
    let hint = "? label \"shut\" of enum state (--allow rebuild makes the type anew without it)";
    assert!(left.stdout.contains(hint), "{}", left.stdout);
    go(&database, &folder, &["apply", "acme", "--allow", "alter,drop"]);
    assert_eq!(database.count("acme.tasks WHERE state::text = 'open'").await, 1);
    let only = ["apply", "acme", "--allow", "rebuild:enum state,rebuild:view *"];
    go(&database, &folder, &only).with(0);
    go(&database, &folder, &["plan", "acme", "--allow", "alter,rebuild,drop"]).with(0);
    go(&database, &folder, &["apply", "fresh", "--unregistered"]).with(0);
    let lines = |schema| support::schema_dump_lines(&database, schema);
    if support::has_pg_dump() {
        let is_by_hand = |line: &String| !line.contains("pg_read_all_data");
        let acme: Vec<String> = lines("acme").into_iter().filter(is_by_hand).collect();
        assert_eq!(acme, lines("fresh"));
    }
    let rows = "SELECT string_agg(t::text, ' ' ORDER BY id) FROM acme.tasks t";
    assert_eq!(database.ask(rows).await, "(1,open,\"{open,NULL}\") (2,gone,)");
    assert_eq!(database.count("acme.notes").await, 1);
    let allowed = "SELECT has_type_privilege('pg_read_all_data', 'acme.state', 'usage')";
    assert_eq!(database.ask(allowed).await, "t");
    let order = "SELECT enum_range(NULL::acme.state)";
    assert_eq!(database.ask(order).await, "{gone,new,open}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_rows_hold_stays() {
    let (database, folder) = used().await;
    let rows = "INSERT INTO other.tasks VALUES (7, 'shut', NULL), (8, 'open', '{{open,shut}}'), (9, 'open', '{}')";
    database.run(rows).await;
    let planned = go(&database, &folder, &["plan", "--all", "--allow", "rebuild"]).with(0);
    for told in
        ["1 row with a label in tasks.state that goes", "1 row with a label in tasks.was that goes"]
    {
        assert!(planned.stdout.contains(told), "{told}: {}", planned.stdout);
    }
    let clean = ["apply", "--all", "--allow", "rebuild", "--require-clean"];
    go(&database, &folder, &clean).with(1);
    assert_eq!(database.count("pg_enum WHERE enumlabel = 'shut'").await, 2);
    let applied = go(&database, &folder, &["apply", "--all", "--allow", "rebuild"]).with(1);
    assert!(applied.stdout.contains("with a label in tasks.state"), "{}", applied.stdout);
    assert_eq!(database.count("pg_enum WHERE enumlabel = 'shut'").await, 1);
    let skipped = ["apply", "other", "--allow", "rebuild", "--check-rows", "0"];
    let skipped = go(&database, &folder, &skipped).with(1);
    assert!(skipped.stderr.contains("22P02"), "{}", skipped.stderr);
    database.run("UPDATE other.tasks SET state = 'open', was = NULL").await;
    go(&database, &folder, &["apply", "--all", "--allow", "rebuild"]).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_somebody_else_uses_stays() {
    let (database, folder) = used().await;
    for (by_hand, told, undo) in [
        ("CREATE VIEW acme.own AS SELECT state FROM acme.notes", "view own", "DROP VIEW acme.own"),
        (
            "CREATE DOMAIN acme.d AS acme.state; CREATE TABLE acme.x (d acme.d)",
            "column x.d",
            "DROP TABLE acme.x; DROP DOMAIN acme.d",
        ),
        ("CREATE TABLE public.x (s acme.state)", "public.x", "DROP TABLE public.x"),
        (
            "CREATE TABLE acme.x (s acme.state) PARTITION BY LIST (s)",
            "x.s depends on it, and its table has child tables",
            "DROP TABLE acme.x",
        ),
        (
            "CREATE TABLE acme.x (s acme.state GENERATED ALWAYS AS ('open') STORED)",
            "column x.s",
            "DROP TABLE acme.x",
        ),
        ("CREATE TABLE acme.x (r acme.notes)", "has rows of the table", "DROP TABLE acme.x"),
        (
            "CREATE FUNCTION acme.spy(acme.state) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE ''spied''; END'; \
             CREATE CAST (acme.state AS text) WITH FUNCTION acme.spy AS ASSIGNMENT",
            "spy",
            "DROP CAST (acme.state AS text); DROP FUNCTION acme.spy",
        ),
    ] {
        database.run(by_hand).await;
        let planned = go(&database, &folder, &["plan", "acme", "--allow", "rebuild"]).with(0);
        let held = planned.stdout.split("held back").nth(1).unwrap_or_default();
        assert!(held.contains("rebuild enum state"), "{by_hand}: {}", planned.stdout);
        assert!(held.contains(told), "{by_hand}: {}", planned.stdout);
        go(&database, &folder, &["apply", "acme", "--allow", "rebuild"]).with(3);
        assert_eq!(database.count("acme.tasks WHERE state = 'open'").await, 1);
        database.run(undo).await;
    }
    go(&database, &folder, &["apply", "acme", "--allow", "rebuild"]).with(0);
}

/// The default goes with the old type, and is there again when the row is inserted.
#[tokio::test(flavor = "multi_thread")]
async fn rows_are_inserted_beside_columns_of_a_type_that_is_made_anew() {
    let database = Database::new().await;
    let manifest = |labels: &str, rows: &str| {
        format!(
            "version = 1\n[tenants]\nlist = [\"acme\"]\n[types.state]\nenum = {labels}\n\
             [tables.tasks]\nprimary_key = [\"id\"]\n\
             columns = {{ id = \"int\", was = {{ type = \"state[]\", default = \"'{{}}'\" }} }}\n{rows}"
        )
    };
    let folder = Folder::new(&manifest("[\"old\"]", ""));
    go(&database, &folder, &["apply", "acme"]).with(0);
    let row = "[[seeds]]\ntable = \"tasks\"\nkey = [\"id\"]\nrows = [{ id = 1 }]\n";
    folder.write("schema.toml", &manifest("[\"new\"]", row));
    go(&database, &folder, &["apply", "acme", "--allow", "rebuild"]).with(0);
    assert_eq!(database.ask("SELECT was::text FROM acme.tasks").await, "{}");
}
