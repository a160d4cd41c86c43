//! Code of roles that are trusted: by the manifest, or for one run.

use serde_json::Value;

use super::commands::COLUMN_ADDED;
use super::hooks::{HOOK, Hook};
use super::stage::{Arms, MANIFEST, Runner, Scene, Stage};
use crate::support::tool::RunReport;

/// Harmless code; the last one's belongs to somebody that `evil_*` does not name.
const HOOKS: &[Hook] = &[
    Hook { name: "trusted_trigger", code: &[("f() RETURNS trigger", "NEW")], sql: TRIGGER, ..HOOK },
    Hook {
        name: "trusted_default",
        sql: "ALTER TABLE {t}.t ADD {t}_x text DEFAULT {h}.f('a')",
        ..HOOK
    },
    Hook {
        name: "stranger_trigger",
        code: &[("f() RETURNS trigger", "NEW")],
        sql: TRIGGER,
        is_of_stranger: true,
        ..HOOK
    },
];

const TRIGGER: &str =
    "CREATE TRIGGER {t}_x BEFORE INSERT ON {t}.t FOR EACH ROW EXECUTE FUNCTION {h}.f()";

const FLAG: &str = "--trust-tenant-code";

async fn stage() -> Stage {
    Stage::build(Runner::Superuser, HOOKS.iter().collect(), Arms::Count).await
}

/// Runs a command, and tells whose code it ran.
async fn run(scene: &Scene<'_>, args: &[&str]) -> (RunReport, Vec<String>) {
    let ended = scene.tool(args);
    (ended, scene.traces(&scene.stage.hooks).await)
}

/// Checks that looks run nothing, whoever is trusted, and that exactly `planned` would be added to.
async fn check_plans(scene: &Scene<'_>, more: &[&str], planned: &[&str]) {
    for hook in HOOKS {
        let args = [&["plan", hook.name, "--format", "json"], more].concat();
        let (ended, traces) = run(scene, &args).await;
        assert_eq!((ended.code, traces.len()), (Some(0), 0), "{ended:?} {traces:?}");
        let plan: Value = serde_json::from_str(&ended.stdout).expect("a plan");
        let is_planned = plan["steps"].as_array().expect("steps").iter().any(|step| {
            let sql = step["sql"].as_str().expect("a statement");
            sql.contains(".\"t\" ADD COLUMN") && sql.contains("\"more\"")
        });
        assert_eq!(is_planned, planned.contains(&hook.name), "{ended:?}");
    }
    let (ended, traces) = run(scene, &["drift"]).await;
    assert_eq!((ended.code, traces.len()), (Some(2), 0), "{ended:?} {traces:?}");
}

/// Checks that the code of exactly `trusted` runs, and that these tenants' tables are completed.
async fn check_applies(scene: &Scene<'_>, more: &[&str], trusted: &[&str]) {
    for hook in HOOKS {
        let (ended, traces) = run(scene, &[&["apply", hook.name], more].concat()).await;
        assert_eq!(ended.code, Some(3), "{ended:?}");
        check_applied(scene, hook, &traces, trusted).await;
    }
}

async fn check_applied(scene: &Scene<'_>, hook: &Hook, traces: &[String], trusted: &[&str]) {
    let is_trusted = trusted.contains(&hook.name);
    assert_eq!(scene.is_true(hook, COLUMN_ADDED).await, is_trusted, "{}", hook.name);
    let is_seeded = "(SELECT count(*) FROM {t}.t) = 2";
    assert_eq!(scene.is_true(hook, is_seeded).await, is_trusted, "{}", hook.name);
    let has_run = traces.iter().any(|id| id == hook.name);
    assert_eq!(has_run, is_trusted, "{}", hook.name);
}

const ALL: &[&str] = &["trusted_trigger", "trusted_default", "stranger_trigger"];

#[tokio::test(flavor = "multi_thread")]
async fn code_of_tenants_is_trusted_for_one_run() {
    let stage = stage().await;
    {
        let scene = stage.scene().await;
        check_plans(&scene, &[], &[]).await;
        check_plans(&scene, &[FLAG], ALL).await;
        check_applies(&scene, &[], &[]).await;
        check_applies(&scene, &[FLAG], ALL).await;
        let scene = stage.scene().await;
        let (ended, traces) = run(&scene, &["apply", "--all", FLAG]).await;
        assert_eq!(ended.code, Some(3), "{ended:?}");
        for hook in HOOKS {
            check_applied(&scene, hook, &traces, ALL).await;
        }
        // What only looks runs no code, so it takes no such option.
        for command in [&["drift", FLAG][..], &["status", "trusted_default", FLAG]] {
            let (ended, _) = run(&scene, command).await;
            assert_eq!(ended.code, Some(1), "{ended:?}");
            assert!(ended.stderr.contains("unexpected argument"), "{ended:?}");
        }
    }
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_of_owners_that_the_manifest_trusts_runs() {
    let stage = stage().await;
    let trusting = format!("{MANIFEST}\n[trust]\nowners = [\"evil_*\"]\n");
    stage.folder.write("schema.toml", &trusting);
    let of_evil = &ALL[..2];
    {
        let scene = stage.scene().await;
        check_plans(&scene, &[], of_evil).await;
        check_applies(&scene, &[], of_evil).await;
        // The manifest's list is widened for one run.
        check_plans(&scene, &[FLAG], &["stranger_trigger"]).await;
    }
    stage.strike().await;
}
