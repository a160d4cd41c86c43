//! What is dropped, and what is dropped and created again, with the consent of a person: nothing that was not named is lost.

use crate::support::killing::killed_everywhere;
use crate::support::tool::{self, go, run};
use crate::support::{Database, Folder, has_pg_dump, schema_dump_lines};

const MANIFEST: &str = r#"
version = 1
[tenants]
list = ["acme", "beta"]

[drift]
ignore = ["table tmp_*"]

[tables.clients]
primary_key = ["id"]
columns = { id = "integer", code = { type = "integer", default = "0", using = "code::integer" }, name = "text" }
checks = [{ name = "known", expression = "{schema}.positive(code)" }]

[tables.orders]
primary_key = ["id"]
columns = { id = "integer", client = "integer" }
foreign_keys = [{ columns = ["client"], references = { table = "clients", columns = ["id"] } }]

[views.codes]
query = "SELECT id, code FROM clients"
comment = "by number"
triggers = [{ name = "write", timing = "instead of", events = ["insert"], for_each = "row", function = "write" }]

[views.over_codes]
query = "SELECT code FROM codes"

[materialized_views.sums]
query = "SELECT sum(code) AS total FROM codes"
indexes = [{ name = "sums_total", columns = ["total"], unique = true }]

[functions.positive]
arguments = "number integer"
returns = "boolean"
sql_body = "RETURN number >= 0"
volatility = "immutable"

[functions.write]
returns = "trigger"
language = "plpgsql"
body = "BEGIN RETURN NULL; END"
"#;

/// The tenant before: a column of another type, which views read, a function with another name for its argument, and what is not
/// declared.
const BEFORE: &str = "
    CREATE SCHEMA acme; SET search_path = acme;
    CREATE FUNCTION positive(n integer) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN n >= 0;
    CREATE FUNCTION write() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TABLE clients (id integer PRIMARY KEY, code text NOT NULL DEFAULT '0', name text NOT NULL, old text, older text);
    INSERT INTO clients VALUES (1, '17', 'a', 'x', 'y'), (2, '4', 'b', 'x', 'y');
    CREATE INDEX of_old ON clients (old);
    CREATE TABLE orders (id integer PRIMARY KEY, client integer NOT NULL REFERENCES clients);
    INSERT INTO orders VALUES (1, 1);
    CREATE VIEW codes AS SELECT id, code FROM clients;
    COMMENT ON VIEW codes IS 'by number';
    CREATE TRIGGER write INSTEAD OF INSERT ON codes FOR EACH ROW EXECUTE FUNCTION write();
    CREATE VIEW over_codes AS SELECT code FROM codes;
    CREATE MATERIALIZED VIEW sums AS SELECT sum(code::bigint) AS total FROM codes;
    CREATE UNIQUE INDEX sums_total ON sums (total);
    CREATE TABLE old_orders (id integer PRIMARY KEY, client integer REFERENCES clients);
    CREATE TABLE older_orders (id integer PRIMARY KEY, old integer REFERENCES old_orders);
    ALTER TABLE old_orders ADD newer integer REFERENCES older_orders;
    CREATE TABLE tmp_import (id integer);
    CREATE SEQUENCE old_numbers;
    CREATE FUNCTION old_function(of clients) RETURNS text LANGUAGE sql AS 'SELECT 1';";

async fn tenants() -> (Database, Folder) {
    let database = Database::new().await;
    for tenant in ["acme", "beta"] {
        database.run(&BEFORE.replace("acme", tenant)).await;
    }
    (database, Folder::new(MANIFEST))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_depends_on_it_is_created_again() {
    let (database, _) = tenants().await;
    let role = format!("reader_of_{}", database.name);
    let folder = Folder::new(&format!("{MANIFEST}\n[trust]\nowners = [\"{role}\"]\n"));
    let go = |args: &[&str]| go(&database, &folder, args);
    database
        .run(&format!(
            "CREATE ROLE {role}; GRANT SELECT ON acme.codes TO {role}; GRANT UPDATE (code) ON acme.codes TO {role} WITH GRANT OPTION;
             REVOKE EXECUTE ON FUNCTION acme.positive FROM public;
             ALTER VIEW acme.over_codes OWNER TO {role}; GRANT SELECT ON acme.sums TO public"
        ))
        .await;
    let rights = "SELECT string_agg(concat_ws(' ', c.relname, c.relowner::regrole, c.relacl::text, a.attacl::text), '; ' \
                  ORDER BY c.relname, a.attnum) FROM pg_class c \
                  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 \
                  WHERE c.relname IN ('codes', 'over_codes', 'sums') AND c.relnamespace = 'acme'::regnamespace";
    let of_function = "SELECT proacl::text FROM pg_proc WHERE oid = 'acme.positive'::regproc";
    let before = (database.ask(rights).await, database.ask(of_function).await);
    let plan = go(&["plan", "acme", "--allow", "alter"]).with(0).stdout;
    assert!(plan.contains("~ changed column clients.code (--allow rebuild changes it)"), "{plan}");
    assert!(
        plan.contains("~ changed function positive(integer) (--allow rebuild changes it)"),
        "{plan}"
    );
    let applied = go(&["apply", "acme", "--allow", "rebuild"]).with(3).stdout;
    for told in [
        "~ drop view over_codes, to create it again",
        "~ alter column clients.code",
        "~ rebuild view codes",
        "~ rebuild trigger write on codes",
        "~ rebuild materialized view sums",
        "~ rebuild index sums_total on sums",
        "+ refresh data of materialized view sums",
        "+ add constraint known on clients",
        "~ rebuild default of column clients.code",
    ] {
        assert!(applied.contains(told), "{told}: {applied}");
    }
    assert!(!applied.contains(" dropped"), "{applied}");
    assert_eq!((database.ask(rights).await, database.ask(of_function).await), before);
    assert_eq!(database.ask("SELECT total::text FROM acme.sums").await, "21");
    assert_eq!(
        database.ask("SELECT pg_typeof(code)::text FROM acme.over_codes LIMIT 1").await,
        "integer"
    );
    assert_eq!(database.ask("SELECT obj_description('acme.codes'::regclass)").await, "by number");
    let plan = go(&["plan", "acme", "--allow", "alter,rebuild"]).with(0).stdout;
    assert!(plan.contains("Nothing to do in schema acme."), "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_declared_is_not_lost_with_it() {
    let (database, folder) = tenants().await;
    let go = |args: &[&str]| go(&database, &folder, args);
    // Somebody's view in the tenant, and one elsewhere, which only this tenant has.
    database
        .run(
            "CREATE VIEW acme.of_somebody AS SELECT code FROM acme.clients;
             CREATE SCHEMA bi; CREATE VIEW bi.codes AS SELECT code FROM beta.over_codes",
        )
        .await;
    for (tenant, told) in [
        ("acme", "view of_somebody depends on it, and is not declared"),
        ("beta", "view bi.codes depends on it"),
    ] {
        let plan = go(&["plan", tenant, "--allow", "rebuild"]).with(0).stdout;
        assert!(plan.contains("| alter column clients.code") && plan.contains(told), "{plan}");
    }
    go(&["apply", "--all", "--allow", "rebuild"]).with(3);
    for tenant in ["acme", "beta"] {
        let data_type = format!("SELECT pg_typeof(code)::text FROM {tenant}.clients LIMIT 1");
        assert_eq!(database.ask(&data_type).await, "text", "{tenant}");
        // What nothing else depends on is done.
        let argument =
            format!("SELECT proargnames[1] FROM pg_proc WHERE oid = '{tenant}.positive'::regproc");
        assert_eq!(database.ask(&argument).await, "number", "{tenant}");
    }
    // What is named may go.
    go(&["apply", "acme", "--allow", "rebuild,drop:view of_s*"]).with(3);
    assert_eq!(
        database.ask("SELECT pg_typeof(code)::text FROM acme.clients LIMIT 1").await,
        "integer"
    );
    database.run("DROP VIEW bi.codes").await;
    go(&["apply", "beta", "--allow", "rebuild"]).with(3);
    assert_eq!(
        database.ask("SELECT pg_typeof(code)::text FROM beta.clients LIMIT 1").await,
        "integer"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_named_is_dropped_and_nothing_else() {
    let (database, folder) = tenants().await;
    let go = |args: &[&str]| go(&database, &folder, args);
    let plan = go(&["plan", "acme", "--allow", "drop:column clients.old"]).with(0).stdout;
    // Its index was not named.
    assert!(plan.contains("| drop column clients.old"), "{plan}");
    assert!(plan.contains("index of_old on clients depends on it, and is not declared"), "{plan}");
    let two = "drop:column clients.old,drop:index of_old on clients";
    let applied = go(&["apply", "acme", "--allow", two]).with(3).stdout;
    assert!(applied.contains("2 dropped ("), "{applied}");
    let columns = "SELECT string_agg(column_name, ' ' ORDER BY column_name) FROM information_schema.columns \
                   WHERE table_schema = 'acme' AND table_name = 'clients'";
    assert_eq!(database.ask(columns).await, "code id name older");
    let again = go(&["apply", "acme", "--allow", two]).with(3);
    let told = "--allow drop:column clients.old: nothing undeclared has this name";
    assert!(again.stderr.contains(told), "{}", again.stderr);
    // A table that others point to stays, if only it is named.
    let plan = go(&["plan", "acme", "--allow", "drop:table old_orders"]).with(0).stdout;
    assert!(
        plan.contains("constraint older_orders_old_fkey on older_orders depends on it"),
        "{plan}"
    );
    // All of it, tables that point to each other included; what is ignored stays.
    let plan = go(&["plan", "acme", "--allow", "drop", "--sql"]).with(0).stdout;
    assert!(!plan.contains("CASCADE"), "{plan}");
    go(&["apply", "acme", "--allow", "drop"]).with(3);
    let left = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class \
                WHERE relnamespace = 'acme'::regnamespace AND relkind IN ('r', 'S') AND relname NOT LIKE '\\_provision%'";
    assert_eq!(database.ask(left).await, "clients orders tmp_import");
    assert_eq!(database.count("acme.clients").await, 2);
    let functions = "SELECT count(*)::text FROM pg_proc WHERE pronamespace = 'acme'::regnamespace";
    assert_eq!(database.ask(functions).await, "2");
    // Everything else, and nothing is left to do.
    go(&["apply", "acme", "--allow", "alter,rebuild,drop"]).with(0);
    database.run("DROP TABLE acme.tmp_import; DROP SCHEMA beta CASCADE").await;
    go(&["apply", "--all"]).with(0);
    if has_pg_dump() {
        let dump = |schema| schema_dump_lines(&database, schema);
        assert_eq!(dump("acme"), dump("beta"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_drops_and_creates_again() {
    let (database, folder) = tenants().await;
    // A type that loses a label is made anew.
    let state = "CREATE TYPE acme.state AS ENUM ('shut', 'open', 'lost'); \
                 ALTER TABLE acme.orders ADD state acme.state NOT NULL DEFAULT 'open'";
    database.run(state).await;
    let column = "client = \"integer\", state = { type = \"state\", default = \"'open'\" }";
    let manifest = MANIFEST.replace("client = \"integer\"", column);
    folder.write("schema.toml", &(manifest + "[types.state]\nenum = [\"open\", \"shut\"]\n"));
    let rows = "SELECT string_agg(c.id || ' ' || code || ' ' || name || coalesce(' ' || state, ''), ', ' ORDER BY c.id) \
                FROM acme.clients c LEFT JOIN acme.orders o ON o.client = c.id";
    killed_everywhere(&database, &folder, "alter,rebuild,drop", rows).await;
    assert_eq!(database.ask(rows).await, "1 17 a open, 2 4 b");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_without_a_conversion_is_told_beforehand() {
    let database = Database::new().await;
    database.run("CREATE SCHEMA acme; CREATE TABLE acme.t (a text, b text, c integer)").await;
    let folder = Folder::new(
        "version = 1\n[tables.t.columns]\na = { type = \"integer\", null = true }\n\
         b = { type = \"character varying\", null = true }\nc = { type = \"text\", null = true }\n",
    );
    let go = |args: &[&str]| go(&database, &folder, args);
    let plan = go(&["plan", "acme", "--allow", "alter,rebuild"]).with(0).stdout;
    let told = "the server does not convert text to integer by itself: say how with \"using\" at column \"a\"";
    assert!(plan.contains(told), "{plan}");
    let applied = go(&["apply", "acme", "--allow", "alter,rebuild"]).with(3).stdout;
    assert!(applied.contains("2 altered ("), "{applied}");
    // Wider types need less consent than others.
    let folder = Folder::new(
        "version = 1\n[tables.t.columns]\na = { type = \"text\", null = true }\n\
         b = { type = \"text\", null = true }\nc = { type = \"varchar(9)\", null = true }\n",
    );
    let plan = run(tool::on(&database, folder.dir.path(), &["plan", "acme"])).with(0).stdout;
    assert!(plan.contains("column t.b (--allow alter changes it)"), "{plan}");
    assert!(plan.contains("column t.c (--allow rebuild changes it)"), "{plan}");
}

/// What a tenant's owner makes stays in the way, is never run, and consent does not reach beyond the tenant's schema.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_way_belongs_to_somebody() {
    let (database, folder) = tenants().await;
    let go = |args: &[&str]| go(&database, &folder, args);
    let role = format!("owner_of_{}", database.name);
    database
        .run(&format!(
            "CREATE ROLE {role}; CREATE SCHEMA other; CREATE TABLE other.old_orders (id integer);
             CREATE TABLE public.betrayal (by text); GRANT ALL ON public.betrayal TO public;
             CREATE FUNCTION acme.spy() RETURNS boolean LANGUAGE plpgsql AS
                 'BEGIN INSERT INTO public.betrayal VALUES (current_user); RETURN true; END';
             ALTER FUNCTION acme.spy() OWNER TO {role};
             CREATE VIEW acme.trap AS SELECT code, acme.spy() FROM acme.clients;
             ALTER VIEW acme.trap OWNER TO {role};
             ALTER TABLE acme.old_orders ADD CHECK (acme.spy());
             TRUNCATE public.betrayal"
        ))
        .await;
    let plan = go(&["plan", "acme", "--allow", "rebuild,drop:*"]).with(0).stdout;
    assert!(plan.contains("belongs to"), "{plan}");
    go(&["apply", "acme", "--allow", "alter,rebuild,drop:*"]).with(3);
    assert_eq!(database.count("public.betrayal").await, 0);
    assert_eq!(database.count("other.old_orders").await, 0);
    assert_eq!(
        database.ask("SELECT count(*)::text FROM pg_namespace WHERE nspname = 'other'").await,
        "1"
    );
}

/// The manifests before and after, and the tenant with what a statement has done to it meanwhile.
async fn changed(before: &str, after: &str, meanwhile: &str) -> (Database, Folder) {
    let database = Database::new().await;
    let head = "version = 1\n[tenants]\nlist = [\"acme\"]\n";
    let folder = Folder::new(&format!("{head}{before}"));
    go(&database, &folder, &["apply", "acme"]).with(0);
    database.run(meanwhile).await;
    (database, Folder::new(&format!("{head}{after}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn types_change_with_what_belongs_to_them() {
    for (before, after, allow) in [
        // Both sides of a foreign key.
        (
            "[tables.a]\nprimary_key = [\"id\"]\ncolumns = { id = \"text\" }\n[tables.b]\ncolumns = { aid = \"text\" }\n\
             foreign_keys = [{ columns = [\"aid\"], references = { table = \"a\", columns = [\"id\"] } }]\n",
            "[tables.a]\nprimary_key = [\"id\"]\ncolumns = { id = { type = \"integer\", using = \"id::integer\" } }\n\
             [tables.b]\ncolumns = { aid = { type = \"integer\", using = \"aid::integer\" } }\n\
             foreign_keys = [{ columns = [\"aid\"], references = { table = \"a\", columns = [\"id\"] } }]\n",
            "rebuild",
        ),
        // A view reads another table when its own goes.
        (
            "[tables.t]\ncolumns = { a = \"text\" }\n[tables.u]\ncolumns = { a = \"text\" }\n[views.v]\nquery = \"SELECT a FROM t\"\n",
            "[tables.u]\ncolumns = { a = \"text\" }\n[views.v]\nquery = \"SELECT a FROM u\"\n",
            "alter,drop",
        ),
        // The domain gets a check when no column has arrays of it any more.
        (
            "[types.d]\ndomain = \"text\"\n[tables.t]\ncolumns = { a = \"d[]\" }\n",
            "[types.d]\ndomain = \"text\"\nchecks = [\"VALUE <> 'no'\"]\n[tables.t]\ncolumns = { a = \"text\" }\n",
            "rebuild",
        ),
        // It gets one before values of it are parts of others, in columns that are new, changed, or of a type that is extended.
        (
            "[types.d]\ndomain = \"text\"\n[types.c]\nattributes = { x = \"int\" }\n\
             [tables.t]\ncolumns = { a = \"c\", b = { type = \"text[]\", null = true } }\n",
            "[types.d]\ndomain = \"text\"\nchecks = [\"{schema}.good(VALUE)\"]\n\
             [functions.good]\narguments = \"text\"\nreturns = \"boolean\"\nlanguage = \"sql\"\nbody = \"SELECT true\"\n\
             [types.c.attributes]\nx = \"int\"\ny = { type = \"e\" }\n\
             [types.e]\ndomain = \"d\"\n[types.r]\nattributes = { z = \"d\" }\n\
             [tables.t]\ncolumns = { a = \"c\", b = { type = \"d[]\", null = true, using = \"b::{schema}.d[]\" }, c = { type = \"r\", null = true } }\n\
             [tables.u]\ncolumns = { a = \"d[]\" }\n",
            "rebuild",
        ),
        (
            "[tables.t]\ncolumns = { id = \"serial\" }\n",
            "[tables.t]\ncolumns = { id = \"bigserial\" }\n",
            "alter,rebuild",
        ),
        (
            "[tables.t]\ncolumns = { a = { type = \"text\", compression = \"pglz\", storage = \"external\" } }\n",
            "[tables.t]\ncolumns = { a = { type = \"jsonb\", using = \"to_jsonb(a)\", compression = \"pglz\", storage = \"external\" } }\n",
            "rebuild",
        ),
        (
            "[tables.t]\ncolumns = { a = { type = \"integer\", identity = \"always\" } }\n",
            "[tables.t]\ncolumns = { a = { type = \"bigint\", identity = \"always\" } }\n",
            "rebuild",
        ),
    ] {
        let (database, folder) = changed(before, after, "").await;
        let ended = go(&database, &folder, &["apply", "acme", "--allow", allow]);
        assert_eq!(ended.code, Some(0), "{after}{}{}", ended.stdout, ended.stderr);
        let plan = go(&database, &folder, &["plan", "acme"]).with(0).stdout;
        assert!(plan.contains("Nothing to do in schema acme.\n"), "{plan}");
        assert!(!plan.contains("Not touched"), "{plan}");
    }
}

/// The server could not check the values that columns have as parts of others.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_could_not_be_added_again_stays() {
    let manifest = |check: &str| {
        format!(
            "[types.d]\ndomain = \"text\"\nchecks = [\"{check}\"]\n\
             [tables.t]\ncolumns = {{ a = \"d[]\" }}\n"
        )
    };
    let (database, folder) =
        changed(&manifest("VALUE <> 'a'"), &manifest("VALUE <> 'b'"), "").await;
    let applied =
        go(&database, &folder, &["apply", "acme", "--allow", "alter,rebuild,drop"]).with(3);
    let told = "the server cannot check the values of the domain that are parts of others, as in column t.a";
    assert!(applied.stdout.contains(told), "{}", applied.stdout);
    let check = "SELECT pg_get_constraintdef(oid) FROM pg_constraint \
                 WHERE connamespace = 'acme'::regnamespace AND contypid > 0";
    assert_eq!(database.ask(check).await, "CHECK ((VALUE <> 'a'::text))");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_would_draw_from_a_sequence_stays() {
    let column = |column: &str| format!("[tables.t]\ncolumns = {{ a = {column} }}\n");
    let before = column("{ type = \"numeric\", default = \"1.5\" }");
    let (database, folder) = changed(&before, &column("\"bigserial\""), "").await;
    let all = "alter,rebuild,drop";
    let applied = go(&database, &folder, &["apply", "acme", "--allow", all]).with(3);
    let told = "default of column t.a would draw from a sequence that does not exist";
    assert!(applied.stdout.contains(told), "{}", applied.stdout);
}

/// What "using" does with the values, only the server knows: all are written again.
#[tokio::test(flavor = "multi_thread")]
async fn a_wider_type_with_a_conversion_is_no_change_in_place() {
    let column = |data_type: &str| {
        format!(
            "[tables.t]\ncolumns = {{ a = {{ type = \"{data_type}\", using = \"upper(a)\" }} }}\n"
        )
    };
    let rows = "INSERT INTO acme.t VALUES ('x')";
    let (database, folder) = changed(&column("varchar(5)"), &column("varchar(9)"), rows).await;
    let left = go(&database, &folder, &["apply", "acme", "--allow", "alter"]);
    let told = "column t.a (--allow rebuild changes it)";
    assert!(left.stdout.contains(told), "{}", left.stdout);
    assert_eq!(database.ask("SELECT a FROM acme.t").await, "x");
    let planned = go(&database, &folder, &["plan", "acme", "--allow", "rebuild"]).with(0);
    assert!(planned.stdout.contains("rewrites the table"), "{}", planned.stdout);
    go(&database, &folder, &["apply", "acme", "--allow", "rebuild"]).with(0);
    assert_eq!(database.ask("SELECT a FROM acme.t").await, "X");
    go(&database, &folder, &["drift"]).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn privileges_are_neither_widened_nor_lost() {
    let function = |result: &str| {
        format!(
            "[functions.f]\narguments = \"x integer\"\nreturns = \"{result}\"\nlanguage = \"sql\"\nbody = \"SELECT 1\"\n"
        )
    };
    let view = |query: &str| {
        format!(
            "[tables.t]\ncolumns = {{ a = \"integer\", b = \"integer\" }}\n[views.v]\nquery = \"{query}\"\n"
        )
    };
    let before = view("SELECT a, b FROM t") + &function("integer");
    let after = view("SELECT a::bigint FROM t") + &function("bigint");
    // What is created from now on has other privileges; one is on a column that goes.
    let meanwhile = "ALTER DEFAULT PRIVILEGES IN SCHEMA acme GRANT SELECT ON TABLES TO public;
                     ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM public;
                     GRANT UPDATE (b) ON acme.v TO pg_monitor";
    let (database, folder) = changed(&before, &after, meanwhile).await;
    let rights = "SELECT concat_ws(' ', has_table_privilege('pg_monitor', 'acme.v', 'SELECT'), \
                  has_function_privilege('pg_monitor', 'acme.f(integer)', 'EXECUTE'))";
    let was = database.ask(rights).await;
    assert_eq!(was, "f t");
    go(&database, &folder, &["apply", "acme", "--allow", "rebuild"]).with(0);
    assert_eq!(database.ask(rights).await, was);
    assert_eq!(database.ask("SELECT pg_typeof(acme.f(1))::text").await, "bigint");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_go_silently_is_held_back_or_told() {
    let table = |columns: &str| format!("[tables.t]\ncolumns = {{ {columns} }}\n");
    // A sequence that belongs to the column, and is not the one of its default.
    let (database, folder) = changed(
        &table("x = \"integer\", y = \"bigserial\""),
        &table("x = \"integer\""),
        "CREATE SEQUENCE acme.own OWNED BY acme.t.y",
    )
    .await;
    let plan = go(&database, &folder, &["plan", "acme", "--allow", "drop:column t.y"]).with(0);
    assert!(
        plan.stdout.contains("sequence own depends on it, and is not declared"),
        "{}",
        plan.stdout
    );
    let plan = go(&database, &folder, &["apply", "acme", "--allow", "drop"]).with(0).stdout;
    assert!(plan.contains("- drop sequence own") && plan.contains("2 dropped"), "{plan}");
    // What is not modelled, and types of the schema elsewhere.
    let view =
        |query: &str| table("x = \"integer\"") + &format!("[views.v]\nquery = \"{query}\"\n");
    let (database, folder) = changed(
        &view("SELECT x FROM t"),
        &view("SELECT x::bigint FROM t"),
        "ALTER VIEW acme.v ALTER x SET DEFAULT 5; CREATE TABLE acme.e (id integer);
         CREATE SCHEMA bi; CREATE TABLE bi.of_e (e acme.e[])",
    )
    .await;
    let plan = go(&database, &folder, &["plan", "acme", "--allow", "rebuild,drop"]).with(0).stdout;
    assert!(plan.contains("is not modelled, and would be lost"), "{plan}");
    assert!(plan.contains("| drop table e") && plan.contains("bi.of_e"), "{plan}");
    go(&database, &folder, &["apply", "acme", "--allow", "rebuild,drop"]).with(3);
    // What is lost with something that is created again is told, with consent.
    database.run("ALTER VIEW acme.v ALTER x DROP DEFAULT; COMMENT ON VIEW acme.v IS 'mine'").await;
    let applied =
        go(&database, &folder, &["apply", "acme", "--allow", "rebuild,drop"]).with(3).stdout;
    assert!(applied.contains("- drop comment on view v"), "{applied}");
}
