//! New labels of enums, where other steps use them at once: in a transaction of their own, before the others.

use uuid::Uuid;

use super::attempt::{LockedPlan, OTHER_STATEMENTS, begin, check_reviewed, lock, locked_plan};
use super::commit::commit;
use super::compare::make_plan;
use super::context::Context;
use super::error::ReconcileError;
use super::execution::{entry, refused, statements};
use super::options::{ApplyOptions, Reviewed};
use super::outcome::Tenant;
use crate::pg::{Locking, Session};
use crate::plan::PlannedStep;

/// Adds missing enum labels in a separate transaction, since the server allows a label to be
/// used only when the transaction that added it is over. Adding labels is complete in itself, and
/// what follows may be retried. Returns what was done; the reviewed plan in `options` is replaced by
/// what is left of it.
pub(super) async fn add_labels(
    connection: &mut Option<Session>,
    context: &Context,
    tenant: &Tenant,
    options: &mut ApplyOptions,
) -> Result<Vec<PlannedStep>, ReconcileError> {
    let session = match connection {
        Some(session) => session,
        None => connection.insert(Session::open(&context.target).await?),
    };
    let apply_id = Uuid::now_v7();
    let desired = context.desired(session).await?;
    context.check_name(tenant)?;
    let mut transaction = begin(session, context, tenant, Locking::First).await?;
    lock(&mut transaction, tenant).await?;
    let fresh = ApplyOptions { rows_found: None, ..*options };
    let LockedPlan { mut plan, reasons, avoid, .. } =
        locked_plan(&mut transaction, context, tenant, desired, fresh).await?;
    if let Some(reviewed) = options.reviewed {
        check_reviewed(reviewed, context, &plan)?;
    }
    let (labels, others): (Vec<PlannedStep>, Vec<PlannedStep>) =
        plan.steps.into_iter().partition(PlannedStep::comes_first);
    if !labels.iter().any(PlannedStep::is_label) {
        transaction.rollback().await?;
        return Ok(labels);
    }
    plan.steps = labels;
    let record = entry(context, &plan, apply_id, false, transaction.actor(&context.actor));
    let executed = transaction.execute_part(statements(&plan.steps), &record).await;
    executed.map_err(|error| refused(tenant, error))?;
    let after = transaction.observe(context.declared(), &context.shapes, 0, None, &avoid).await?;
    context.find_renames(after.identified()).await?;
    let left = make_plan(context, tenant, desired, &after, &reasons);
    if options.reviewed.is_some() && left.steps != others {
        return Err(ReconcileError::Stale { what: OTHER_STATEMENTS.to_owned() });
    }
    tracing::info!(tenant = %tenant.id, %apply_id, labels = plan.steps.len(),
        "adding labels in a transaction of their own, so that they can be used in the next");
    commit(transaction.commit(), context, tenant, apply_id).await?;
    options.reviewed = options.reviewed.map(|_| Reviewed::from(&left));
    Ok(plan.steps)
}
