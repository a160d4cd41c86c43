//! What must hold before anything is done to a tenant.

use super::context::Context;
use super::error::ReconcileError;
use super::outcome::Tenant;
use crate::catalog::Desired;
use crate::hold::Hold;
use crate::pg::{self, Externals, Session};
use crate::plan::{Plan, citus};

/// # Errors
/// [`ReconcileError::Unregistered`], or why the registry cannot be read.
pub(super) async fn check_registered(
    context: &Context,
    session: &mut Session,
    tenant: &Tenant,
) -> Result<(), ReconcileError> {
    let tenants = &context.manifest.tenants;
    let Some(registry) = tenants.registry.as_ref().filter(|_| tenants.registry_server.is_none())
    else {
        return Ok(());
    };
    if context.unregistered || pg::lists(session, registry, &tenant.id, context.limits).await? {
        return Ok(());
    }
    Err(ReconcileError::Unregistered { tenant: tenant.id.clone() })
}

/// Whether nobody holds the tenant. What decides is what was read under its lock.
///
/// # Errors
/// [`ReconcileError::Held`].
pub(super) fn check_not_held(tenant: &Tenant, hold: Option<&Hold>) -> Result<(), ReconcileError> {
    let Some(hold) = hold else { return Ok(()) };
    Err(ReconcileError::Held { tenant: tenant.id.clone(), hold: Box::new(hold.clone()) })
}

/// # Errors
/// [`ReconcileError::ExternalMissing`].
pub(super) fn check_externals(externals: &Externals) -> Result<(), ReconcileError> {
    if externals.missing.is_empty() {
        return Ok(());
    }
    Err(ReconcileError::ExternalMissing { tables: externals.missing.clone() })
}

/// Whether no step of the plan takes a stronger lock than may be taken.
///
/// # Errors
/// [`ReconcileError::LockTooStrong`].
pub(crate) fn check_locks(
    context: &Context,
    tenant: &Tenant,
    plan: &Plan,
) -> Result<(), ReconcileError> {
    let Some(most) = context.max_lock else { return Ok(()) };
    let steps = plan.locking_above(most);
    if steps.is_empty() {
        return Ok(());
    }
    Err(ReconcileError::LockTooStrong { schema: tenant.schema.clone(), most, steps })
}

/// Whether Citus is known to refuse what is planned for a distributed schema.
///
/// # Errors
/// [`ReconcileError::Undistributable`].
pub(crate) fn check_distributable(
    context: &Context,
    tenant: &Tenant,
    desired: &Desired,
    plan: &Plan,
    externals: &Externals,
) -> Result<(), ReconcileError> {
    let reasons =
        citus::refusals(&context.manifest, &desired.catalog, &plan.steps, &externals.local);
    if reasons.is_empty() {
        return Ok(());
    }
    Err(ReconcileError::Undistributable { schema: tenant.schema.clone(), reasons })
}
