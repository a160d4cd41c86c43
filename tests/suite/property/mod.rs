//! Random manifests over all kinds of objects: applying makes exactly what is declared, and from
//! any subset of a manifest the whole of it is reached.

mod generate;
mod pairs;
mod toml;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::rendering::rendered_again;
use crate::sql_files::dumped_is_the_same;
use crate::support::{self, Database, Folder, has_pg_dump, schema_dump};
use generate::Spec;

/// Cases per property; more with `PROPTEST_CASES`.
fn cases(default: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

fn runner(default: u32) -> TestRunner {
    TestRunner::new(Config {
        cases: cases(default),
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    })
}

/// The same pairs each time, so that a change is to blame for a failure; others with `PROPTEST_CASES`.
fn repeatable_runner(default: u32) -> TestRunner {
    if std::env::var_os("PROPTEST_CASES").is_some() {
        return runner(default);
    }
    let config = runner(default).config().clone();
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Of a property.
type Result<T = ()> = std::result::Result<T, TestCaseError>;

fn blocking<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

/// Applies, expects nothing left, and hands out what the schema holds.
async fn converge(database: &Database, manifest: &str, id: &str) -> Result<provision::plan::Plan> {
    let folder = Folder::new(manifest);
    let loaded = provision::manifest::load(&folder.manifest());
    if let Err(error) = &loaded {
        return Err(TestCaseError::fail(format!(
            "{}\n{manifest}",
            provision::causes::chain(error)
        )));
    }
    let context = support::context(&folder.manifest(), database);
    let fail = |error: provision::reconcile::ReconcileError| {
        TestCaseError::fail(format!("{}\n{manifest}", support::told(&error)))
    };
    let applied = support::apply(&context, id).await.map_err(fail)?;
    prop_assert!(applied.plan.changed.is_empty(), "{:#?}\n{manifest}", applied.plan.changed);
    prop_assert!(applied.plan.extra.is_empty(), "{:#?}\n{manifest}", applied.plan.extra);
    let again = support::plan(&context, id).await.map_err(fail)?;
    prop_assert!(again.is_empty(), "{}\n{manifest}", again.to_sql());
    Ok(applied.plan)
}

#[test]
fn what_is_applied_is_what_is_declared() {
    runner(40)
        .run(&generate::spec(), |spec| {
            blocking(async {
                let database = Database::new().await;
                database.run("CREATE TABLE public.users (id int PRIMARY KEY)").await;
                let manifest = spec.to_toml();
                converge(&database, &manifest, "one").await?;
                converge(&database, &manifest, "two").await?;
                let folder = Folder::new(&manifest);
                let again = rendered_again(&database, &folder.manifest()).await;
                again.map_err(TestCaseError::fail)?;
                if has_pg_dump() {
                    let dumped = dumped_is_the_same(&database, &folder.manifest()).await;
                    dumped.map_err(TestCaseError::fail)?;
                    let (one, two) = (schema_dump(&database, "one"), schema_dump(&database, "two"));
                    let one = one.replace("one.", "two.").replace("\"one\".", "\"two\".");
                    let one = one.replace("TO 'one'", "TO 'two'");
                    prop_assert_eq!(one, two);
                }
                let one = crate::fingerprint::read(&database, "one").await;
                // Computed in the transaction that created the schema, by a smaller statement.
                let recorded =
                    "SELECT fingerprint FROM one._provision_state ORDER BY applied_at LIMIT 1";
                prop_assert_eq!(database.ask(recorded).await, one.0.to_string());
                prop_assert_eq!(one, crate::fingerprint::read(&database, "two").await);
                Ok(())
            })
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_whole_is_reached_from_any_part() {
    let pairs = generate::spec().prop_flat_map(|whole| {
        let bits = proptest::collection::vec(any::<bool>(), whole.parts().max(1));
        (Just(whole), bits)
    });
    runner(40)
        .run(&pairs, |(whole, keep): (Spec, Vec<bool>)| {
            blocking(async {
                let database = Database::new().await;
                database.run("CREATE TABLE public.users (id int PRIMARY KEY)").await;
                let part = whole.part(&keep).to_toml();
                converge(&database, &part, "acme").await?;
                converge(&database, &whole.to_toml(), "acme").await?;
                Ok(())
            })
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

/// A tenant made at once, one that grew, one that has only a part: schemas with the same
/// fingerprint have the same model, and the same statements lead to the same fingerprint.
#[test]
fn equal_fingerprints_are_equal_models() {
    let pairs = generate::spec().prop_flat_map(|whole| {
        let bits = proptest::collection::vec(any::<bool>(), whole.parts().max(1));
        (Just(whole), bits)
    });
    runner(25)
        .run(&pairs, |(whole, keep): (Spec, Vec<bool>)| {
            blocking(async {
                let database = Database::new().await;
                database.run("CREATE TABLE public.users (id int PRIMARY KEY)").await;
                let (part, whole) = (whole.part(&keep).to_toml(), whole.to_toml());
                converge(&database, &whole, "once").await?;
                converge(&database, &whole, "again").await?;
                converge(&database, &part, "grown").await?;
                converge(&database, &whole, "grown").await?;
                converge(&database, &part, "part").await?;
                let mut found = Vec::new();
                for id in ["once", "again", "grown", "part"] {
                    found.push(crate::fingerprint::read(&database, id).await);
                }
                prop_assert_eq!(found[0].0, found[1].0, "{}", whole);
                for (fingerprint, model) in &found {
                    for (other, other_model) in &found {
                        let is_wrong = fingerprint == other && model != other_model;
                        prop_assert!(!is_wrong, "{model:#?}\n{other_model:#?}\n{whole}");
                    }
                }
                Ok(())
            })
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
