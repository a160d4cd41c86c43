//! What a server keeps in the catalog for itself, or will keep there some day, is no difference.

use crate::fingerprint::read;
use crate::support::{Database, context_of, converge, plan};

const MANIFEST: &str = "version = 1\n[tables.t.columns]\na = \"int\"\nb = \"text\"\n\
    [tables.u.columns]\na = \"int\"\n";

/// Gives each column of each new table an option with another value, as PostgreSQL does with
/// `pg_attver` since the minor releases of November 2026.
fn keeping(option: &str) -> String {
    format!(
        "CREATE SEQUENCE public.counter;
         CREATE FUNCTION public.keep() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
             UPDATE pg_attribute a
             SET attoptions = array_append(a.attoptions, '{option}=' || nextval('public.counter'))
             FROM pg_event_trigger_ddl_commands() d
             WHERE d.classid = 'pg_class'::regclass AND a.attrelid = d.objid AND a.attnum > 0
               AND d.object_type = 'table'
               AND coalesce(a.attoptions::text, '') NOT LIKE '%{option}=%';
         END $$;
         CREATE EVENT TRIGGER keep ON ddl_command_end EXECUTE FUNCTION public.keep();"
    )
}

async fn options(database: &Database, table: &str) -> String {
    database
        .ask(&format!(
            "SELECT string_agg(o, ',') FROM pg_attribute, unnest(attoptions) o \
             WHERE attrelid = '{table}'::regclass AND attnum > 0"
        ))
        .await
}

#[tokio::test]
async fn a_known_one_is_passed_over() {
    let database = Database::new().await;
    let context = context_of(MANIFEST, &database);
    // Without it on the server that the tests run on, this is what a newer one does.
    database.run("CREATE TABLE public.probe (a int)").await;
    if !options(&database, "public.probe").await.contains("pg_attver") {
        database.run(&keeping("pg_attver")).await;
    }
    converge(&context, "acme").await;
    converge(&context, "zeta").await;
    assert!(options(&database, "acme.t").await.contains("pg_attver"));
    assert_ne!(options(&database, "acme.t").await, options(&database, "zeta.t").await);
    assert!(plan(&context, "acme").await.expect("a plan").unmodelled.is_empty());
    assert_eq!(read(&database, "acme").await, read(&database, "zeta").await);
}

#[tokio::test]
async fn an_unknown_one_that_all_tables_get_is_in_nobodys_way() {
    let database = Database::new().await;
    database.run(&keeping("pg_future")).await;
    let context = context_of(MANIFEST, &database);
    converge(&context, "acme").await;
    converge(&context, "zeta").await;
    assert!(options(&database, "acme.t").await.contains("pg_future"));
    assert_ne!(options(&database, "acme.t").await, options(&database, "zeta.t").await);
    assert!(plan(&context, "acme").await.expect("a plan").unmodelled.is_empty());
    assert_eq!(read(&database, "acme").await, read(&database, "zeta").await);
}

#[tokio::test]
async fn an_unknown_one_of_a_tenant_is_told() {
    let database = Database::new().await;
    let context = context_of(MANIFEST, &database);
    for tenant in ["acme", "zeta"] {
        converge(&context, tenant).await;
    }
    database
        .run(
            "UPDATE pg_attribute SET attoptions = array_append(attoptions, \
             'pg_future=' || attrelid) WHERE attrelid = 'acme.t'::regclass AND attname = 'b'",
        )
        .await;
    let plan = plan(&context, "acme").await.expect("a plan");
    let told: Vec<String> = plan.unmodelled.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["unknown option of column t.b: pg_future"]);
    assert_ne!(read(&database, "acme").await.0, read(&database, "zeta").await.0);
}

#[tokio::test]
async fn what_people_set_is_told_beside_it() {
    let database = Database::new().await;
    let context = context_of(MANIFEST, &database);
    converge(&context, "acme").await;
    let before = read(&database, "acme").await.0;
    database.run("ALTER TABLE acme.t ALTER b SET (n_distinct = 7)").await;
    let seven = read(&database, "acme").await.0;
    database.run("ALTER TABLE acme.t ALTER b SET (n_distinct = 8)").await;
    let eight = read(&database, "acme").await.0;
    assert!(before != seven && seven != eight && before != eight);
    let plan = plan(&context, "acme").await.expect("a plan");
    let told: Vec<String> = plan.changed.iter().map(|change| change.actual.clone()).collect();
    assert_eq!(told, ["type text\nnot null\noptions n_distinct=8"]);
    database.run("ALTER TABLE acme.t ALTER b RESET (n_distinct)").await;
    assert_eq!(read(&database, "acme").await.0, before);
}

/// Gives a table an internal trigger, as Citus does with each distributed one.
fn internal_trigger(table: &str) -> String {
    format!(
        "CREATE TRIGGER truncate_trigger AFTER TRUNCATE ON {table} FOR EACH STATEMENT \
             EXECUTE FUNCTION pg_catalog.kept_by_server();
         UPDATE pg_trigger SET tgisinternal = true, tgname = 'truncate_trigger_' || tgrelid
         WHERE tgrelid = '{table}'::regclass;"
    )
}

#[tokio::test]
async fn an_internal_trigger_is_passed_over_while_it_is_in_force() {
    let database = Database::new().await;
    database
        .run(
            "CREATE FUNCTION pg_catalog.kept_by_server() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RETURN NULL; END $$",
        )
        .await;
    let context = context_of(MANIFEST, &database);
    for tenant in ["acme", "plain", "zeta"] {
        converge(&context, tenant).await;
    }
    for table in ["acme._provision_state", "acme.t", "zeta.t"] {
        database.run(&internal_trigger(table)).await;
    }
    assert_eq!(read(&database, "acme").await, read(&database, "plain").await);
    database.run("DROP TABLE acme.u").await;
    converge(&context, "acme").await;
    assert_eq!(database.count("acme._provision_state").await, 2);

    for tenant in ["acme", "zeta"] {
        database
            .run(&format!(
                "UPDATE pg_trigger SET tgenabled = 'D' WHERE tgrelid = '{tenant}.t'::regclass"
            ))
            .await;
    }
    let plan = plan(&context, "acme").await.expect("a plan");
    let told: Vec<String> = plan.unmodelled.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["disabled trigger truncate_trigger on t"]);
    assert_eq!(read(&database, "acme").await, read(&database, "zeta").await);
    assert_ne!(read(&database, "acme").await.0, read(&database, "plain").await.0);
}
