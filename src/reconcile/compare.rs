//! From what was observed of a tenant to its plan.

use super::context::Context;
use super::outcome::Tenant;
use crate::absent::Absent;
use crate::catalog::Desired;
use crate::checksum::{self, Checksum};
use crate::grants::Whose;
use crate::obstacle::Reasons;
use crate::pg::Observed;
use crate::plan::{self, Basis, Difference, Plan};

/// The plan of a tenant; what would touch a subject of `reasons` is held back.
pub(crate) fn make_plan(
    context: &Context,
    tenant: &Tenant,
    desired: &Desired,
    observed: &Observed<'_>,
    reasons: &Reasons,
) -> Plan {
    let whose = Whose::One(&tenant.id, &tenant.schema);
    let difference = compare(context, desired, observed, reasons, whose);
    let basis = Basis {
        tenant: &tenant.id,
        schema: &tenant.schema,
        manifest_checksum: context.manifest_checksum,
        live_checksum: live_checksum(observed.fingerprint, &observed.absent),
        consent: &context.consent,
    };
    plan::plan(&context.manifest, difference, observed.schema.as_deref(), basis)
}

/// The differences of what was observed from what is declared; what would touch a subject of `reasons` is held
/// back.
pub(crate) fn compare<'a>(
    context: &'a Context,
    desired: &'a Desired,
    observed: &'a Observed<'a>,
    reasons: &Reasons,
    whose: Whose<'a>,
) -> Difference<'a> {
    let (manifest, live) = (&context.manifest, observed.schema.as_deref());
    let (absent, consent) = ((&observed.absent, whose), &context.consent);
    let difference = plan::difference(manifest, desired, live, absent, reasons, consent);
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
