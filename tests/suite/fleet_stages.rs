//! Runs that go in stages: who goes first, and what ends the run before the others' turn.

use crate::fleet::{register, registered, twice};
use crate::support::tool::{self, RunReport, run};
use crate::support::{Database, Folder};

/// Registered tenants t00 to t11, of which some cannot be completed.
async fn fleet(broken: &[usize]) -> (Database, Folder) {
    let database = Database::new().await;
    register(&database, (0..12).map(|n| format!("t{n:02}"))).await;
    for n in broken {
        database.run(&twice(&format!("t{n:02}"))).await;
    }
    (database, Folder::new(&registered()))
}

fn apply(database: &Database, folder: &Folder, args: &[&str]) -> RunReport {
    let all = [&["apply", "--all", "--jobs", "1"], args].concat();
    run(tool::on(database, folder.dir.path(), &all))
}

fn outcomes(ended: &RunReport) -> [usize; 4] {
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let count = |outcome: &str| {
        let tenants = json["tenants"].as_array().expect("tenants");
        tenants.iter().filter(|tenant| tenant["outcome"] == outcome).count()
    };
    ["created", "current", "failed", "skipped"].map(count)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_fails_ends_the_run_unless_failures_are_allowed() {
    let (database, folder) = fleet(&[3, 8]).await;
    let staged = ["--canary", "t03,t04", "--waves", "50%", "--format", "json"];
    let ended = apply(&database, &folder, &staged).with(1);
    assert_eq!(outcomes(&ended), [1, 0, 1, 10], "{}", ended.stdout);
    let said = "1 of 2 tenants failed in stage 1 of 3, the canary; repair what is reported and run \
                it again, or allow failures with --max-failures";
    assert!(ended.stdout.contains(said), "{}", ended.stdout);

    // One failure is fewer than two: on, until the other.
    let allowed = apply(&database, &folder, &[&staged[..], &["--max-failures", "2"]].concat());
    assert_eq!(outcomes(&allowed.with(1)), [6, 1, 2, 3]);
    let allowed = apply(&database, &folder, &[&staged[..], &["--max-failures", "9"]].concat());
    assert_eq!(outcomes(&allowed.with(1)), [3, 7, 2, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_in_a_wave_ends_the_run_after_it_and_one_stage_is_as_ever() {
    let (database, folder) = fleet(&[1]).await;
    // The wave itself is finished: trouble stays with its tenant.
    let waves = ["--waves", "4,50%", "--format", "json"];
    let ended = apply(&database, &folder, &waves).with(1);
    assert_eq!(outcomes(&ended), [3, 0, 1, 8]);
    assert!(ended.stdout.contains("1 of 4 tenants failed in stage 1 of 3;"), "{}", ended.stdout);
    let ended = apply(&database, &folder, &["--format", "json"]).with(1);
    assert_eq!(outcomes(&ended), [8, 3, 1, 0]);
    database.run("TRUNCATE t01.a").await;
    apply(&database, &folder, &[]).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_command_is_told_what_was_done_and_prints_beside_the_result() {
    let (database, folder) = fleet(&[0]).await;
    let health = "echo unwell; echo \"stage $PROVISION_STAGE of $PROVISION_STAGES, \
                  $PROVISION_FAILURES failed\" >> told; cat \"$PROVISION_TENANTS\" >> told; \
                  echo \"$PROVISION_TENANTS\" >> files; stat -c %a \"$PROVISION_TENANTS\" >> files; \
                  test $PROVISION_STAGE -lt 2";
    let staged =
        ["--canary", "2", "--waves", "25%", "--max-failures", "5", "--health", health, "--format"];
    let ended = apply(&database, &folder, &[&staged[..], &["json"]].concat()).with(1);
    assert_eq!(outcomes(&ended), [2, 0, 1, 9]);
    assert_eq!(ended.stderr.matches("unwell\n").count(), 2, "{}", ended.stderr);
    assert!(
        ended.stdout.contains("failed with exit code 1 after stage 2 of 3"),
        "{}",
        ended.stdout
    );
    let read = |name: &str| std::fs::read_to_string(folder.dir.path().join(name)).expect(name);
    let told = "stage 1 of 3, 1 failed\nt00\nt01\nstage 2 of 3, 1 failed\nt02\n";
    assert_eq!(read("told"), told);
    let files = read("files");
    for pair in files.lines().collect::<Vec<_>>().chunks(2) {
        assert!(!std::path::Path::new(pair[0]).exists(), "{files}");
        assert_eq!(pair[1], "600");
    }
    // Nobody is asked about a stage that ended the run by itself.
    let ended = apply(&database, &folder, &["--canary", "t00", "--health", "touch asked"]).with(1);
    assert!(ended.stdout.contains("the canary"), "{}", ended.stdout);
    assert!(!folder.dir.path().join("asked").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn stages_that_lead_nowhere_are_refused() {
    let (database, folder) = fleet(&[]).await;
    for (waves, word) in [
        ("50%,10%", "10% does not go beyond 50%"),
        ("0", "does nothing"),
        ("0%", "above 0% and up to 100%"),
        ("101%", "above 0% and up to 100%"),
    ] {
        let ended = apply(&database, &folder, &["--waves", waves]).with(1);
        assert!(ended.stderr.contains(word), "{waves}: {}", ended.stderr);
    }
    assert_eq!(database.count("pg_namespace WHERE nspname LIKE 't%'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plan_names_and_is_no_longer_there_is_refused() {
    let (database, folder) = fleet(&[]).await;
    let on = |args: &[&str]| run(tool::on(&database, folder.dir.path(), args));
    on(&["plan", "--all", "--match", "t0[12]", "--out", "fleet.json"]).with(0);
    database.run("DELETE FROM public.tenants WHERE id = 't02'").await;
    let ended = on(&["apply", "--plan", "fleet.json"]).with(1);
    assert!(ended.stdout.contains("\"t02\": the plan is for it"), "{}", ended.stdout);
    assert_eq!(database.count("pg_namespace WHERE nspname ~ '^t'").await, 1);
    // Tenants that no registry lists are in a plan because somebody named them.
    folder.write("ids.txt", "x1\nx2\n");
    let named = ["--tenants-from", "ids.txt", "--unregistered"];
    on(&[&["plan", "--all", "--out", "new.json"], &named[..]].concat()).with(0);
    on(&["apply", "--plan", "new.json", "--unregistered"]).with(0);
    assert_eq!(database.count("pg_namespace WHERE nspname ~ '^x'").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_contradict_each_other_or_do_nothing_are_refused() {
    let (database, folder) = fleet(&[]).await;
    let on = |args: &[&str]| run(tool::on(&database, folder.dir.path(), args));
    on(&["plan", "--all", "--out", "fleet.json"]).with(0);
    on(&["plan", "t01", "--out", "one.json"]).with(0);
    for (args, word) in [
        (&["apply", "--all", "--plan", "fleet.json"][..], "'--plan <FILE>'"),
        (&["apply", "t01", "--plan", "fleet.json"], "names its tenants itself"),
        (&["apply", "--plan", "fleet.json", "--match", "t01"], "go with --all"),
        (&["apply", "--plan", "fleet.json", "--allow-empty"], "go with --all"),
        (&["apply", "--plan", "fleet.json", "--canary", "acme"], "\"acme\""),
        (&["apply", "--plan", "one.json", "--waves", "10%"], "a plan of many tenants"),
        (&["apply", "t01", "--canary", "1"], "a plan of many tenants"),
        (&["apply", "t01", "--jobs", "4"], "a plan of many tenants"),
        (&["apply", "--all", "--health", "true"], "--canary or --waves"),
        (&["apply", "--all", "--pause", "1"], "--canary or --waves"),
        (
            &["apply", "--all", "--continue-on-error", "false", "--max-failures", "3"],
            "give one of them",
        ),
        (&["apply", "--all", "--sql"], "--sql is for one tenant"),
    ] {
        let ended = on(args).with(1);
        assert!(ended.stderr.contains(word), "{args:?}: {}", ended.stderr);
        assert!(ended.stdout.is_empty(), "{args:?}: {}", ended.stdout);
    }
    assert_eq!(database.count("pg_namespace WHERE nspname LIKE 't%'").await, 0);
    on(&["apply", "--plan", "fleet.json", "--jobs", "2", "--canary", "t01"]).with(0);
}
