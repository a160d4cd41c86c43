//! Saved plans of many tenants, edited after they were reviewed.

use crate::fleet::{register, registered};
use crate::support::tool::{self, run};
use crate::support::{Database, Folder};

type Edit<'e> = &'e dyn Fn(&mut serde_json::Value);

/// What runs is what was shown for the review, also where one plan is shown for many.
#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_plan_that_was_edited_runs_nothing() {
    let database = Database::new().await;
    register(&database, (0..4).map(|n| format!("t{n}"))).await;
    database.run("CREATE SCHEMA t1; CREATE TABLE t1.b (a int)").await;
    let folder = Folder::new(&registered());
    let dir = folder.dir.path();
    let on = |args: &[&str]| run(tool::on(&database, dir, args));
    on(&["plan", "--all", "--out", "fleet.json"]).with(0);
    let saved = std::fs::read_to_string(dir.join("fleet.json")).expect("the plan");
    let saved: serde_json::Value = serde_json::from_str(&saved).expect("JSON");
    let (first, second) = (&saved["plans"][0]["tenant"], &saved["plans"][1]["tenant"]);
    assert_eq!((first.as_str(), second.as_str()), (Some("t0"), Some("t1")));
    let statements = "the statements shown for tenant t0 have been edited";
    let tenants = "the tenants of the plan shown for tenant t0 have been edited";
    let edits: [(Edit<'_>, &str); 9] = [
        (&|plan| plan["plans"][0]["steps"][0]["sql"] = "SELECT 1".into(), statements),
        (&|plan| drop(plan["plans"][0]["steps"].as_array_mut().unwrap().pop()), statements),
        (&|plan| plan["plans"][0]["steps"].as_array_mut().unwrap().swap(0, 1), statements),
        (&|plan| plan["plans"][0]["schema"] = "t9".into(), statements),
        (
            &|plan| plan["plans"].as_array_mut().unwrap().swap(0, 1),
            "the tenants of the plan shown for tenant t1 have been edited",
        ),
        (&|plan| plan["plans"] = serde_json::json!([]), "the plan of tenant t0 has been removed"),
        (&|plan| plan["tenants"][3]["plan"] = 7.into(), "the plan of tenant t3 has been removed"),
        (&|plan| drop(plan["tenants"].as_array_mut().unwrap().pop()), tenants),
        (
            &|plan| {
                let again = plan["tenants"][0].clone();
                plan["tenants"].as_array_mut().unwrap().push(again);
            },
            "tenant t0 has been added again",
        ),
    ];
    for (edit, expected) in edits {
        let mut edited = saved.clone();
        edit(&mut edited);
        folder.write("edited.json", &edited.to_string());
        let ended = on(&["apply", "--plan", "edited.json"]).with(1);
        assert!(ended.stderr.contains("error[stale-plan]"), "{}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{expected}: {}", ended.stderr);
        assert_eq!(database.count("pg_namespace WHERE nspname IN ('t0', 't2', 't3')").await, 0);
    }
    on(&["apply", "--plan", "fleet.json"]).with(0);
}
