//! Objects of SQL files that get other names, as the manifest says it of them.

use crate::support::tool::go;
use crate::support::{Database, Folder, has_pg_dump, schema_dump};

/// Under the old names.
const OLD: &str = r"
CREATE TYPE state AS ENUM ('open', 'shut');
CREATE DOMAIN mail AS text CONSTRAINT has_at CHECK (VALUE LIKE '%@%');
CREATE TYPE place AS (street text, town text);
CREATE TYPE span AS RANGE (subtype = integer, multirange_type_name = spans);
CREATE SEQUENCE numbers;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
CREATE FUNCTION of_state(s state) RETURNS text LANGUAGE sql AS 'SELECT $1::text';
CREATE PROCEDURE tidy() LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE total(integer) (SFUNC = pg_catalog.int4pl, STYPE = integer);
CREATE TABLE clients (
    id bigserial PRIMARY KEY,
    phone text NOT NULL UNIQUE CONSTRAINT phone_given CHECK (phone <> ''),
    mail mail,
    state state NOT NULL DEFAULT 'open',
    at place,
    during span
);
CREATE INDEX by_phone ON clients (lower(phone));
CREATE STATISTICS together ON phone, mail FROM clients;
CREATE TRIGGER before_all BEFORE INSERT ON clients FOR EACH ROW EXECUTE FUNCTION stamp();
ALTER TABLE clients ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON clients USING (phone <> 'x');
CREATE RULE never AS ON DELETE TO clients DO INSTEAD NOTHING;
CREATE TABLE orders (id integer PRIMARY KEY, client bigint REFERENCES clients);
CREATE VIEW phones AS SELECT id, phone, state FROM clients WHERE state = 'open';
CREATE MATERIALIZED VIEW sums AS SELECT count(*) AS n FROM clients;
CREATE INDEX of_n ON sums (n);
COMMENT ON COLUMN clients.phone IS 'how to call';
";

/// The same under the new names, and what each object was called before.
const NEW: &str = r"
CREATE TYPE status AS ENUM ('open', 'closed');
CREATE DOMAIN email AS text CONSTRAINT looks_right CHECK (VALUE LIKE '%@%');
CREATE TYPE address AS (road text, town text);
CREATE TYPE period AS RANGE (subtype = integer, multirange_type_name = spans);
CREATE SEQUENCE counted;
CREATE FUNCTION stamped() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
CREATE FUNCTION of_status(s status) RETURNS text LANGUAGE sql AS 'SELECT $1::text';
CREATE PROCEDURE clean() LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE sum_of(integer) (SFUNC = pg_catalog.int4pl, STYPE = integer);
CREATE TABLE customers (
    id bigserial PRIMARY KEY,
    mobile text NOT NULL UNIQUE CONSTRAINT mobile_given CHECK (mobile <> ''),
    mail email,
    state status NOT NULL DEFAULT 'open',
    at address,
    during period
);
CREATE INDEX by_mobile ON customers (lower(mobile));
CREATE STATISTICS both_of ON mobile, mail FROM customers;
CREATE TRIGGER first BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION stamped();
ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON customers USING (mobile <> 'x');
CREATE RULE kept AS ON DELETE TO customers DO INSTEAD NOTHING;
CREATE TABLE orders (id integer PRIMARY KEY, client bigint REFERENCES customers);
CREATE VIEW mobiles AS SELECT id, mobile AS phone, state FROM customers WHERE state = 'open';
CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n FROM customers;
CREATE INDEX by_n ON totals (n);
COMMENT ON COLUMN customers.mobile IS 'how to call';
";

const RENAMED: &str = r#"
[sql.renamed_from]
"enum status" = "state"
'label "closed" of enum status' = "shut"
"domain email" = "mail"
"constraint looks_right on domain email" = "has_at"
"composite type address" = "place"
"attribute address.road" = "street"
"range type period" = "span"
"sequence counted" = "numbers"
"function stamped" = "stamp"
"function of_status(status)" = "of_state"
"procedure clean" = "tidy"
"aggregate sum_of(integer)" = "total"
"table customers" = "clients"
"column customers.mobile" = "phone"
"constraint mobile_given on customers" = "phone_given"
"constraint customers_mobile_key on customers" = "clients_phone_key"
"index by_mobile on customers" = "by_phone"
"statistics both_of on customers" = "together"
"trigger first on customers" = "before_all"
"policy own on customers" = "mine"
"rule kept on customers" = "never"
"view mobiles" = "phones"
"materialized view totals" = "sums"
"index by_n on totals" = "of_n"
"#;

/// A manifest with one SQL file.
fn folder(sql: &str, more: &str) -> Folder {
    let head =
        "version = 1\n[tenants]\nlist = [\"acme\", \"beta\"]\n[sql]\nfiles = [\"all.sql\"]\n";
    let folder = Folder::new(&format!("{head}{more}"));
    folder.write("all.sql", sql);
    folder
}

async fn with_old_names() -> (Database, Folder) {
    let database = Database::new().await;
    go(&database, &folder(OLD, ""), &["apply", "--all"]).with(0);
    database
        .run(
            "INSERT INTO acme.clients (phone, state) VALUES ('1', 'open'), ('2', 'shut');
             INSERT INTO acme.orders VALUES (1, 1)",
        )
        .await;
    (database, folder(NEW, RENAMED))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_renamed_in_place() {
    let (database, folder) = with_old_names().await;
    let go = |args: &[&str]| go(&database, &folder, args);
    let needed = go(&["validate", "--all"]).with(0).stdout;
    assert!(needed.contains("24 renames, 2 tenants: 24 needed\n"), "{needed}");
    assert!(needed.contains("column customers.mobile, renamed from \"phone\""), "{needed}");
    // Without consent, nothing is created beside what has its old name.
    let plan = go(&["plan", "acme"]).with(0).stdout;
    for told in ["~ changed table clients (--allow alter", "Nothing to do in schema acme."] {
        assert!(plan.contains(told), "{told}: {plan}");
    }
    assert!(!plan.contains("extra"), "{plan}");
    // With it, nothing but names is changed.
    let plan = go(&["plan", "acme", "--allow", "alter"]).with(0).stdout;
    let steps: Vec<&str> = plan.lines().filter(|line| line.starts_with("    ")).collect();
    let others = steps.iter().filter(|line| {
        let line = line.trim_start();
        !line.starts_with("~ rename ") && !line.starts_with("! ")
    });
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&&str>::new(), "{plan}");
    for told in [
        "~ rename table clients to customers",
        "~ rename column customers.phone to mobile",
        "~ rename constraint clients_pkey on customers to customers_pkey",
        "~ rename sequence clients_id_seq to customers_id_seq",
    ] {
        assert!(plan.contains(told), "{told}: {plan}");
    }
    go(&["apply", "acme", "--allow", "alter"]).with(0);
    let rows = "SELECT string_agg(mobile || state, ' ' ORDER BY id) FROM acme.customers";
    assert_eq!(database.ask(rows).await, "1open 2closed");
    let needed = go(&["validate", "--all"]).with(0).stdout;
    assert!(needed.contains("24 needed") && !needed.contains("acme"), "{needed}");
    // As in a tenant that is new, where nothing had another name.
    database.run("DROP SCHEMA beta CASCADE").await;
    go(&["apply", "beta"]).with(0);
    if has_pg_dump() {
        let dump = |schema| schema_dump(&database, schema).replace(schema, "");
        assert_eq!(dump("acme"), dump("beta"));
    }
    let drift = go(&["drift"]).with(0).stdout;
    assert!(drift.contains("2 in sync"), "{drift}");
    let needed = go(&["validate", "--all"]).with(0).stdout;
    assert!(needed.contains("24 not needed any more\n"), "{needed}");
    assert!(go(&["validate", "--all", "--strict"]).code == Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_names_are_an_error_of_that_tenant_and_neither_is_none() {
    let (database, folder) = with_old_names().await;
    let go = |args: &[&str]| go(&database, &folder, args);
    database.run("CREATE TABLE acme.customers (id integer)").await;
    let ended = go(&["apply", "--all", "--allow", "alter"]).with(1);
    let told = ended.stdout + &ended.stderr;
    assert!(told.contains("table clients and table customers both exist"), "{told}");
    assert_eq!(database.count("acme.clients").await, 2);
    assert_eq!(database.count("beta.customers").await, 0);
    // Neither is there: it is created.
    database.run("DROP TABLE acme.customers; DROP TABLE acme.orders, acme.clients CASCADE").await;
    go(&["apply", "acme", "--allow", "alter"]).with(0);
    assert_eq!(database.count("acme.customers").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_functions_is_renamed_by_its_arguments() {
    let function = |name: &str, of: &str| {
        format!("CREATE FUNCTION {name}(x {of}) RETURNS {of} LANGUAGE sql AS 'SELECT $1';\n")
    };
    let database = Database::new().await;
    let old = function("f", "integer") + &function("f", "text");
    go(&database, &folder(&old, ""), &["apply", "--all"]).with(0);
    let new = function("f", "integer") + &function("g", "text");
    let one = folder(&new, "[sql.renamed_from]\n\"function g(text)\" = \"f\"\n");
    let applied = go(&database, &one, &["apply", "acme", "--allow", "alter"]).with(0).stdout;
    assert!(applied.contains("~ rename function f(text) to g"), "{applied}");
    let new = function("g", "integer") + &function("g", "text");
    let all = folder(&new, "[sql.renamed_from]\n\"function g\" = \"f\"\n");
    go(&database, &all, &["apply", "--all", "--allow", "alter"]).with(0);
    let names = "SELECT string_agg(proname::text, ' ') FROM pg_proc \
                 WHERE pronamespace IN ('acme'::regnamespace, 'beta'::regnamespace)";
    assert_eq!(database.ask(names).await, "g g g g");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_have_been_renamed_is_refused_with_its_place() {
    let database = Database::new().await;
    let sql = "CREATE TABLE t (id integer, a text, b text); CREATE VIEW v AS SELECT id FROM t;
               CREATE FUNCTION f(x integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'";
    let toml = "\n[tables.own]\ncolumns = { id = \"integer\" }\n[types.e]\nenum = [\"x\"]\n\
                [functions.own]\nreturns = \"integer\"\nlanguage = \"sql\"\nbody = \"SELECT 1\"\n";
    let check = |rename: &str, args: &[&str], told: &str| {
        let folder = folder(sql, &format!("[sql.renamed_from]\n{rename}{toml}"));
        let ended = go(&database, &folder, args).with(1);
        let all = ended.stdout + &ended.stderr;
        assert!(all.contains(told), "{told}: {all}");
    };
    let own = "is declared in the manifest, not in an SQL file: write renamed_from with the object";
    for (rename, told) in [
        ("t = \"x\"", "schema.toml:7:1: \"t\" is nothing that can be renamed: write the kind"),
        ("\"tabel t\" = \"x\"", "schema.toml:7:1: \"tabel t\" is nothing that can be renamed"),
        ("\"table\" = \"x\"", "\"table\" is nothing that can be renamed"),
        ("\"grant t\" = \"x\"", "\"grant t\" is nothing that can be renamed"),
        ("\"table own\" = \"x\"", &format!("schema.toml:7:1: table own {own}")),
        ("\"column own.id\" = \"x\"", &format!("column own.id {own}")),
        ("\"function own()\" = \"x\"", &format!("function own() {own}")),
        ("'label \"x\" of enum e' = \"y\"", "write renamed_labels with the object"),
        ("\"table t\" = \"\"", "schema.toml:7:13: "),
    ] {
        check(rename, &["validate"], told);
    }
    for (rename, told) in [
        ("\"table tt\" = \"x\"", "schema.toml:7:1: the SQL files declare no table tt"),
        (
            "\"column t.aa\" = \"x\"",
            "no column t.aa, as plans name objects; did you mean \"column t.a\"?",
        ),
        ("\"view t\" = \"x\"", "the SQL files declare no view t"),
        ("\"column v.id\" = \"x\"", "the SQL files declare no column v.id"),
        ("\"table t\" = \"t\"", "\"t\" is the name that table t has"),
        ("\"table t\" = \"v\"", "\"v\" is declared, too"),
        ("\"column t.a\" = \"b\"", "\"b\" is declared, too"),
        (
            "\"function f\" = \"x\"\n\"function f(integer)\" = \"x\"",
            "schema.toml:8:1: what function f(integer) was called before is said twice",
        ),
        (
            "\"table t\" = \"old\"\n\"view v\" = \"old\"",
            "schema.toml:8:1: \"old\" is already the old name of table t",
        ),
        (
            "\"column t.a\" = \"old\"\n\"column t.b\" = \"old\"",
            "schema.toml:8:1: \"old\" is already the old name of column t.a",
        ),
    ] {
        check(rename, &["plan", "acme"], told);
        check(rename, &["validate", "--all", "--allow-empty"], told);
    }
}
