//! Operations on a tenant that do not write.

use super::checks::{check_distributable, check_externals, check_locks, check_registered};
use super::compare::make_plan;
use super::context::Context;
use super::error::ReconcileError;
use super::outcome::Tenant;
use super::rows::NOT_ASKED;
use crate::checksum::Checksum;
use crate::hold::Hold;
use crate::pg::{self, Session, Transaction};
use crate::plan::Plan;
use crate::precondition::RowsFound;

/// What `apply` would do to the tenant. The database is not changed, whatever happens.
///
/// # Errors
/// When the tenant is not registered, or cannot be read, or the server refuses the manifest.
pub async fn plan(context: &Context, tenant: &Tenant) -> Result<Plan, ReconcileError> {
    plan_and_hold(context, tenant).await.map(|(plan, _)| plan)
}

/// [`plan()`] on a connection that the caller keeps for more than one tenant.
///
/// # Errors
/// As [`plan()`]. The session is then in whatever state the error found it in.
pub async fn plan_on(
    session: &mut Session,
    context: &Context,
    tenant: &Tenant,
) -> Result<Plan, ReconcileError> {
    check_registered(context, session, tenant).await?;
    counted(session, context, tenant).await.map(|(plan, _)| plan)
}

/// [`plan()`], with the hold of the tenant that would keep `apply` from it.
///
/// # Errors
/// As [`plan`].
pub async fn plan_and_hold(
    context: &Context,
    tenant: &Tenant,
) -> Result<(Plan, Option<Hold>), ReconcileError> {
    let mut session = Session::open(&context.target).await?;
    check_registered(context, &mut session, tenant).await?;
    let found = counted(&mut session, context, tenant).await?;
    session.close().await;
    Ok(found)
}

/// The plan that would be made now, with what was found of the rows that its steps meet. No lock is held meanwhile for which the
/// application would wait.
///
/// # Errors
/// As [`plan()`].
pub(super) async fn counted(
    session: &mut Session,
    context: &Context,
    tenant: &Tenant,
) -> Result<(Plan, Option<Hold>), ReconcileError> {
    let desired = context.desired(session).await?;
    context.check_name(tenant)?;
    let query = context.untrusted_query();
    let mut transaction = read(session, context, tenant).await?;
    let obstacles = transaction.obstacles(&query).await?;
    let reasons = context.reasons(&obstacles, ToString::to_string);
    let avoid = context.reasons_not_to_read(&obstacles);
    let (declared, shapes) = (context.declared(), &context.shapes);
    let observed = transaction.observe(declared, shapes, 0, None, &avoid).await?;
    let placement = transaction.placement().await?;
    let is_distributed = transaction.is_distributed(placement.as_ref());
    let externals = transaction.externals(&context.manifest).await?;
    let hold = transaction.hold().cloned();
    context.find_renames(observed.identified()).await?;
    let plan = make_plan(context, tenant, desired, &observed, &reasons);
    if !plan.is_empty() {
        check_externals(&externals)?;
    }
    check_locks(context, tenant, &plan)?;
    if is_distributed {
        check_distributable(context, tenant, desired, &plan, &externals)?;
    }
    let preconditions = plan.preconditions.as_slice();
    let found = match context.row_checks.limit {
        _ if preconditions.is_empty() => RowsFound::default(),
        None => RowsFound::uncounted(preconditions, NOT_ASKED),
        Some(within) if transaction.is_exposed() => {
            let known = (&query, obstacles.as_slice());
            transaction.count_rows(preconditions, known, within).await?
        }
        Some(within) => {
            transaction.rollback().await?;
            let limits = context.limits;
            let all = pg::count_rows(session, &[preconditions], limits, within).await?;
            let mut found = all.into_iter().next().unwrap_or_default();
            pg::identify_rows(session, preconditions, &mut found, limits).await?;
            return Ok((plan.with_rows(found), hold));
        }
    };
    transaction.rollback().await?;
    Ok((plan.with_rows(found), hold))
}

/// What is found of the rows that the steps of the tenant meet.
///
/// # Errors
/// As [`plan()`].
pub(crate) async fn count_rows(
    context: &Context,
    tenant: &Tenant,
) -> Result<RowsFound, ReconcileError> {
    let mut session = Session::open(&context.target).await?;
    let (plan, _) = counted(&mut session, context, tenant).await?;
    session.close().await;
    Ok(plan.into_rows())
}

/// Refuses the plan that would be made now if rows are in its way; returns its digest.
///
/// # Errors
/// As [`plan()`], and see [`RowChecks::check`](super::RowChecks::check).
pub(super) async fn check_rows(
    session: &mut Session,
    context: &Context,
    tenant: &Tenant,
) -> Result<Checksum, ReconcileError> {
    let (plan, _) = counted(session, context, tenant).await?;
    let digest = plan.digest();
    context.row_checks.check(tenant, plan.into_rows())?;
    Ok(digest)
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
