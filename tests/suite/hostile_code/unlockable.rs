//! Tables that somebody could change meanwhile and that the role may not lock, and rows that row-level
//! security hides from it.

use provision::pg::Target;
use provision::reconcile::{self, Context, Outcome};
use provision::report;

use crate::support::tool::{on, run};
use crate::support::{self, Database, Folder, context_of, tenant, told};

const MANIFEST: &str = r#"
version = 1
[tables.t]
columns = { id = "int" }
[tables.u]
columns = { id = "int" }
[[seeds]]
table = "t"
key = ["id"]
rows = [{ id = 1 }]
[[seeds]]
table = "u"
key = ["id"]
rows = [{ id = 1 }]
"#;

/// A tenant whose owner is nobody trusted, and a role with some privileges.
struct Stage {
    database: Database,
    owner: String,
    role: String,
}

impl Stage {
    /// `grants` are made by the owner.
    async fn new(grants: &str) -> Self {
        let database = Database::new().await;
        let id = uuid::Uuid::new_v4().simple().to_string();
        let (owner, role) = (format!("owner_{id}"), format!("role_{id}"));
        let grants = grants.replace("{role}", &role);
        database
            .run(&format!(
                "CREATE ROLE {owner}; CREATE ROLE {role}; CREATE SCHEMA ten AUTHORIZATION {owner}; \
                 SET ROLE {owner}; CREATE TABLE ten.t (id int NOT NULL); \
                 CREATE TABLE ten.u (id int NOT NULL); INSERT INTO ten.t VALUES (1); \
                 INSERT INTO ten.u VALUES (1); GRANT USAGE ON SCHEMA ten TO {role}; {grants}"
            ))
            .await;
        Self { database, owner, role }
    }

    /// As the role, which is taken on when a connection is made.
    fn context(&self, manifest: &str) -> Context {
        let separator = if self.database.url.contains('?') { '&' } else { '?' };
        let url = format!("{}{separator}options=-c%20role%3D{}", self.database.url, self.role);
        let manifest = context_of(manifest, &self.database).manifest;
        let mut context = Context::new(manifest, Target::from_url(&url).expect("a usable URL"));
        context.elaborate_on = Some(self.database.target());
        context
    }

    async fn strike(self) {
        let Self { database, owner, role } = self;
        let sql = format!("DROP OWNED BY {owner}, {role} CASCADE; DROP ROLE {owner}, {role}");
        database.run(&sql).await;
    }
}

async fn status(context: &Context) -> reconcile::Status {
    let status = reconcile::status(context, &tenant(context, "ten"), 1).await;
    status.unwrap_or_else(|error| panic!("{}", told(&error)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_does_not_read_what_it_cannot_keep_from_changing() {
    let stage = Stage::new("GRANT SELECT ON ALL TABLES IN SCHEMA ten TO {role}").await;
    let found = status(&stage.context(MANIFEST)).await;
    assert!(!found.conforms && found.absent_rows == 2, "{found:?}");
    let shown = report::status(&found);
    let why = "baseline rows not looked for: table t could be changed by the schema's owner";
    assert!(shown.contains(why), "{shown}");
    let planned = support::plan(&stage.context(MANIFEST), "ten").await;
    let planned = planned.unwrap_or_else(|error| panic!("{}", told(&error)));
    assert!(planned.is_empty() && planned.held.len() == 2, "{planned:?}");
    // Whoever may lock it, or trusts its owner, reads it.
    let trusting = format!("{MANIFEST}[trust]\nowners = [\"owner_*\"]\n");
    assert!(status(&stage.context(&trusting)).await.conforms);
    stage.database.run(&format!("GRANT UPDATE ON ten.t, ten.u TO {}", stage.role)).await;
    assert!(status(&stage.context(MANIFEST)).await.conforms);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rest_of_a_tenant_is_done_where_row_level_security_binds() {
    let stage = Stage::new(
        "GRANT ALL ON SCHEMA ten TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA ten TO {role}; \
         ALTER TABLE ten.t ENABLE ROW LEVEL SECURITY; DELETE FROM ten.t; DELETE FROM ten.u",
    )
    .await;
    let context = stage.context(MANIFEST);
    let applied = support::apply(&context, "ten").await;
    let applied = applied.unwrap_or_else(|error| panic!("{}", told(&error)));
    assert!(matches!(applied.outcome, Outcome::Done { .. }), "{applied:?}");
    assert_eq!(stage.database.count("ten.u").await, 1, "{applied:?}");
    let [held] = applied.plan.held.as_slice() else { panic!("{applied:?}") };
    let why = format!("the row-level security policy of table t binds {}", stage.role);
    assert_eq!(held.reasons, std::slice::from_ref(&why), "{held:?}");
    // To trust whoever owns it changes nothing about that.
    let mut trusting = stage.context(MANIFEST);
    trusting.trusts_tenant_code = true;
    let planned = support::plan(&trusting, "ten").await;
    let planned = planned.unwrap_or_else(|error| panic!("{}", told(&error)));
    assert!(planned.is_empty() && planned.held[0].reasons == [why], "{planned:?}");
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_keeps_a_table_locked_holds_up_nobody_else() {
    let stage = Stage::new("").await;
    let Stage { database, owner, .. } = &stage;
    let mut locks = String::from("BEGIN");
    for n in 0..32 {
        database
            .run(&format!(
                "CREATE SCHEMA t{n} AUTHORIZATION {owner}; SET ROLE {owner}; \
                 CREATE TABLE t{n}.t (id int NOT NULL); CREATE TABLE t{n}.u (id int NOT NULL); \
                 INSERT INTO t{n}.t VALUES (1); INSERT INTO t{n}.u VALUES (1)"
            ))
            .await;
        if n % 8 == 0 {
            locks += &format!("; LOCK TABLE t{n}.t");
        }
    }
    let ids: Vec<String> = (0..32).map(|n| format!("\"t{n}\"")).collect();
    let folder = Folder::new(&MANIFEST.replace(
        "version = 1\n",
        &format!("version = 1\n[tenants]\nlist = [{}]\n", ids.join(", ")),
    ));
    let mut holder = database.connect().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(locks)).execute(&mut holder).await.expect("locks");
    let start = std::time::Instant::now();
    let command = on(database, folder.dir.path(), &["drift", "--lock-timeout", "0.5"]);
    let ended = run(command);
    // Half a second for each of the four, and not for each part of the fleet that one of them is in.
    assert!(start.elapsed() < std::time::Duration::from_secs(6), "{:?}", start.elapsed());
    assert!(ended.code == Some(1) && ended.stdout.contains("28 in sync"), "{ended:?}");
    drop(holder);
    stage.strike().await;
}
