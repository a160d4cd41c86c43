//! Objects that get other names: in place, with everything that mentions them.

use crate::support::tool::go;
use crate::support::{Database, Folder, has_pg_dump, schema_dump};

/// Under the old names.
const OLD: &str = r#"
version = 1
[tenants]
list = ["acme", "beta"]

[types.state]
enum = ["open", "shut"]
[types.mail]
domain = "text"
checks = [{ name = "has_at", expression = "VALUE LIKE '%@%'" }]
[types.place]
attributes = { street = "text", town = "text" }
[sequences.numbers]

[tables.client]
primary_key = ["id"]
columns = { id = "bigserial", phone = "text", mail = { type = "mail", null = true }, state = { type = "state", default = "'open'" }, at = { type = "place", null = true } }
checks = [{ name = "phone_given", expression = "phone <> ''" }]
unique = [["phone"]]
indexes = [{ name = "by_phone", columns = ["phone"] }, { columns = [{ expression = "lower(phone)" }] }]
triggers = [{ name = "stamp", timing = "before", events = ["insert"], for_each = "row", function = "stamped" }]
policies = [{ name = "mine", using = "phone <> 'x'" }]
comment = "who pays"

[tables.orders]
primary_key = ["id"]
columns = { id = "integer", client = "bigint" }
foreign_keys = [{ columns = ["client"], references = { table = "client", columns = ["id"] } }]

[views.phones]
query = "SELECT id, phone, state FROM client WHERE state = 'open'"

[functions.stamped]
returns = "trigger"
language = "plpgsql"
body = "BEGIN RETURN NEW; END"

[functions.of_state]
arguments = "s state"
returns = "text"
language = "sql"
body = "SELECT $1::text"
"#;

/// The same under the new names.
const NEW: &str = r#"
version = 1
[tenants]
list = ["acme", "beta"]

[types.status]
renamed_from = "state"
enum = ["open", "closed"]
renamed_labels = { closed = "shut" }
[types.email]
renamed_from = "mail"
domain = "text"
checks = [{ name = "looks_right", renamed_from = "has_at", expression = "VALUE LIKE '%@%'" }]
[types.address]
renamed_from = "place"
attributes = { road = { type = "text", renamed_from = "street" }, town = "text" }
[sequences.counted]
renamed_from = "numbers"

[tables.clients]
renamed_from = "client"
primary_key = ["id"]
columns = { id = "bigserial", mobile = { type = "text", renamed_from = "phone" }, mail = { type = "email", null = true }, state = { type = "status", default = "'open'" }, at = { type = "address", null = true } }
checks = [{ name = "mobile_given", renamed_from = "phone_given", expression = "mobile <> ''" }]
unique = [["mobile"]]
indexes = [{ name = "by_mobile", renamed_from = "by_phone", columns = ["mobile"] }, { columns = [{ expression = "lower(mobile)" }] }]
triggers = [{ name = "stamped", renamed_from = "stamp", timing = "before", events = ["insert"], for_each = "row", function = "stamp" }]
policies = [{ name = "own", renamed_from = "mine", using = "mobile <> 'x'" }]
comment = "who pays"

[tables.orders]
primary_key = ["id"]
columns = { id = "integer", client = "bigint" }
foreign_keys = [{ columns = ["client"], references = { table = "clients", columns = ["id"] } }]

[views.mobiles]
renamed_from = "phones"
query = "SELECT id, mobile AS phone, state FROM clients WHERE state = 'open'"

[functions.stamp]
renamed_from = "stamped"
returns = "trigger"
language = "plpgsql"
body = "BEGIN RETURN NEW; END"

[functions.of_status]
renamed_from = "of_state"
arguments = "s status"
returns = "text"
language = "sql"
body = "SELECT $1::text"
"#;

const ROWS: &str = "INSERT INTO acme.client (phone, state) VALUES ('1', 'open'), ('2', 'shut');
                    INSERT INTO acme.orders VALUES (1, 1);";

async fn with_old_names() -> (Database, Folder) {
    let database = Database::new().await;
    go(&database, &Folder::new(OLD), &["apply", "--all"]).with(0);
    database.run(ROWS).await;
    (database, Folder::new(NEW))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_renamed_keeps_its_rows() {
    let (database, folder) = with_old_names().await;
    let go = |args: &[&str]| go(&database, &folder, args);
    // Without consent, nothing is created beside what has its old name.
    let plan = go(&["plan", "acme"]).with(0).stdout;
    for told in [
        "~ changed table client (--allow alter changes it)",
        "- name \"client\"",
        "+ name \"clients\"",
        "~ changed column clients.phone (--allow alter changes it)",
        "~ changed view phones (--allow alter changes it)",
        "~ changed label \"shut\" of enum status (--allow alter changes it)",
        "Nothing to do in schema acme.",
    ] {
        assert!(plan.contains(told), "{told}: {plan}");
    }
    assert!(!plan.contains("extra"), "{plan}");
    go(&["apply", "acme"]).with(3);
    assert_eq!(database.count("acme.client").await, 2);
    // With it, everything follows.
    let plan = go(&["plan", "acme", "--allow", "alter", "--sql"]).with(0).stdout;
    for told in [
        "~ rename table client to clients",
        "~ rename column clients.phone to mobile",
        "~ rename function of_state(state) to of_status",
        "ALTER TABLE \"acme\".\"client\" RENAME TO \"clients\"",
    ] {
        assert!(plan.contains(told), "{told}: {plan}");
    }
    let applied = go(&["apply", "acme", "--allow", "alter"]).with(0).stdout;
    assert!(applied.contains(" renamed ("), "{applied}");
    assert_eq!(
        database.ask("SELECT string_agg(mobile || state, ' ' ORDER BY id) FROM acme.clients").await,
        "1open 2closed"
    );
    assert_eq!(database.ask("SELECT phone FROM acme.mobiles").await, "1");
    database.run("INSERT INTO acme.clients (mobile) VALUES ('3')").await;
    let again = go(&["apply", "acme", "--allow", "alter"]).with(0).stdout;
    assert!(again.contains("is current") || again.contains("Nothing to do"), "{again}");
    // As in a tenant that is new.
    database.run("DROP SCHEMA beta CASCADE").await;
    go(&["apply", "beta"]).with(0);
    if has_pg_dump() {
        let dump = |schema| schema_dump(&database, schema).replace(schema, "");
        assert_eq!(dump("acme"), dump("beta"));
    }
    let drift = go(&["drift"]).with(0).stdout;
    assert!(drift.contains("2 in sync"), "{drift}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_renames_as_the_tool_does() {
    let (database, folder) = with_old_names().await;
    let go = |args: &[&str]| go(&database, &folder, args);
    let script = go(&["plan", "acme", "--allow", "alter", "--format", "sql"]).with(0).stdout;
    for _ in 0..2 {
        database.run(&script).await;
    }
    let plan = go(&["plan", "acme"]).with(0).stdout;
    assert!(plan.contains("Nothing to do in schema acme."), "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_object_may_be_renamed_by_name_and_what_waits_for_it_is_told() {
    let (database, folder) = with_old_names().await;
    let go = |args: &[&str]| go(&database, &folder, args);
    go(&["apply", "acme", "--allow", "alter:table clients,alter:column clients.*"]).with(3);
    assert_eq!(database.ask("SELECT phone FROM acme.phones WHERE id = 1").await, "1");
    assert_eq!(database.ask("SELECT mobile FROM acme.clients WHERE id = 2").await, "2");
    // All tenants, with a saved plan; each from where it stands.
    go(&["plan", "--all", "--allow", "alter", "--out", "all.json"]).with(0);
    go(&["apply", "--plan", "all.json"]).with(0);
    for tenant in ["acme", "beta"] {
        let plan = go(&["plan", tenant, "--detailed-exitcode"]).with(0).stdout;
        assert!(plan.contains("Nothing to do"), "{plan}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_names_are_an_error_of_that_tenant() {
    let (database, folder) = with_old_names().await;
    let go = |args: &[&str]| go(&database, &folder, args);
    database.run("CREATE TABLE acme.clients (id integer)").await;
    let told = go(&["plan", "acme"]).with(1).stderr;
    assert!(told.contains("table client and table clients both exist"), "{told}");
    let ended = go(&["apply", "--all", "--allow", "alter"]).with(1);
    let told = ended.stdout + &ended.stderr;
    assert!(told.contains("both-names") && told.contains("acme"), "{told}");
    assert_eq!(database.count("beta.clients").await, 0);
    assert_eq!(database.count("acme.client").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_made_follows_too() {
    let (database, folder) = with_old_names().await;
    let go = |args: &[&str]| go(&database, &folder, args);
    database
        .run(
            "CREATE VIEW acme.of_somebody AS SELECT phone FROM acme.client;
             CREATE INDEX own ON acme.client (mail)",
        )
        .await;
    let applied = go(&["apply", "acme", "--allow", "alter"]).with(3).stdout;
    assert!(applied.contains("2 extra"), "{applied}");
    assert_eq!(database.count("acme.of_somebody").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_have_been_renamed_is_refused() {
    let database = Database::new().await;
    for (manifest, told) in [
        (
            "[tables.t]\nrenamed_from = \"t\"\ncolumns = { id = \"int\" }",
            "that is the name that it has",
        ),
        (
            "[tables.t]\ncolumns = { id = \"int\" }\nindexes = [{ columns = [\"id\"], renamed_from = \"x\" }]",
            "renamed_from needs a name",
        ),
        (
            "[tables.t.columns]\na = { type = \"int\", renamed_from = \"c\" }\nb = { type = \"int\", renamed_from = \"c\" }",
            "\"c\" is already the old name of something else",
        ),
        (
            "[tables.t]\nrenamed_from = \"v\"\ncolumns = { id = \"int\" }\n[views.w]\nrenamed_from = \"v\"\nquery = \"SELECT 1\"",
            "\"v\" is already the old name of something else",
        ),
        (
            "[types.e]\nenum = [\"x\", \"y\"]\nrenamed_labels = { x = \"z\", y = \"z\" }",
            "\"z\" is already the old name of something else",
        ),
        (
            "[tables.t.columns]\na = { type = \"int\", renamed_from = \"b\" }\nb = \"int\"",
            "\"b\" is declared, too",
        ),
        (
            "[types.e]\nenum = [\"a\"]\nrenamed_labels = { b = \"c\" }",
            "the enum has no label \"b\"",
        ),
    ] {
        let folder = Folder::new(&format!("version = 1\n{manifest}"));
        let ended = go(&database, &folder, &["validate"]).with(1);
        assert!((ended.stderr.clone() + &ended.stdout).contains(told), "{told}: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_been_renamed_is_pointed_out() {
    let database = Database::new().await;
    database
        .run("CREATE SCHEMA acme; CREATE TABLE acme.t (id integer NOT NULL, phone text, fax integer)")
        .await;
    let folder = Folder::new(
        "version = 1\n[tables.t.columns]\nid = \"integer\"\nmobile = { type = \"text\", null = true }\n",
    );
    let go = |args: &[&str]| go(&database, &folder, args);
    for allow in ["alter", "drop"] {
        let plan = go(&["plan", "acme", "--allow", allow]).with(0).stdout;
        let told = "renamed? column t.mobile has the type of column t.phone: if it was that, declare \
                    renamed_from = \"phone\" for it";
        assert!(plan.contains(told) && !plan.contains("of column t.fax"), "{plan}");
    }
    let plan = go(&["plan", "acme", "--format", "json"]).with(0).stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).expect("JSON");
    assert_eq!(plan["perhaps_renamed"][0]["to"], plan["steps"][0]["object"]);
    go(&["apply", "acme"]).with(3);
    assert!(!go(&["plan", "acme"]).with(0).stdout.contains("renamed?"));
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_and_labels_follow_their_types() {
    let head = "version = 1\n[tenants]\nlist = [\"acme\", \"beta\"]\n";
    let function = |name: &str, arguments: &str| {
        format!(
            "[functions.{name}\narguments = \"{arguments}\"\nreturns = \"text\"\nlanguage = \"sql\"\nbody = \"SELECT 'x'\"\n"
        )
    };
    let old = format!(
        "{head}[types.'a \"b']\nenum = [\"x\"]\n[tables.t]\ncolumns = {{ a = \"text\" }}\n{}{}{}",
        function("f]", "x t"),
        function("g]", "x {schema}.t[], y integer"),
        function("h]", "x {schema}.\\\"a \\\"\\\"b\\\""),
    );
    let new = format!(
        "{head}[types.status]\nrenamed_from = 'a \"b'\nenum = [\"x\", \"y\"]\n[tables.t2]\nrenamed_from = \"t\"\n\
         columns = {{ a = \"text\", s = {{ type = \"status\", default = \"'y'\" }} }}\n{}{}{}",
        function("f2]\nrenamed_from = \"f\"", "x t2"),
        function("g]", "x {schema}.t2[], y integer"),
        function("h2]\nrenamed_from = \"h\"", "x status"),
    );
    let database = Database::new().await;
    go(&database, &Folder::new(&old), &["apply", "--all"]).with(0);
    database.run("CREATE FUNCTION acme.own(acme.t) RETURNS text LANGUAGE sql AS 'SELECT 1'").await;
    let folder = Folder::new(&new);
    // The new label is used at once, which takes a transaction of its own before.
    let applied = go(&database, &folder, &["apply", "acme", "--allow", "alter"]).with(3).stdout;
    assert!(applied.contains("1 extra"), "{applied}");
    let applied = go(&database, &folder, &["apply", "acme", "--allow", "drop"]).with(0).stdout;
    assert!(applied.contains("- drop function own(t2)"), "{applied}");
    go(&database, &folder, &["apply", "beta", "--allow", "alter"]).with(0);
    if has_pg_dump() {
        let dump = |schema| schema_dump(&database, schema).replace(schema, "");
        assert_eq!(dump("acme"), dump("beta"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_as_declared_but_for_its_name_gets_its_name() {
    let database = Database::new().await;
    database
        .run(
            "CREATE SCHEMA acme; SET search_path = acme;
             CREATE TABLE t (id integer CONSTRAINT mine PRIMARY KEY, a integer NOT NULL CONSTRAINT ones UNIQUE);
             CREATE INDEX by_hand ON t (a, id); CREATE INDEX taken ON t (id, a); CREATE INDEX other ON t ((a + 1));
             ALTER TABLE t REPLICA IDENTITY USING INDEX ones; COMMENT ON INDEX by_hand IS 'fast';
             CREATE TABLE of_t (id integer NOT NULL REFERENCES t)",
        )
        .await;
    let folder = Folder::new(
        r#"
version = 1
[tables.t]
primary_key = { columns = ["id"], name = "t_key" }
unique = [{ columns = ["a"], name = "one_a" }]
columns = { id = "integer", a = "integer" }
replica_identity = "one_a"
indexes = [
  { columns = ["a", "id"], name = "a_first", comment = "fast" },
  { columns = [{ expression = "a + 1" }], name = "taken" },
]
[tables.of_t]
columns = { id = "integer" }
foreign_keys = [{ columns = ["id"], references = { table = "t", columns = ["id"] } }]
"#,
    );
    let go = |args: &[&str]| go(&database, &folder, args);
    let plan = go(&["plan", "acme"]).with(0).stdout;
    assert!(plan.contains("~ changed constraint mine on t (--allow alter changes it)"), "{plan}");
    go(&["apply", "acme", "--allow", "alter:constraint mine on t"]).with(3);
    let applied = go(&["apply", "acme", "--allow", "alter"]).with(3).stdout;
    for told in ["rename constraint ones on t to one_a", "rename index by_hand on t to a_first"] {
        assert!(applied.contains(told), "{told}: {applied}");
    }
    let names = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class \
                 WHERE relnamespace = 'acme'::regnamespace AND relkind = 'i' AND relname NOT LIKE '\\_%'";
    assert_eq!(database.ask(names).await, "a_first one_a other t_key taken");
    assert_eq!(database.ask("SELECT obj_description('acme.a_first'::regclass)").await, "fast");
    let plan = go(&["plan", "acme", "--allow", "alter"]).with(0).stdout;
    assert!(plan.contains("Nothing to do in schema acme."), "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_has_code_on_is_not_renamed() {
    let (database, folder) = with_old_names().await;
    let role = format!("spy_of_{}", database.name);
    database
        .run(&format!(
            "CREATE ROLE {role}; CREATE TABLE public.betrayal (by text); GRANT ALL ON public.betrayal TO public;
             CREATE FUNCTION acme.spy() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN INSERT INTO public.betrayal VALUES (current_user); RETURN NEW; END';
             ALTER FUNCTION acme.spy() OWNER TO {role};
             CREATE TRIGGER spy BEFORE INSERT OR UPDATE ON acme.client FOR EACH ROW EXECUTE FUNCTION acme.spy()"
        ))
        .await;
    let go = |args: &[&str]| go(&database, &folder, args);
    let applied = go(&["apply", "acme", "--allow", "alter"]).with(3).stdout;
    assert!(applied.contains("| rename table client"), "{applied}");
    assert!(applied.contains(&format!("which belongs to {role}")), "{applied}");
    assert!(applied.contains("~ rename sequence numbers to counted"), "{applied}");
    assert_eq!(database.count("public.betrayal").await, 0);
    assert_eq!(database.count("acme.client").await, 2);
    go(&["apply", "beta", "--allow", "alter"]).with(0);
}
