//! Rows that would make a step fail: they are found before anything is tried, named, and stop only their tenant.

use crate::support::tool::go;
use crate::support::{Database, Folder, server_major};
use crate::untrusted_types_and_views::{Stage, traitor};

/// A tenant whose rows are in the way of what is declared.
struct Case {
    /// Of `schema.toml`.
    manifest: &'static str,
    /// What there is in the schema `acme`.
    tenant: &'static str,
    allow: &'static str,
    /// How the plan names the rows.
    told: &'static str,
    /// What the server says where it is tried.
    sqlstate: &'static str,
    /// Repairs the rows.
    repair: &'static str,
}

#[expect(clippy::too_many_lines, reason = "they are data")]
fn cases() -> Vec<Case> {
    let case = |manifest, tenant, allow, told, sqlstate, repair| Case {
        manifest,
        tenant,
        allow,
        told,
        sqlstate,
        repair,
    };
    let mut cases = vec![
        case(
            "[tables.t]\nprimary_key = [\"id\"]\ncolumns = { id = \"integer\", day = \"date\" }",
            "CREATE TABLE t (id integer PRIMARY KEY, day date);
             INSERT INTO t SELECT n, CASE WHEN n > 7 THEN current_date END FROM generate_series(1, 9) n",
            "alter",
            "! column t.day: 7 rows with NULL in t.day (id=1; id=2; id=3; id=4; id=5, …)",
            "23502",
            "UPDATE t SET day = current_date WHERE day IS NULL",
        ),
        case(
            "[tables.t]\ncolumns = { id = \"integer\", more = \"integer\" }",
            "CREATE TABLE t (id integer NOT NULL); INSERT INTO t VALUES (1)",
            "",
            "! column t.more: 1 row in t, for which column more has no value",
            "23502",
            "DELETE FROM t",
        ),
        case(
            "[tables.t]\nprimary_key = [\"the id\"]\ncolumns = { \"the id\" = \"integer\" }\nchecks = [{ name = \"positive\", expression = '\"the id\" > 0' }]",
            "CREATE TABLE t (\"the id\" integer PRIMARY KEY); INSERT INTO t VALUES (-1), (1), (-2)",
            "",
            "! constraint positive on t: 2 rows in t violating it (the id=-2; the id=-1)",
            "23514",
            "DELETE FROM t WHERE \"the id\" < 0",
        ),
        case(
            "[tables.t]\nprimary_key = [\"a\", \"b\"]\ncolumns = { a = \"integer\", b = \"integer\", c = { type = \"integer\", null = true } }\nunique = [{ columns = [\"c\"], name = \"by_c\" }]",
            "CREATE TABLE t (a integer, b integer, c integer, PRIMARY KEY (a, b));
             INSERT INTO t VALUES (1, 1, 5), (1, 2, 5), (1, 3, NULL), (1, 4, NULL), (1, 5, 6)",
            "",
            "! constraint by_c on t: 2 rows in t sharing (c) with others (a=1, b=1; a=1, b=2)",
            "23505",
            "UPDATE t SET c = 7 WHERE b = 2",
        ),
        case(
            "[tables.t]\ncolumns = { id = \"integer\", mail = \"text\" }\nindexes = [{ name = \"by_mail\", columns = [{ expression = \"lower(mail)\" }], unique = true, where = \"id > 0\" }]",
            "CREATE TABLE t (id integer NOT NULL, mail text NOT NULL);
             INSERT INTO t VALUES (1, 'A'), (2, 'a'), (0, 'a'), (3, 'b')",
            "",
            "! index by_mail on t: 2 rows in t sharing (lower(mail)) with others",
            "23505",
            "DELETE FROM t WHERE id = 1",
        ),
        case(
            "[tables.t]\nprimary_key = [\"id\"]\ncolumns = { id = \"integer\" }",
            "CREATE TABLE t (id integer); INSERT INTO t VALUES (1), (NULL)",
            "",
            "! constraint t_pkey on t: 1 row with NULL in t.id",
            "23502",
            "DELETE FROM t WHERE id IS NULL",
        ),
        case(
            "[tables.t]\nprimary_key = [\"id\"]\ncolumns = { id = \"integer\", during = { type = \"tsrange\", null = true } }\nexclusions = [{ name = \"once\", elements = [{ column = \"during\", operator = \"&&\" }], using = \"gist\", where = \"id > 0\" }]",
            "CREATE TABLE t (id integer PRIMARY KEY, during tsrange);
             INSERT INTO t VALUES (1, '[2026-01-01,2026-01-03)'), (2, '[2026-01-02,2026-01-04)'),
                (3, '[2026-01-04,2026-01-05)'), (0, '[2026-01-01,2026-01-09)'), (4, NULL)",
            "",
            "! constraint once on t: 2 rows in t excluding each other (id=1; id=2)",
            "23P01",
            "DELETE FROM t WHERE id = 2",
        ),
        case(
            "[tables.u]\nprimary_key = [\"id\"]\ncolumns = { id = \"integer\" }\n[tables.t]\ncolumns = { id = \"integer\", u = { type = \"bigint\", null = true } }\nforeign_keys = [{ name = \"to_u\", columns = [\"u\"], references = { table = \"u\", columns = [\"id\"] } }]",
            "CREATE TABLE u (id integer PRIMARY KEY); INSERT INTO u VALUES (1);
             CREATE TABLE t (id integer NOT NULL, u bigint); INSERT INTO t VALUES (1, 1), (2, 2), (3, NULL)",
            "",
            "! constraint to_u on t: 1 row in t whose (u) is not in u",
            "23503",
            "INSERT INTO u VALUES (2)",
        ),
        // The column comes with the plan.
        case(
            "[tables.u]\nprimary_key = [\"id\"]\ncolumns = { id = \"integer\" }\n[tables.t]\ncolumns = { id = \"integer\", u = { type = \"integer\", default = \"5\" } }\nforeign_keys = [{ name = \"to_u\", columns = [\"u\"], references = { table = \"u\", columns = [\"id\"] } }]",
            "CREATE TABLE u (id integer PRIMARY KEY); CREATE TABLE t (id integer NOT NULL); INSERT INTO t VALUES (1)",
            "",
            "! constraint to_u on t: 1 row in t whose (u) is not in u",
            "23503",
            "INSERT INTO u VALUES (5)",
        ),
        // Nothing points into a table that does not exist yet.
        case(
            "[tables.u]\nprimary_key = [\"id\"]\ncolumns = { id = \"integer\" }\n[tables.t]\ncolumns = { id = { type = \"integer\", null = true } }\nforeign_keys = [{ name = \"to_u\", columns = [\"id\"], references = { table = \"u\", columns = [\"id\"] } }]",
            "CREATE TABLE t (id integer); INSERT INTO t VALUES (1), (NULL)",
            "",
            "! constraint to_u on t: 1 row in t whose (id) is not in u",
            "23503",
            "DELETE FROM t WHERE id = 1",
        ),
        case(
            "[tables.t]\nprimary_key = [\"id\"]\ncolumns = { id = \"integer\", n = { type = \"integer\", using = \"n::integer\" } }",
            "CREATE TABLE t (id integer PRIMARY KEY, n text NOT NULL); INSERT INTO t VALUES (1, '12'), (2, 'x'), (3, '')",
            "rebuild",
            "! column t.n: 2 rows whose t.n does not become integer (id=2; id=3)",
            "22P02",
            "UPDATE t SET n = '3' WHERE id > 1",
        ),
        // As the server assigns: what a cast would cut off is in the way.
        case(
            "[tables.t]\nprimary_key = [\"id\"]\ncolumns = { id = \"integer\", n = \"varchar(3)\" }",
            "CREATE TABLE t (id integer PRIMARY KEY, n varchar(9) NOT NULL); INSERT INTO t VALUES (1, 'abc'), (2, 'abcd'), (3, 'abc  ')",
            "rebuild",
            "! column t.n: 1 row whose t.n does not become character varying(3) (id=2)",
            "22001",
            "UPDATE t SET n = 'x' WHERE id = 2",
        ),
        // Under its old name.
        case(
            "[tables.clients]\nrenamed_from = \"t\"\nprimary_key = [\"id\"]\ncolumns = { id = { type = \"integer\", renamed_from = \"no\" }, phone = { type = \"text\", null = true, renamed_from = \"fone\" } }\nchecks = [{ name = \"long\", expression = \"length(phone) > 2\" }]",
            "CREATE TABLE t (no integer PRIMARY KEY, fone text); INSERT INTO t VALUES (1, '123'), (2, '12'), (3, NULL)",
            "alter",
            "! constraint long on clients: 1 row in clients violating it (id=2)",
            "23514",
            "UPDATE t SET fone = '1234'",
        ),
        case(
            "[types.short]\ndomain = \"text\"\nchecks = [{ name = \"max\", expression = \"length(VALUE) < 4\" }]\n[tables.t]\nprimary_key = [\"id\"]\ncolumns = { id = \"integer\", value = \"short\" }",
            "CREATE DOMAIN short AS text; CREATE TABLE t (id integer PRIMARY KEY, value short NOT NULL); INSERT INTO t VALUES (1, 'abc'), (2, 'abcd')",
            "",
            "! constraint max on domain short: 1 row with a value of t.value violating it (id=2)",
            "23514",
            "UPDATE t SET value = 'x' WHERE id = 2",
        ),
        // Added NOT VALID before.
        case(
            "[tables.t]\ncolumns = { id = \"integer\" }\nchecks = [{ name = \"positive\", expression = \"id > 0\" }]",
            "CREATE TABLE t (id integer NOT NULL); INSERT INTO t VALUES (-1); ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 0) NOT VALID",
            "alter",
            "! constraint positive on t: 1 row in t violating it",
            "23514",
            "DELETE FROM t",
        ),
        // What is filled, is filled with NULL.
        case(
            "[tables.t]\nprimary_key = [\"id\"]\ncolumns = { id = \"integer\", twice = { type = \"integer\", backfill = \"nullif(id, 2) * 2\" } }",
            "CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2)",
            "",
            "! column t.twice: 1 row in t for which the backfill of twice is NULL (id=2)",
            "23502",
            "DELETE FROM t WHERE id = 2",
        ),
    ];
    if server_major() >= 15 {
        cases.push(case(
            "[tables.t]\ncolumns = { id = { type = \"integer\", null = true } }\nunique = [{ columns = [\"id\"], name = \"one\", nulls_distinct = false }]",
            "CREATE TABLE t (id integer); INSERT INTO t VALUES (1), (NULL), (NULL)",
            "",
            "! constraint one on t: 2 rows in t sharing (id) with others",
            "23505",
            "DELETE FROM t WHERE id IS NULL",
        ));
    }
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_found_and_are_those_at_which_a_step_would_fail() {
    for Case { manifest, tenant, allow, told, sqlstate, repair } in cases() {
        let database = Database::new().await;
        let folder = Folder::new(&format!("version = 1\n[tenants]\nlist = [\"acme\"]\n{manifest}"));
        database.run(&format!("CREATE SCHEMA acme; SET search_path = acme; {tenant}")).await;
        let allow = if allow.is_empty() { vec![] } else { vec!["--allow", allow] };
        let go = |args: &[&str]| go(&database, &folder, &[args, &allow].concat());
        let plan = go(&["plan", "acme"]).with(0).stdout;
        assert!(plan.contains(told), "{told}\n{plan}");
        assert!(!plan.contains("not counted"), "{plan}");
        let found = plan.lines().find(|line| line.trim_start().starts_with("SELECT "));
        if let Some(query) = found {
            // The count that was told.
            let count = database.count(&format!("({query}) AS q")).await;
            assert!(told.contains(&format!(": {count} row")), "{count}: {told}");
        } else {
            assert!(told.contains("does not become"), "{plan}");
        }
        // Nothing is tried, unless nobody looks: then the server says the same.
        let refused = go(&["apply", "acme"]).with(1).stderr;
        assert!(refused.contains("[rows-in-the-way]"), "{refused}");
        // Without the keys: what is logged has no values.
        let words = told.trim_start_matches("! ").split(" (id=").next().unwrap_or_default();
        let words = words.split(" (the id=").next().unwrap_or_default();
        let words = words.split(" (a=").next().unwrap_or_default();
        assert!(refused.contains(words) && !refused.contains("id=2"), "{refused}");
        let failed = go(&["apply", "acme", "--check-rows", "0"]).with(1).stderr;
        assert!(failed.contains(sqlstate), "{told}: {failed}");
        database.run(&format!("SET search_path = acme; {repair}")).await;
        let plan = go(&["plan", "acme"]).with(0).stdout;
        assert!(!plan.contains("rows in the way"), "{plan}");
        go(&["apply", "acme"]).with(0);
        let again = go(&["plan", "acme", "--detailed-exitcode"]);
        again.with(0);
    }
}

const FLEET: &str = "version = 1\n[tables.t]\nprimary_key = [\"id\"]\n\
                     columns = { id = \"integer\", day = \"date\", more = { type = \"text\", null = true } }\n";

/// Ten tenants; two of them have rows in the way.
async fn fleet() -> (Database, Folder) {
    let database = Database::new().await;
    let names: Vec<String> = (0..10).map(|n| format!("t{n}")).collect();
    for name in &names {
        database
            .run(&format!(
                "CREATE SCHEMA {name}; CREATE TABLE {name}.t (id integer PRIMARY KEY, day date)"
            ))
            .await;
    }
    database.run("INSERT INTO t3.t VALUES (1), (2); INSERT INTO t7.t VALUES (1, NULL), (9, current_date)").await;
    (database, Folder::new(&format!("{FLEET}[tenants]\nlist = {names:?}\n")))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_tenants_only_those_with_rows_in_the_way_fail() {
    let (database, folder) = fleet().await;
    let go = |args: &[&str]| go(&database, &folder, &[args, &["--allow", "alter"]].concat());
    let told = "column t.day: 2 tenants have 1–2 rows with NULL in t.day";
    let plan = go(&["plan", "--all"]).with(0).stdout;
    assert!(
        plan.contains(&format!("! {told}\n      t3: 2 (id=1; id=2)\n      t7: 1 (id=1)\n")),
        "{plan}"
    );
    assert!(
        plan.contains("10 tenants to bring up to date, 1 plan; 0 current; 2 with rows in the way."),
        "{plan}"
    );
    let page = go(&["plan", "--all", "--format", "markdown"]).with(0).stdout;
    assert!(page.contains("### Rows in the way"), "{page}");
    assert!(page.contains("column t.day: 2 tenants have 1–2 rows with NULL in t.day"), "{page}");
    let annotations = go(&["plan", "--all", "--format", "github"]).with(0).stdout;
    assert!(
        annotations.contains(&format!("::error title=rows in the way::{told} (t3: 2")),
        "{annotations}"
    );
    assert!(annotations.contains("::notice title=tenant plan::10 tenants (t0, "), "{annotations}");
    let json = go(&["plan", "--all", "--format", "json"]).with(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let way = &json["rows_in_the_way"][0];
    assert_eq!(way["problem"], "nulls");
    assert_eq!(way["tenants"], serde_json::json!(["t3", "t7"]));
    assert_eq!(way["examples"][0]["keys"], serde_json::json!(["id=1", "id=2"]));
    // Nothing is touched, unless all is clean.
    let ended = go(&["apply", "--all", "--require-clean"]).with(1).stdout;
    assert!(ended.contains("nothing was touched"), "{ended}");
    let added = "SELECT count(*)::text FROM information_schema.columns WHERE column_name = 'more'";
    assert_eq!(database.ask(added).await, "0");
    let records = "SELECT count(*)::text FROM pg_class WHERE relname = '_provision_state'";
    assert_eq!(database.ask(records).await, "0");
    // Otherwise, the others are done. What was saved is checked, too.
    go(&["plan", "--all", "--out", "fleet.json"]).with(0);
    let ended = go(&["apply", "--all"]).with(1);
    assert!(ended.stdout.contains("rows-in-the-way"), "{}", ended.stdout);
    assert!(ended.stdout.contains("updated            8"), "{}", ended.stdout);
    assert_eq!(database.ask(added).await, "8");
    assert_eq!(database.ask("SELECT count(*)::text FROM t3.t").await, "2");
    database.run("UPDATE t3.t SET day = current_date; UPDATE t7.t SET day = current_date").await;
    go(&["apply", "--all", "--require-clean"]).with(0);
    assert_eq!(database.ask(added).await, "10");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_counted_is_told() {
    let manifest = "version = 1\n[tenants]\nlist = [\"acme\", \"beta\"]\n[tables.t]\ncolumns = { id = \"integer\" }\n\
                    checks = [{ name = \"slow\", expression = \"pg_sleep(id) IS NOT NULL\" }]\n";
    let (database, folder) = (Database::new().await, Folder::new(manifest));
    for (name, seconds) in [("acme", "2"), ("beta", "0")] {
        let table = format!(
            "CREATE SCHEMA {name}; CREATE TABLE {name}.t AS SELECT {seconds} AS id;
                             ALTER TABLE {name}.t ALTER COLUMN id SET NOT NULL"
        );
        database.run(&table).await;
    }
    let go = |args: &[&str]| go(&database, &folder, args);
    let plan = go(&["plan", "acme", "--check-rows", "1"]).with(0).stdout;
    let told = "constraint slow on t: rows in t violating it: it would take longer than 1 s";
    assert!(plan.contains(told), "{plan}");
    let plan = go(&["plan", "--all", "--check-rows", "1"]).with(0).stdout;
    assert!(plan.contains(&format!("! {told} (1 tenant: acme)")), "{plan}");
    let plan = go(&["plan", "--all", "--check-rows", "0"]).with(0).stdout;
    assert!(plan.contains("--check-rows 0 (2 tenants: acme, beta)"), "{plan}");
    let ended = go(&["apply", "--all", "--check-rows", "1", "--require-clean"]).with(1).stdout;
    assert!(ended.contains("rows-not-counted"), "{ended}");
    assert_eq!(
        database.ask("SELECT count(*)::text FROM pg_constraint WHERE conname = 'slow'").await,
        "0"
    );
    let refused = go(&["apply", "beta", "--check-rows", "0", "--require-clean"]).with(1).stderr;
    assert!(refused.contains("[rows-not-counted]"), "{refused}");
    // It is tried: that it was not counted says nothing about it.
    go(&["apply", "--all", "--check-rows", "1"]).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_for_them_runs_no_code_of_others() {
    let manifest = "version = 1\n[tenants]\nlist = [\"acme\"]\n[tables.t]\nprimary_key = [\"id\"]\n\
                    columns = { id = \"integer\", day = \"date\" }\n\
                    [tables.u]\ncolumns = { id = \"integer\" }\n\
                    checks = [{ name = \"one\", expression = \"id > 0\" }]\n";
    let tenant = "
        CREATE TABLE public.marks (who text);
        GRANT INSERT ON public.marks TO PUBLIC;
        CREATE SCHEMA acme; SET search_path = acme;
        CREATE TABLE t (id integer PRIMARY KEY, day date); INSERT INTO t VALUES (1);
        CREATE TABLE u (id integer NOT NULL); INSERT INTO u VALUES (-1);";
    let stage = Stage::of(manifest, tenant, |eve| {
        format!("SET ROLE {eve}; {} CREATE TABLE acme.other ()", traitor("hers", "integer"))
    })
    .await;
    let plan = stage.run(&["plan", "acme", "--allow", "alter"]).with(0).stdout;
    assert!(plan.contains("! column t.day: 1 row with NULL in t.day"), "{plan}");
    assert!(plan.contains("it could run code of the schema's owner"), "{plan}");
    let plan = stage.run(&["plan", "--all", "--allow", "alter"]).with(0).stdout;
    assert!(plan.contains("! column t.day: 1 tenant has 1 row with NULL in t.day"), "{plan}");
    assert_eq!(stage.database.count("public.marks").await, 0);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_is_filled_and_then_required() {
    let before = "CREATE SCHEMA acme; SET search_path = acme;
        CREATE TABLE t (id integer PRIMARY KEY, old integer, name text);
        INSERT INTO t VALUES (1, 10, NULL), (2, 20, 'kept');";
    let manifest = r#"
version = 1
[tenants]
list = ["acme"]
[tables.t]
primary_key = ["id"]

[tables.t.columns]
id = "integer"
old = { type = "integer", null = true }
name = { type = "text", backfill = "'client ' || id" }
total = { type = "integer", default = "7", backfill = "old * 2" }
label = { type = "text", backfill = "total || name", null = true }
"#;
    let expected = "1 client 1 20 20client 1, 2 kept 40 40kept";
    let rows =
        "SELECT string_agg(concat_ws(' ', id, name, total, label), ', ' ORDER BY id) FROM acme.t";
    let (database, folder) = (Database::new().await, Folder::new(manifest));
    database.run(before).await;
    let run = |args: &[&str]| go(&database, &folder, args);
    run(&["apply", "acme", "--allow", "alter"]).with(0);
    assert_eq!(database.ask(rows).await, expected);
    database.run("INSERT INTO acme.t (id, name) VALUES (3, 'new')").await;
    assert_eq!(database.ask("SELECT concat(total, label) FROM acme.t WHERE id = 3").await, "7");
    run(&["plan", "acme", "--detailed-exitcode", "--allow", "alter"]).with(0);
    // The same as a script, which may be run again.
    let other = Database::new().await;
    other.run(before).await;
    let script = go(&other, &folder, &["plan", "acme", "--allow", "alter", "--format", "sql"]);
    let script = script.with(0).stdout;
    other.run(&script).await;
    other.run("UPDATE acme.t SET label = NULL").await;
    other.run(&script).await;
    other.run("UPDATE acme.t SET label = total || name WHERE id < 3").await;
    assert_eq!(other.ask(rows).await, expected);
    go(&other, &folder, &["plan", "acme", "--detailed-exitcode", "--allow", "alter"]).with(0);
    // What the server does not accept is told with its place.
    let wrong = manifest.replace("old * 2", "gone * 2");
    let told = go(&database, &Folder::new(&wrong), &["plan", "acme"]).with(1).stderr;
    assert!(told.contains("schema.toml:12:55:") && told.contains("gone"), "{told}");
}
