//! From what was observed of a tenant to its plan.

use std::cell::OnceCell;
use std::sync::Arc;

use super::context::Context;
use super::old_names::Renamed;
use super::outcome::Tenant;
use crate::absent::Absent;
use crate::catalog::{Catalog, Desired};
use crate::checksum::{self, Checksum};
use crate::grants::Whose;
use crate::obstacle::Reasons;
use crate::pg::Observed;
use crate::plan::{self, Basis, Difference, Plan};

/// Where what a difference refers to is kept.
#[derive(Debug, Default)]
pub(crate) struct Room {
    renamed: OnceCell<Option<Arc<Renamed>>>,
    remaining: OnceCell<Catalog>,
}

/// The plan of a tenant; what would touch a subject of `reasons` is held back.
pub(crate) fn make_plan(
    context: &Context,
    tenant: &Tenant,
    desired: &Desired,
    observed: &Observed<'_>,
    reasons: &Reasons,
) -> Plan {
    let whose = Whose::One(&tenant.id, &tenant.schema);
    let room = Room::default();
    let difference = compare(context, desired, observed, (reasons, whose), &room);
    let basis = Basis {
        tenant: &tenant.id,
        schema: &tenant.schema,
        manifest_checksum: context.manifest_checksum,
        live_checksum: live_checksum(observed.fingerprint, &observed.absent),
        consent: &context.consent,
    };
    let renamed = room.renamed.get().and_then(Option::as_deref);
    let live = renamed.map(|renamed| &renamed.catalog).or(observed.schema.as_deref());
    plan::plan((&context.manifest, desired), difference, live, basis)
}

/// The differences of what was observed from what is declared; what would touch a subject of `reasons` is held
/// back. What the result refers to is kept in `room`.
pub(crate) fn compare<'a>(
    context: &'a Context,
    desired: &'a Desired,
    observed: &'a Observed<'a>,
    (reasons, whose): (&Reasons, Whose<'a>),
    room: &'a Room,
) -> Difference<'a> {
    let other = room.renamed.get_or_init(|| context.renamed(observed.fingerprint)).as_deref();
    let live = other.map(|renamed| &renamed.catalog).or(observed.schema.as_deref());
    let renames = other.map(|renamed| renamed.renames.as_slice()).unwrap_or_default();
    let (absent, consent) = ((&observed.absent, whose), &context.consent);
    let (allowed, kept) = ((reasons, consent), (renames, &room.remaining));
    let difference = plan::difference(&context.manifest, desired, live, absent, allowed, kept);
    if let Some(fingerprint) = observed.fingerprint
        && observed.absent.is_empty()
    {
        context.settled.note(fingerprint, &difference);
    }
    difference
}

/// Identifies all that a plan is derived from.
pub(crate) fn live_checksum(fingerprint: Option<Checksum>, absent: &Absent<'_>) -> Checksum {
    checksum::of("live", &(fingerprint, absent))
}
