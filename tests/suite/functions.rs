//! Functions and procedures: with whatever they need and whatever needs them, and with bodies that name the schema.

use std::path::Path;

use crate::support::tool::{on, run};
use crate::support::{self, Database, Folder, client_program, context_of, converge, refused, told};

const BODY: &str = r#"
version = 1
[tables.t]
columns = { id = "integer" }
[functions.f]
returns = "bigint"
language = "sql"
body = "SELECT count(*) FROM {schema}.t"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_names_the_schema_is_the_same_in_all_tenants() {
    let database = Database::new().await;
    let context = context_of(BODY, &database);
    let one = converge(&context, "one").await;
    let two = converge(&context, "a-b").await;
    assert_eq!(one.plan.steps.len(), two.plan.steps.len());
    for tenant in ["one", "a-b"] {
        let count = format!("SELECT \"{tenant}\".f()::text");
        assert_eq!(database.ask(&count).await, "0", "{tenant}");
    }
    let fingerprint = async |tenant: &str| {
        let query = format!("SELECT DISTINCT fingerprint FROM \"{tenant}\"._provision_state");
        database.ask(&query).await
    };
    assert_eq!(fingerprint("one").await, fingerprint("a-b").await, "one shape");
}

/// Texts that could be taken for others: each is a different one, in a tenant and in the manifest.
#[tokio::test(flavor = "multi_thread")]
async fn no_two_bodies_are_taken_for_one() {
    let bodies = [
        "SELECT '{schema}.t'",
        "SELECT '{schema{}.t'",
        "SELECT '\"acme\".t'",
        "SELECT '\"other\".t'",
        "SELECT '{schema}.t '",
        "SELECT '{{schema}.t'",
    ];
    for (at, declared) in bodies.iter().enumerate() {
        let database = Database::new().await;
        let manifest = format!(
            "version = 1\n[functions.f]\nreturns = \"text\"\nlanguage = \"sql\"\nbody = '''{declared}'''\n"
        );
        let context = context_of(&manifest, &database);
        if declared.contains("\"acme\"") {
            let error = refused(support::plan(&context, "acme").await);
            assert!(told(&error).contains("stands in double quotes"), "{}", told(&error));
            converge(&context, "else").await;
            let path =
                manifest.replace("body =", "set = { search_path = \"{schema}, acme\" }\nbody =");
            let path = path.replace("\"acme\".t", "t");
            let error = refused(support::plan(&context_of(&path, &database), "acme").await);
            assert!(told(&error).contains("in its search path"), "{}", told(&error));
            continue;
        }
        converge(&context, "acme").await;
        for (other, body) in bodies.iter().enumerate() {
            let written = body.replace("{schema}", "\"acme\"");
            database
                .run(&format!(
                    "CREATE OR REPLACE FUNCTION acme.f() RETURNS text LANGUAGE sql AS $f${written}$f$"
                ))
                .await;
            let plan = support::plan(&context, "acme").await.expect("a plan");
            let is_same = written == declared.replace("{schema}", "\"acme\"");
            assert_eq!(plan.changed.is_empty(), is_same, "{declared} {body} {at} {other}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_read_views() {
    let database = Database::new().await;
    let folder = Folder::new(
        "version = 1
         [sql]
         files = [\"f.sql\"]
         [tables.t]
         columns = { id = \"bigint\" }
         [views.v]
         query = \"SELECT * FROM t\"
         [functions.f]
         returns = \"bigint\"
         language = \"sql\"
         body = \"SELECT count(*) FROM {schema}.v\"",
    );
    folder.write(
        "f.sql",
        "CREATE FUNCTION g() RETURNS bigint RETURN (SELECT count(*) FROM v);
         CREATE FUNCTION h() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM {schema}.v';",
    );
    converge(&support::context(&folder.manifest(), &database), "acme").await;
    assert_eq!(database.ask("SELECT (acme.f() + acme.g() + acme.h())::text").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_of_any_name_is_created_before_what_calls_it() {
    let database = Database::new().await;
    let mut manifest = String::from("version = 1\n");
    // Each calls the next one, which the server names without quotes.
    let names = ["a", "two words", "with (brackets)", "does not exist", "last.one"];
    for (name, next) in names.iter().zip(&names[1..]) {
        manifest += &format!(
            "[functions.'{name}']\nreturns = \"integer\"\nsql_body = 'RETURN \"{next}\"()'\n"
        );
    }
    manifest += "[functions.'last.one']\nreturns = \"integer\"\nsql_body = \"RETURN 7\"\n";
    let context = context_of(&manifest, &database);
    converge(&context, "acme").await;
    assert_eq!(database.ask("SELECT acme.a()::text").await, "7");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_function_is_told_with_its_place() {
    let database = Database::new().await;
    let folder = Folder::new("");
    for (text, place, words) in [
        // Types, a body that the server can check, one whose names it looks up.
        (
            "returns = \"nothing\"\nlanguage = \"sql\"\nbody = \"SELECT 1\"",
            "schema.toml:2:12",
            "type \"nothing\"",
        ),
        (
            "returns = \"integer\"\nlanguage = \"plpgsql\"\nbody = \"BEGIN RETURN 1\"",
            "schema.toml:5:8",
            "syntax error",
        ),
        (
            "returns = \"integer\"\nlanguage = \"sql\"\nbody = \"SELECT x FROM tt\"",
            "schema.toml:5:8",
            "relation \"tt\"",
        ),
        ("returns = \"integer\"\nsql_body = \"RETURN tt()\"", "schema.toml:2:12", "tt()"),
        ("returns = \"integer\"\nlanguage = \"nolang\"\nbody = \"\"", "schema.toml:2:12", "nolang"),
        (
            "returns = \"integer\"\nlanguage = \"sql\"\nfile = \"f.sql\"",
            "f.sql:1:1",
            "relation \"missing\"",
        ),
    ] {
        folder.write("f.sql", "SELECT a FROM missing");
        folder.write("schema.toml", &format!("version = 1\n[functions.f]\n{text}\n"));
        let context = support::context(&folder.manifest(), &database);
        let told = told(&refused(support::plan(&context, "acme").await));
        assert!(told.contains(place) && told.contains(words), "{text}: {told}");
        assert!(told.contains("function f()"), "{text}: {told}");
        assert!(!told.contains("scratch_"), "{text}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_smuggles_something_in_is_refused() {
    let database = Database::new().await;
    for sql_body in [
        "RETURN 1; CREATE TABLE public.planted ()",
        "BEGIN ATOMIC INSERT INTO pg_class DEFAULT VALUES; END; COMMIT",
    ] {
        let manifest = format!(
            "version = 1\n[functions.f]\nreturns = \"integer\"\nsql_body = \"{sql_body}\"\n"
        );
        refused(support::plan(&context_of(&manifest, &database), "acme").await);
    }
    assert_eq!(database.count("pg_class WHERE relname = 'planted'").await, 0);
}

/// A function of somebody else under the declared name is not called, even if its definition is the declared one.
#[tokio::test(flavor = "multi_thread")]
async fn what_calls_a_function_of_an_untrusted_owner_is_held_back() {
    let database = Database::new().await;
    let role = format!("eve_{}", uuid::Uuid::new_v4().simple());
    let manifest = "version = 1\n\
         [functions.f]\nreturns = \"integer\"\nlanguage = \"sql\"\nbody = \"SELECT 1\"\n\
         [tables.t]\ncolumns = { id = \"integer\", n = { type = \"integer\", default = \"{schema}.f()\" } }\n\
         [tables.u]\ncolumns = { id = \"integer\" }\n";
    database
        .run(&format!(
            "CREATE ROLE {role}; CREATE SCHEMA acme; CREATE TABLE acme.t (id integer NOT NULL); \
             INSERT INTO acme.t VALUES (1); \
             CREATE FUNCTION acme.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'; \
             ALTER FUNCTION acme.f() OWNER TO {role}"
        ))
        .await;
    let folder = Folder::new(manifest);
    let ended = run(on(&database, folder.dir.path(), &["apply", "acme"])).with(3);
    assert!(ended.stdout.contains("| add column t.n"), "{}", ended.stdout);
    assert!(ended.stdout.contains(&format!("belongs to {role}")), "{}", ended.stdout);
    assert_eq!(database.count("acme.u").await, 0);
    database.run("ALTER FUNCTION acme.f() OWNER TO CURRENT_USER").await;
    run(on(&database, folder.dir.path(), &["apply", "acme"])).with(0);
    database.run(&format!("DROP ROLE {role}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exported_script_can_be_run_twice() {
    for case in ["functions", "triggers"] {
        let database = Database::new().await;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(case);
        let context = support::context(&folder.join("schema.toml"), &database);
        let script = support::plan(&context, "acme").await.expect("a plan").to_sql();
        let folder = Folder::new("");
        folder.write("plan.sql", &script);
        for _ in 0..2 {
            let mut psql = std::process::Command::new(client_program("psql"));
            psql.args(["--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--file"]);
            psql.arg(folder.dir.path().join("plan.sql")).args(["--dbname", &database.url]);
            run(psql).with(0);
        }
        let plan = support::plan(&context, "acme").await.expect("a plan");
        assert!(plan.is_empty() && plan.untouched().is_empty(), "{plan:#?}");
    }
}

/// Neither a function of somebody else, nor a trigger that would call it, is used, and no row is inserted that would
/// fire one.
#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_with_a_function_of_an_untrusted_owner_is_held_back() {
    let database = Database::new().await;
    let role = format!("eve_{}", uuid::Uuid::new_v4().simple());
    let touch = "[functions.touch]\nreturns = \"trigger\"\nlanguage = \"plpgsql\"\n\
                 body = \"BEGIN RETURN new; END\"\n";
    let manifest = format!(
        "version = 1\n{touch}\
         [tables.t]\nprimary_key = [\"id\"]\ncolumns = {{ id = \"integer\" }}\n\
         [[tables.t.triggers]]\nname = \"touch\"\ntiming = \"before\"\nevents = [\"insert\"]\n\
         for_each = \"row\"\nfunction = \"touch\"\n\
         [[seeds]]\ntable = \"t\"\nkey = [\"id\"]\nrows = [{{ id = 1 }}]\n"
    );
    database
        .run(&format!(
            "CREATE TABLE public.betrayed (by text); CREATE ROLE {role}; CREATE SCHEMA acme; \
             GRANT CREATE, USAGE ON SCHEMA acme TO {role}; SET ROLE {role}; \
             CREATE FUNCTION acme.touch() RETURNS trigger LANGUAGE plpgsql AS \
             $$BEGIN INSERT INTO public.betrayed VALUES (current_user); RETURN new; END$$"
        ))
        .await;
    let folder = Folder::new(&manifest);
    for args in [&["plan", "acme"][..], &["apply", "acme"], &["drift"], &["apply", "--all"]] {
        let ended = run(on(&database, folder.dir.path(), args));
        let told = "function touch() is not as declared";
        assert!(ended.stdout.contains(told), "{args:?}: {}", ended.stdout);
    }
    assert_eq!(database.count("pg_trigger WHERE tgname = 'touch'").await, 0);
    // The table has no trigger, and the row is there.
    assert_eq!(database.count("acme.t").await, 1);
    assert_eq!(database.count("public.betrayed").await, 0);
    database.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}
