//! Sets the scene: roles, tenants, what is planted in them, and who comes to look.

use std::io::Write as _;

use provision::pg::Target;
use provision::reconcile::Context;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use tokio::sync::Mutex;

use super::hooks::{By, Hook};
use crate::support::service::{Service, eventually};
use crate::support::tool::{RunReport, on, run};
use crate::support::{self, Database, Folder, server};

/// What the planted code raises.
pub const RAISED: &str = "EVIL1";

/// Table `t` misses a column, a row, a CHECK and an index, and has all the hooks; `u` misses a column
/// and a row, and has none; `n` is new.
pub const MANIFEST: &str = r#"
version = 1
[tenants]
query = "SELECT id FROM public.tenants ORDER BY id"
[types.mood]
enum = ["sad", "ok"]
[tables.t]
columns = { id = "int", kind = "mood", name = "text", more = { type = "int", null = true } }
checks = [{ name = "t_name", expression = "length(name) > 0" }]
indexes = [{ name = "t_name_idx", columns = ["name"] }]
[tables.u]
columns = { id = "int", more = { type = "int", null = true } }
[tables.n]
columns = { id = "int" }
[[seeds]]
table = "t"
key = ["id", "kind"]
rows = [{ id = 1, kind = "ok", name = "a" }, { id = 2, kind = "sad", name = "b" }]
[[seeds]]
table = "u"
key = ["id"]
rows = [{ id = 1 }, { id = 2 }]
"#;

/// The tenant before the tool comes, made by the role that owns it.
const TENANT: &str = "\
    CREATE SEQUENCE {h}.trace; \
    GRANT USAGE ON SCHEMA {h} TO PUBLIC; GRANT USAGE ON SEQUENCE {h}.trace TO PUBLIC; \
    CREATE TYPE {t}.mood AS ENUM ('sad', 'ok'); \
    CREATE TABLE {t}.t (id int NOT NULL, kind {t}.mood NOT NULL, name text NOT NULL); \
    INSERT INTO {t}.t VALUES (1, 'ok', 'a'); \
    CREATE TABLE {t}.u (id int NOT NULL); INSERT INTO {t}.u VALUES (1);";

/// Who runs the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runner {
    Superuser,
    /// Of the role that owns the tenants.
    Member,
    /// May read the tenants, and nothing else.
    Reader,
}

/// What the planted code does beside leaving its trace, once it is armed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arms {
    Raise,
    /// Nothing: it does what a well-meaning function would.
    Count,
}

/// A database in which every hook is planted in a tenant of its own.
pub struct Stage {
    pub runner: Runner,
    pub hooks: Vec<&'static Hook>,
    pub folder: Folder,
    original: Database,
    /// Owns the tenants' schemas and all in them.
    evil: String,
    stranger: String,
    /// The role of the runner; none for the superuser.
    role: Option<String>,
}

/// A database to run the tool on, with the URL of the runner.
pub struct Scene<'s> {
    pub stage: &'s Stage,
    pub database: Database,
    pub url: String,
    /// For questions of the test.
    conn: Mutex<PgConnection>,
}

impl Stage {
    pub async fn build(runner: Runner, hooks: Vec<&'static Hook>, arms: Arms) -> Self {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let original = Database::new().await;
        let role = (runner != Runner::Superuser).then(|| format!("runner_{id}"));
        let stage = Self {
            runner,
            hooks,
            folder: Folder::new(MANIFEST),
            original,
            evil: format!("evil_{id}"),
            stranger: format!("stranger_{id}"),
            role,
        };
        let (evil, stranger) = (&stage.evil, &stage.stranger);
        let roles = format!(
            "CREATE ROLE {evil}; CREATE ROLE {stranger}; \
             CREATE TABLE public.tenants (id text); GRANT SELECT ON public.tenants TO PUBLIC"
        );
        stage.original.run(&roles).await;
        if let Some(role) = &stage.role {
            let password = format!("CREATE ROLE {role} LOGIN PASSWORD '{role}'");
            stage.original.run(&password).await;
            if runner == Runner::Member {
                stage.original.run(&format!("GRANT {evil} TO {role}")).await;
            }
            admit(&stage.original, role).await;
        }
        stage.allow(&stage.original).await;
        stage.plant(arms).await;
        stage
    }

    /// What a copy of a database does not have.
    async fn allow(&self, database: &Database) {
        if let (Runner::Member, Some(role)) = (self.runner, &self.role) {
            database.run(&format!("GRANT CREATE ON DATABASE {} TO {role}", database.name)).await;
        }
    }

    async fn plant(&self, arms: Arms) {
        let evil = &self.evil;
        for hook in &self.hooks {
            self.run(
                hook,
                &format!(
                    "CREATE SCHEMA {{h}} AUTHORIZATION {evil}; \
                     CREATE SCHEMA {{t}} AUTHORIZATION {evil}; SET ROLE {evil}; {TENANT}"
                ),
            )
            .await;
        }
        self.keep_records().await;
        for hook in &self.hooks {
            let first = format!("SET ROLE {evil}; {};", hook.first);
            let owner = if hook.is_of_stranger { &self.stranger } else { evil };
            let code = hook.code.iter().map(|(head, value)| {
                let name = head.split_once('(').map_or(*head, |(name, _)| name);
                function(head, &format!("RETURN {value};"))
                    + &format!("ALTER FUNCTION {{h}}.{name} OWNER TO {owner};")
            });
            let code: String = code.collect();
            let by = if hook.by == By::Owner { evil.as_str() } else { "NONE" };
            let sql = if hook.by == By::SuperuserAtLast { "" } else { hook.sql };
            self.run(hook, &format!("{first} RESET ROLE; {code} SET ROLE {by}; {sql}")).await;
        }
        self.forge_records().await;
        let role = self.role.as_deref().unwrap_or("CURRENT_USER");
        for hook in &self.hooks {
            if self.runner == Runner::Reader {
                let grant = format!(
                    "GRANT USAGE ON SCHEMA {{t}} TO {role}; \
                     GRANT SELECT ON ALL TABLES IN SCHEMA {{t}} TO {role}"
                );
                self.run(hook, &grant).await;
            }
            let armed: String =
                hook.code.iter().map(|(head, value)| function(head, &arms.body(value))).collect();
            let at_last = if hook.by == By::SuperuserAtLast { hook.sql } else { "" };
            let id = hook.name;
            self.run(
                hook,
                &format!(
                    "INSERT INTO public.tenants SELECT '{id}' \
                     WHERE NOT EXISTS (SELECT FROM public.tenants WHERE id = '{id}'); \
                     SELECT setval('{{h}}.trace', 1, false); {armed} {at_last}"
                ),
            )
            .await;
        }
    }

    /// Lets the tool make the records that are to be forged; what it has added is dropped again.
    async fn keep_records(&self) {
        let of_record: Vec<_> = self.hooks.iter().filter(|hook| hook.is_of_record).collect();
        for hook in &of_record {
            self.run(hook, "INSERT INTO public.tenants VALUES ('{t}')").await;
        }
        if of_record.is_empty() {
            return;
        }
        // Readers get to see what a superuser has made.
        let url = match self.runner {
            Runner::Reader => self.original.url.clone(),
            _ => self.url(&self.original),
        };
        let ended = self.tool_at(&self.original, &url, &["apply", "--all"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        for hook in &of_record {
            let evil = &self.evil;
            self.run(
                hook,
                &format!(
                    "GRANT ALL ON {{t}}._provision_state TO {evil}; SET ROLE {evil}; \
                     ALTER TABLE {{t}}.t DROP COLUMN more; ALTER TABLE {{t}}.u DROP COLUMN more"
                ),
            )
            .await;
        }
    }

    /// Lets the records say that the tenants are as the newest apply left them.
    async fn forge_records(&self) {
        let of_record = || self.hooks.iter().filter(|hook| hook.is_of_record);
        let Some(any) = of_record().next() else {
            return;
        };
        let url = self.original.url.clone();
        let status = ["status", any.name, "--format", "json"];
        let ended = self.tool_at(&self.original, &url, &status).with(0);
        let status: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
        let fingerprint = status["fingerprint"].as_str().expect("a fingerprint");
        for hook in of_record() {
            let kept = hook.filled("{t}._provision_state");
            let kind = format!("SELECT relkind::text FROM pg_class WHERE oid = '{kept}'::regclass");
            if self.original.ask(&kind).await == "r" {
                self.run(hook, &format!("UPDATE {kept} SET fingerprint = '{fingerprint}'")).await;
            }
        }
    }

    async fn run(&self, hook: &Hook, sql: &str) {
        self.original.run(&hook.filled(sql)).await;
    }

    /// The URL of the runner.
    fn url(&self, database: &Database) -> String {
        match &self.role {
            None => database.url.clone(),
            Some(role) => as_role(&database.url, role),
        }
    }

    fn tool_at(&self, database: &Database, url: &str, args: &[&str]) -> RunReport {
        let mut command = on(database, self.folder.dir.path(), args);
        command.env("DATABASE_URL", url);
        if self.runner == Runner::Reader {
            command.env("PROVISION_ELABORATE_URL", &database.url);
        }
        run(command)
    }

    /// The same once more, for a run of its own.
    pub async fn scene(&self) -> Scene<'_> {
        let database = Database::copy_of(&self.original).await;
        self.allow(&database).await;
        let url = self.url(&database);
        let conn = Mutex::new(database.connect().await);
        Scene { stage: self, database, url, conn }
    }

    /// Takes all of it away, once there are no scenes.
    pub async fn strike(self) {
        let Self { original, evil, stranger, role, .. } = self;
        drop(original);
        let base = Database::new().await;
        for role in [Some(evil), Some(stranger), role].into_iter().flatten() {
            base.run(&format!("DROP ROLE {role}")).await;
        }
    }
}

impl Scene<'_> {
    pub fn tool(&self, args: &[&str]) -> RunReport {
        self.stage.tool_at(&self.database, &self.url, args)
    }

    /// The service, which looks at all tenants at once, and then so often in seconds; with 0, never.
    pub fn service(&self, interval: &str) -> Service {
        Service::start_on(&self.url, Folder::new(MANIFEST), &["--interval", interval])
    }

    /// For runs within this process.
    pub fn context(&self) -> Context {
        let mut context = support::context(&self.stage.folder.manifest(), &self.database);
        context.target = Target::from_url(&self.url).expect("a usable URL");
        context.elaborate_on =
            (self.stage.runner == Runner::Reader).then(|| self.database.target());
        context
    }

    /// Those of the tenants whose code has run since this was last asked.
    pub async fn traces(&self, hooks: &[&Hook]) -> Vec<String> {
        let one = |hook: &&Hook| {
            hook.filled(
                "SELECT '{t}' AS id, setval('{h}.trace', 1, false) FROM {h}.trace WHERE is_called",
            )
        };
        let all: Vec<String> = hooks.iter().map(one).collect();
        let sql = format!("SELECT string_agg(q.id, ' ') FROM ({}) q", all.join(" UNION ALL "));
        self.ask(sql).await.split_whitespace().map(str::to_owned).collect()
    }

    pub async fn is_true(&self, hook: &Hook, condition: &str) -> bool {
        self.ask(format!("SELECT ({})::text", hook.filled(condition))).await == "true"
    }

    async fn ask(&self, sql: String) -> String {
        let mut conn = self.conn.lock().await;
        let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(&mut *conn).await.expect("an answer");
        let text: Option<String> = row.try_get_unchecked(0).expect("text");
        text.unwrap_or_default()
    }
}

impl Arms {
    fn body(self, value: &str) -> String {
        // Where nothing may be written, the error alone tells.
        let trace = "BEGIN PERFORM nextval('{h}.trace'); \
                     EXCEPTION WHEN read_only_sql_transaction THEN NULL; END;";
        match self {
            Self::Raise => {
                format!("{trace} RAISE EXCEPTION 'planted code ran' USING ERRCODE = '{RAISED}';")
            }
            Self::Count => format!("{trace} RETURN {value};"),
        }
    }
}

fn function(head: &str, body: &str) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION {{h}}.{head} LANGUAGE plpgsql IMMUTABLE AS \
         $body$ BEGIN {body} END $body$;"
    )
}

fn as_role(url: &str, role: &str) -> String {
    if let Some((head, tail)) = url.split_once("user=") {
        let rest = tail.find('&').map_or("", |at| &tail[at..]);
        return format!("{head}user={role}{rest}");
    }
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let host = rest.split_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{role}:{role}@{host}")
}

/// Lets the account that the tests run under log in as the role, where the server asks the operating
/// system for it; elsewhere the role has a password.
async fn admit(database: &Database, role: &str) {
    if server().socket.is_none() {
        return;
    }
    let file = database.ask("SHOW ident_file").await;
    let owner = database.ask("SELECT current_user::text").await;
    let known = std::fs::read_to_string(&file).expect("the map of names");
    let lines = known.lines().filter_map(|line| line.strip_suffix(owner.as_str()));
    let lines: String = lines.map(|line| format!("{line}{role}\n")).collect();
    let mut map = std::fs::OpenOptions::new().append(true).open(&file).expect("the map of names");
    map.write_all(lines.as_bytes()).expect("the map of names");
    database.run("SELECT pg_reload_conf()").await;
    let options: sqlx::postgres::PgConnectOptions =
        as_role(&database.url, role).parse().expect("a URL");
    eventually("the role can log in", async || {
        sqlx::ConnectOptions::connect(&options).await.is_ok()
    })
    .await;
}
