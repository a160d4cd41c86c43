//! Row-level security and its policies.

use crate::support::tool::{on, run};
use crate::support::{self, Database, Folder, context_of, converge};

const MANIFEST: &str = r#"
version = 1
[tables.notes]
primary_key = ["id"]
columns = { id = "integer", owner = "text" }
row_security = "enabled"
policies = [{ name = "own", using = "owner = current_user OR id IN (SELECT note FROM shares)" }]
[tables.shares]
columns = { note = "integer" }
[[seeds]]
table = "notes"
key = ["id"]
rows = [{ id = 1, owner = "nobody" }]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_tenant_shows_a_role_its_own_rows_only() {
    let database = Database::new().await;
    converge(&context_of(MANIFEST, &database), "acme").await;
    let role = format!("reader_{}", uuid::Uuid::new_v4().simple());
    database
        .run(&format!(
            "CREATE ROLE {role}; GRANT USAGE ON SCHEMA acme TO {role}; \
             GRANT SELECT ON ALL TABLES IN SCHEMA acme TO {role}; \
             INSERT INTO acme.notes VALUES (2, '{role}'), (3, 'other'); INSERT INTO acme.shares VALUES (3)"
        ))
        .await;
    let mut connection = database.connect().await;
    let seen: String = {
        let set = format!("SET ROLE {role}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(set)).execute(&mut connection).await.expect("the role");
        let query = "SELECT string_agg(id::text, ',' ORDER BY id) FROM acme.notes";
        sqlx::query_scalar(query).fetch_one(&mut connection).await.expect("rows")
    };
    assert_eq!(seen, "2,3");
    database.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_exists_keeps_its_rows_visible() {
    let database = Database::new().await;
    database
        .run(
            "CREATE SCHEMA acme; CREATE TABLE acme.notes (id integer PRIMARY KEY, owner text NOT NULL); \
             CREATE TABLE acme.shares (note integer NOT NULL)",
        )
        .await;
    let folder = Folder::new(MANIFEST);
    let ended = run(on(&database, folder.dir.path(), &["apply", "acme"])).with(3);
    let held = "    | add row security of table notes\n        \
                table notes exists, and its rows could become invisible: enable it by hand, or with --allow alter\n";
    assert!(ended.stdout.contains(held), "{}", ended.stdout);
    assert!(ended.stdout.contains("+ create policy own on notes"), "{}", ended.stdout);
    assert!(ended.stdout.contains("+ insert row of notes"), "{}", ended.stdout);
    assert_eq!(database.count("pg_class WHERE relrowsecurity").await, 0);
    run(on(&database, folder.dir.path(), &["drift"])).with(2);
    database.run("ALTER TABLE acme.notes ENABLE ROW LEVEL SECURITY").await;
    run(on(&database, folder.dir.path(), &["drift"])).with(0);
    // Not enabled any more, or for the owner, too.
    for (change, told) in [
        ("FORCE ROW LEVEL SECURITY", "~ changed row security of table notes"),
        ("DISABLE ROW LEVEL SECURITY", "~ changed row security of table notes"),
        ("NO FORCE ROW LEVEL SECURITY", "| add row security of table notes"),
    ] {
        database.run(&format!("ALTER TABLE acme.notes {change}")).await;
        let ended = run(on(&database, folder.dir.path(), &["drift"])).with(2);
        assert!(ended.stdout.contains(told), "{change}: {}", ended.stdout);
    }
    // Where it is not declared, it can be ignored, as everything that is extra.
    let plain = MANIFEST.replace("row_security = \"enabled\"\n", "");
    let ignoring = format!("{plain}[drift]\nignore = [\"row security of *\"]\n");
    database.run("ALTER TABLE acme.notes ENABLE ROW LEVEL SECURITY").await;
    for (manifest, code) in [(&plain, 2), (&ignoring, 0)] {
        folder.write("schema.toml", manifest);
        run(on(&database, folder.dir.path(), &["drift"])).with(code);
    }
}

/// Row-level security binds the owner of a forced table, but not a superuser.
#[tokio::test(flavor = "multi_thread")]
async fn a_forced_table_is_created_with_its_rows_by_a_role_that_bypasses_it() {
    let database = Database::new().await;
    let forced = MANIFEST.replace("\"enabled\"", "\"forced\"");
    let context = context_of(&forced, &database);
    converge(&context, "acme").await;
    let again = support::plan(&context, "acme").await.expect("a plan");
    assert!(again.is_empty() && again.untouched().is_empty(), "{again:#?}");
    assert_eq!(database.count("pg_class WHERE relrowsecurity AND relforcerowsecurity").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_forced_table_are_held_back_for_a_role_that_it_binds() {
    let database = Database::new().await;
    let role = format!("owner_{}", uuid::Uuid::new_v4().simple());
    database
        .run(&format!(
            "CREATE ROLE {role}; GRANT CREATE ON DATABASE \"{}\" TO {role}",
            database.name
        ))
        .await;
    let folder = Folder::new(&MANIFEST.replace("\"enabled\"", "\"forced\""));
    let go = |args: &[&str]| {
        let mut command = on(&database, folder.dir.path(), args);
        command.env("PGOPTIONS", format!("-c role={role}"));
        run(command)
    };
    let held = format!(
        "    | insert 1 row into table notes\n        \
         the row-level security policy of table notes binds {role}\n"
    );
    assert!(go(&["plan", "acme"]).with(0).stdout.contains(&held));
    for args in [&["apply", "acme"][..], &["apply", "acme"], &["apply", "--all"]] {
        let ended = go(args).with(3);
        assert!(ended.stdout.contains("binds"), "{}", ended.stdout);
    }
    go(&["drift"]).with(2);
    go(&["status", "acme"]).with(0);
    assert_eq!(database.count("acme.notes").await, 0);
    database.run(&format!("ALTER ROLE {role} BYPASSRLS")).await;
    go(&["apply", "acme"]).with(0);
    assert_eq!(database.count("acme.notes").await, 1);
    database.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}
