//! Hostile names, values and objects: taken literally or refused, never executed.

use provision::explain::Explain as _;
use provision::manifest::{self, Manifest};

use crate::support::{self, Database, Folder, context_of, converge, refused, told};

/// Names that would do harm, or break, if they were put into SQL as they are.
const NAMES: [&str; 14] = [
    "a\"b",
    "a'b",
    "a\\b",
    "a;b",
    "$$",
    "$provision$",
    "--",
    "/*",
    "a b",
    "Größe",
    "🦀",
    "\"; DROP SCHEMA victim CASCADE; --",
    "select",
    "{schema}",
];

fn toml(text: &str) -> String {
    // A JSON string is a TOML basic string for all that is used here.
    serde_json::to_string(text).expect("a string")
}

fn hostile_manifest() -> String {
    let long = "é".repeat(31) + "x";
    assert_eq!(long.len(), 63);
    let mut text = "version = 1\n".to_owned();
    let names: Vec<&str> = NAMES.iter().copied().chain([long.as_str()]).collect();
    let labels: Vec<String> = names.iter().map(|name| toml(name)).collect();
    text += &format!("[types.{}]\nenum = [{}]\n", toml("e\"';$$"), labels.join(", "));
    for name in &names {
        let (name, check) = (
            toml(name),
            toml(&format!(
                "c {}",
                &name[..name.len().min(30)].trim_end_matches(|c: char| !c.is_ascii())
            )),
        );
        text += &format!("[tables.{name}]\ncomment = {name}\nprimary_key = [{name}]\n");
        text += &format!("checks = [{{ name = {check}, expression = \"true\" }}]\n");
        text += "indexes = [{ columns = [\"e\"], where = \"e is not null\" }]\n";
        text +=
            &format!("[tables.{name}.columns]\n{name} = {{ type = \"text\", comment = {name} }}\n");
        text +=
            "e = { type = \"e\\\"';$$\", null = true }\nself = { type = \"text\", null = true }\n";
        text += &format!("[[tables.{name}.foreign_keys]]\ncolumns = [\"self\"]\n");
        text += &format!("references = {{ table = {name}, columns = [{name}] }}\n");
        let rows: Vec<String> = names
            .iter()
            .map(|value| format!("{{ {name} = {v}, e = {v}, self = {v} }}", v = toml(value)))
            .collect();
        text +=
            &format!("[[seeds]]\ntable = {name}\nkey = [{name}]\nrows = [{}]\n", rows.join(", "));
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_and_values_are_taken_literally() {
    let database = Database::new().await;
    database.run("CREATE SCHEMA victim; CREATE TABLE victim.t ()").await;
    let context = context_of(&hostile_manifest(), &database);
    for id in ["acme", "0", "a-b_c-", &"9".repeat(63), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"] {
        converge(&context, id).await;
        let tables = format!("information_schema.tables WHERE table_schema = '{id}'");
        assert_eq!(database.count(&tables).await, 16);
        for name in NAMES {
            let table = name.replace('"', "\"\"");
            let found = database.count(&format!("\"{id}\".\"{table}\"")).await;
            assert_eq!(found, 15, "rows of {name:?}");
            let value = name.replace('\'', "''");
            let same = database
                .count(&format!("\"{id}\".\"{table}\" AS t WHERE t.\"{table}\" = '{value}' AND e::text = '{value}'"))
                .await;
            assert_eq!(same, 1, "the value {name:?}");
        }
    }
    assert_eq!(database.count("victim.t").await, 0, "the victim is alive");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_survive_the_way_from_an_incomplete_tenant() {
    // Guards and ALTER statements hold the same names as CREATE statements.
    let database = Database::new().await;
    database.run("CREATE SCHEMA victim; CREATE TABLE victim.t ()").await;
    let full = hostile_manifest();
    let bare = NAMES.iter().fold("version = 1\n".to_owned(), |text, name| {
        text + &format!(
            "[tables.{}]\ncolumns = {{ unrelated = {{ type = \"int\", null = true }} }}\n",
            toml(name)
        )
    });
    converge(&context_of(&bare, &database), "acme").await;
    converge(&context_of(&full, &database), "acme").await;
    assert_eq!(database.count("victim.t").await, 0, "the victim is alive");
}

/// Whether a manifest with this column is refused before or by the server, without harm.
async fn refused_or_harmless(database: &Database, column: &str) -> bool {
    let text = format!("version = 1\n[tables.t]\n[tables.t.columns]\nid = \"int\"\nc = {column}\n");
    let folder = Folder::new(&text);
    let loaded: Result<Manifest, _> = manifest::load(&folder.manifest());
    let refused = if loaded.is_err() {
        true
    } else {
        let context = support::context(&folder.manifest(), database);
        let planned = support::plan(&context, "acme").await.is_err();
        planned && support::apply(&context, "acme").await.is_err()
    };
    assert_eq!(database.count("victim.t").await, 0, "the victim is gone after {column}");
    assert_eq!(database.count("pg_namespace WHERE nspname = 'acme'").await, 0, "{column}");
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_in_a_manifest_cannot_leave_its_place() {
    let database = Database::new().await;
    database.run("CREATE SCHEMA victim; CREATE TABLE victim.t ()").await;
    for column in [
        r#"{ type = "int); DROP SCHEMA victim CASCADE; --" }"#,
        r#"{ type = "int", default = "1); COMMIT; DROP SCHEMA victim CASCADE; --" }"#,
        r#"{ type = "int", default = "1), evil int DEFAULT (2" }"#,
        r#"{ type = "int, evil int" }"#,
        r#"{ type = "int DEFAULT 5" }"#,
        r#"{ type = "int primary key" }"#,
        r#"{ type = "int references t (c)" }"#,
        r#"{ type = "int", default = "(SELECT 1 FROM victim.t)" }"#,
        r#"{ type = "int", default = "1 /* " }"#,
        r#"{ type = "text", default = "E'a'\n'b\\\\') ; DROP SCHEMA victim CASCADE; --'" }"#,
        r#"{ type = "text", default = "$a$ x" }"#,
        r#"{ type = "text", collation = "C\" NOT NULL, evil text COLLATE \"C" }"#,
        r#"{ type = "nonsense" }"#,
    ] {
        assert!(refused_or_harmless(&database, column).await, "{column} was taken");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enum_may_not_hide_behind_a_system_type() {
    let database = Database::new().await;
    let context = context_of(
        "version = 1\n[types.date]\nenum = [\"a\"]\n[tables.t]\ncolumns = { d = \"int\" }\n",
        &database,
    );
    let error = refused(support::plan(&context, "acme").await);
    assert_eq!(error.code(), "manifest-refused", "{}", told(&error));
}

const SIMPLE: &str = r#"
version = 1
[tables.t]
primary_key = ["id"]
columns = { id = "int", name = { type = "varchar(20)", null = true } }
indexes = [{ columns = [{ expression = "lower(name)" }] }]
[[seeds]]
table = "t"
key = ["id"]
rows = [{ id = 1, name = "A" }]
"#;

/// A function that leaves a mark when somebody runs it.
const MARK: &str = "CREATE TABLE public.mark (); \
    CREATE FUNCTION public.mark() RETURNS void LANGUAGE sql AS 'CREATE TABLE public.executed ()';";

async fn check_not_executed(database: &Database) {
    let executed = database.ask("SELECT to_regclass('public.executed')::text").await;
    assert_eq!(executed, "", "foreign code was run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_of_a_managed_name_is_in_the_way_and_not_read() {
    let database = Database::new().await;
    database.run(MARK).await;
    database
        .run("CREATE SCHEMA acme; CREATE VIEW acme.t AS SELECT 1 AS id, 'A'::text AS name FROM (SELECT public.mark()) x")
        .await;
    let context = context_of(SIMPLE, &database);
    let planned = support::plan(&context, "acme").await.expect("a plan");
    let applied = support::apply(&context, "acme").await.expect("nothing to do");
    for plan in [planned, applied.plan] {
        assert!(plan.is_empty(), "{}", plan.to_sql());
        let held: Vec<String> = plan.held.iter().map(ToString::to_string).collect();
        assert_eq!(held, ["table t: the name of table t is taken by a view"]);
    }
    check_not_executed(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_and_operators_that_shadow_the_servers_are_not_run() {
    let database = Database::new().await;
    database.run(MARK).await;
    let functions = [
        "lower(varchar)",
        "lower(text)",
        "format_type(oid, int)",
        "pg_get_expr(pg_node_tree, oid)",
        "set_config(text, text, boolean)",
        "quote_ident(text)",
        "coalesce_(int)",
        "now()",
        "length(varchar)",
    ];
    let mut sql = "CREATE SCHEMA acme; SET search_path = acme;".to_owned();
    for function in functions {
        sql += &format!(
            "CREATE FUNCTION acme.{function} RETURNS text LANGUAGE plpgsql IMMUTABLE AS \
             $$ BEGIN PERFORM public.mark(); RETURN 'x'; END $$;"
        );
    }
    sql += "CREATE FUNCTION acme.eq(name, text) RETURNS boolean LANGUAGE plpgsql AS \
            $$ BEGIN PERFORM public.mark(); RETURN true; END $$; \
            CREATE OPERATOR acme.= (leftarg = name, rightarg = text, function = acme.eq); \
            CREATE FUNCTION acme.cat(name, text) RETURNS text LANGUAGE plpgsql AS \
            $$ BEGIN PERFORM public.mark(); RETURN 'x'; END $$; \
            CREATE OPERATOR acme.|| (leftarg = name, rightarg = text, function = acme.cat);";
    database.run(&sql).await;
    let context = context_of(SIMPLE, &database);
    let applied = converge(&context, "acme").await;
    assert!(
        applied.plan.extra.len() >= 11 && applied.plan.unmodelled.len() >= 2,
        "they are reported: {:?}",
        applied.plan.untouched()
    );
    converge(&context, "acme").await;
    check_not_executed(&database).await;
    assert_eq!(
        database.ask("SELECT pg_get_indexdef('acme.t_expr_idx'::regclass)").await,
        "CREATE INDEX t_expr_idx ON acme.t USING btree (lower((name)::text))",
        "the server's own function is meant"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_table_that_is_not_ours_is_refused_and_not_read() {
    let database = Database::new().await;
    database.run(MARK).await;
    let context = context_of(SIMPLE, &database);
    for (id, sql) in [
        (
            "view",
            "CREATE VIEW view._provision_state AS SELECT 1 AS seq FROM (SELECT public.mark()) m",
        ),
        ("columns", "CREATE TABLE columns._provision_state (seq bigint)"),
    ] {
        database.run(&format!("CREATE SCHEMA {id}; {sql}")).await;
        let error = refused(support::apply(&context, id).await);
        assert_eq!(error.code(), "alien-state-table", "{}", told(&error));
    }
    converge(&context, "trigger").await;
    database
        .run(
            "CREATE FUNCTION trigger.f() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM public.mark(); RETURN NEW; END $$; \
             CREATE TRIGGER tr BEFORE INSERT ON trigger._provision_state \
             FOR EACH ROW EXECUTE FUNCTION trigger.f(); ALTER TABLE trigger.t DROP COLUMN name",
        )
        .await;
    let error = refused(support::apply(&context, "trigger").await);
    assert_eq!(error.code(), "alien-state-table", "{}", told(&error));
    check_not_executed(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_whose_owner_hung_something_on_it_is_refused() {
    let database = Database::new().await;
    database.run(MARK).await;
    let context = context_of(SIMPLE, &database);
    for (id, sql) in [
        (
            "key_of_it",
            "ALTER TABLE X._provision_state ADD FOREIGN KEY (seq) REFERENCES X.other (a)",
        ),
        (
            "key_to_it",
            "ALTER TABLE X.other ADD FOREIGN KEY (a) REFERENCES X._provision_state (seq)",
        ),
        ("expression", "CREATE INDEX ON X._provision_state (X.f(actor))"),
        ("predicate", "CREATE INDEX ON X._provision_state (actor) WHERE X.f(actor) <> ''"),
        (
            "partition",
            "ALTER TABLE X._provision_state ALTER seq DROP IDENTITY; \
             CREATE TABLE X.p (LIKE X._provision_state) PARTITION BY LIST (X.f(actor)); \
             ALTER TABLE X.p ATTACH PARTITION X._provision_state DEFAULT",
        ),
        // How PostgreSQL 14 copies the trigger of a partitioned table.
        (
            "copied",
            "CREATE FUNCTION X.g() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM public.mark(); RETURN NEW; END $$; \
             CREATE TRIGGER tr BEFORE INSERT ON X._provision_state FOR EACH ROW \
             EXECUTE FUNCTION X.g(); \
             UPDATE pg_trigger SET tgisinternal = true WHERE tgfoid = 'X.g'::regproc",
        ),
    ] {
        converge(&context, id).await;
        let function = "CREATE TABLE X.other (a bigint PRIMARY KEY); INSERT INTO X.other VALUES (1); \
             CREATE FUNCTION X.f(a text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS \
             $$ BEGIN IF a <> 'the tests' THEN PERFORM public.mark(); END IF; RETURN a; END $$;";
        database.run(&format!("{function} {sql}").replace("X.", &format!("{id}."))).await;
        database.run(&format!("ALTER TABLE {id}.t DROP COLUMN name")).await;
        let mut context = context_of(SIMPLE, &database);
        context.actor = "somebody".into();
        let error = refused(support::apply(&context, id).await);
        assert_eq!(error.code(), "alien-state-table", "{id}: {}", told(&error));
    }
    check_not_executed(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_trigger_from_the_tenants_schema_is_refused() {
    let database = Database::new().await;
    database.run(MARK).await;
    database
        .run(
            "CREATE SCHEMA acme; CREATE FUNCTION acme.ev() RETURNS event_trigger LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM public.mark(); END $$; \
             CREATE EVENT TRIGGER ev ON ddl_command_end WHEN TAG IN ('CREATE INDEX', 'CREATE TYPE') \
             EXECUTE FUNCTION acme.ev()",
        )
        .await;
    let error = refused(support::apply(&context_of(SIMPLE, &database), "acme").await);
    assert_eq!(error.code(), "event-trigger", "{}", told(&error));
    database.run("DROP EVENT TRIGGER ev").await;
    check_not_executed(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_the_role_do_not_matter() {
    let database = Database::new().await;
    let context = context_of(SIMPLE, &database);
    converge(&context, "plain").await;
    let before = database.ask("SELECT fingerprint FROM plain._provision_state").await;
    let name = &database.name;
    database
        .run(&format!(
            "ALTER DATABASE {name} SET search_path = plain, public; \
             ALTER DATABASE {name} SET DateStyle = 'SQL, DMY'; \
             ALTER DATABASE {name} SET quote_all_identifiers = on; \
             ALTER DATABASE {name} SET default_transaction_read_only = on; \
             ALTER DATABASE {name} SET standard_conforming_strings = off; \
             ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'; \
             ALTER DATABASE {name} SET statement_timeout = '100ms'"
        ))
        .await;
    converge(&context, "odd").await;
    converge(&context, "plain").await;
    let sql = "SET statement_timeout = 0; SELECT fingerprint FROM odd._provision_state";
    let mut conn = database.connect().await;
    let rows = sqlx::raw_sql(sql).fetch_all(&mut conn).await.expect("reading");
    assert_eq!(sqlx::Row::get::<String, _>(&rows[0], 0), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_column_that_is_held_back_is_held_back_with_it() {
    let database = Database::new().await;
    let owner = format!("owner_{}", database.name);
    database
        .run(&format!(
            "CREATE ROLE {owner}; CREATE SCHEMA acme AUTHORIZATION {owner}; SET ROLE {owner}; \
             CREATE TYPE acme.state AS ENUM ('open'); CREATE TABLE acme.p (id int PRIMARY KEY); \
             CREATE FUNCTION acme.c(acme.state) RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$; \
             CREATE CAST (acme.state AS text) WITH FUNCTION acme.c(acme.state) AS IMPLICIT; \
             RESET ROLE"
        ))
        .await;
    let manifest = "version = 1\n[types.state]\nenum = [\"open\"]\n[tables.p]\n\
        primary_key = [\"id\"]\nindexes = [{ columns = [\"st\"] }]\n\
        columns = { id = \"int\", st = { type = \"state\", null = true } }\n\
        [tables.q]\ncolumns = { id = \"int\" }\n";
    let applied = support::apply(&context_of(manifest, &database), "acme").await;
    let applied = applied.unwrap_or_else(|error| panic!("{}", told(&error)));
    assert_eq!(applied.plan.steps.len(), 1, "{}", applied.plan.to_sql());
    let [held] = applied.plan.held.as_slice() else { panic!("{:?}", applied.plan.held) };
    assert_eq!(held.steps, ["add column p.st", "create index p_st_idx on p"]);
    let reason = format!("runs acme.c(acme.state), which belongs to {owner}");
    assert!(held.reasons.iter().any(|told| told.contains(&reason)), "{held:?}");
    database.run(&format!("DROP OWNED BY {owner} CASCADE; DROP ROLE {owner}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_of_the_server_that_the_manifest_uses_hold_nothing_back() {
    let database = Database::new().await;
    let owner = format!("owner_{}", database.name);
    database
        .run(&format!(
            "CREATE ROLE {owner}; CREATE SCHEMA acme AUTHORIZATION {owner}; SET ROLE {owner}; \
             CREATE TABLE acme.t (style text NOT NULL DEFAULT current_setting('DateStyle')); RESET ROLE"
        ))
        .await;
    let manifest = "version = 1\n[tables.t.columns]\n\
        style = { type = \"text\", default = \"current_setting('DateStyle')\" }\n\
        more = { type = \"int\", null = true }\n";
    let applied = converge(&context_of(manifest, &database), "acme").await;
    assert!(applied.plan.held.is_empty(), "{:?}", applied.plan.held);
    database.run(&format!("DROP OWNED BY {owner} CASCADE; DROP ROLE {owner}")).await;
}
