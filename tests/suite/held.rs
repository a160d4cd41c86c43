//! What is held back because of what is different in a tenant: the rest of the tenant is done.

use crate::support::tool::{on, run};
use crate::support::{Database, Folder};

const MANIFEST: &str = r#"
version = 1
[types.st]
enum = ["new", "old"]
[tables.t]
columns = { id = { type = "int", primary_key = true }, name = "text", e = { type = "st", default = "'new'" } }
[tables.other]
columns = { a = "int" }
[[seeds]]
table = "t"
key = ["id"]
rows = [{ id = 1, name = "Wednesday" }]
"#;

/// The reasons of the only entry that is held back, after an apply that has done the rest.
async fn held(before: &str, manifest: &str) -> Vec<String> {
    let database = Database::new().await;
    database.run(&format!("CREATE SCHEMA acme; SET search_path = acme; {before}")).await;
    let folder = Folder::new(manifest);
    folder.write("t.json", r#"[{ "id": 1, "name": null }]"#);
    let ended = run(on(&database, folder.dir.path(), &["apply", "acme", "--format", "json"]));
    let ended = ended.with(3);
    let applied: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(database.count("acme.other").await, 0, "the other table is there");
    let held = applied["held"].as_array().expect("what is held back");
    assert_eq!(held.len(), 1, "{applied:#}");
    assert_eq!(held[0]["steps"], serde_json::json!(["insert 1 row into table t"]));
    // Neither does another look fail, nor find anything else.
    for command in [&["plan", "acme"][..], &["drift"], &["apply", "acme"], &["status", "acme"]] {
        let mut command = on(&database, folder.dir.path(), command);
        command.env("PROVISION_LOG", "error");
        let ended = run(command);
        assert_eq!(ended.stderr, "", "{ended:?}");
    }
    let reasons = held[0]["reasons"].as_array().expect("reasons");
    reasons.iter().map(|reason| reason.as_str().expect("text").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_go_into_a_different_table_is_held_back() {
    let e = "CREATE TYPE st AS ENUM ('new', 'old');";
    for (before, why) in [
        // The type of another column, the type of the key, a type that is too narrow.
        (
            "CREATE TABLE t (id int PRIMARY KEY, name date, e st DEFAULT 'new')",
            "column t.name is not as declared",
        ),
        (
            "CREATE TABLE t (id date PRIMARY KEY, name text, e st DEFAULT 'new')",
            "column t.id is not as declared",
        ),
        (
            "CREATE TABLE t (id int PRIMARY KEY, name varchar(3), e st DEFAULT 'new')",
            "column t.name is not as declared",
        ),
        // A generated column.
        (
            "CREATE TABLE t (id int PRIMARY KEY, name text GENERATED ALWAYS AS ('x') STORED, \
             e st DEFAULT 'new')",
            "column t.name is not as declared",
        ),
        // Identity that takes no value.
        (
            "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, \
             e st DEFAULT 'new')",
            "column t.id is not as declared",
        ),
        // A column that must have a value, and of which the manifest knows nothing, or knows a default.
        (
            "CREATE TABLE t (id int PRIMARY KEY, name text, e st DEFAULT 'new', x int NOT NULL)",
            "column t.x is NOT NULL without a default, and not declared",
        ),
        (
            "CREATE TABLE t (id int PRIMARY KEY, name text, e st NOT NULL)",
            "column t.e is NOT NULL without a default, unlike declared",
        ),
    ] {
        assert_eq!(held(&format!("{e} {before}"), MANIFEST).await, [why], "{before}");
    }
    // NULL, where the tenant accepts none.
    let null = MANIFEST
        .replace("rows = [{ id = 1, name = \"Wednesday\" }]", "file = \"t.json\"")
        .replace("name = \"text\"", "name = { type = \"text\", null = true }");
    let before = "CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL, e st DEFAULT 'new')";
    let why = "column t.name is NOT NULL, and declared to be nullable";
    assert_eq!(held(&format!("{e} {before}"), &null).await, [why]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_looks_something_up_in_a_different_column_is_held_back() {
    let manifest = MANIFEST.replace(
        "name = \"Wednesday\"",
        "name = { lookup = \"l\", where = { k = \"one\" }, column = \"v\" }",
    ) + "[tables.l]\ncolumns = { k = \"text\", v = \"text\" }\n\
           [[seeds]]\ntable = \"l\"\nkey = [\"k\"]\nrows = [{ k = \"one\", v = \"x\" }]\n";
    let before = "CREATE TYPE st AS ENUM ('new', 'old'); CREATE TABLE l (k varchar(9), v date); \
                  INSERT INTO l VALUES ('one', '2000-01-01');";
    let database = Database::new().await;
    database.run(&format!("CREATE SCHEMA acme; SET search_path = acme; {before}")).await;
    let folder = Folder::new(&manifest);
    let ended = run(on(&database, folder.dir.path(), &["apply", "acme"])).with(3);
    assert!(ended.stdout.contains("| insert 1 row into table t\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("column l.v is not as declared"), "{}", ended.stdout);
    // The row of l is found, although its key is of another type.
    assert!(!ended.stdout.contains("into table l"), "{}", ended.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_found_by_a_key_of_another_type() {
    let database = Database::new().await;
    database
        .run(
            "CREATE SCHEMA acme; SET search_path = acme; CREATE TYPE st AS ENUM ('new', 'old'); \
             CREATE TABLE t (id bigint PRIMARY KEY, name text NOT NULL, e st NOT NULL DEFAULT 'new'); \
             INSERT INTO t VALUES (1, 'Wednesday')",
        )
        .await;
    let folder = Folder::new(MANIFEST);
    let go = |args: &[&str]| run(on(&database, folder.dir.path(), args));
    let ended = go(&["apply", "acme"]).with(3);
    assert!(!ended.stdout.contains("held back"), "{}", ended.stdout);
    let ended = go(&["drift"]).with(2);
    assert!(!ended.stdout.contains("missing"), "{}", ended.stdout);
    go(&["apply", "--all"]).with(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_is_listed_with_the_root_of_its_reasons_only() {
    let database = Database::new().await;
    let manifest = MANIFEST.to_owned()
        + "[tables.child]\ncolumns = { t = \"int\" }\n\
           foreign_keys = [{ columns = [\"t\"], references = { table = \"t\", columns = [\"id\"] } }]\n";
    database.run("CREATE SCHEMA acme; CREATE VIEW acme.t AS SELECT 1 AS id").await;
    let folder = Folder::new(&manifest);
    let go = |args: &[&str]| run(on(&database, folder.dir.path(), args));
    let ended = go(&["plan", "acme"]).with(0);
    let held = "  held back: an apply does it once the reason is gone
    | create table t
    | insert 1 row into table t
        the name of table t is taken by a view
    | add constraint child_t_fkey on child
        the name of table t is taken by a view
";
    assert!(ended.stdout.contains(held), "{}", ended.stdout);
    go(&["apply", "acme"]).with(3);
    let ended = go(&["plan", "acme"]).with(0);
    assert!(ended.stdout.contains("Nothing can be added to schema acme now."), "{}", ended.stdout);
    let ended = go(&["apply", "acme"]).with(3);
    assert!(ended.stdout.contains("Nothing could be added to schema acme"), "{}", ended.stdout);
    // What is held back is not listed as missing as well.
    let ended = go(&["drift"]).with(2);
    assert!(!ended.stdout.contains("+ table t"), "{}", ended.stdout);
    assert!(ended.stdout.contains("| create table t"), "{}", ended.stdout);
    let ended = go(&["status", "acme", "--format", "json"]).with(0);
    let status: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(status["differences"]["held"], 3, "{status:#}");
    assert_eq!(status["differences"]["missing"], 0, "{status:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_breaks_a_rule_is_told_as_the_row_s_fault() {
    let database = Database::new().await;
    database
        .run(
            "CREATE SCHEMA acme; SET search_path = acme; CREATE TYPE st AS ENUM ('new', 'old'); \
             CREATE TABLE t (id int PRIMARY KEY CHECK (id > 5), name text NOT NULL, \
                             e st NOT NULL DEFAULT 'new')",
        )
        .await;
    let folder = Folder::new(MANIFEST);
    let ended = run(on(&database, folder.dir.path(), &["apply", "acme"])).with(1);
    assert!(ended.stderr.contains("the row breaks the rule"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("already"), "{}", ended.stderr);
}
