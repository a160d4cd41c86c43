//! New labels of enums: a transaction that adds one cannot use it.

use provision::explain::Explain as _;
use provision::reconcile::Reviewed;

use crate::support::tool::{on, run};
use crate::support::{
    self, Database, Folder, client_program, context_of, converge, refused, tenant, told,
};

const OLD: &str = r#"
version = 1
[tenants]
list = ["acme", "other"]
[types.st]
enum = ["a"]
[tables.t]
columns = { e = "st" }
[[seeds]]
table = "t"
key = ["e"]
rows = [{ e = "a" }]
"#;

fn new() -> String {
    OLD.replace("[\"a\"]", "[\"a\", \"b\"]")
        .replace("{ e = \"a\" }", "{ e = \"a\" }, { e = \"b\" }")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reviewed_plan_may_add_a_label_and_use_it() {
    let database = Database::new().await;
    let folder = Folder::new(OLD);
    let go = |args: &[&str]| run(on(&database, folder.dir.path(), args));
    go(&["apply", "--all"]).with(0);
    folder.write("schema.toml", &new());
    go(&["plan", "acme", "--out", "one.json"]).with(0);
    let ended = go(&["apply", "--plan", "one.json", "--format", "json"]).with(0);
    let applied: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let steps = applied["steps"].as_array().expect("steps");
    assert_eq!(steps.len(), 2, "the label is one of them: {applied}");
    go(&["apply", "--plan", "one.json"]).with(1);
    go(&["plan", "--all", "--out", "all.json"]).with(0);
    go(&["apply", "--plan", "all.json"]).with(0);
    go(&["drift"]).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_plan_adds_no_label() {
    let database = Database::new().await;
    converge(&context_of(OLD, &database), "acme").await;
    let context = context_of(&new(), &database);
    let reviewed = Reviewed::from(&support::plan(&context, "acme").await.expect("a plan"));
    database.run("ALTER TABLE acme.t ADD x integer").await;
    let acme = tenant(&context, "acme");
    let error = provision::reconcile::apply(&context, &acme, Some(reviewed)).await;
    assert_eq!(refused(error).code(), "stale-plan");
    assert_eq!(database.count("pg_enum").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_after_the_labels_says_that_they_are_there() {
    let database = Database::new().await;
    converge(&context_of(OLD, &database), "acme").await;
    let impossible = new().replace("{ e = \"st\" }", "{ e = \"st\", x = \"int\" }");
    let error = refused(support::apply(&context_of(&impossible, &database), "acme").await);
    assert_eq!(error.code(), "rows-in-the-way", "{}", told(&error));
    // Nothing was tried with the label before that, so it was not added.
    assert_eq!(database.count("pg_enum").await, 1);
    // The first row needs the new label, and the second cannot be made.
    let late = new()
        + "[tables.u]\ncolumns = { e = \"st\", n = \"int\" }\n[[seeds]]\ntable = \"u\"\n\
           key = [\"e\"]\nrows = [{ e = \"b\", n = { sql = \"1 / (length('x') - 1)\" } }]\n";
    let error = refused(support::apply(&context_of(&late, &database), "acme").await);
    assert_eq!(error.sqlstate(), Some("22012"), "{}", told(&error));
    assert_eq!(database.count("pg_enum").await, 2);
    assert!(told(&error).contains("only this was committed"), "{}", told(&error));
    // The same in a run over many tenants, whose report and record agree.
    let folder = Folder::new(OLD);
    run(on(&database, folder.dir.path(), &["apply", "other"])).with(0);
    folder.write("schema.toml", &late);
    let args = ["apply", "--all", "--match", "other", "--format", "json"];
    let ended = run(on(&database, folder.dir.path(), &args)).with(1);
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(report["tenants"][0]["statements"], 1, "{report:#}");
    let ended = run(on(&database, folder.dir.path(), &["apply", "--all"])).with(1);
    let list = "2 tenants failed; nothing was changed there";
    assert!(ended.stdout.contains(list), "the labels are there by now: {}", ended.stdout);
    run(on(&database, folder.dir.path(), &["status", "other"])).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exported_script_runs_as_apply_does() {
    let database = Database::new().await;
    converge(&context_of(OLD, &database), "acme").await;
    let dated = new()
        + "[tables.d]\ncolumns = { at = \"timestamptz\" }\n[[seeds]]\ntable = \"d\"\nkey = [\"at\"]\n\
           rows = [{ at = \"2024-01-01\" }]\n";
    let context = context_of(&dated, &database);
    let script = support::plan(&context, "acme").await.expect("a plan").to_sql();
    let folder = Folder::new(&dated);
    folder.write("plan.sql", &script);
    for zone in ["America/Sao_Paulo", "Asia/Tokyo"] {
        let mut psql = std::process::Command::new(client_program("psql"));
        psql.args(["--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--file"]);
        psql.arg(folder.dir.path().join("plan.sql")).args(["--dbname", &database.url]);
        run({
            psql.env("PGTZ", zone);
            psql
        })
        .with(0);
    }
    assert_eq!(
        database
            .ask("SELECT string_agg(extract(epoch FROM at)::bigint::text, ' ') FROM acme.d")
            .await,
        "1704067200"
    );
    assert!(support::plan(&context, "acme").await.expect("a plan").is_empty());
}
