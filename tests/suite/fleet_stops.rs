//! Runs over many tenants that end early, or have to go slowly.

use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use provision::embedded;
use provision::fleet::{self, Event, Options, Stages, TenantOutcome};

use crate::fleet::{
    TABLES, apply, elaborated_on, failures, fleet_of, register, registered, roster, target_of,
    twice,
};
use crate::support::tool::{self, run};
use crate::support::{Database, Folder};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_is_resumed() {
    let database = Database::new().await;
    register(&database, (0..150).map(|n| format!("t{n}"))).await;
    let folder = Folder::new(&registered());
    let made = "pg_class WHERE relname = '_provision_state'";
    for _ in 0..3 {
        let before = database.count(made).await;
        let mut child = tool::on(&database, folder.dir.path(), &["apply", "--all"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        while child.try_wait().expect("a state").is_none()
            && database.count(made).await < before + 10
        {}
        child.kill().expect("it is killed");
        child.wait().expect("it ends");
    }
    assert!((30..150).contains(&database.count(made).await));
    let ended = run(tool::on(&database, folder.dir.path(), &["apply", "--all"])).with(0);
    assert!(ended.stdout.contains("150 tenants"), "{}", ended.stdout);
    run(tool::on(&database, folder.dir.path(), &["drift"])).with(0);
    for n in 0..150 {
        assert_eq!(database.count(&format!("t{n}._provision_state")).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_finishes_what_is_in_flight() {
    let database = Database::new().await;
    register(&database, (0..400).map(|n| format!("t{n}"))).await;
    let folder = Folder::new(&registered());
    let made = "pg_class WHERE relname = '_provision_state'";
    let child = tool::on(&database, folder.dir.path(), &["apply", "--all", "--jobs", "2"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    while database.count(made).await < 10 {}
    let pid = child.id().to_string();
    let killed = std::process::Command::new("kill").args(["-INT", &pid]).status();
    assert!(killed.expect("kill").success());
    let ended: tool::RunReport = child.wait_with_output().expect("an end").into();
    let ended = ended.with(1);
    assert!(ended.stdout.contains("it was interrupted"), "{}", ended.stdout);
    assert!(ended.stdout.contains("not reached"), "{}", ended.stdout);
    let made = database.count(made).await;
    assert!(
        made < 400 && ended.stdout.contains(&format!("created      {made:>7}")),
        "{}",
        ended.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn canary_and_health_command_stop_a_bad_change_early() {
    let database = Database::new().await;
    register(&database, (0..20).map(|n| format!("t{n:02}"))).await;
    let fleet = fleet_of(&registered(), vec![(None, database.target())]);
    let seen = Mutex::new(Vec::new());
    let stages = Stages {
        canary: Some("t07".parse().expect("a canary")),
        waves: "20%,100%".parse().expect("waves"),
        pause: Duration::from_millis(10),
        health: Some("exit 0".into()),
    };
    let options = Options {
        stages: Stages { health: Some("exit 3".into()), ..stages.clone() },
        ..Options::default()
    };
    let ended = apply(&fleet, None, &options).await;
    assert_eq!(ended.count(|outcome| matches!(outcome, TenantOutcome::Created { .. })), 1);
    assert_eq!(ended.count(|outcome| *outcome == TenantOutcome::Skipped), 19);
    assert!(ended.stopped[0].contains("failed with exit code 3"), "{:?}", ended.stopped);
    assert_eq!(database.count("pg_namespace WHERE nspname = 't07'").await, 1);

    let options = Options { stages, ..Options::default() };
    let on_event = |event: Event<'_>| {
        if let Event::Stage { tenants, .. } = event {
            seen.lock().expect("no panic").push(tenants);
        }
    };
    let roster = roster(&fleet).await;
    let stop = AtomicBool::new(false);
    let ended = fleet::apply(&fleet, roster, None, &options, &stop, &on_event).await;
    assert!(!ended.has_failed(), "{ended:?}");
    // The canary is current by now; the others follow: 20 % of 19, then the rest.
    assert_eq!(*seen.lock().expect("no panic"), [4, 15]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_of_failures_ends_the_run() {
    let database = Database::new().await;
    register(&database, (0..30).map(|n| format!("t{n:02}"))).await;
    for n in 0..30 {
        database.run(&twice(&format!("t{n:02}"))).await;
    }
    let fleet = fleet_of(&registered(), vec![(None, database.target())]);
    let options = Options { jobs: 1, max_failures: Some(3), ..Options::default() };
    let ended = apply(&fleet, None, &options).await;
    assert_eq!(failures(&ended).len(), 3);
    assert_eq!(ended.count(|outcome| *outcome == TenantOutcome::Skipped), 27);
    assert_eq!(ended.stopped.len(), 1);
    // Several at a time may fail before it ends, so nothing is said of how many did.
    let options = Options { jobs: 4, max_failures: Some(1), ..Options::default() };
    let ended = apply(&fleet, None, &options).await;
    let said = "it was to end after 1 failed tenant (--max-failures";
    assert!(ended.stopped[0].starts_with(said), "{:?}", ended.stopped);
    // A run that is over has not ended early.
    let options = Options { jobs: 1, max_failures: Some(30), ..Options::default() };
    let ended = apply(&fleet, None, &options).await;
    assert_eq!((failures(&ended).len(), ended.stopped.len()), (30, 0), "{:?}", ended.stopped);
    assert!(ended.has_failed());
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_connections_slow_the_run_down() {
    let settings = [
        ("max_connections", "3"),
        ("superuser_reserved_connections", "0"),
        ("max_wal_senders", "0"),
    ];
    let narrow = embedded::throwaway(settings.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec())
        .expect("a server");
    let ids: Vec<String> = (0..24).map(|n| format!("\"t{n}\"")).collect();
    let manifest = format!("version = 1\n[tenants]\nlist = [{}]\n{TABLES}", ids.join(", "));
    let fleet = fleet_of(&manifest, vec![(None, target_of(narrow.cluster()))]);
    let ended = apply(&fleet, None, &Options { jobs: 6, ..Options::default() }).await;
    assert!(!ended.has_failed(), "{:?}", failures(&ended));
    assert_eq!(ended.count(|outcome| matches!(outcome, TenantOutcome::Created { .. })), 24);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_lock_table_ends_the_run_on_that_server_only() {
    let settings = [("max_connections", "8"), ("max_locks_per_transaction", "10")];
    let narrow = embedded::throwaway(settings.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec())
        .expect("a server");
    let wide = Database::new().await;
    let tables = (0..500).map(|n| format!("[tables.t{n}]\ncolumns = {{ x = \"text\" }}\n"));
    let ids: Vec<String> = (0..3).map(|n| format!("\"wide{n}\", \"narrow{n}\"")).collect();
    let manifest = format!(
        "version = 1\n[tenants]\nlist = [{}]\n\
         [servers]\nnarrow = {{ url_env = \"N\", tenants = [\"narrow*\"] }}\n\
         wide = {{ url_env = \"W\", tenants = [\"wide*\"] }}\n{}",
        ids.join(", "),
        tables.collect::<String>()
    );
    let servers = vec![
        (Some("narrow".into()), target_of(narrow.cluster())),
        (Some("wide".into()), wide.target()),
    ];
    let fleet = elaborated_on(&manifest, servers, Some(wide.target()));
    let ended = apply(&fleet, None, &Options { jobs: 1, ..Options::default() }).await;
    let failed: Vec<String> = failures(&ended).into_keys().collect();
    assert_eq!(failed, ["narrow0"], "{:?}", failures(&ended));
    assert_eq!(ended.count(|outcome| *outcome == TenantOutcome::Skipped), 2);
    assert_eq!(ended.count(|outcome| matches!(outcome, TenantOutcome::Created { .. })), 3);
    assert!(ended.stopped[0].contains("max_locks_per_transaction"), "{:?}", ended.stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_the_run() {
    let database = Database::new().await;
    register(&database, (0..9).map(|n| format!("t{n}"))).await;
    let folder = Folder::new(&registered());
    // What the server says when it cannot extend a file.
    let full = "CREATE FUNCTION public.no_space() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$;";
    database.run(full).await;
    for n in 0..9 {
        let table = format!(
            "CREATE SCHEMA t{n}; CREATE TABLE t{n}.a (id int PRIMARY KEY, code text); \
             CREATE TRIGGER no_space BEFORE INSERT ON t{n}.a EXECUTE FUNCTION public.no_space()"
        );
        database.run(&table).await;
    }
    let ended =
        run(tool::on(&database, folder.dir.path(), &["apply", "--all", "--jobs", "1"])).with(1);
    for word in ["the server's disk is full", "failed             1", "not reached        8"] {
        assert!(ended.stdout.contains(word), "{}", ended.stdout);
    }
}
