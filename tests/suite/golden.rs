//! Cases as folders in `tests/golden`: `live.sql` (what is in the tenant's schema before; may be
//! absent), `schema.toml` (what should be), `plan.txt` (what people see, with the SQL), `altered.txt` (the same with
//! consent to changes, if there are any), `dropped.txt` (with consent to drop as well, if anything is extra), and maybe
//! `since` (the PostgreSQL that it needs; an older one is named in a refusal). Each plan is applied,
//! and planned again to nothing. `UPDATE_GOLDEN=1 cargo test golden` writes the
//! expectations anew.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use provision::plan::Action;
use provision::{reconcile, report};

use crate::rendering::rendered_again;
use crate::support::{self, Database};

/// The id, and the schema, of the tenant in all cases.
const TENANT: &str = "acme";

macro_rules! cases {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            let case = root().join(stringify!($name));
            check(&case).await.unwrap_or_else(|reason| panic!("{reason}"));
        })*
    };
}

cases! {
    adopted
    adopted_differently
    aggregates
    changed
    cycle
    extra_and_unmodelled
    functions
    held_back
    inheritance
    invalid_index
    materialized_views
    missing_parts
    names_taken
    new_everything
    nothing_to_do
    nulls_not_distinct
    partitions
    row_security
    rows_kept
    rules
    seeds
    storage_and_statistics
    storage_of_tables
    triggers
    types
    views
}

#[test]
fn every_folder_is_a_case() {
    let entries = std::fs::read_dir(root()).expect("the folder of cases");
    let folders: BTreeSet<String> = entries
        .map(|entry| entry.expect("a folder entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(folders, NAMES.iter().map(|name| (*name).to_owned()).collect());
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

async fn check(case: &Path) -> Result<(), String> {
    let database = start(case).await;
    let context = support::context(&case.join("schema.toml"), &database);
    let plan = support::plan(&context, TENANT).await.map_err(|error| support::told(&error));
    let since = std::fs::read_to_string(case.join("since")).unwrap_or_default();
    if since.trim().parse().is_ok_and(|since| support::server_major() < since) {
        let refusal = plan.err().ok_or("an older server is taken for a new one")?;
        let expected = format!("came with PostgreSQL {}", since.trim());
        return if refusal.contains(&expected) { Ok(()) } else { Err(refusal) };
    }
    let plan = plan?;
    let shown = plain(&report::plan(&plan, &reconcile::left_by(&context, &plan), true));
    expect(&case.join("plan.txt"), &shown)?;

    let applied = support::apply(&context, TENANT).await.map_err(|error| support::told(&error))?;
    if applied.plan.steps != plan.steps {
        return Err("apply ran other statements than the plan showed".into());
    }
    let again = support::plan(&context, TENANT).await.map_err(|error| support::told(&error))?;
    if !again.is_empty() {
        return Err(format!("not converged:\n{}", again.to_sql()));
    }
    if again.changed != applied.plan.changed || again.extra != applied.plan.extra {
        return Err("what apply reports as left is not what a new plan finds".into());
    }
    exported(case, &plan, &again).await?;
    let is_alterable = plan.changed.iter().any(|change| change.allowed_by.is_some());
    if is_alterable || case.join("altered.txt").exists() {
        with_consent(case, "alter,rebuild", "altered.txt").await?;
    }
    if !plan.extra.is_empty() || case.join("dropped.txt").exists() {
        with_consent(case, "alter,rebuild,drop", "dropped.txt").await?;
    }
    rendered_again(&database, &case.join("schema.toml")).await
}

/// The same with consent to change what can be changed, or to drop it.
async fn with_consent(case: &Path, allowed: &str, file: &str) -> Result<(), String> {
    let database = start(case).await;
    let mut context = support::context(&case.join("schema.toml"), &database);
    context.consent = allowed.parse().map_err(|error| format!("{error}"))?;
    let plan = support::plan(&context, TENANT).await.map_err(|error| support::told(&error))?;
    let shown = plain(&report::plan(&plan, &reconcile::left_by(&context, &plan), true));
    expect(&case.join(file), &shown)?;
    if let Some(left) = plan.changed.iter().find(|change| change.allowed_by.is_some()) {
        return Err(format!("{} is left, and would be changed with consent", left.object));
    }
    let applied = support::apply(&context, TENANT).await.map_err(|error| support::told(&error))?;
    if applied.plan.steps != plan.steps {
        return Err("apply ran other statements than the plan showed".into());
    }
    let again = support::plan(&context, TENANT).await.map_err(|error| support::told(&error))?;
    if !again.is_empty() || again.changed != applied.plan.changed {
        return Err(format!("not converged:\n{}", again.to_sql()));
    }
    exported(case, &plan, &again).await
}

/// A database with the tenant as it is before.
async fn start(case: &Path) -> Database {
    let database = Database::new().await;
    if let Ok(sql) = std::fs::read_to_string(case.join("live.sql")) {
        let create = format!("CREATE SCHEMA {TENANT}; SET search_path = {TENANT};\n{sql}");
        database.run(&create).await;
    }
    database
}

/// The plan as a script, run by an ordinary client on the same start, comes to the same; if it drops nothing, it is run twice.
async fn exported(
    case: &Path,
    plan: &provision::plan::Plan,
    applied: &provision::plan::Plan,
) -> Result<(), String> {
    let database = start(case).await;
    let is_dropping = plan.steps.iter().any(|step| step.action == Action::Drop);
    for _ in 0..(if is_dropping { 1 } else { 2 }) {
        database.run(&plan.to_sql()).await;
    }
    let context = support::context(&case.join("schema.toml"), &database);
    let after = support::plan(&context, TENANT).await.map_err(|error| support::told(&error))?;
    if !after.is_empty() || after.live_checksum != applied.live_checksum {
        return Err(format!("the exported script comes to something else:\n{}", after.to_sql()));
    }
    Ok(())
}

/// Compares with the file, or writes it when asked to.
fn expect(file: &Path, shown: &str) -> Result<(), String> {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return std::fs::write(file, shown).map_err(|error| error.to_string());
    }
    let expected = std::fs::read_to_string(file).unwrap_or_default();
    if expected == shown {
        return Ok(());
    }
    // Since PostgreSQL 16, a query over one table is printed without the table's name.
    if support::server_major() >= 16 && unqualified(&expected) == unqualified(shown) {
        return Ok(());
    }
    let diff = similar::TextDiff::from_lines(expected.as_str(), shown);
    Err(format!("the plan is another one:\n{}", diff.unified_diff()))
}

/// Without what stands before a dot, but for names in quotes.
fn unqualified(text: &str) -> String {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',');
    let words = text.split_inclusive(is_end).map(|word| match word.rsplit_once('.') {
        Some((before, after)) if !before.contains('"') => after,
        _ => word,
    });
    words.collect()
}

/// Without colours.
fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}
