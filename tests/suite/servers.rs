//! Tenants on several servers, and servers that only let read.

use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use provision::embedded::{self, Cluster, Config, Durability};
use provision::explain::Explain as _;
use provision::fleet::{self, Event, Options, State, TenantOutcome};

use crate::fleet::{TABLES, apply, drift, fleet_of, register, registered, roster, target_of};
use crate::support::service::eventually;
use crate::support::tool::{self, run, tool};
use crate::support::{Database, Folder, client_program};

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_only_read_checks_with_the_help_of_another_server() {
    let database = Database::new().await;
    register(&database, ["acme".to_owned()]).await;
    let folder = Folder::new(&registered());
    run(tool::on(&database, folder.dir.path(), &["apply", "--all"])).with(0);
    let role = format!("reader_{}", uuid::Uuid::new_v4().simple());
    database
        .run(&format!(
            "CREATE ROLE {role}; GRANT SELECT ON public.tenants TO {role}; \
             GRANT USAGE ON SCHEMA acme TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA acme TO {role}"
        ))
        .await;
    let elsewhere = Database::new().await;
    elsewhere.run(&format!("GRANT CREATE ON DATABASE {} TO {role}", elsewhere.name)).await;
    let check = |args: &[&str]| {
        let mut command = tool::on(&database, folder.dir.path(), args);
        command.env("PGOPTIONS", format!("-c role={role}"));
        run(command)
    };
    let ended = check(&["drift"]).with(1);
    let told = "this role may not create a schema here; let another server";
    assert!(ended.stdout.contains(told), "{}{}", ended.stdout, ended.stderr);
    check(&["drift", "--elaborate-url", &elsewhere.url]).with(0);
    // A table that it may not see is an error that names the grant, not a missing table.
    database.run(&format!("REVOKE ALL ON acme.b FROM {role}")).await;
    let ended = check(&["drift", "--elaborate-url", &elsewhere.url]).with(1);
    assert!(ended.stdout.contains("GRANT SELECT ON"), "{}", ended.stdout);
    elsewhere.run(&format!("DROP OWNED BY {role}")).await;
    database.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_dead_server_does_not_stop_the_others() {
    let settings = vec![("max_connections".to_owned(), "20".to_owned())];
    let doomed = embedded::throwaway(settings).expect("a server");
    let target = target_of(doomed.cluster());
    let databases = [Database::new().await, Database::new().await];
    let manifest = format!(
        "version = 1\n[servers]\none = {{ url_env = \"ONE\" }}\ntwo = {{ url_env = \"TWO\" }}\n\
         doomed = {{ url_env = \"DOOMED\" }}\n[tenants]\nregistry = \"one\"\n\
         query = \"SELECT id, server FROM public.tenants ORDER BY id\"\n{TABLES}"
    );
    let servers = vec![
        (Some("one".into()), databases[0].target()),
        (Some("two".into()), databases[1].target()),
        (Some("doomed".into()), target),
    ];
    let fleet = fleet_of(&manifest, servers);
    databases[0].run("CREATE TABLE public.tenants (id text, server text)").await;
    for n in 0..90 {
        let server = ["one", "two", "doomed"][n % 3];
        databases[0]
            .run(&format!("INSERT INTO public.tenants VALUES ('t{n:02}', '{server}')"))
            .await;
    }
    databases[0]
        .run("INSERT INTO public.tenants VALUES ('lost', 'nowhere'), ('both', 'one')")
        .await;
    // A tenant that is on two servers is nobody's to guess about.
    let tenant = "CREATE SCHEMA \"both\"; CREATE TABLE \"both\"._provision_state (x int)";
    databases[1].run(tenant).await;

    let doomed = Mutex::new(Some(doomed));
    let on_event = |event: Event<'_>| {
        if let Event::Done(done) = event
            && done.server.as_deref() == Some("doomed")
            && let Some(doomed) = doomed.lock().expect("no panic").take()
        {
            let pid = std::fs::read_to_string(doomed.cluster().data_dir.join("postmaster.pid"));
            let pid = pid.expect("a pid").lines().next().expect("a line").to_owned();
            let _ = Command::new("kill").args(["-9", &pid]).status();
            drop(doomed);
        }
    };
    let roster = roster(&fleet).await;
    let stop = AtomicBool::new(false);
    let options = Options { jobs: 2, ..Options::default() };
    let ended = fleet::apply(&fleet, roster, None, &options, &stop, &on_event).await;
    let on = |server: &str, is: fn(&TenantOutcome) -> bool| {
        let of_server = ended.tenants.iter().filter(|done| done.server.as_deref() == Some(server));
        of_server.filter(|done| is(&done.outcome)).count()
    };
    let is_created = |outcome: &TenantOutcome| matches!(outcome, TenantOutcome::Created { .. });
    assert_eq!(on("one", is_created), 30);
    assert_eq!(on("two", is_created), 30);
    assert!(
        on("doomed", |outcome| matches!(
            outcome,
            TenantOutcome::Skipped | TenantOutcome::Failed { .. }
        )) > 20
    );
    assert_eq!(ended.stopped.len(), 1, "{:?}", ended.stopped);
    let refused: Vec<&str> = ended.refused.iter().map(|refused| refused.id.as_str()).collect();
    assert_eq!(refused, ["lost", "both"]);
    assert_eq!(databases[1].count("pg_namespace WHERE nspname LIKE 't%'").await, 30);

    // The next look says which server is away, and what the others are like.
    let drift = drift(&fleet).await;
    assert_eq!(drift.unreachable.len(), 1);
    assert_eq!(drift.summary[&State::InSync], 60);
    assert_eq!(drift.summary[&State::Unreachable], 30);
}

#[tokio::test]
async fn patterns_place_tenants_and_find_those_that_are_elsewhere() {
    let databases = [Database::new().await, Database::new().await];
    let manifest = format!(
        "version = 1\n[servers]\nwest = {{ url_env = \"W\", tenants = [\"us-*\"] }}\n\
         east = {{ url_env = \"E\", tenants = [\"*\"] }}\n[tenants]\nregistry = \"west\"\n\
         query = \"SELECT id FROM public.tenants\"\n{TABLES}"
    );
    let servers = vec![
        (Some("west".into()), databases[0].target()),
        (Some("east".into()), databases[1].target()),
    ];
    let fleet = fleet_of(&manifest, servers);
    register(&databases[0], ["us-1", "us-2", "eu-1"].map(str::to_owned)).await;
    assert!(!apply(&fleet, None, &Options::default()).await.has_failed());
    let has = async |at: usize, id: &str| {
        databases[at].count(&format!("pg_namespace WHERE nspname = '{id}'")).await == 1
    };
    assert!(has(0, "us-1").await && has(0, "us-2").await && has(1, "eu-1").await);
    assert!(!has(1, "us-1").await && !has(0, "eu-1").await);
    // One that somebody moved by hand is not made anew where it belongs.
    let moved = Folder::new(&format!("version = 1\n{TABLES}"));
    run(tool::on(&databases[1], moved.dir.path(), &["apply", "us-3"])).with(0);
    register(&databases[0], ["us-3".to_owned()]).await;
    let roster = roster(&fleet).await;
    assert_eq!(roster.members.len(), 3);
    assert!(roster.refused[0].reason.contains("west, east"), "{:?}", roster.refused);
}

#[tokio::test]
async fn the_home_of_one_tenant_is_found_by_the_registry_or_by_its_schema() {
    let databases = [Database::new().await, Database::new().await];
    let servers = || {
        ["one", "two"]
            .into_iter()
            .zip(&databases)
            .map(|(name, database)| (Some(name.to_owned()), database.target()))
    };
    let head = "version = 1\n[servers]\none = { url_env = \"A\" }\ntwo = { url_env = \"B\" }\n";
    let home = async |fleet: &fleet::Fleet, id: &str, anybody| {
        let id = id.parse().expect("an id");
        let found = fleet::locate(fleet, &id, anybody).await;
        found.map(|member| member.server).map_err(|error| error.code())
    };
    let query = "query = \"SELECT tenant, server FROM public.tenants\"";
    let manifest = format!("{head}[tenants]\nregistry = \"one\"\n{query}\n{TABLES}");
    let fleet = fleet_of(&manifest, servers().collect());
    databases[0]
        .run(
            "CREATE TABLE public.tenants (tenant text, server text); INSERT INTO public.tenants \
             VALUES ('a', 'one'), ('b', 'two'), ('c', 'three'), \
             ('0A1B2C3D-0000-4000-8000-000000000001', 'two')",
        )
        .await;
    assert_eq!(home(&fleet, "a", false).await, Ok(0));
    assert_eq!(home(&fleet, "b", false).await, Ok(1));
    assert_eq!(home(&fleet, "0a1b2c3d-0000-4000-8000-000000000001", false).await, Ok(1));
    assert_eq!(home(&fleet, "c", false).await, Err("misplaced"));
    assert_eq!(home(&fleet, "d", false).await, Err("unregistered"));
    assert_eq!(home(&fleet, "d", true).await, Ok(0));
    let manifest = format!("{head}{TABLES}");
    let fleet = fleet_of(&manifest, servers().collect());
    let alone = Folder::new(&format!("version = 1\n{TABLES}"));
    run(tool::on(&databases[1], alone.dir.path(), &["apply", "found"])).with(0);
    assert_eq!(home(&fleet, "found", true).await, Ok(1));
    assert_eq!(home(&fleet, "found", false).await, Ok(1));
}

fn url_of(cluster: &Cluster) -> String {
    let Cluster { database, socket_dir, port, user, .. } = cluster;
    format!("postgres:///{database}?host={}&port={port}&user={user}", socket_dir.display())
}

fn shell(program: &std::path::Path, args: &[&str]) {
    let output = Command::new(program).args(args).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_writes_nothing_is_no_matter_of_the_role() {
    let database = Database::new().await;
    // What a server in front of which something else decides says at the first statement that writes.
    database
        .run(
            "CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'cannot execute CREATE SCHEMA' USING ERRCODE = '25006'; END $$;
             CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE SCHEMA')
             EXECUTE FUNCTION public.refuse();",
        )
        .await;
    let folder = Folder::new("version = 1\n[tables.t]\ncolumns = { id = \"int\" }\n");
    let ended = run(tool::on(&database, folder.dir.path(), &["plan", "acme"])).with(1);
    for told in ["which is read-only", "--elaborate-url or PROVISION_ELABORATE_URL"] {
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    }
    assert!(!ended.stderr.contains("this role may not"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_hot_standby_is_checked_with_the_help_of_its_primary() {
    let root = tempfile::tempdir_in("/tmp").expect("a folder");
    let config = |name: &str| Config {
        root: root.path().join(name),
        bin_dir: None,
        durability: Durability::Throwaway,
        settings: vec![("max_connections".into(), "20".into())],
    };
    let (first, second) = (config("primary"), config("standby"));
    let primary = embedded::ensure_running(&first).expect("a primary");
    let access = primary.data_dir.join("pg_hba.conf");
    std::fs::write(access, "local all,replication all peer map=provision\n").expect("writing");
    let own = primary.data_dir.to_str().expect("a path");
    let folder = Folder::new(
        "version = 1\n[tenants]\ndiscover = true\n[tables.t]\ncolumns = { id = \"int\" }\n",
    );
    let dir = folder.dir.path();
    let on = |cluster: &Cluster, args: &[&str]| {
        let mut command = tool(dir, args);
        command.env("DATABASE_URL", url_of(cluster));
        run(command)
    };
    let psql = client_program("psql");
    let ask = |cluster: &Cluster, sql: &str| {
        shell(&psql, &["-Xq", "--dbname", &url_of(cluster), "-v", "ON_ERROR_STOP=1", "-c", sql]);
    };
    ask(&primary, "SELECT pg_reload_conf()");

    // The standby takes the place of a cluster that was made there.
    let standby = embedded::ensure_running(&second).expect("a cluster");
    embedded::stop(&second).expect("stopping");
    std::fs::remove_dir_all(&standby.data_dir).expect("making room");
    let data = standby.data_dir.to_str().expect("a path");
    let from = url_of(&primary);
    let backup = client_program("pg_basebackup");
    shell(&backup, &["--write-recovery-conf", "--checkpoint=fast", "-D", data, "-d", &from]);
    let reference = format!("--reference={own}");
    shell("chown".as_ref(), &["--recursive", &reference, data]);
    let standby = embedded::ensure_running(&second).expect("a standby");

    on(&primary, &["apply", "acme"]).with(0);
    let check = |args: &[&str]| {
        let elaborated = [&["drift", "--elaborate-url", &from], args].concat();
        on(&standby, &elaborated)
    };
    eventually("the standby has followed", async || {
        check(&["--format", "json"]).stdout.contains("acme")
    })
    .await;
    check(&[]).with(0);
    // By itself it can write nothing, not even to be rolled back.
    let ended = on(&standby, &["drift"]).with(1);
    for told in ["read-only", "standby", "--elaborate-url or PROVISION_ELABORATE_URL"] {
        assert!(ended.stdout.contains(told), "{}{}", ended.stdout, ended.stderr);
    }
    assert!(!ended.stdout.contains("this role may not"), "{}", ended.stdout);
    ask(&primary, "ALTER TABLE acme.t ADD more int");
    eventually("it is seen on the standby", async || check(&[]).code == Some(2)).await;
    embedded::destroy(&second).expect("cleaning up");
    embedded::destroy(&first).expect("cleaning up");
}
