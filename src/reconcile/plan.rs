//! Operations on a tenant that do not write.

use super::checks::{check_distributable, check_externals, check_locks, check_registered};
use super::compare::make_plan;
use super::context::Context;
use super::error::ReconcileError;
use super::outcome::Tenant;
use crate::pg::{Session, Transaction};
use crate::plan::Plan;

/// What `apply` would do to the tenant. The database is not changed, whatever happens.
///
/// # Errors
/// When the tenant is not registered, or cannot be read, or the server refuses the manifest.
pub async fn plan(context: &Context, tenant: &Tenant) -> Result<Plan, ReconcileError> {
    let mut session = Session::open(&context.target).await?;
    check_registered(context, &mut session, tenant).await?;
    let desired = context.desired(&mut session).await?;
    context.check_name(tenant)?;
    let mut transaction = read(&mut session, context, tenant).await?;
    let obstacles = transaction.obstacles(&context.untrusted_query()).await?;
    let reasons = context.reasons(&obstacles, ToString::to_string);
    let avoid = context.reasons_not_to_read(&obstacles);
    let (declared, shapes) = (context.declared(), &context.shapes);
    let observed = transaction.observe(declared, shapes, 0, None, &avoid).await?;
    let placement = transaction.placement().await?;
    let is_distributed = transaction.is_distributed(placement.as_ref());
    let externals = transaction.externals(&context.manifest).await?;
    transaction.rollback().await?;
    context.find_renames(observed.identified()).await?;
    let plan = make_plan(context, tenant, desired, &observed, &reasons);
    if !plan.is_empty() {
        check_externals(&externals)?;
    }
    check_locks(context, tenant, &plan)?;
    if is_distributed {
        check_distributable(context, tenant, desired, &plan, &externals)?;
    }
    session.close().await;
    Ok(plan)
}

/// Whether the server can be reached and accepts the manifest, so that tenants can be provisioned.
///
/// # Errors
/// Why not.
pub async fn check(context: &Context) -> Result<(), ReconcileError> {
    let mut session = Session::open(&context.target).await?;
    context.desired(&mut session).await?;
    session.close().await;
    Ok(())
}

/// Whether the registry lists the tenant, or there is none.
///
/// # Errors
/// [`ReconcileError::Unregistered`], or why the registry cannot be read.
pub async fn check_listed(context: &Context, tenant: &Tenant) -> Result<(), ReconcileError> {
    let mut session = Session::open(&context.target).await?;
    check_registered(context, &mut session, tenant).await?;
    session.close().await;
    Ok(())
}

/// A transaction that reads the tenant.
pub(super) async fn read<'s>(
    session: &'s mut Session,
    context: &'s Context,
    tenant: &'s Tenant,
) -> Result<Transaction<'s>, ReconcileError> {
    let (Tenant { id, schema }, tables) = (tenant, &context.tables);
    Ok(Transaction::read(session, id, schema, tables, context.limits).await?)
}
