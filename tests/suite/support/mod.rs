//! A server, a database of its own for each test, and the tool on top of them.

pub mod killing;
pub mod proxy;
pub mod service;
pub mod tool;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use provision::embedded::{self, Throwaway};
use provision::name::TenantId;
use provision::pg::{Session, Target};
use provision::plan::Plan;
use provision::reconcile::{Applied, ApplyOptions, Context, ReconcileError, Tenant};
use provision::{manifest, reconcile};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _};

/// Where tests run.
pub struct Server {
    /// With a database in it that always exists.
    url: String,
    /// Socket of the throwaway cluster.
    pub socket: Option<PathBuf>,
    /// Held so that the cluster lives; it ends with this process.
    _cluster: Option<Throwaway>,
}

pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        for name in ["PROVISION_TEST_URL", "DATABASE_URL"] {
            if let Ok(url) = std::env::var(name) {
                return Server { url, socket: None, _cluster: None };
            }
        }
        let settings = [("max_connections", "200"), ("max_locks_per_transaction", "256")];
        let settings = settings.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec();
        let cluster = embedded::throwaway(settings).unwrap_or_else(|error| {
            panic!("no server to test on: {}", provision::causes::chain(&error))
        });
        let socket = cluster.cluster().socket_dir.clone();
        let url = format!(
            "postgres:///{}?host={}&port={}&user={}",
            cluster.cluster().database,
            socket.display(),
            cluster.cluster().port,
            cluster.cluster().user
        );
        Server { url, socket: Some(socket), _cluster: Some(cluster) }
    })
}

/// Such as 15.
pub fn server_major() -> u32 {
    static MAJOR: OnceLock<u32> = OnceLock::new();
    *MAJOR.get_or_init(|| {
        let asked = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let options: PgConnectOptions = server().url.parse().expect("a usable test URL");
                let mut conn = options.connect().await.expect("the test server is reachable");
                let answer = sqlx::raw_sql("SHOW server_version_num").fetch_one(&mut conn).await;
                let number: String = answer.expect("a version").get(0);
                number.parse::<u32>().expect("a number") / 10_000
            })
        });
        asked.join().expect("the server's version")
    })
}

/// A database that goes away with the value.
pub struct Database {
    pub name: String,
    pub url: String,
}

impl Database {
    pub async fn new() -> Self {
        let name = format!("provision_test_{}", uuid::Uuid::new_v4().simple());
        let base = server().url.clone();
        run_on(&base, &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")).await;
        let url = with_database(&base, &name);
        Self { name, url }
    }

    /// Another database with the same in it; nobody may be connected to the first.
    pub async fn copy_of(original: &Self) -> Self {
        let name = format!("provision_test_{}", uuid::Uuid::new_v4().simple());
        let base = server().url.clone();
        run_on(&base, &format!("CREATE DATABASE {name} TEMPLATE {}", original.name)).await;
        let url = with_database(&base, &name);
        Self { name, url }
    }

    pub fn target(&self) -> Target {
        Target::from_url(&self.url).expect("the test URL is usable")
    }

    pub fn options(&self) -> PgConnectOptions {
        self.url.parse().expect("the test URL is usable")
    }

    pub async fn connect(&self) -> PgConnection {
        self.options().connect().await.expect("the test database is reachable")
    }

    /// Runs statements as somebody else than the tool would.
    pub async fn run(&self, sql: &str) {
        run_on(&self.url, sql).await;
    }

    /// The first column of the first row, as text.
    pub async fn ask(&self, sql: &str) -> String {
        let mut conn = self.connect().await;
        let row =
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_one(&mut conn).await.expect(sql);
        let text: Option<String> = row.try_get_unchecked(0).expect(sql);
        conn.close().await.expect("closing");
        text.unwrap_or_default()
    }

    pub async fn count(&self, what: &str) -> i64 {
        self.ask(&format!("SELECT count(*)::text FROM {what}")).await.parse().expect(what)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (base, name) = (server().url.clone(), self.name.clone());
        // A test's runtime may be gone or busy by now.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut conn = base.parse::<PgConnectOptions>()?.connect().await?;
                let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await?;
                Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
            })
        });
        let _ = dropped.join();
    }
}

fn with_database(url: &str, name: &str) -> String {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let authority_end = base.find("://").map_or(0, |at| at + 3);
    let path = base[authority_end..].find('/').map_or(base.len(), |at| authority_end + at);
    format!("{}/{name}?{query}", &base[..path])
}

pub async fn run_on(url: &str, sql: &str) {
    let options: PgConnectOptions = url.parse().expect("the test URL is usable");
    let mut conn = options.connect().await.expect("the test server is reachable");
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut conn)
        .await
        .unwrap_or_else(|error| panic!("{error}\n{sql}"));
    conn.close().await.expect("closing");
}

/// A folder with a manifest in it.
pub struct Folder {
    pub dir: tempfile::TempDir,
}

impl Folder {
    pub fn new(manifest: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = Self { dir };
        folder.write("schema.toml", manifest);
        folder
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("creating folders");
        std::fs::write(path, text).expect("writing a file");
    }

    pub fn manifest(&self) -> PathBuf {
        self.dir.path().join("schema.toml")
    }
}

/// The context of a manifest on a database, with little patience.
pub fn context(manifest: &Path, database: &Database) -> Context {
    let manifest = manifest::load(manifest)
        .unwrap_or_else(|error| panic!("{}", provision::causes::chain(&error)));
    let mut context = Context::new(manifest, database.target());
    context.actor = "the tests".into();
    context
}

pub fn context_of(manifest: &str, database: &Database) -> Context {
    context(&Folder::new(manifest).manifest(), database)
}

pub fn tenant(context: &Context, id: &str) -> Tenant {
    let id: TenantId = id.parse().expect("a tenant id");
    context.tenant(&id).expect("a schema name")
}

pub async fn plan(context: &Context, id: &str) -> Result<Plan, ReconcileError> {
    reconcile::plan(context, &tenant(context, id)).await
}

pub async fn apply(context: &Context, id: &str) -> Result<Applied, ReconcileError> {
    reconcile::apply(context, &tenant(context, id), None).await
}

/// A connection for one operation after another: in a new one, the server first has to read its catalogs.
#[derive(Default)]
pub struct Connection(Option<Session>);

impl Connection {
    pub async fn plan(&mut self, context: &Context, id: &str) -> Result<Plan, ReconcileError> {
        let mut session = match self.0.take() {
            Some(session) => session,
            None => Session::open(&context.target).await?,
        };
        let plan = reconcile::plan_on(&mut session, context, &tenant(context, id)).await?;
        self.0 = Some(session);
        Ok(plan)
    }

    pub async fn apply(&mut self, context: &Context, id: &str) -> Result<Applied, ReconcileError> {
        let options = ApplyOptions::default();
        reconcile::apply_on(&mut self.0, context, &tenant(context, id), options).await
    }

    /// The session, opened on `database` if there is none.
    pub async fn session(&mut self, database: &Database) -> &mut Session {
        if self.0.is_none() {
            self.0 = Some(Session::open(&database.target()).await.expect("a session"));
        }
        self.0.as_mut().expect("it was opened")
    }
}

/// Applies, and checks that nothing remains.
pub async fn converge(context: &Context, id: &str) -> Applied {
    let applied = apply(context, id).await.unwrap_or_else(|error| panic!("{}", told(&error)));
    let plan = plan(context, id).await.unwrap_or_else(|error| panic!("{}", told(&error)));
    assert!(plan.is_empty(), "not converged: {}", plan.to_sql());
    applied
}

/// An error as people see it.
pub fn told(error: &ReconcileError) -> String {
    provision::causes::chain(error)
}

/// The error of something that must fail.
pub fn refused<T>(result: Result<T, ReconcileError>) -> ReconcileError {
    match result {
        Ok(_) => panic!("it should have been refused"),
        Err(error) => error,
    }
}

/// A client program that comes with the server.
pub fn client_program(name: &str) -> PathBuf {
    let beside_server = embedded::bin_dir().map(|dir| dir.join(name));
    match beside_server {
        Ok(path) if path.exists() => path,
        _ => PathBuf::from(name),
    }
}

/// `pg_dump` reads no server that is newer than itself. Where none that is new enough can be had, this
/// must be said.
pub fn has_pg_dump() -> bool {
    std::env::var_os("PROVISION_TEST_WITHOUT_PG_DUMP").is_none()
}

/// The definition of a schema as `pg_dump` writes it, without the lines that name the schema.
pub fn schema_dump(database: &Database, schema: &str) -> String {
    let program = client_program("pg_dump");
    let output = std::process::Command::new(&program)
        .args(["--schema-only", "--no-owner", "--schema", schema, "--dbname", &database.url])
        .env_remove("PGOPTIONS")
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let of_interest = |line: &&str| {
        !line.starts_with("--") && !line.contains("SCHEMA") && !line.contains("restrict")
    };
    text.lines().filter(of_interest).map(|line| format!("{line}\n")).collect()
}

/// The same as sorted lines without the schema's name: columns, and objects of a kind, may be in another order.
pub fn schema_dump_lines(database: &Database, schema: &str) -> Vec<String> {
    let dump = schema_dump(database, schema);
    let dump = dump.replace(&format!("{schema}."), "").replace(&format!("\"{schema}\"."), "");
    let dump = dump.replace(schema, "");
    let mut lines: Vec<String> =
        dump.lines().map(|line| line.trim_end_matches(',').to_owned()).collect();
    lines.sort();
    lines
}
