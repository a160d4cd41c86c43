//! Exceptions that name objects: they decide about exit codes as those do that name tenants, and are told.

use serde_json::{Value, json};

use crate::reports::{Tenants, tells};
use crate::support::service::Service;

/// Two tenants with an undeclared table, one with a changed column as well, one that lacks an index.
const DIFFERENT: &str = "
    CREATE TABLE t00.old_1 (); CREATE TABLE t01.old_1 ();
    ALTER TABLE t01.a ALTER code TYPE varchar(9);
    DROP INDEX t02.b_a_idx";

const OLD: &str =
    "{ objects = [\"table old_*\"], reason = \"dropped in March\", until = \"2999-03-31\" }";
const CODE: &str = "{ tenant = \"t01\", objects = [\"column a.code\"], reason = \"narrow\", until = \"2999-12-31\" }";

fn exceptions(all: &[&str]) -> String {
    format!("[drift]\nexceptions = [{}]\n", all.join(", "))
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_excepted_in_all_tenants_or_in_one() {
    let tenants = Tenants::new(4, DIFFERENT).await;
    tenants.declare(&exceptions(&[OLD]));
    let drift = tenants.json("drift", 2);
    assert_eq!(drift["summary"], json!({ "drifted": 2, "excepted": 1, "in_sync": 1 }));
    let old =
        json!({ "object": "table old_1", "reason": "dropped in March", "until": "2999-03-31" });
    assert_eq!(drift["tenants"][0]["excepted"], json!([old]));
    assert_eq!(drift["tenants"][0]["exception"], "dropped in March (until 2999-03-31)");
    assert_eq!(drift["tenants"][1]["state"], "drifted");
    assert_eq!(drift["tenants"][1]["excepted"], json!([old]));
    assert_eq!(drift["tenants"][1]["exception"], Value::Null);
    assert_eq!(drift["undeclared"][0]["excepted"], json!(["t00", "t01"]));
    assert_eq!(drift["unused_rules"], json!([]));
    let line = "table old_1: dropped in March (until 2999-03-31): in 2 tenants: t00, t01";
    tells(
        &tenants.run("drift").with(2).stdout,
        &[
            &format!("Excepted objects\n  {line}\n"),
            "? extra table old_1: in 2 of 4 tenants: excepted, dropped in March (until 2999-03-31): t00, t01",
        ],
    );
    tells(
        &tenants.run("drift --format markdown").with(2).stdout,
        &["### Excepted objects\n\n- table old\\_1: dropped in March"],
    );
    tells(
        &tenants.run("drift --format github").with(2).stdout,
        &[
            &format!("::notice title=excepted object::{line}\n"),
            "::notice title=tenant drift::extra table old_1: in 2 of 4 tenants",
            "::error title=tenant drift::1 tenant: different column a.code (t01)",
        ],
    );
    tells(
        &tenants.run("drift --format junit").with(2).stdout,
        &[
            "<skipped message=\"dropped in March (until 2999-03-31)\"",
            "<system-out>excepted table old_1: dropped in March",
        ],
    );

    // With what is missing in the third tenant, nothing is left that is not excepted.
    let index = "{ objects = [\"index b_a_idx on *\"], reason = \"slow\", until = \"2999-12-31\" }";
    tenants.declare(&exceptions(&[OLD, CODE, index]));
    let drift = tenants.json("drift", 0);
    assert_eq!(drift["summary"], json!({ "excepted": 3, "in_sync": 1 }));
    assert_eq!(
        drift["tenants"][1]["exception"],
        "narrow (until 2999-12-31); dropped in March (until 2999-03-31)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_apply_leaves_and_is_excepted_does_not_count() {
    let tenants = Tenants::new(3, DIFFERENT).await;
    tenants.run("apply --all").with(3);
    tenants.declare(&exceptions(&[OLD]));
    // Only a part of what is left in t01 is excepted.
    let ended = tenants.json("apply --all", 3);
    let excepted = |ended: &Value, at: usize| ended["left"][at]["excepted"][0]["object"].clone();
    assert_eq!(
        (excepted(&ended, 0), excepted(&ended, 1)),
        ("table old_1".into(), "table old_1".into())
    );
    tells(
        &tenants.run("apply t01").with(3).stdout,
        &["Accepted: only table old_1: dropped in March (until 2999-03-31)."],
    );
    let applied = tenants.json("apply t00", 0);
    assert_eq!(applied["drifted"], false);
    assert_eq!(applied["exception"], "dropped in March (until 2999-03-31)");
    assert_eq!(applied["excepted"][0]["object"], "table old_1");
    tenants.run("plan t00 --detailed-exitcode").with(0);
    tenants.run("plan t01 --detailed-exitcode").with(3);
    tells(
        &tenants.run("plan --all").with(0).stdout,
        &["accepted: only table old_1: dropped", "1 different, but excepted"],
    );

    tenants.declare(&exceptions(&[OLD, CODE]));
    tenants.run("apply --all").with(0);
    tenants.run("apply t01").with(0);
    tenants.run("plan --all --detailed-exitcode").with(0);
    let status = tenants.json("status t01", 0);
    assert_eq!(status["conforms"], false);
    assert_eq!(status["excepted"].as_array().map(Vec::len), Some(2), "{status:#}");
    // What has expired counts again.
    let past = OLD.replace("2999-03-31", "2020-03-31");
    tenants.declare(&exceptions(&[&past, CODE]));
    tenants.run("apply --all").with(3);
    tenants.run("apply t00").with(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_does_not_exist_is_not_excepted_by_its_objects() {
    let tenants = Tenants::new(2, "DROP SCHEMA t00 CASCADE").await;
    let all = "{ objects = [\"*\"], reason = \"all\", until = \"2999-12-31\" }";
    tenants.declare(&exceptions(&[all]));
    assert_eq!(tenants.json("drift", 2)["summary"], json!({ "in_sync": 1, "unprovisioned": 1 }));
    tenants.declare(&exceptions(&[
        "{ tenant = \"t00\", reason = \"moves\", until = \"2999-12-31\" }",
    ]));
    assert_eq!(tenants.json("drift", 0)["summary"], json!({ "excepted": 1, "in_sync": 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn exceptions_of_objects_that_have_no_effect_are_told() {
    let tenants = Tenants::new(3, DIFFERENT).await;
    let of = |of: &str, until: &str| format!("{{ {of}, reason = \"r\", until = \"{until}\" }}");
    let all = [
        of("objects = [\"table old_*\", \"table odl_*\"]", "2999-12-31"),
        of("objects = [\"table old_*\"]", "2020-12-31"),
        of("objects = [\"table x\"], tenant = \"nobody\"", "2999-12-31"),
        // It differs elsewhere.
        of("objects = [\"column a.code\"], tenant = \"t00\"", "2999-12-31"),
    ];
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    tenants.declare(&exceptions(&all));
    let text = tenants.run("drift").with(2).stdout;
    let title = "Rules of [drift] that have no effect\n";
    let told: Vec<&str> = text.split_once(title).expect(title).1.lines().map(str::trim).collect();
    assert_eq!(
        told,
        [
            "exception for \"table odl_*\": no such object differs in any tenant",
            "exception for \"table old_*\": it was valid until 2020-12-31",
            "exception for \"table x\" in nobody: there is no such tenant",
            "exception for \"column a.code\" in t00: no such object differs in the tenant",
        ]
    );
    let json = tenants.json("drift", 2);
    assert_eq!(
        json["unused_rules"][0],
        json!({ "rule": "exception", "objects": ["table odl_*"], "until": "2999-12-31", "why": "no_object" })
    );
    // Of tenants that nobody has looked at, nothing is known.
    let some = tenants.json("drift --match t00", 0);
    assert_eq!(some["unused_rules"].as_array().map(Vec::len), Some(1), "{some:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_accepts_what_is_excepted() {
    let tenants = Tenants::new(2, DIFFERENT.split("DROP").next().expect("damage")).await;
    let manifest = crate::fleet::registered() + &exceptions(&[CODE]);
    let service = Service::start(&tenants.database, &manifest, &["--interval", "0"]);
    // An undeclared table has never kept a request from success.
    let answer = service.post("/ops/provision/t01").await.with(200).json();
    assert_eq!(answer["exception"], Value::Null, "{answer:#}");
    assert_eq!(answer["excepted"], json!(["column a.code: narrow (until 2999-12-31)"]));
    assert_eq!(answer["accepted"][0]["object"], "column a.code");
}
