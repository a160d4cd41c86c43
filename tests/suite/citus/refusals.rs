//! What Citus refuses is told before anything is tried.

use provision::elaborate::elaborate;
use provision::explain::Explain as _;
use provision::name::TenantId;
use provision::pg::{Limits, Session};
use provision::plan::citus::refusals;
use provision::reconcile;

use super::{Coordinator, EVERYTHING, manifest_with};
use crate::support::{self, Database, context_of, converge, refused, told};

/// What Citus refuses, or makes something else of: the manifest of a tenant that exists, what is asked
/// for next, and a part of what is said about it.
const REFUSED: [(&str, &str, &str); 6] = [
    (
        "columns = { id = \"int\" }",
        "columns = { id = \"int\", s = \"bigserial\" }",
        "column t.s cannot be added to a table that exists, because its type is serial",
    ),
    (
        "columns = { id = \"int\" }",
        "columns = { id = \"int\", s = { type = \"bigint\", identity = \"always\" } }",
        "column t.s cannot be added to a table that exists, because it is an identity column",
    ),
    (
        "columns = { id = \"int\" }",
        "columns = { id = \"int\", s = { type = \"bigint\", default = \"nextval('{schema}.big')\" } }",
        "because it draws from a sequence and is NOT NULL",
    ),
    (
        "columns = { id = \"int\" }",
        "columns = { id = \"int\", s = { type = \"int\", null = true, \
         default = \"nextval('{schema}.big')\" } }",
        "sequence big is bigint, and the default of column t.s, which draws from it, is integer",
    ),
    (
        "columns = { id = \"int\", n = { type = \"int\", identity = \"always\" } }",
        "columns = { id = \"int\", n = { type = \"int\", identity = \"always\" } }\n\
         [[seeds]]\ntable = \"t\"\nkey = [\"id\"]\nrows = [{ id = 1 }]",
        "the baseline rows of table t leave column n to a sequence of type integer",
    ),
    (
        "columns = { id = \"int\" }",
        "columns = { id = \"int\" }\n[[tables.t.foreign_keys]]\ncolumns = [\"id\"]\n\
         references = { schema = \"ELSEWHERE\", table = \"people\", columns = [\"id\"] }",
        "points to ELSEWHERE.people, which is neither in the same schema nor a reference table",
    ),
];

#[tokio::test]
#[ignore = "needs PROVISION_TEST_CITUS_URL"]
async fn what_citus_refuses_is_told_before_anything_is_tried() {
    let citus = Coordinator::new().await;
    let elsewhere = citus.id("elsewhere");
    citus
        .ask(&format!(
            "SET citus.enable_schema_based_sharding = off; CREATE SCHEMA \"{elsewhere}\""
        ))
        .await;
    citus.ask(&format!("CREATE TABLE \"{elsewhere}\".people (id int PRIMARY KEY)")).await;
    for (number, (before, after, reason)) in REFUSED.iter().enumerate() {
        let reason = reason.replace("ELSEWHERE", &elsewhere);
        let id = citus.id(&format!("r{number}"));
        converge(&citus.context(&manifest_with(before, &elsewhere), true), &id).await;
        let context = citus.context(&manifest_with(after, &elsewhere), true);
        for error in [
            refused(support::plan(&context, &id).await),
            refused(support::apply(&context, &id).await),
        ] {
            assert_eq!(error.code(), "citus-refuses", "{}", told(&error));
            assert!(told(&error).contains(&reason), "{}", told(&error));
        }
        assert_eq!(
            citus.ask(&format!("SELECT count(*)::text FROM \"{id}\"._provision_state")).await,
            "1"
        );
        // An undistributed schema takes it.
        let id = citus.id(&format!("l{number}"));
        converge(&citus.context(&manifest_with(before, &elsewhere), false), &id).await;
        converge(&context, &id).await;
    }
    // What the refusal says helps.
    citus.ask(&format!("SELECT create_reference_table('\"{elsewhere}\".people')::text")).await;
    let context = citus.context(&manifest_with(REFUSED[5].1, &elsewhere), true);
    converge(&context, &citus.id("r5")).await;
    converge(&context, &citus.id("new")).await;
}

/// The rules themselves need no Citus.
#[tokio::test]
async fn what_citus_would_refuse_is_known_without_it() {
    let database = Database::new().await;
    database.run("CREATE TABLE public.people (id int PRIMARY KEY)").await;
    let local = ["\"public\".\"people\"".to_owned()];
    for (number, (before, after, reason)) in REFUSED.iter().enumerate() {
        let id: TenantId = format!("t{number}").parse().expect("an id");
        let context = context_of(&manifest_with(before, "public"), &database);
        converge(&context, id.as_str()).await;
        let context = context_of(&manifest_with(after, "public"), &database);
        let plan = reconcile::plan(&context, &context.tenant(&id).expect("a schema")).await;
        let plan = plan.expect("nothing of Citus is here");
        let mut session = Session::open(&context.target).await.expect("a session");
        let desired = elaborate(&mut session, &context.manifest, Limits::default()).await;
        let desired = desired.expect("a desired state");
        let told = refusals(&context.manifest, &desired.desired.catalog, &plan.steps, &local);
        let reason = reason.replace("ELSEWHERE", "public");
        assert!(matches!(told.as_slice(), [one] if one.contains(&reason)), "{told:?}");
        assert!(refusals(&context.manifest, &desired.desired.catalog, &[], &local).is_empty());
        if reason.starts_with("foreign key") {
            assert!(
                refusals(&context.manifest, &desired.desired.catalog, &plan.steps, &[]).is_empty()
            );
        }
    }
    let everything = context_of(EVERYTHING, &database);
    let plan = support::plan(&everything, "all").await.expect("a plan");
    let mut session = Session::open(&everything.target).await.expect("a session");
    let desired = elaborate(&mut session, &everything.manifest, Limits::default()).await;
    let told = refusals(
        &everything.manifest,
        &desired.expect("a schema").desired.catalog,
        &plan.steps,
        &local,
    );
    assert_eq!(told, Vec::<String>::new());
}
