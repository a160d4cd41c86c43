//! Random pairs of manifests: from what one has made, consent leads to the other and back; without
//! it, what is there stays as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use provision::catalog::{Catalog, Fact};
use provision::explain::Explain as _;
use provision::plan::Plan;
use provision::reconcile::{Context, ReconcileError};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use super::generate::{self, Spec};
use super::{Result, Site, context, repeatable_runner, told};
use crate::fingerprint::read_on;
use crate::support::{self, Connection, Database, has_pg_dump, schema_dump_lines};

/// All that a person can allow.
const ALL: &str = "alter,rebuild,drop";

/// A random manifest, and one that has nothing in common with it, or names, or most of it.
fn pairs() -> impl Strategy<Value = (Spec, Spec)> {
    let likeness = prop_oneof![Just(0_u8), Just(1), Just(1), Just(2)];
    (generate::spec(), generate::spec(), likeness).prop_map(|(old, new, likeness)| {
        let new = match likeness {
            0 => new,
            1 => new.named_like(&old),
            _ => new.grafted_on(&old),
        };
        (old, new)
    })
}

#[test]
fn what_may_be_changed_is_changed_at_once() {
    try_pairs(1);
}

/// Others, so that two processors have something to do.
#[test]
fn what_may_be_changed_of_others_is_changed_at_once() {
    try_pairs(2);
}

/// Each there and back.
fn try_pairs(seed: u8) {
    let site = Site::new();
    let number = AtomicU32::new(0);
    let pairs_tried = if std::env::var_os("PROVISION_TEST_SHORT").is_some() { 20 } else { 150 };
    repeatable_runner(pairs_tried, seed)
        .run(&pairs(), |(old, new)| {
            let number = number.fetch_add(1, Ordering::Relaxed);
            let tenants = [format!("acme_{number}_"), format!("other_{number}_")];
            let ids: Vec<&str> = tenants.iter().map(String::as_str).collect();
            let result = site.run(&ids, async |database, connection| {
                there_and_back(database, connection, &tenants, &old, &new).await
            });
            result.map_err(|error| told(&error, &[&old.to_toml(), &new.to_toml()]))
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

/// What an attempt to reach a manifest led to.
#[derive(PartialEq)]
enum Reached {
    /// Everything is as declared.
    Whole,
    /// No consent changes what is left.
    Part,
    /// Rows are in the way of what is new, or values of a new type.
    Blocked,
}

/// One tenant goes from the old manifest to the new one and back with all consent. Another begins with
/// the new one, and is to become as the old one without any.
async fn there_and_back(
    database: &Database,
    connection: &mut Connection,
    [tenant, other]: &[String; 2],
    old: &Spec,
    new: &Spec,
) -> Result {
    let context = |spec: &Spec| context(database, &spec.to_toml());
    let all_allowed = |spec: &Spec| -> Result<Context> {
        let mut context = context(spec)?;
        context.consent = ALL.parse().expect("consent");
        Ok(context)
    };
    let dump = async |schema: &str| {
        if has_pg_dump() { Some(Dump::of(database, schema).await) } else { None }
    };
    let is_new = all_allowed(new)?;
    made(connection, &is_new, other).await?;
    let new_dump = dump(other).await;
    let is_old = context(old)?;
    made(connection, &is_old, tenant).await?;
    let old_dump = dump(tenant).await;

    let kept = Kept::read(database, tenant, old, new).await;
    let forth = allowed(connection, &is_new, tenant).await?;
    kept.check(database, tenant).await?;
    if forth == Reached::Whole {
        same(dump(tenant).await, new_dump)?;
    }

    let before = read_on(connection.session(database).await, other).await.1;
    let kept = Kept::read(database, other, new, new).await;
    if reached(connection, &is_old, other).await?.is_some() {
        let after = read_on(connection.session(database).await, other).await.1;
        untouched(other, &before, &after)?;
    }
    kept.check(database, other).await?;

    if forth != Reached::Blocked {
        let kept = Kept::read(database, tenant, new, old).await;
        let back = allowed(connection, &all_allowed(old)?, tenant).await?;
        kept.check(database, tenant).await?;
        if back == Reached::Whole {
            same(dump(tenant).await, old_dump)?;
        }
    }
    Ok(())
}

/// What `pg_dump` writes of a schema.
struct Dump {
    lines: Vec<String>,
    /// Of constraints and indexes: those that the manifest leaves unnamed keep the names that they have.
    names: Vec<String>,
}

impl Dump {
    async fn of(database: &Database, schema: &str) -> Self {
        let names = "SELECT quote_ident(c.conname) FROM pg_constraint c \
                     WHERE c.connamespace = '{schema}'::regnamespace \
                     UNION SELECT quote_ident(c.relname) FROM pg_class c \
                     WHERE c.relnamespace = '{schema}'::regnamespace AND c.relkind IN ('i', 'I')";
        let names = rows_of(database, schema, &[names.to_owned()]).await.concat();
        Self { lines: schema_dump_lines(database, schema), names }
    }

    fn without(&self, names: &BTreeSet<&String>) -> Vec<String> {
        let mut lines = self.lines.clone();
        // A name can be a part of another one.
        let mut names: Vec<_> = names.iter().collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        for line in &mut lines {
            for name in &names {
                *line = line.replace(name.as_str(), "NAME");
            }
        }
        lines.sort();
        lines
    }
}

fn same(one: Option<Dump>, other: Option<Dump>) -> Result {
    let (Some(one), Some(other)) = (one, other) else { return Ok(()) };
    let names = one.names.iter().chain(&other.names).collect();
    let (one, other) = (one.without(&names), other.without(&names));
    let left: Vec<&String> = one.iter().filter(|line| !other.contains(line)).collect();
    let right: Vec<&String> = other.iter().filter(|line| !one.contains(line)).collect();
    prop_assert_eq!(left, right);
    prop_assert_eq!(one.len(), other.len());
    Ok(())
}

/// A new tenant, with nothing left to do.
async fn made(connection: &mut Connection, context: &Context, id: &str) -> Result {
    let applied = connection.apply(context, id).await;
    let applied = applied.map_err(|error| TestCaseError::fail(support::told(&error)))?;
    prop_assert!(applied.plan.untouched().is_empty(), "{:#?}", applied.plan.untouched());
    Ok(())
}

/// With all consent, nothing is left that consent could change.
async fn allowed(connection: &mut Connection, context: &Context, id: &str) -> Result<Reached> {
    let Some(plan) = reached(connection, context, id).await? else {
        return Ok(Reached::Blocked);
    };
    let left = plan.changed.iter().find(|change| change.allowed_by.is_some());
    prop_assert!(left.is_none(), "{left:#?}");
    Ok(if plan.untouched().is_empty() { Reached::Whole } else { Reached::Part })
}

/// The plan after applying, which has no steps; `None` if rows or values are in the way.
async fn reached(connection: &mut Connection, context: &Context, id: &str) -> Result<Option<Plan>> {
    let is_data = |error: &ReconcileError| {
        matches!(error, ReconcileError::RowsInTheWay { .. })
            || error.sqlstate().is_some_and(|s| s.starts_with("23") || s.starts_with("22"))
    };
    match connection.apply(context, id).await {
        Ok(_) => {}
        Err(error) if is_data(&error) => return Ok(None),
        Err(error) => return Err(TestCaseError::fail(support::told(&error))),
    }
    let told = |error: ReconcileError| TestCaseError::fail(support::told(&error));
    let again = connection.plan(context, id).await.map_err(told)?;
    prop_assert!(again.is_empty(), "{}", again.to_sql());
    Ok(Some(again))
}

/// All that was in a schema is in it as it was.
fn untouched(schema: &str, before: &Catalog, after: &Catalog) -> Result {
    // Where a name has become ambiguous, the server prints it with the schema.
    let prefix = format!("{schema}.");
    let texts = |fact: &Fact| -> BTreeMap<&'static str, String> {
        let all = fact.attributes.iter();
        all.map(|(key, value)| (*key, value.text.replace(&prefix, ""))).collect()
    };
    for fact in before.facts() {
        let found = after.get(&fact.object).map(texts);
        let mut is = texts(fact);
        // The columns of a new primary key become NOT NULL.
        let nullability = found.as_ref().and_then(|found| found.get("nullability"));
        if let Some(value) = nullability.filter(|value| *value == "not null") {
            is.insert("nullability", value.clone());
        }
        prop_assert_eq!(found, Some(is), "{}", fact.object);
    }
    Ok(())
}

/// The rows of the tables that two manifests have in common, in the columns that are the same in both.
struct Kept(Vec<(String, Vec<String>)>);

impl Kept {
    async fn read(database: &Database, schema: &str, old: &Spec, new: &Spec) -> Self {
        let queries = old.common_columns(new).into_iter().map(|(table, columns)| {
            let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
            let columns: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
            let columns = columns.join(", ");
            format!("SELECT ROW({columns})::text FROM {{schema}}.{} ORDER BY 1", quoted(&table))
        });
        let queries: Vec<String> = queries.collect();
        let rows = rows_of(database, schema, &queries).await;
        Self(queries.into_iter().zip(rows).collect())
    }

    /// Each row is still there.
    async fn check(&self, database: &Database, schema: &str) -> Result {
        let queries: Vec<String> = self.0.iter().map(|(query, _)| query.clone()).collect();
        let found = rows_of(database, schema, &queries).await;
        for ((query, rows), found) in self.0.iter().zip(found) {
            let mut found = found.into_iter().peekable();
            for row in rows {
                while found.next_if(|other| other < row).is_some() {}
                let same = found.next();
                prop_assert_eq!(same.as_ref(), Some(row), "{}", query);
            }
        }
        Ok(())
    }
}

/// The rows of each query, in the order of their text.
async fn rows_of(database: &Database, schema: &str, queries: &[String]) -> Vec<Vec<String>> {
    let mut conn = database.connect().await;
    let mut all = Vec::new();
    for query in queries {
        let query = query.replace("{schema}", schema);
        let rows = sqlx::raw_sql(AssertSqlSafe(query.clone())).fetch_all(&mut conn).await;
        let mut rows: Vec<String> =
            rows.expect(&query).iter().map(|row| row.get::<String, _>(0)).collect();
        rows.sort();
        all.push(rows);
    }
    conn.close().await.expect("closing");
    all
}
