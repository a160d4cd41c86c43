//! Views: declared in any order, in the manifest or in files, compared as the server prints them.

use crate::support::{self, Database, Folder, context_of, converge, told};

const TABLES: &str = "
version = 1
[tables.t]
columns = { id = \"integer\", name = \"text\" }
[tables.u]
columns = { id = \"integer\" }
";

#[tokio::test(flavor = "multi_thread")]
async fn views_made_by_hand_are_adopted_however_they_are_written() {
    let database = Database::new().await;
    database
        .run(
            "CREATE SCHEMA acme; SET search_path = acme;
             CREATE TABLE t (name text NOT NULL, id int4 NOT NULL);
             CREATE TABLE u (id int NOT NULL);
             CREATE VIEW named AS (SELECT id AS number, t.name FROM acme.t WHERE NOT id <= 0);
             CREATE VIEW more AS SELECT named.number FROM named",
        )
        .await;
    let context = context_of(
        &format!(
            "{TABLES}
             [views.more]
             query = \"select number from named -- all\"
             [views.named]
             columns = [\"number\", \"name\"]
             query = \"select t.id, t.name from {{schema}}.t where not (t.id <= 0);\""
        ),
        &database,
    );
    let plan = support::plan(&context, "acme").await.expect("a plan");
    assert!(plan.is_empty() && plan.changed.is_empty() && plan.extra.is_empty(), "{plan:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_are_read_from_files_and_refused_with_their_place() {
    let database = Database::new().await;
    let manifest = format!("{TABLES}\n[views.v]\nfile = \"sql/v.sql\"\n");
    let folder = Folder::new(&manifest);
    let sql = folder.dir.path().join("sql");
    std::fs::create_dir(&sql).expect("a folder");
    for (text, place) in [
        ("-- which\nSELECT id FROM tt;\n", "sql/v.sql:1:1"),
        ("SELECT id, id FROM t", "sql/v.sql:1:1"),
        ("INSERT INTO t VALUES (1, 'a')", "sql/v.sql:1:1"),
    ] {
        folder.write("sql/v.sql", text);
        let context = support::context(&folder.manifest(), &database);
        let refused = support::plan(&context, "acme").await.expect_err("it is refused");
        let told = told(&refused);
        assert!(told.contains(place) && told.contains("view v"), "{told}");
    }
    folder.write("sql/v.sql", "-- which; none\nSELECT t.id, u.id AS other FROM t, u;\n");
    converge(&support::context(&folder.manifest(), &database), "acme").await;
    assert_eq!(database.ask("SELECT count(*)::text FROM acme.v").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_never_be_created_is_told_and_what_a_query_calls_is_not_run() {
    let database = Database::new().await;
    database
        .run(
            "CREATE TABLE public.marks (at timestamptz);
             CREATE FUNCTION public.mark() RETURNS integer LANGUAGE sql
             AS 'INSERT INTO public.marks VALUES (now()) RETURNING 1'",
        )
        .await;
    let circle = context_of(
        &format!(
            "{TABLES}
             [views.a]
             query = \"SELECT * FROM b\"
             [views.b]
             query = \"SELECT * FROM a\"
             [views.c]
             query = \"SELECT 1 AS x\""
        ),
        &database,
    );
    let told = told(&support::plan(&circle, "acme").await.expect_err("a circle"));
    assert!(told.contains("view a") && told.contains("relation \"b\" does not exist"), "{told}");

    let manifest =
        format!("{TABLES}\n[views.v]\nquery = \"SELECT public.mark() AS x FROM t, u\"\n");
    let context = context_of(&manifest, &database);
    converge(&context, "acme").await;
    support::plan(&context, "acme").await.expect("a plan");
    assert_eq!(database.ask("SELECT count(*)::text FROM public.marks").await, "0");
}
