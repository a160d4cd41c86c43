//! From two catalogs to what is to be done and what is left as it is.

use super::changed::{changed, different, extra};
use super::comparison::Comparison;
use super::held;
use super::schedule::schedule;
use super::step::{Action, Step};
use super::untouched::Untouched;
use crate::absent::Absent;
use crate::catalog::{Catalog, Desired};
use crate::consent::Consent;
use crate::grants::{AbsentGrant, Whose};
use crate::manifest::Manifest;
use crate::obstacle::Reasons;

/// The difference between a tenant and what is desired.
#[derive(Debug)]
pub struct Difference<'a> {
    /// What is missing and can be created, in order.
    pub steps: Vec<Step<'a>>,
    pub untouched: Untouched,
}

/// Compares. `live` is `None` when there is no such schema; `absent` is what is declared beside
/// facts and was not found, of one tenant or of all that are alike. What would touch a subject of `reasons` is held back. What exists
/// is changed as far as `consent` says.
#[must_use]
pub fn difference<'a>(
    manifest: &'a Manifest,
    desired: &'a Desired,
    live: Option<&'a Catalog>,
    (absent, whose): (&'a Absent<'a>, Whose<'a>),
    reasons: &Reasons,
    consent: &Consent,
) -> Difference<'a> {
    static NOTHING: std::sync::LazyLock<Catalog> = std::sync::LazyLock::new(Catalog::default);
    let live = live.unwrap_or(&NOTHING);
    let (comparison, taken) = Comparison::of(manifest, desired, live, consent);
    let blocked = held::blocked(&comparison, &taken, reasons);
    // A query of a materialized view is run when the rows are there.
    let (filled, created): (Vec<_>, Vec<_>) = schedule(&comparison, &blocked)
        .into_iter()
        .partition(|step| step.action() == Action::Refresh);
    // What is handed over, is complete.
    let (owners, granted): (Vec<_>, Vec<_>) =
        absent.grants.iter().partition(|absent| absent.grant.is_ownership());
    let step = |absent: &'a AbsentGrant<'a>| Step::Grant { absent, whose };
    let (owners, granted) = (owners.into_iter().map(step), granted.into_iter().map(step));
    let inserted = absent.rows.iter().map(|(seed, row)| Step::Insert { seed, row });
    let dropped = comparison.permitted.removed.iter().map(|fact| Step::Unset(fact.object.clone()));
    let created = dropped.chain(created).chain(granted).chain(inserted);
    let missing: Vec<Step<'a>> = created.chain(filled).chain(owners).collect();
    let (steps, held) = held::part(&comparison, missing, &blocked, reasons);
    let different = different(&comparison);
    let untouched = Untouched {
        changed: changed(&comparison, &different),
        extra: extra(&comparison, &different),
        // What the server adds to everything that it creates, the manifest's own objects included, is no difference.
        unmodelled: live.unmodelled.difference(&desired.catalog.unmodelled).cloned().collect(),
        held,
    };
    Difference { steps, untouched }
}
