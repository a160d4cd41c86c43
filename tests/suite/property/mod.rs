//! Random manifests over all kinds of objects: applying makes exactly what is declared, and from
//! any subset of a manifest the whole of it is reached.

mod generate;
mod pairs;
mod toml;

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use provision::reconcile::{Context, ReconcileError};

use crate::fingerprint::read_on;
use crate::rendering::rendered_again;
use crate::sql_files::dumped_is_the_same;
use crate::support::{self, Connection, Database, Folder, has_pg_dump, schema_dump};
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

/// The same cases each time for a seed, so that a change is to blame for a failure; others with `PROPTEST_CASES`.
fn repeatable_runner(default: u32, seed: u8) -> TestRunner {
    if std::env::var_os("PROPTEST_CASES").is_some() {
        return runner(default);
    }
    let config = runner(default).config().clone();
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]))
}

/// Of a property.
type Result<T = ()> = std::result::Result<T, TestCaseError>;

/// A failure, with the manifests that it happened with.
fn told(error: &TestCaseError, manifests: &[&str]) -> TestCaseError {
    TestCaseError::fail(format!("{error}\n{}", manifests.join("\n---\n")))
}

/// Where one case is tried after another.
struct Site {
    runtime: tokio::runtime::Runtime,
    database: Database,
    connection: Cell<Connection>,
}

impl Site {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let database = runtime.block_on(async {
            let database = Database::new().await;
            database.run("CREATE TABLE public.users (id int PRIMARY KEY)").await;
            database
        });
        Self { runtime, database, connection: Cell::default() }
    }

    /// Tries a case, and drops the schemas of these tenants.
    fn run(
        &self,
        tenants: &[&str],
        case: impl AsyncFnOnce(&Database, &mut Connection) -> Result,
    ) -> Result {
        self.runtime.block_on(async {
            let mut connection = self.connection.take();
            let result = case(&self.database, &mut connection).await;
            self.connection.set(connection);
            for tenant in tenants {
                self.database.run(&format!("DROP SCHEMA IF EXISTS {tenant} CASCADE")).await;
            }
            result
        })
    }
}

fn context(database: &Database, manifest: &str) -> Result<Context> {
    let folder = Folder::new(manifest);
    if let Err(error) = provision::manifest::load(&folder.manifest()) {
        let error = provision::causes::chain(&error);
        return Err(TestCaseError::fail(format!("{error}\n{manifest}")));
    }
    Ok(support::context(&folder.manifest(), database))
}

/// Applies, expects nothing left, and hands out what the schema holds.
async fn converge(
    connection: &mut Connection,
    context: &Context,
    id: &str,
) -> Result<provision::plan::Plan> {
    let fail = |error: ReconcileError| TestCaseError::fail(support::told(&error));
    let applied = connection.apply(context, id).await.map_err(fail)?;
    prop_assert!(applied.plan.changed.is_empty(), "{:#?}", applied.plan.changed);
    prop_assert!(applied.plan.extra.is_empty(), "{:#?}", applied.plan.extra);
    let again = connection.plan(context, id).await.map_err(fail)?;
    prop_assert!(again.is_empty(), "{}", again.to_sql());
    Ok(applied.plan)
}

#[test]
fn what_is_applied_is_what_is_declared() {
    let site = Site::new();
    let case = async |database: &Database, connection: &mut Connection, manifest: &str| {
        let is_whole = context(database, manifest)?;
        converge(connection, &is_whole, "one").await?;
        converge(connection, &is_whole, "two").await?;
        let folder = Folder::new(manifest);
        let again = rendered_again(database, &folder.manifest()).await;
        again.map_err(TestCaseError::fail)?;
        if has_pg_dump() {
            let dumped = dumped_is_the_same(database, &folder.manifest()).await;
            dumped.map_err(TestCaseError::fail)?;
            let (one, two) = (schema_dump(database, "one"), schema_dump(database, "two"));
            let one = one.replace("one.", "two.").replace("\"one\".", "\"two\".");
            let one = one.replace("TO 'one'", "TO 'two'");
            prop_assert_eq!(one, two);
        }
        let one = read_on(connection.session(database).await, "one").await;
        // Computed in the transaction that created the schema, by a smaller statement.
        let recorded = "SELECT fingerprint FROM one._provision_state ORDER BY applied_at LIMIT 1";
        prop_assert_eq!(database.ask(recorded).await, one.0.to_string());
        prop_assert_eq!(one, read_on(connection.session(database).await, "two").await);
        Ok(())
    };
    runner(40)
        .run(&generate::spec(), |spec| {
            let manifest = spec.to_toml();
            let case = async |database: &Database, connection: &mut Connection| {
                case(database, connection, &manifest).await
            };
            site.run(&["one", "two"], case).map_err(|error| told(&error, &[&manifest]))
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

/// A manifest, and a part of it.
fn with_a_part() -> impl Strategy<Value = (String, String)> {
    let pairs = generate::spec().prop_flat_map(|whole| {
        let bits = proptest::collection::vec(any::<bool>(), whole.parts().max(1));
        (Just(whole), bits)
    });
    pairs
        .prop_map(|(whole, keep): (Spec, Vec<bool>)| (whole.to_toml(), whole.part(&keep).to_toml()))
}

#[test]
fn the_whole_is_reached_from_any_part() {
    let site = Site::new();
    runner(40)
        .run(&with_a_part(), |(whole, part)| {
            let case = async |database: &Database, connection: &mut Connection| {
                converge(connection, &context(database, &part)?, "acme").await?;
                converge(connection, &context(database, &whole)?, "acme").await?;
                Ok(())
            };
            site.run(&["acme"], case).map_err(|error| told(&error, &[&part, &whole]))
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

/// A tenant made at once, one that grew, one that has only a part: schemas with the same
/// fingerprint have the same model, and the same statements lead to the same fingerprint.
#[test]
fn equal_fingerprints_are_equal_models() {
    let site = Site::new();
    let ids = ["once", "again", "grown", "part"];
    let case = async |database: &Database, connection: &mut Connection, whole: &str, part: &str| {
        let (is_whole, is_part) = (context(database, whole)?, context(database, part)?);
        converge(connection, &is_whole, "once").await?;
        converge(connection, &is_whole, "again").await?;
        converge(connection, &is_part, "grown").await?;
        converge(connection, &is_whole, "grown").await?;
        converge(connection, &is_part, "part").await?;
        let mut found = Vec::new();
        for id in ids {
            found.push(read_on(connection.session(database).await, id).await);
        }
        prop_assert_eq!(found[0].0, found[1].0);
        for (fingerprint, model) in &found {
            for (other, other_model) in &found {
                let is_wrong = fingerprint == other && model != other_model;
                prop_assert!(!is_wrong, "{model:#?}\n{other_model:#?}");
            }
        }
        Ok(())
    };
    runner(25)
        .run(&with_a_part(), |(whole, part)| {
            let case = async |database: &Database, connection: &mut Connection| {
                case(database, connection, &whole, &part).await
            };
            site.run(&ids, case).map_err(|error| told(&error, &[&part, &whole]))
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
