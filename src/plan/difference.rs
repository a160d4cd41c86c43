//! From two catalogs to what is to be done and what is left as it is.

use std::cell::OnceCell;

use super::changed::{changed, different, extra, perhaps_renamed};
use super::comparison::Comparison;
use super::held;
use super::removal::removal;
use super::removed::Drop;
use super::renaming::{self, Renaming};
use super::row_steps::row_steps;
use super::schedule::schedule;
use super::step::{Action, Step};
use super::untouched::Untouched;
use crate::absent::Absent;
use crate::catalog::{Catalog, Desired, Object, Rename};
use crate::consent::Consent;
use crate::grants::{AbsentGrant, Whose};
use crate::manifest::Manifest;
use crate::obstacle::Reasons;

/// The difference between a tenant and what is desired.
#[derive(Debug)]
pub struct Difference<'a> {
    /// What is missing and can be created, in order.
    pub steps: Vec<Step<'a>>,
    /// The names that objects have until the first steps are done.
    pub renames: &'a [Rename],
    pub untouched: Untouched,
}

/// Compares. `live` is `None` when there is no such schema; `absent` is what is declared beside
/// facts and was not found, of one tenant or of all that are alike. What would touch a subject of `reasons` is held back. What exists
/// is changed and dropped as far as `consent` says. `live` has the names that are given to objects by `renames`;
/// `remaining` is where what remains then is kept for as long as the result.
#[must_use]
pub fn difference<'a>(
    manifest: &'a Manifest,
    desired: &'a Desired,
    live: Option<&'a Catalog>,
    (absent, whose): (&'a Absent<'a>, Whose<'a>),
    (reasons, consent): (&Reasons, &Consent),
    (renames, remaining): (&'a [Rename], &'a OnceCell<Catalog>),
) -> Difference<'a> {
    static NOTHING: std::sync::LazyLock<Catalog> = std::sync::LazyLock::new(Catalog::default);
    let before = live.unwrap_or(&NOTHING);
    let reasons = &renaming::renamed(reasons, renames);
    let renaming = Renaming::of(renames, consent, reasons);
    let removal = removal(manifest, desired, before, (reasons, &renaming), consent);
    let live = if removal.drops.is_empty() {
        before
    } else {
        remaining.get_or_init(|| removal.remaining(before))
    };
    let (comparison, taken) = Comparison::of(manifest, desired, live, consent, &removal);
    let blocked = held::blocked(&comparison, &taken, (reasons, &renaming));
    // A query of a materialized view is run when the rows are there.
    let (filled, created): (Vec<_>, Vec<_>) = schedule(&comparison, &blocked, &removal)
        .into_iter()
        .partition(|step| step.action() == Action::Refresh);
    // What is handed over, is complete.
    let (owners, granted): (Vec<_>, Vec<_>) =
        absent.grants.iter().partition(|absent| absent.grant.is_ownership());
    let step = |absent: &'a AbsentGrant<'a>| Step::Grant { absent, whose };
    let (owners, granted) = (owners.into_iter().map(step), granted.into_iter().map(step));
    let rows = row_steps(manifest, desired, before, absent, consent);
    let drop = |drop: &Drop| {
        let again = drop.again.as_ref().and_then(|object| desired.catalog.get(object));
        before.get(&drop.object).map(|live| Step::Drop { live, again })
    };
    let (late, early): (Vec<_>, Vec<_>) = removal.drops.iter().partition(|drop| drop.is_late);
    let (early, late) = (early.into_iter().filter_map(drop), late.into_iter().filter_map(drop));
    let first = renaming.steps(before);
    let changed_and_granted = first.chain(early).chain(created).chain(late).chain(granted);
    let all = changed_and_granted.chain(rows.steps).chain(filled).chain(owners);
    let (steps, mut held) = held::part(&comparison, all.collect(), (&blocked, &removal), reasons);
    let different = different(&comparison);
    let is_refused = |object: &Object| removal.refused.contains_key(object);
    let (mut changed, mut extra) =
        (changed(&comparison, &different), extra(&comparison, &different));
    changed.splice(0..0, renaming.withheld());
    changed.extend(rows.changed);
    extra.extend(rows.extra);
    held.extend(rows.held);
    // It is told as held back.
    changed.retain(|change| !is_refused(&change.object));
    extra.retain(|object| !is_refused(object));
    let untouched = Untouched {
        changed,
        extra,
        perhaps_renamed: perhaps_renamed(&comparison, before),
        // What the server adds to everything that it creates, the manifest's own objects included, is no difference.
        unmodelled: live.unmodelled.difference(&desired.catalog.unmodelled).cloned().collect(),
        held,
    };
    Difference { steps, renames, untouched }
}
