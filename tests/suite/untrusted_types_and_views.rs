//! Types and materialized views in tenants whose owners are not trusted: none of their code is run.

use uuid::Uuid;

use crate::support::tool::{RunReport, on, run};
use crate::support::{Database, Folder};

const MANIFEST: &str = r#"
version = 1

[tenants]
list = ["acme"]

[tables.t]
columns = { id = "integer", d = "short", e = { type = "integer", null = true } }

[types.short]
domain = "text"
checks = [{ name = "old", expression = "f(length(VALUE)) > 0" }, { name = "new", expression = "length(VALUE) < 9" }]

[views.v]
query = "SELECT id FROM t WHERE id > 0"

[materialized_views.m]
query = "SELECT id FROM v"

[functions.f]
arguments = "a integer"
returns = "integer"
language = "sql"
body = "SELECT 1"
"#;

/// A tenant that lacks a check of its domain, and whose materialized view was never filled.
const TENANT: &str = "
    CREATE TABLE public.marks (who text);
    GRANT INSERT ON public.marks TO PUBLIC;
    CREATE SCHEMA acme; SET search_path = acme;
    CREATE FUNCTION f(a integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
    CREATE DOMAIN short AS text CONSTRAINT old CHECK (f(length(VALUE)) > 0);
    CREATE TABLE t (id integer NOT NULL, d short NOT NULL, e integer);
    INSERT INTO t VALUES (1, 'a');
    CREATE VIEW v AS SELECT id FROM t WHERE id > 0;
    CREATE MATERIALIZED VIEW m AS SELECT id FROM v WITH NO DATA;";

/// What would betray itself, in a function of this name.
pub fn traitor(name: &str, result: &str) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION acme.{name}(a integer) RETURNS {result} LANGUAGE plpgsql AS \
         $$BEGIN INSERT INTO public.marks VALUES (current_user); RETURN 1; END$$;"
    )
}

pub struct Stage {
    pub database: Database,
    eve: String,
    folder: Folder,
}

impl Stage {
    async fn build(sql: impl Fn(&str) -> String) -> Self {
        Self::of(MANIFEST, TENANT, sql).await
    }

    /// A tenant of a superuser, in which `eve` may create objects; `sql` makes some of them hers.
    pub async fn of(manifest: &str, tenant: &str, sql: impl Fn(&str) -> String) -> Self {
        let database = Database::new().await;
        let eve = format!("eve_{}", Uuid::new_v4().simple());
        database.run(&format!("CREATE ROLE {eve}; {tenant}")).await;
        database.run(&format!("GRANT USAGE, CREATE ON SCHEMA acme TO {eve}; {}", sql(&eve))).await;
        Self { database, eve, folder: Folder::new(manifest) }
    }

    pub fn run(&self, args: &[&str]) -> RunReport {
        run(on(&self.database, self.folder.dir.path(), args))
    }

    async fn is_filled(&self) -> bool {
        let filled = "SELECT relispopulated::text FROM pg_class WHERE oid = 'acme.m'::regclass";
        self.database.ask(filled).await == "true"
    }

    /// Nothing is run by whatever reads or applies, and what would run it is held back.
    pub async fn holds_back(&self, step: &str) {
        let plan = self.run(&["plan", "acme"]).stdout;
        let held = plan.split_once("held back:").map(|(_, held)| held).unwrap_or_default();
        assert!(held.contains(step), "{plan}");
        self.run(&["drift"]);
        self.run(&["apply", "acme"]).with(3);
        self.run(&["apply", "acme"]).with(3);
        assert_eq!(self.database.count("public.marks").await, 0);
    }

    pub async fn strike(self) {
        let eve = &self.eve;
        self.database.run(&format!("DROP OWNED BY {eve} CASCADE; DROP ROLE {eve}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_materialized_view_is_filled_where_all_is_trusted() {
    let stage = Stage::build(|_| String::new()).await;
    stage.run(&["apply", "acme"]).with(0);
    assert!(stage.is_filled().await);
    assert_eq!(stage.database.count("acme.m").await, 1);
    // It may be filled anew, or emptied, by whoever uses it.
    stage.database.run("REFRESH MATERIALIZED VIEW acme.m WITH NO DATA").await;
    let plan = stage.run(&["plan", "acme"]).stdout;
    assert!(plan.contains("1 to refresh"), "{plan}");
    stage.run(&["apply", "acme"]).with(0);
    stage.run(&["drift"]).with(0);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_could_call_a_function_of_others_is_not_run() {
    let stage = Stage::build(|eve| {
        let traitor = traitor("f", "integer");
        format!("ALTER FUNCTION acme.f OWNER TO {eve}; SET ROLE {eve}; {traitor}")
    })
    .await;
    stage.holds_back("refresh data of materialized view m").await;
    assert!(!stage.is_filled().await);
    // The check of the domain calls it for each value that is checked.
    stage.holds_back("add constraint new on domain short").await;
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_of_others_is_not_read() {
    let stage = Stage::build(|eve| {
        format!(
            "SET ROLE {eve}; {} RESET ROLE; GRANT SELECT ON acme.t TO {eve};
             ALTER VIEW acme.v OWNER TO {eve}; SET ROLE {eve};
             CREATE OR REPLACE VIEW acme.v AS SELECT id FROM acme.t WHERE acme.hers(id)",
            traitor("hers", "boolean").replace("RETURN 1", "RETURN true")
        )
    })
    .await;
    stage.holds_back("refresh data of materialized view m").await;
    // Nor when it looks as declared: its owner could replace it at any moment.
    stage.database.run("CREATE OR REPLACE VIEW acme.v AS SELECT id FROM acme.t WHERE id > 0").await;
    stage.database.run("DROP FUNCTION acme.hers").await;
    stage.holds_back("refresh data of materialized view m").await;
    assert!(!stage.is_filled().await);
    stage.run(&["apply", "acme", "--trust-tenant-code"]);
    assert!(stage.is_filled().await);
    stage.strike().await;
}
