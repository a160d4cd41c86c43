//! What is rendered of a manifest and elaborated again is the manifest.

use std::cell::OnceCell;

use provision::absent::Absent;
use provision::catalog::{Catalog, Desired, Kind};
use provision::checksum;
use provision::consent::Consent;
use provision::elaborate::{self, read_scratch};
use provision::grants::Whose;
use provision::manifest;
use provision::name::TenantId;
use provision::obstacle::Reasons;
use provision::pg::{Limits, Scratch, Session};
use provision::plan::{self, Action, Basis, PlannedStep};

use crate::support::Database;

/// Elaborates a manifest, runs the statements that a new tenant would be made with in a scratch schema, reads it there, and
/// compares all of both: what is compared with tenants, what statements are made of, and what depends on what.
///
/// # Errors
/// What is different.
pub async fn rendered_again(database: &Database, file: &std::path::Path) -> Result<(), String> {
    let manifest = manifest::load(file).map_err(|error| error.to_string())?;
    let mut session = Session::open(&database.target()).await.map_err(|e| e.to_string())?;
    let limits = Limits::default();
    let elaborated = elaborate::elaborate(&mut session, &manifest, limits).await;
    let desired = elaborated.map_err(|error| error.to_string())?.desired;
    let mut scratch = Scratch::begin(&mut session, limits).await.map_err(|e| e.to_string())?;
    let schema = scratch.schema.clone();
    for statement in statements(&manifest, &desired, &schema) {
        let ran = scratch.run(&statement).await;
        ran.map_err(|error| format!("{}: {statement}", provision::causes::chain(&error)))?;
    }
    let again = read_scratch(&mut scratch).await.map_err(|error| error.to_string())?;
    session.rollback().await.map_err(|error| error.to_string())?;
    session.close().await;
    let (expected, actual) = (told(&desired.catalog), told(&again));
    if expected == actual {
        return Ok(());
    }
    let diff = similar::TextDiff::from_lines(&expected, &actual);
    Err(format!("what is rendered elaborates to something else:\n{}", diff.unified_diff()))
}

/// But for rows.
fn statements(
    manifest: &manifest::Manifest,
    desired: &Desired,
    schema: &provision::name::SchemaName,
) -> Vec<String> {
    let tenant: TenantId = "acme".parse().expect("an id");
    let absent = Absent::default();
    let declared = (&absent, Whose::All);
    let (reasons, consent) = (Reasons::new(), Consent::default());
    let remaining = OnceCell::new();
    let difference = plan::difference(
        manifest,
        desired,
        None,
        declared,
        (&reasons, &consent),
        (&[], &remaining),
    );
    let nothing = checksum::of("nothing", &());
    let basis = Basis {
        tenant: &tenant,
        schema,
        manifest_checksum: nothing,
        live_checksum: nothing,
        consent: &consent,
    };
    let plan = plan::plan((manifest, desired), difference, None, basis);
    // The session is guarded against views; what fills a materialized view lets it read them.
    let sent = |step: PlannedStep| match step.action {
        Action::Refresh => step.exclusive.expect("a statement for guarded sessions"),
        _ => step.sql,
    };
    plan.steps.into_iter().map(sent).collect()
}

/// A line for each fact, a line for each attribute and dependency.
pub fn told(catalog: &Catalog) -> String {
    let mut text = String::new();
    for fact in catalog.facts() {
        text += &format!("{}\n", fact.object);
        for (key, value) in &fact.attributes {
            text += &format!("  {key} = {:?}, as {:?}\n", value.text, value.sql);
        }
        // Which materialized views have to be filled first cannot be read.
        let dependencies =
            fact.dependencies.iter().filter(|_| fact.object.kind() != Kind::Population);
        for object in dependencies {
            text += &format!("  needs {object}\n");
        }
    }
    for other in &catalog.unmodelled {
        text += &format!("unmodelled {other}\n");
    }
    text
}
