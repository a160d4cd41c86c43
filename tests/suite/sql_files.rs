//! Declarations in SQL files: in any order, as other tools write them, compared like all others, and refused with their
//! place.

use std::process::Command;

use provision::{causes, elaborate, manifest, pg};

use crate::support::tool::{run, tool};
use crate::support::{self, Database, Folder, context, converge, told};

/// A manifest with these files, and more lines.
fn folder(lines: &str, files: &[(&str, &str)]) -> Folder {
    let folder = Folder::new(&format!("version = 1\n[sql]\nfiles = [\"sql/**/*.sql\"]\n{lines}"));
    for (name, text) in files {
        let path = folder.dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        folder.write(name, text);
    }
    folder
}

fn errors(folder: &Folder) -> String {
    causes::chain(&manifest::load(&folder.manifest()).expect_err("it is not valid"))
}

/// What the files of the first test declare.
const IN_TOML: &str = "version = 1
         [types.state]
         enum = [\"open\", \"done\"]
         [sequences.counter]
         increment = 5
         [tables.owners]
         primary_key = [\"id\"]
         columns = { id = \"int\" }
         [tables.tasks]
         primary_key = [\"id\"]
         indexes = [{ columns = [\"state\"], name = \"by_state\" }]
         foreign_keys = [{ columns = [\"owner_id\"], references = { table = \"owners\", columns = [\"id\"] } }]
         triggers = [{ name = \"touch\", timing = \"before\", events = [\"update\"], for_each = \"row\", function = \"touch\" }]
         policies = [{ name = \"own\", using = \"state = ANY ({schema}.states())\" }]
         row_security = \"enabled\"
         [[tables.tasks.rules]]
         name = \"kept\"
         event = \"delete\"
         instead = true
         where = \"{schema}.is_open(old.state)\"
         do = [\"UPDATE tasks SET changed = NULL WHERE id = old.id\", \"SELECT ';' AS kept\"]
         enabled = \"always\"
         comment = \"Kept\"
         [tables.tasks.columns]
         id = \"bigserial\"
         state = { type = \"state\", default = \"'open'\" }
         owner_id = { type = \"int\", null = true }
         changed = { type = \"timestamptz\", null = true }
         [functions.is_open]
         arguments = \"state {schema}.state\"
         returns = \"boolean\"
         volatility = \"stable\"
         sql_body = \"RETURN CASE WHEN state = 'open' THEN true ELSE false END\"
         [functions.states]
         returns = \"{schema}.state[]\"
         volatility = \"stable\"
         sql_body = \"BEGIN ATOMIC SELECT array_agg(t.state) FROM {schema}.tasks t; END\"
         [aggregates.last]
         arguments = \"tasks\"
         sfunc = \"later\"
         stype = \"tasks\"
         comment = \"The last one\"
         [functions.later]
         arguments = \"a tasks, b tasks\"
         returns = \"{schema}.tasks\"
         volatility = \"immutable\"
         sql_body = \"RETURN CASE WHEN (b).changed > (a).changed THEN b ELSE a END\"
         [functions.touch]
         returns = \"trigger\"
         language = \"plpgsql\"
         body = '''

BEGIN new.changed := now(); PERFORM 1 FROM {schema}.owners; RETURN new; END '''
         [views.open_tasks]
         comment = \"Open ones\"
         query = \"SELECT id, state FROM tasks WHERE is_open(state)\"
        ";

#[tokio::test(flavor = "multi_thread")]
async fn files_in_any_order_make_the_same_as_the_manifest() {
    let database = Database::new().await;
    let files = folder(
        "",
        &[
            // Each needs something of a later file.
            (
                "sql/a.sql",
                "CREATE AGGREGATE last(tasks) (SFUNC = later, STYPE = tasks);\n\
                           COMMENT ON AGGREGATE last(tasks) IS 'The last one';\n\
                           CREATE VIEW open_tasks AS SELECT id, state FROM tasks WHERE is_open(state);\n\
                           COMMENT ON VIEW open_tasks IS 'Open ones';",
            ),
            (
                "sql/b.sql",
                "ALTER TABLE tasks ADD FOREIGN KEY (owner_id) REFERENCES owners (id);\n\
                           CREATE TRIGGER touch BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION touch();\n\
                           CREATE POLICY own ON tasks USING (state = ANY (states()));\n\
                           ALTER TABLE tasks ENABLE ALWAYS RULE kept; COMMENT ON RULE kept ON tasks IS 'Kept';\n\
                           CREATE RULE kept AS ON DELETE TO tasks WHERE is_open(old.state)\n\
                           DO INSTEAD (UPDATE tasks SET changed = NULL WHERE id = old.id; SELECT ';' AS kept);\n\
                           ALTER TABLE tasks ENABLE ROW LEVEL SECURITY;\n\
                           CREATE INDEX CONCURRENTLY IF NOT EXISTS by_state ON tasks (state);",
            ),
            (
                "sql/c.sql",
                "CREATE TABLE IF NOT EXISTS tasks (\n    id bigserial PRIMARY KEY, -- ; no end\n    \
                           state state NOT NULL DEFAULT 'open', owner_id int, changed timestamptz);",
            ),
            (
                "sql/more/d.sql",
                "CREATE TYPE state AS ENUM ('open', 'done');\n\
                                CREATE OR REPLACE FUNCTION is_open(state state) RETURNS boolean LANGUAGE sql STABLE\n\
                                RETURN CASE WHEN state = 'open' THEN true ELSE false END;\n\
                                CREATE FUNCTION states() RETURNS {schema}.state[] LANGUAGE sql STABLE\n\
                                BEGIN ATOMIC SELECT array_agg(t.state) FROM {schema}.tasks t; END;\n\
                                CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$\n\
                                BEGIN new.changed := now(); PERFORM 1 FROM {schema}.owners; RETURN new; END $$;\n\
                                CREATE FUNCTION later(a tasks, b tasks) RETURNS {schema}.tasks LANGUAGE sql IMMUTABLE\n\
                                RETURN CASE WHEN (b).changed > (a).changed THEN b ELSE a END;\n\
                                CREATE TABLE owners (id int PRIMARY KEY);\n\
                                CREATE SEQUENCE counter INCREMENT 5;",
            ),
        ],
    );
    let context = context(&files.manifest(), &database);
    let applied = converge(&context, "acme").await;
    assert!(
        applied.plan.extra.is_empty() && applied.plan.unmodelled.is_empty(),
        "{:#?}",
        applied.plan
    );
    database
        .run("INSERT INTO acme.tasks (owner_id) SELECT NULL; UPDATE acme.tasks SET state = 'done'")
        .await;
    assert_eq!(database.ask("SELECT (changed IS NOT NULL)::text FROM acme.tasks").await, "true");
    assert_eq!(
        database.ask("SELECT obj_description('acme.open_tasks'::regclass)").await,
        "Open ones"
    );
    let rule = "SELECT obj_description(oid, 'pg_rewrite') || ev_enabled::text FROM pg_rewrite WHERE rulename = 'kept'";
    assert_eq!(database.ask(rule).await, "KeptA");
    let nowhere = "SELECT count(*)::text FROM pg_namespace WHERE nspname LIKE 'provision%'";
    assert_eq!(database.ask(nowhere).await, "0");

    let toml = Folder::new(IN_TOML);
    let plan = support::plan(&support::context(&toml.manifest(), &database), "acme")
        .await
        .expect("a plan");
    assert!(plan.is_empty() && plan.changed.is_empty() && plan.extra.is_empty(), "{plan:#?}");
}

/// What `pg_dump` writes of a schema.
pub fn dump(database: &Database, schema: &str) -> String {
    let program = support::client_program("pg_dump");
    let output = Command::new(&program)
        .args(["--schema-only", "--no-privileges", "--schema", schema, "--dbname", &database.url])
        .env_remove("PGOPTIONS")
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Whether what `pg_dump` writes of the tenant `one` is elaborated to what the manifest is elaborated to.
pub async fn dumped_is_the_same(database: &Database, file: &std::path::Path) -> Result<(), String> {
    let dump = dump(database, "one");
    // Whether a materialized view is to be filled is not part of a schema-only dump.
    let files = folder("schema = \"one\"\npopulate = true\n", &[("sql/dump.sql", &dump)]);
    let mut told = Vec::new();
    for file in [file, &files.manifest()] {
        let manifest = manifest::load(file).map_err(|error| causes::chain(&error))?;
        let mut session = pg::Session::open(&database.target()).await.map_err(|e| e.to_string())?;
        let elaborated = elaborate::elaborate(&mut session, &manifest, pg::Limits::default()).await;
        session.close().await;
        let desired = elaborated.map_err(|error| causes::chain(&error))?.desired;
        told.push(crate::rendering::told(&desired.catalog));
    }
    let (toml, sql) = (&told[0], &told[1]);
    if toml == sql {
        return Ok(());
    }
    let diff = similar::TextDiff::from_lines(toml, sql);
    Err(format!("the dump is elaborated to something else:\n{}", diff.unified_diff()))
}

#[test]
fn what_cannot_be_declared_is_refused_with_its_place() {
    let files = folder(
        "",
        &[
            (
                "sql/a.sql",
                "CREATE TABLE a (id int);\n\n  DROP TABLE b;\nCREATE TABLE public.x (id int);\n\\connect x\n",
            ),
            ("sql/b.sql", "CREATE TABLE c (id int);\nCOPY c FROM stdin;\n1\n'\n\\.\n"),
            ("sql/c.sql", "SELECT 'never closed;\n"),
        ],
    );
    let told = errors(&files);
    for expected in [
        "sql/a.sql:3:3: the files say what there is",
        "sql/a.sql:4:1: \"public\" is not the tenant's schema",
        "sql/a.sql:5:1: \\connect is a command of psql",
        "sql/b.sql:2:1: rows are declared under [[seeds]]",
        "sql/c.sql:1:8: a string literal is opened but never closed",
    ] {
        assert!(told.contains(expected), "{expected}\n{told}");
    }
    assert_eq!(told.lines().count(), 6, "{told}");
    let none = Folder::new("version = 1\n[sql]\nfiles = [\"*.sql\", \"a.sql\", \"../b.sql\"]\n");
    let told = errors(&none);
    for expected in
        ["schema.toml:3:10: no file matches", "cannot read \"a.sql\"", "must be relative"]
    {
        assert!(told.contains(expected), "{expected}\n{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_refuses_is_told_with_its_place() {
    let database = Database::new().await;
    for (text, place, reason) in [
        ("CREATE TABLE t (\n  id int,\n  é int, x nonsense);", "sql/a.sql:3:12", "nonsense"),
        (
            "CREATE VIEW v AS SELECT * FROM w;\nCREATE VIEW w AS\n SELECT nothing FROM t;\nCREATE TABLE t (id int);",
            "sql/a.sql:3:9",
            "nothing",
        ),
        (
            "CREATE TABLE t (id int);\nCREATE TABLE IF NOT EXISTS t (id int);",
            "sql/a.sql:2:1",
            "already exists",
        ),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1;\nCREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql RETURN 2;",
            "sql/a.sql:2:1",
            "already exists",
        ),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n  RETURN;\nEND $$;",
            "sql/a.sql:3:9",
            "missing expression",
        ),
        ("ALTER TABLE IF EXISTS t ADD x int;", "sql/a.sql:1:1", "\"t\" does not exist"),
        ("CREATE TABLE t (id int);\nCREATE TYPE shell;", "sql/a.sql:2:1", "type shell"),
        (
            "CREATE TABLE t (id int PRIMARY KEY);\nCOMMENT ON INDEX t_pkey IS 'x';",
            "sql/a.sql:2:1",
            "comment on index of constraint t_pkey",
        ),
        (
            "CREATE TABLE t (id int);\nCREATE MATERIALIZED VIEW m AS SELECT id FROM t WITH NO DATA;\nALTER TABLE m ALTER id SET STATISTICS 7;",
            "sql/a.sql:3:1",
            "statistics target of view column m.id",
        ),
    ] {
        let files = folder("", &[("sql/a.sql", text)]);
        let context = context(&files.manifest(), &database);
        let refused = support::plan(&context, "acme").await.expect_err("it is refused");
        let told = told(&refused);
        assert!(told.contains(place) && told.contains(reason), "{place} {reason}\n{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn manifest_and_files_refer_to_each_other() {
    let database = Database::new().await;
    let files = folder(
        "[functions.twice]
         arguments = \"integer\"
         returns = \"integer\"
         volatility = \"immutable\"
         sql_body = \"RETURN $1 * 2\"
         [tables.lines]
         primary_key = [\"id\"]
         columns = { id = \"int\", note_id = \"int\", mood = \"mood\" }
         foreign_keys = [{ columns = [\"note_id\"], references = { table = \"notes\", columns = [\"id\"] } }]
         triggers = [{ name = \"touch\", timing = \"after\", events = [\"insert\"], function = \"touch\" }]
        ",
        &[(
            "sql/a.sql",
            "CREATE TABLE notes (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (twice(id)) STORED);
             CREATE TYPE mood AS ENUM ('good');
             CREATE VIEW lined AS SELECT l.mood FROM lines l;
             ALTER TABLE lines ADD CONSTRAINT positive CHECK (id > 0);
             CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';",
        )],
    );
    let context = context(&files.manifest(), &database);
    converge(&context, "acme").await;
    database
        .run("INSERT INTO acme.notes VALUES (1); INSERT INTO acme.lines VALUES (1, 1, 'good')")
        .await;
    assert_eq!(database.ask("SELECT mood::text FROM acme.lined").await, "good");
    // What the files declare of a table of the manifest is its own.
    database.run("ALTER TABLE acme.lines DROP CONSTRAINT positive").await;
    let plan = support::plan(&context, "acme").await.expect("a plan");
    assert_eq!(plan.steps.len(), 1, "{plan:#?}");
    let twice = folder(
        "[tables.notes]\ncolumns = { id = \"int\" }\n",
        &[("sql/a.sql", "CREATE TABLE notes (id int);")],
    );
    let refused = support::plan(&support::context(&twice.manifest(), &database), "acme").await;
    let told = told(&refused.expect_err("it is declared twice"));
    assert!(told.contains("already exists") && told.contains("schema.toml:4:9"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_declared_for_tables_of_files() {
    let database = Database::new().await;
    let rows = r#"
schema = "app"
[[seeds]]
table = "prices"
key = ["item_id", "kind"]
rows = [
  { item_id = { lookup = "items", where = { code = "b" }, column = "id" }, kind = "net", tags = ["a", "b"], more = { x = 1 } },
]
[[seeds]]
table = "items"
key = ["code"]
rows = [{ code = "a", id = 1 }, { code = "b", id = 2 }]
[[seeds]]
table = "Notes"
key = ["Kind"]
rows = [{ "Kind" = "gross", added = 5 }]
"#;
    let files = folder(
        rows,
        &[(
            "sql/a.sql",
            "CREATE TABLE app.prices (
                 item_id integer NOT NULL REFERENCES app.items (id), kind app.kind NOT NULL,
                 tags text[] NOT NULL DEFAULT '{}', more jsonb, PRIMARY KEY (item_id, kind));
             CREATE TABLE items (id integer PRIMARY KEY, code varchar(10) COLLATE \"C\" UNIQUE);
             CREATE TYPE app.kind AS ENUM ('net', 'gross');
             CREATE TABLE \"Notes\" (\"Kind\" kind PRIMARY KEY);
             ALTER TABLE \"Notes\" ADD COLUMN added integer;",
        )],
    );
    let manifest = context(&files.manifest(), &database);
    converge(&manifest, "acme").await;
    let price = "SELECT concat(item_id, kind, tags, more) FROM acme.prices";
    assert_eq!(database.ask(price).await, "2net{a,b}{\"x\": 1}");
    assert_eq!(database.ask("SELECT concat(\"Kind\", added) FROM acme.\"Notes\"").await, "gross5");
    database.run("DELETE FROM acme.prices; DELETE FROM acme.items WHERE code = 'b'").await;
    let plan = support::plan(&manifest, "acme").await.expect("a plan");
    assert_eq!(plan.steps.len(), 2, "{plan:#?}");
    converge(&manifest, "acme").await;
    assert_eq!(database.ask(price).await, "2net{a,b}{\"x\": 1}");

    let wrong = folder(
        "[[seeds]]\ntable = \"items\"\nkey = [\"id\"]\nrows = [{ id = 1, cod = \"a\" }]
         [[seeds]]\ntable = \"item\"\nkey = [\"id\"]\nrows = []\n",
        &[("sql/a.sql", "CREATE TABLE items (id integer, code text);")],
    );
    let told = errors(&wrong);
    for expected in
        ["table \"items\" has no column \"cod\"; did you mean \"code\"?", "no table \"item\""]
    {
        assert!(told.contains(expected), "{expected}\n{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_alters_a_function_is_not_undone() {
    let database = Database::new().await;
    let files = folder(
        "[functions.g]\nreturns = \"int\"\nlanguage = \"sql\"\nbody = \"SELECT 1\"\n",
        &[(
            "sql/a.sql",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
             ALTER FUNCTION f() STABLE SECURITY DEFINER SET search_path = pg_catalog;
             ALTER FUNCTION f() RENAME TO h;
             ALTER FUNCTION g() STRICT;",
        )],
    );
    converge(&context(&files.manifest(), &database), "acme").await;
    let functions = "SELECT string_agg(concat(proname, provolatile, prosecdef, proisstrict), ' ' ORDER BY proname) \
                     FROM pg_proc WHERE pronamespace = 'acme'::regnamespace";
    assert_eq!(database.ask(functions).await, "gvft hstf");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_that_stands_for_the_schema_is_that_only_where_it_names_an_object() {
    let database = Database::new().await;
    // A schema of that name exists, with objects of the same names.
    database
        .run(
            "CREATE SCHEMA app; CREATE SEQUENCE app.no; CREATE TABLE app.t (id int, n int);
             CREATE DOMAIN app.elsewhere AS text; CREATE SEQUENCE app.of_app",
        )
        .await;
    let files = folder(
        "schema = \"app\"\n",
        &[(
            "sql/a.sql",
            "CREATE SEQUENCE app.no;
             CREATE TABLE app.t (
                 id int DEFAULT nextval('app.no'), a int DEFAULT nextval(cast('app.no' AS regclass)),
                 b int DEFAULT nextval('app.no'::pg_catalog.regclass), c app.elsewhere);
             CREATE FUNCTION app.sum() RETURNS bigint LANGUAGE plpgsql SET search_path = 'app', pg_temp AS $$
             DECLARE app record; n bigint := 0;
             BEGIN
                 FOR app IN SELECT * FROM app.t LOOP n := n + app.id; END LOOP;
                 RETURN n;
             END $$;
             CREATE VIEW v AS SELECT app.id FROM app.t AS app;",
        )],
    );
    converge(&context(&files.manifest(), &database), "acme").await;
    database.run("INSERT INTO acme.t SELECT FROM generate_series(1, 2)").await;
    assert_eq!(database.ask("SELECT sum(id + a + b)::text FROM acme.t").await, "21");
    assert_eq!(database.ask("SELECT acme.sum()::text").await, "5");
    assert_eq!(database.ask("SELECT is_called::text FROM app.no").await, "false");

    for text in [
        "CREATE SEQUENCE no; CREATE TABLE t (id int DEFAULT nextval(('app.no')::regclass));",
        "CREATE SEQUENCE no; CREATE TABLE t (id int DEFAULT nextval($$app.no$$));",
    ] {
        let files = folder("schema = \"app\"\n", &[("sql/a.sql", text)]);
        let refused = support::plan(&context(&files.manifest(), &database), "acme").await;
        let told = told(&refused.expect_err("it is refused"));
        assert!(told.contains("uses sequence app.no, which is not the tenant's"), "{told}");
    }
}

/// Views that `pg_dump` writes twice, commands of `psql`, and a key to a table elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn what_pg_dump_writes_in_two_steps_is_one_declaration() {
    let database = Database::new().await;
    database
        .run(
            "CREATE TABLE public.users (id int PRIMARY KEY);
             CREATE SCHEMA app; SET search_path = app;
             CREATE TABLE c (id int PRIMARY KEY, name numeric(5, 2));
             CREATE TABLE o (c int REFERENCES c, u int CONSTRAINT own REFERENCES public.users);
             COMMENT ON CONSTRAINT own ON o IS 'own';
             CREATE VIEW grouped AS SELECT c.id, c.name, count(*) FROM c JOIN o ON o.c = c.id GROUP BY c.id;
             CREATE VIEW more AS SELECT * FROM grouped",
        )
        .await;
    let text = dump(&database, "app");
    assert!(text.contains("NULL::integer AS id"), "{text}");
    let files = folder("schema = \"app\"\n", &[("sql/a.sql", &text)]);
    let context = context(&files.manifest(), &database);
    converge(&context, "acme").await;
    let plan = support::plan(&context, "app").await.expect("a plan");
    assert!(plan.is_empty() && plan.changed.is_empty() && plan.extra.is_empty(), "{plan:#?}");
    let lost = folder(
        "",
        &[
            ("sql/a.sql", "\\restrict a \\\\ CREATE TABLE t (id int);\n"),
            ("sql/b.sql", "-- none\n"),
        ],
    );
    let told = errors(&lost);
    assert!(
        told.contains("sql/a.sql:1:1: \\restrict is a command")
            && told.contains("sql/b.sql:1:1: the file is empty"),
        "{told}"
    );
}

/// Ten thousand functions, and a chain of views in the worst order.
#[tokio::test(flavor = "multi_thread")]
async fn many_statements_take_a_lock_each_and_no_more() {
    let database = Database::new().await;
    let mut text = String::new();
    for n in (1..200).rev() {
        text.push_str(&format!("CREATE VIEW v{n} AS SELECT * FROM v{};\n", n - 1));
    }
    text.push_str("CREATE VIEW v0 AS SELECT 1 AS a;\n");
    for n in 0..6_000 {
        text.push_str(&format!("CREATE FUNCTION f{n}() RETURNS int LANGUAGE sql RETURN 1; "));
    }
    let files = folder("", &[("sql/a.sql", &text)]);
    let start = std::time::Instant::now();
    manifest::load(&files.manifest()).expect("it is valid");
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    let context = context(&files.manifest(), &database);
    let mut session = pg::Session::open(&database.target()).await.expect("a session");
    let elaborated =
        elaborate::elaborate(&mut session, &context.manifest, pg::Limits::default()).await;
    session.close().await;
    let catalog = elaborated.expect("it can be elaborated").desired.catalog;
    assert_eq!(catalog.of_kind(provision::catalog::Kind::View).count(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cause_is_told_and_not_what_follows_from_it() {
    let database = Database::new().await;
    let files = folder(
        "",
        &[(
            "sql/a.sql",
            "COMMENT ON VIEW v1 IS 'x';\nCREATE VIEW v1 AS SELECT * FROM v2;\nCREATE VIEW v2 AS SELECT * FROM tt;\n\
             CREATE TABLE tt (a interger);",
        )],
    );
    let refused = support::plan(&context(&files.manifest(), &database), "acme").await;
    let told = told(&refused.expect_err("it is refused"));
    assert!(
        told.contains("sql/a.sql:4:20") && told.contains("\"interger\" does not exist"),
        "{told}"
    );
}

#[test]
fn what_is_legal_and_seldom_meant_is_told_if_asked_for() {
    let files = folder(
        "schema = \"app\"\n
         [functions.open]\nreturns = \"integer\"\nlanguage = \"sql\"\nbody = \"SELECT 1\"
         [functions.fixed]\nreturns = \"integer\"\nlanguage = \"sql\"\nbody = \"SELECT 1\"\nset = { search_path = \"pg_catalog\" }
         [functions.qualified]\nreturns = \"bigint\"\nlanguage = \"sql\"\nbody = \"SELECT count(*) FROM {schema}.t\"
         [functions.standard]\nreturns = \"integer\"\nsql_body = \"RETURN 1\"\n",
        &[(
            "sql/a.sql",
            "CREATE TABLE t (id int);
CREATE FUNCTION in_sql() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION dynamic() RETURNS void LANGUAGE plpgsql SET search_path = app AS $$
BEGIN
  EXECUTE 'DELETE FROM app.t';
END $$;
CREATE FUNCTION good() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM app.t $$;
",
        )],
    );
    let validate =
        |arguments: &[&str]| run(tool(files.dir.path(), &[&["validate"], arguments].concat()));
    let usual = validate(&[]).with(0);
    assert!(!usual.stderr.contains("search path"), "{}", usual.stderr);
    let told = validate(&["--strict"]).with(1).stderr;
    let lines: Vec<&str> = told.lines().collect();
    for expected in [
        "function open has neither a search path nor a qualified name",
        "sql/a.sql:2:1: CREATE FUNCTION in_sql has neither",
        "sql/a.sql:5:24: app.t in a constant is left as it is",
    ] {
        assert!(lines.iter().any(|line| line.contains(expected)), "{expected}\n{told}");
    }
    assert_eq!(lines.len(), 3, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn materialized_views_that_stay_empty_are_told_unless_that_is_meant() {
    let sql =
        "CREATE TABLE t (id int);\nCREATE MATERIALIZED VIEW m AS SELECT id FROM t WITH NO DATA;
CREATE MATERIALIZED VIEW n AS SELECT id FROM m WITH NO DATA;
CREATE MATERIALIZED VIEW full_one AS SELECT id FROM t;\n";
    let told = [
        "sql/a.sql:2:1: CREATE MATERIALIZED VIEW m … WITH NO DATA stays empty in every tenant",
        "sql/a.sql:3:1: CREATE MATERIALIZED VIEW n … WITH NO DATA",
    ];
    for (populate, is_told) in
        [("", true), ("populate = true\n", false), ("populate = false\n", false)]
    {
        let files = folder(populate, &[("sql/a.sql", sql)]);
        for (strict, code) in [(&[][..], 0), (&["--strict"], i32::from(is_told))] {
            let ended = run(tool(files.dir.path(), &[&["validate"], strict].concat())).with(code);
            assert_eq!(ended.stderr.lines().count(), 2 * usize::from(is_told), "{}", ended.stderr);
            assert!(
                !is_told || told.iter().all(|line| ended.stderr.contains(line)),
                "{}",
                ended.stderr
            );
        }
        let database = Database::new().await;
        converge(&context(&files.manifest(), &database), "acme").await;
        let filled = "pg_class WHERE relnamespace = 'acme'::regnamespace AND relkind = 'm' AND relispopulated";
        let expected = if populate == "populate = true\n" { 3 } else { 1 };
        assert_eq!(database.count(filled).await, expected, "{populate}");
    }
    let refresh = folder("", &[("sql/a.sql", "REFRESH MATERIALIZED VIEW m;\n")]);
    assert!(errors(&refresh).contains("sql/a.sql:1:1: populate = true under [sql] fills"));
    let both = folder(
        "[tables.t]\ncolumns = { id = \"int\" }\n[views.v]\nquery = \"SELECT id FROM t\"\n\
         [materialized_views.w]\nquery = \"SELECT id FROM t\"\n",
        &[("sql/a.sql", "CREATE MATERIALIZED VIEW m AS SELECT 1 AS x;\n")],
    );
    let counted = run(tool(both.dir.path(), &["validate"])).with(0).stdout;
    assert!(
        counted
            .contains(": 1 table, 1 view, 1 materialized view, 1 statement in SQL files, 0 rows;"),
        "{counted}"
    );
}
