//! Privileges that roles are granted, which are named after tenants.

use crate::support::tool::{self, run};
use crate::support::{self, Database, Folder, context_of, converge};

/// Roles that go away with the value.
pub(crate) struct Roles {
    pub(crate) database: Database,
    /// What their names end with.
    pub(crate) suffix: String,
}

impl Roles {
    /// A database, and a role for each of the tenants.
    pub(crate) async fn new(tenants: &[&str]) -> Self {
        let (database, suffix) = (Database::new().await, uuid::Uuid::new_v4().simple().to_string());
        let roles = Self { database, suffix: suffix[..12].to_owned() };
        for tenant in tenants {
            roles.create(tenant).await;
        }
        roles
    }

    async fn create(&self, tenant: &str) {
        self.database.run(&format!("CREATE ROLE \"{tenant}_{}\"", self.suffix)).await;
    }

    /// The manifest, in which ROLE stands for the name of a tenant's role.
    pub(crate) fn filled(&self, manifest: &str) -> String {
        manifest.replace("ROLE", &format!("{{tenant_id}}_{}", self.suffix))
    }

    /// The name of the role of a tenant.
    pub(crate) fn name(&self, tenant: &str) -> String {
        format!("{tenant}_{}", self.suffix)
    }

    /// What the roles have, of the privileges of a column of ACLs.
    async fn acl(&self, query: &str) -> String {
        self.database.ask(query).await.replace(&format!("_{}", self.suffix), "")
    }

    /// The text with the names of roles as if they had no suffix.
    pub(crate) fn plain(&self, text: &str) -> String {
        text.replace(&format!("_{}", self.suffix), "_app")
    }
}

impl Drop for Roles {
    fn drop(&mut self) {
        // The roles can be dropped once nothing depends on them.
        let (url, suffix) = (self.database.url.clone(), self.suffix.clone());
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(support::run_on(
                &url,
                &format!(
                    "DO $$ DECLARE roles name[] := ARRAY(SELECT rolname FROM pg_roles \
                     WHERE rolname LIKE '%\\_{suffix}'); r name; BEGIN \
                     FOREACH r IN ARRAY roles LOOP EXECUTE format('DROP OWNED BY %I CASCADE', r); END LOOP; \
                     FOREACH r IN ARRAY roles LOOP EXECUTE format('DROP ROLE %I', r); END LOOP; END $$"
                ),
            ));
        });
        dropped.join().expect("the roles are dropped");
    }
}

const MANIFEST: &str = r#"
version = 1

[tables.invoices]
primary_key = ["id"]
columns = { id = "bigserial", total = "numeric", paid = "boolean" }
[tables.notes]
columns = { body = "text" }
[views.totals]
query = "SELECT total FROM {schema}.invoices"
[materialized_views.sums]
query = "SELECT sum(total) AS sum FROM {schema}.invoices"
[types.mood]
enum = ["good", "bad"]
[sequences.numbers]
[functions.touch]
arguments = "m {schema}.mood, n integer"
returns = "void"
language = "sql"
body = "SELECT"
set = { search_path = "" }

[[grants]]
to = "ROLE"
privileges = "usage"
on = ["schema", "sequences", "types"]
[[grants]]
to = "ROLE"
privileges = ["select", "insert"]
on = "tables"
[[grants]]
to = "ROLE"
privileges = ["update"]
on = "table invoices"
columns = ["total", "paid"]
[[grants]]
to = "ROLE"
privileges = "all"
on = ["table notes", "function touch(mood, integer)"]
grant_option = true

[[default_privileges]]
to = "ROLE"
privileges = ["select", "delete"]
on = "tables"
[[default_privileges]]
to = ["ROLE", "public"]
privileges = "all"
on = "routines"
"#;

fn tenants(roles: &Roles, ids: &[&str]) -> String {
    let list: Vec<String> = ids.iter().map(|id| format!("{id:?}")).collect();
    format!("{}[tenants]\nlist = [{}]\n", roles.filled(MANIFEST), list.join(", "))
}

/// A sequence comes with its column, and a column that exists is not given one.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_granted_on_what_does_not_come() {
    let database = Database::new().await;
    database.run("CREATE SCHEMA acme; CREATE TABLE acme.t (id bigint NOT NULL)").await;
    let manifest = "version = 1\n[tables.t]\ncolumns = { id = \"bigserial\" }\n\
                    [[grants]]\nto = \"pg_monitor\"\nprivileges = \"select\"\non = [\"tables\", \"sequences\"]\n";
    let context = context_of(manifest, &database);
    let applied = support::apply(&context, "acme").await.expect("the rest is done");
    let held: Vec<String> = applied.plan.held.iter().map(ToString::to_string).collect();
    assert_eq!(held, ["sequence t_id_seq: column t.id is not as declared"]);
    let granted = "SELECT (relacl IS NOT NULL)::text FROM pg_class WHERE oid = 'acme.t'::regclass";
    assert_eq!(database.ask(granted).await, "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_a_tenant_gets_what_is_declared() {
    let roles = Roles::new(&["acme"]).await;
    let database = &roles.database;
    let context = context_of(&roles.filled(MANIFEST), database);
    converge(&context, "acme").await;
    for (query, expected) in [
        ("SELECT nspacl[2]::text FROM pg_namespace WHERE nspname = 'acme'", "acme=U/"),
        ("SELECT relacl[2]::text FROM pg_class WHERE relname = 'invoices'", "acme=ar/"),
        ("SELECT relacl[2]::text FROM pg_class WHERE relname = 'totals'", "acme=ar/"),
        ("SELECT relacl[2]::text FROM pg_class WHERE relname = 'sums'", "acme=ar/"),
        ("SELECT relacl[2]::text FROM pg_class WHERE relname = 'numbers'", "acme=U/"),
        ("SELECT relacl[2]::text FROM pg_class WHERE relname = 'invoices_id_seq'", "acme=U/"),
        ("SELECT attacl[1]::text FROM pg_attribute WHERE attname = 'paid'", "acme=w/"),
        ("SELECT proacl[3]::text FROM pg_proc WHERE proname = 'touch'", "acme=X*/"),
        ("SELECT typacl[3]::text FROM pg_type WHERE typname = 'mood'", "acme=U/"),
        ("SELECT defaclacl[1]::text FROM pg_default_acl WHERE defaclobjtype = 'r'", "acme=rd/"),
    ] {
        let acl = roles.acl(query).await;
        assert!(acl.starts_with(expected), "{query}: {acl}");
    }
    let notes = roles.acl("SELECT relacl[2]::text FROM pg_class WHERE relname = 'notes'").await;
    assert!(notes.starts_with("acme=a*r*w*d*D*x*t*"), "{notes}");
    let again = support::plan(&context, "acme").await.expect("a plan");
    assert!(again.is_empty() && again.untouched().is_empty(), "{again:#?}");
    // What is created later.
    database.run("CREATE TABLE acme.later (x int)").await;
    let later = roles.acl("SELECT relacl[2]::text FROM pg_class WHERE relname = 'later'").await;
    assert!(later.starts_with("acme=rd/"), "{later}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_is_drift_and_comes_back_and_what_is_not_declared_stays() {
    let roles = Roles::new(&["acme", "beta", "gamma"]).await;
    let folder = Folder::new(&tenants(&roles, &["acme", "beta", "gamma"]));
    let go = |args: &[&str]| run(tool::on(&roles.database, folder.dir.path(), args));
    go(&["apply", "--all"]).with(0);
    go(&["drift"]).with(0);
    let role = format!("beta_{}", roles.suffix);
    for (revoked, told) in [
        ("SELECT ON beta.invoices", "grant select on table invoices to {tenant_id}_app"),
        (
            "UPDATE (paid) ON beta.invoices",
            "grant update (total, paid) on table invoices to {tenant_id}_app",
        ),
        ("USAGE ON SCHEMA beta", "grant usage on schema to {tenant_id}_app"),
        ("USAGE ON SEQUENCE beta.numbers", "grant usage on sequence numbers to {tenant_id}_app"),
        ("USAGE ON TYPE beta.mood", "grant usage on enum mood to {tenant_id}_app"),
        (
            "GRANT OPTION FOR EXECUTE ON FUNCTION beta.touch",
            "grant all on function touch(mood, integer) to {tenant_id}_app with grant option",
        ),
        ("TRUNCATE ON beta.notes", "grant all on table notes to {tenant_id}_app with grant option"),
    ] {
        roles.database.run(&format!("REVOKE {revoked} FROM \"{role}\"")).await;
        let drift = roles.plain(&go(&["drift"]).with(2).stdout);
        assert!(drift.contains(told), "{told}: {drift}");
        assert!(drift.contains("beta") && !drift.contains("acme"), "{drift}");
        let status = go(&["status", "beta"]).with(0).stdout;
        assert!(status.contains("1 missing"), "{status}");
        let plan = roles.plain(&go(&["plan", "beta"]).with(0).stdout);
        let told = told.replace("{tenant_id}", "beta");
        assert!(plan.contains(&format!("+ add {told}")), "{told}: {plan}");
        go(&["plan", "--all", "--out", "fleet.json"]).with(0);
        go(&["plan", "beta", "--out", "plan.json"]).with(0);
        go(&["apply", "--plan", "plan.json"]).with(0);
        go(&["drift"]).with(0);
    }
    let later = "ALTER DEFAULT PRIVILEGES IN SCHEMA beta REVOKE DELETE ON TABLES FROM";
    roles.database.run(&format!("{later} \"{role}\"")).await;
    let drift = roles.plain(&go(&["drift", "--format", "json"]).with(2).stdout);
    let drift: String = drift.split_whitespace().collect();
    assert!(
        drift.contains(r#""kind":"default_privilege","privileges":"delete","on":"tables""#),
        "{drift}"
    );
    go(&["plan", "--all", "--out", "fleet.json"]).with(0);
    go(&["apply", "--plan", "fleet.json"]).with(0);
    go(&["drift"]).with(0);
    // Not declared.
    let others = format!(
        "GRANT DELETE ON beta.invoices TO \"{role}\"; GRANT SELECT ON beta.invoices TO PUBLIC; \
         ALTER DEFAULT PRIVILEGES IN SCHEMA beta GRANT USAGE ON SEQUENCES TO \"{role}\""
    );
    roles.database.run(&others).await;
    go(&["drift"]).with(0);
    go(&["apply", "--all"]).with(0);
    let acl = "SELECT array_to_string(relacl[2:], ' ') FROM pg_class WHERE oid = 'beta.invoices'::regclass";
    let acl = roles.acl(acl).await;
    assert!(acl.contains("beta=ard/") && acl.contains(" =r/"), "{acl}");
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_to_a_role_that_does_not_exist_are_held_back_alone() {
    let roles = Roles::new(&["acme"]).await;
    let folder = Folder::new(&tenants(&roles, &["acme", "beta", "gamma"]));
    let go = |args: &[&str]| run(tool::on(&roles.database, folder.dir.path(), args));
    let plan = roles.plain(&go(&["plan", "beta"]).with(0).stdout);
    let held = "role beta_app does not exist: create it, which is not done here";
    assert!(plan.contains(held), "{plan}");
    assert!(plan.contains("| add grant select, insert on table invoices to beta_app"), "{plan}");
    let ended = go(&["apply", "beta"]).with(3);
    assert!(roles.plain(&ended.stdout).contains(held), "{}", ended.stdout);
    assert_eq!(roles.database.count("pg_tables WHERE schemaname = 'beta'").await, 3);
    // Told for all tenants alike.
    let ended = go(&["apply", "--all"]).with(3);
    assert!(
        roles.plain(&ended.stdout).contains("role gamma_app does not exist"),
        "{}",
        ended.stdout
    );
    let drift = roles.plain(&go(&["drift"]).with(2).stdout);
    assert!(drift.contains("role {tenant_id}_app does not exist"), "{drift}");
    assert!(drift.contains("2 tenants"), "{drift}");
    roles.create("beta").await;
    roles.create("gamma").await;
    go(&["apply", "--all"]).with(0);
    go(&["drift"]).with(0);
}

/// The same change in many tenants, the first of which shows what comes of it.
#[tokio::test(flavor = "multi_thread")]
async fn tenants_of_one_shape_get_a_new_table_with_its_privileges() {
    let ids: Vec<String> = (0..6).map(|n| format!("t{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let roles = Roles::new(&ids).await;
    let folder = Folder::new(&tenants(&roles, &ids));
    let go = |args: &[&str]| run(tool::on(&roles.database, folder.dir.path(), args));
    go(&["apply", "--all"]).with(0);
    let more = "[tables.more]\ncolumns = { x = \"integer\" }\n";
    folder.write("schema.toml", &(tenants(&roles, &ids) + more));
    go(&["apply", "--all"]).with(0);
    go(&["drift"]).with(0);
    for id in ids {
        let acl = format!("SELECT relacl[2]::text FROM pg_class WHERE oid = '{id}.more'::regclass");
        let acl = roles.acl(&acl).await;
        assert!(acl.starts_with(&format!("{id}=ard/")), "{acl}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_role_may_not_grant_is_held_back() {
    let roles = Roles::new(&["acme", "owner", "runner"]).await;
    let manifest = r#"
version = 1
[tables.a]
columns = { x = "integer" }
[tables.b]
columns = { x = "integer" }
[[grants]]
to = "ROLE"
privileges = ["select"]
on = "tables"
"#;
    let (owner, runner) =
        (format!("\"owner_{}\"", roles.suffix), format!("\"runner_{}\"", roles.suffix));
    roles
        .database
        .run(&format!(
            "CREATE SCHEMA acme AUTHORIZATION {runner}; GRANT CREATE ON DATABASE \"{}\" TO {runner}; \
             GRANT ALL ON SCHEMA acme TO {owner}; \
             SET ROLE {owner}; CREATE TABLE acme.a (x integer NOT NULL); GRANT SELECT ON acme.a TO {runner}",
            roles.database.name
        ))
        .await;
    let folder = Folder::new(&roles.filled(manifest));
    let go = |args: &[&str]| {
        let mut command = tool::on(&roles.database, folder.dir.path(), args);
        command.env("PGOPTIONS", format!("-c role={}", runner.trim_matches('"')));
        run(command)
    };
    let ended = go(&["apply", "acme"]).with(3);
    let told = roles.plain(&ended.stdout);
    assert!(told.contains("| add grant select on table a to acme_app"), "{told}");
    assert!(told.contains("runner_app neither owns it nor has the grant option"), "{told}");
    assert!(told.contains("+ add grant select on table b to acme_app"), "{told}");
    let option = format!("SET ROLE {owner}; GRANT SELECT ON acme.a TO {runner} WITH GRANT OPTION");
    roles.database.run(&option).await;
    go(&["apply", "acme"]).with(0);
    go(&["drift"]).with(0);
}

/// What has the name of a role for all, or of one of the server's own, is no tenant's role.
#[tokio::test(flavor = "multi_thread")]
async fn no_tenant_can_name_all_roles_or_a_role_of_the_server() {
    let database = Database::new().await;
    let manifest = "version = 1\n[tables.a]\ncolumns = { x = \"integer\" }\n\
                    [tenants]\nlist = [\"ublic\", \"g_monitor\", \"LONG\"]\n\
                    [[grants]]\nto = \"p{tenant_id}\"\nprivileges = \"select\"\non = \"tables\"\n";
    let long = "l".repeat(63);
    let folder = Folder::new(&manifest.replace("LONG", &long));
    let go = |args: &[&str]| run(tool::on(&database, folder.dir.path(), args));
    for (id, why) in [
        ("ublic", "\"public\" is reserved by PostgreSQL"),
        ("g_monitor", "\"pg_monitor\" is reserved by PostgreSQL"),
        (long.as_str(), "has 64 bytes, but PostgreSQL keeps only the first 63"),
    ] {
        let ended = go(&["apply", id]).with(3);
        assert!(ended.stdout.contains(why), "{}", ended.stdout);
    }
    assert_eq!(database.count("pg_class WHERE relname = 'a' AND relacl IS NULL").await, 3);
    go(&["drift"]).with(2);
}

/// With what waits for an object, the privileges on it wait.
#[tokio::test(flavor = "multi_thread")]
async fn privileges_on_what_is_held_back_are_held_back_with_it() {
    let roles = Roles::new(&["acme"]).await;
    let manifest = r#"
version = 1
[tables.a]
columns = { x = "integer", y = "integer" }
[tables.b]
columns = { x = "integer" }
[[grants]]
to = "ROLE"
privileges = "select"
on = "tables"
"#;
    roles.database.run("CREATE SCHEMA acme; CREATE VIEW acme.a AS SELECT 1 AS x").await;
    let context = context_of(&roles.filled(manifest), &roles.database);
    let applied = support::apply(&context, "acme").await.expect("an apply");
    let steps: Vec<String> =
        applied.plan.steps.iter().map(|step| roles.plain(&step.describe())).collect();
    assert_eq!(steps, ["create table b", "add grant select on table b to acme_app"]);
    // What would be granted on a table that is held back is not listed beside it.
    let held = &applied.plan.held;
    assert!(held.len() == 1 && held[0].steps == ["create table a"], "{held:#?}");
}

/// Objects that only SQL files declare are known to the server.
#[tokio::test(flavor = "multi_thread")]
async fn objects_of_sql_files_can_be_named() {
    let roles = Roles::new(&["acme"]).await;
    let manifest = "version = 1\n[sql]\nfiles = [\"a.sql\"]\n[[grants]]\nto = \"ROLE\"\n\
                    privileges = \"execute\"\non = [\"function f\", \"procedure p()\"]\n\
                    [[grants]]\nto = \"ROLE\"\nprivileges = \"select\"\non = \"table t\"\ncolumns = [\"x\"]\n";
    let sql = "CREATE TABLE t (x int, y int);\n\
               CREATE FUNCTION f(a t) RETURNS int LANGUAGE sql AS 'SELECT 1';\n\
               CREATE PROCEDURE p() LANGUAGE sql AS '';\n";
    let folder = Folder::new(&roles.filled(manifest));
    folder.write("a.sql", sql);
    let go = |args: &[&str]| run(tool::on(&roles.database, folder.dir.path(), args));
    go(&["apply", "acme"]).with(0);
    go(&["drift"]).with(0);
    for (from, to, told) in [
        ("function f", "function ff", "schema.toml:7:7: no function \"ff\" is declared"),
        ("table t", "table tt", "schema.toml:11:6: no table \"tt\" is declared"),
        ("[\"x\"]", "[\"z\"]", "schema.toml:11:6: table \"t\" has no column \"z\""),
        (
            "function f",
            "function f(int)",
            "schema.toml:7:7: no function f with these arguments is declared; there is \"function f(t)\"",
        ),
        ("\"execute\"", "\"maintain\"", "there is no privilege \"maintain\" on routines"),
    ] {
        folder.write("schema.toml", &roles.filled(manifest).replacen(from, to, 1));
        let ended = go(&["plan", "acme"]).with(1);
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
    }
    folder.write("schema.toml", &roles.filled(manifest));
    folder.write(
        "a.sql",
        &(sql.to_owned() + "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';\n"),
    );
    let ended = go(&["plan", "acme"]).with(1);
    let told = "2 functions are declared with this name; write one of";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
}

/// What has the privileges now is something else, and goes.
#[tokio::test(flavor = "multi_thread")]
async fn what_takes_the_place_of_something_else_gets_its_own() {
    let roles = Roles::new(&["acme"]).await;
    let grants = "\n[[grants]]\nto = \"ROLE\"\nprivileges = \"all\"\non = [\"tables\", \"routines\", \"types\"]\n";
    let manifest = |declared: &str| roles.filled(&format!("version = 1\n{declared}{grants}"));
    let before = "[functions.step]\narguments = \"int, int\"\nreturns = \"int\"\nsql_body = \"RETURN 1\"\n\
                  [aggregates.f]\narguments = \"int\"\nsfunc = \"step\"\nstype = \"int\"\n\
                  [types.e]\nenum = [\"a\"]\n[tables.v]\ncolumns = { x = \"int\" }\n";
    let after = "[functions.f]\narguments = \"int\"\nreturns = \"int\"\nsql_body = \"RETURN 1\"\n\
                 [types.e]\ndomain = \"int\"\n[views.v]\nquery = \"SELECT 1 AS x\"\n";
    let folder = Folder::new(&manifest(before));
    let go = |args: &[&str]| run(tool::on(&roles.database, folder.dir.path(), args));
    go(&["apply", "acme"]).with(0);
    folder.write("schema.toml", &manifest(after));
    go(&["apply", "acme", "--allow", "drop"]).with(0);
    go(&["drift"]).with(0);
}
