//! Behind PgBouncer in transaction mode, as it comes: each transaction may run on another backend,
//! and what one leaves behind, a stranger finds.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use provision::embedded::{self, Cluster, Throwaway};

use crate::serve_loop::leaders;
use crate::support::Folder;
use crate::support::service::{Service, eventually};
use crate::support::tool::{run, tool};

const MANIFEST: &str = r#"
version = 1
[types.kind]
enum = ["a", "b"]
[tables.things]
primary_key = ["id"]
checks = ["length(name) > 0"]
columns = { id = "uuid", kind = "kind", name = "text" }
indexes = [{ columns = [{ expression = "lower(name)" }] }]
[[seeds]]
table = "things"
key = ["id"]
rows = [{ id = "00000000-0000-0000-0000-000000000001", kind = "b", name = "first" }]
"#;

/// Few, so that they are shared.
const BACKENDS: usize = 3;

struct Pooler {
    child: Child,
    /// Through the pooler.
    url: String,
    _folder: Folder,
    _cluster: Throwaway,
}

impl Pooler {
    /// On a server of its own: the pooler is let in by its account.
    fn start() -> Self {
        let cluster = embedded::throwaway(Vec::new()).expect("a server");
        let Cluster { socket_dir, port, user, database, .. } = cluster.cluster();
        let folder = Folder::new(MANIFEST);
        let dir = folder.dir.path();
        let socket = socket_dir.display();
        folder.write(
            "pgbouncer.ini",
            &format!(
                "[databases]\n* = host={socket} port={port} user={user}\n[pgbouncer]\n\
                 listen_addr =\nunix_socket_dir = {}\nauth_type = any\npool_mode = transaction\n\
                 default_pool_size = {BACKENDS}\n",
                dir.display()
            ),
        );
        // It refuses root, too: then it runs under the server's account.
        let id = |args: &[&str]| {
            let output = Command::new("id").args(args).output().expect("id runs");
            String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
        };
        let mut command = Command::new(program());
        if id(&["-u"]) == "0" {
            let owner = Command::new("stat").args(["-c", "%U"]).arg(socket_dir).output();
            let owner = String::from_utf8(owner.expect("stat runs").stdout).expect("UTF-8");
            let given = Command::new("chown").args(["-R", owner.trim()]).arg(dir).status();
            assert!(given.expect("chown runs").success());
            command.args(["-u", owner.trim()]);
        }
        command.arg(dir.join("pgbouncer.ini")).stdin(Stdio::null());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.expect("PgBouncer starts");
        let end = Instant::now() + Duration::from_secs(30);
        while UnixStream::connect(dir.join(".s.PGSQL.6432")).is_err() {
            assert!(Instant::now() < end, "PgBouncer does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        let url = format!("postgres:///{database}?host={}&port=6432&user={user}", dir.display());
        Self { child, url, _folder: folder, _cluster: cluster }
    }

    /// The tool, through the pooler.
    fn tool(&self, folder: &Folder, args: &[&str]) -> Command {
        let mut command = tool(folder.dir.path(), args);
        command.env("DATABASE_URL", &self.url);
        command
    }

    /// Asks a backend of the pool, as the application would.
    async fn ask(&self, sql: &'static str) -> Vec<String> {
        use sqlx::{ConnectOptions as _, Row as _, postgres::PgConnectOptions};
        let options: PgConnectOptions = self.url.parse().expect("a usable URL");
        let mut conn = options.extra_float_digits(None).connect().await.expect("a connection");
        let rows = sqlx::raw_sql(sql).fetch_all(&mut conn).await.expect(sql);
        rows.iter().map(|row| row.get(0)).collect()
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = folders.map(|dir| dir.join("pgbouncer")).find(|program| program.exists());
    found.expect("PgBouncer is not installed (package pgbouncer)")
}

#[tokio::test(flavor = "multi_thread")]
async fn many_runners_share_a_few_backends() {
    let pooler = Pooler::start();
    let folder = Folder::new(MANIFEST);
    folder.write("ids", &(0..40).map(|n| format!("t{n}\n")).collect::<String>());
    let all = |args: &[&'static str]| {
        run(pooler.tool(&folder, &[args, &["--tenants-from", "ids"]].concat()))
    };
    std::thread::scope(|scope| {
        let apply = || all(&["apply", "--all", "--jobs", "8"]).with(0);
        let runs = [scope.spawn(apply), scope.spawn(apply)];
        for ended in runs {
            ended.join().expect("it ends");
        }
    });
    let applied =
        pooler.ask("SELECT count(*)::text FROM pg_namespace WHERE nspname ~ '^t\\d'").await;
    assert_eq!(applied, ["40"]);
    for n in [0, 17, 39] {
        let sql: &'static str = format!("SELECT count(*)::text FROM t{n}._provision_state").leak();
        assert_eq!(pooler.ask(sql).await, ["1"], "each tenant is applied once");
    }
    all(&["drift"]).with(0);
    let ended = all(&["apply", "--all", "--format", "json"]).with(0);
    assert!(!ended.stdout.contains("updated"), "{}", ended.stdout);
    pooler.ask("DROP INDEX t7.things_expr_idx").await;
    all(&["drift"]).with(2);
    run(pooler.tool(&folder, &["plan", "t7", "--detailed-exitcode"])).with(2);
    run(pooler.tool(&folder, &["apply", "t7"])).with(0);
    run(pooler.tool(&folder, &["status", "t7"])).with(0);

    // What touches one table finds its statements on some backends, and prepares them on others.
    let more = MANIFEST.replacen("name = ", "more = { type = \"int\", null = true }, name = ", 1);
    assert_ne!(more, MANIFEST);
    folder.write("schema.toml", &more);
    all(&["apply", "--all", "--jobs", "4"]).with(0);
    all(&["drift"]).with(0);
    for n in [0, 7, 39] {
        let sql: &'static str = format!("SELECT count(*)::text FROM t{n}._provision_state").leak();
        let expected = if n == 7 { "3" } else { "2" };
        assert_eq!(pooler.ask(sql).await, [expected], "each tenant is applied once");
    }

    // The application's transactions on the same backends are as if nobody else had been there.
    for _ in 0..2 * BACKENDS {
        let settings = pooler
            .ask(
                "SELECT name FROM pg_settings WHERE source = 'session' \
                 AND name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone')",
            )
            .await;
        assert!(settings.is_empty(), "{settings:?}");
        let locks = "SELECT l.locktype FROM pg_locks l WHERE l.locktype = 'advisory'";
        assert!(pooler.ask(locks).await.is_empty());
        let prepared = pooler.ask("SELECT name FROM pg_prepared_statements").await;
        assert!(prepared.iter().all(|name| name.starts_with("provision_")), "{prepared:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_of_the_service_share_a_few_backends() {
    let pooler = Pooler::start();
    let register = "CREATE TABLE public.tenants (id text); \
                    INSERT INTO public.tenants SELECT 's' || n FROM generate_series(0, 19) n";
    pooler.ask(register).await;
    let manifest = format!("{MANIFEST}[tenants]\nquery = \"SELECT id FROM public.tenants\"\n");
    let start = || {
        let args = ["--interval", "1", "--jobs", "2"];
        Service::start_on(&pooler.url, Folder::new(&manifest), &args)
    };
    let mut replicas = vec![start(), start()];
    eventually("one leads", async || leaders(&replicas).await.len() == 1).await;
    let posts = (0..60).map(|n| {
        let (replica, path) = (&replicas[n % 2], format!("/ops/provision/s{}", n % 20));
        async move { replica.post(&path).await.with(200) }
    });
    let answers = join_all(posts).await;
    assert!(answers.iter().all(|answer| answer.json()["checksum"].is_string()));
    for n in [0, 7, 19] {
        let sql: &'static str = format!("SELECT count(*)::text FROM s{n}._provision_state").leak();
        assert_eq!(pooler.ask(sql).await, ["1"], "each tenant is applied once");
    }

    let first = leaders(&replicas).await;
    drop(replicas.remove(first[0]));
    eventually("the other takes over", async || leaders(&replicas).await == [0]).await;
    pooler.ask("DROP TABLE s3.things").await;
    eventually("the loop heals it", async || {
        pooler.ask("SELECT coalesce(to_regclass('s3.things')::text, '')").await == ["s3.things"]
    })
    .await;
}
