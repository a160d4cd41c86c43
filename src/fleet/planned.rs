//! The plan of one tenant of a fleet, from what was read of it.

use std::sync::Arc;

use super::{Fleet, Member};
use crate::obstacle::Obstacle;
use crate::pg::{Externals, Observed, TenantSnapshot};
use crate::plan::Plan;
use crate::reconcile::{self, ReconcileError, Tenant, make_plan};

/// That a tenant was not found where its server was read.
pub(super) fn unknown(member: &Member) -> ReconcileError {
    ReconcileError::Vanished { tenant: member.tenant.id.clone() }
}

/// The plan that `tenant` would have if it were as the member is.
pub(super) fn plan_of(
    fleet: &Fleet,
    member: &Member,
    tenant: &Tenant,
    snapshot: &TenantSnapshot<'_>,
) -> Result<Plan, ReconcileError> {
    let context = &fleet.servers.get(member.server).ok_or_else(|| unknown(member))?.context;
    let desired = context.known_desired().ok_or_else(|| unknown(member))?;
    let present = snapshot.present.as_ref();
    let observed = Observed {
        schema: present.map(|present| Arc::clone(&present.schema)),
        fingerprint: present.map(|present| present.fingerprint),
        absent: snapshot.absent.clone(),
        state: Vec::new(),
    };
    let reasons = context.reasons(&snapshot.obstacles, Obstacle::in_general);
    let plan = make_plan(context, tenant, desired, &observed, &reasons);
    reconcile::check_locks(context, tenant, &plan)?;
    if snapshot.is_distributed {
        // Whether the referenced tables can be referenced is checked by the apply.
        let externals = Externals::default();
        reconcile::check_distributable(context, tenant, desired, &plan, &externals)?;
    }
    Ok(plan)
}
