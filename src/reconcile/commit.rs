//! COMMIT, and what is done when its answer does not arrive.

use uuid::Uuid;

use super::context::Context;
use super::error::ReconcileError;
use super::outcome::Tenant;
use crate::pg::{self, PgError};

/// Commits; when the connection is lost meanwhile, finds out on a new one whether it was committed.
pub(super) async fn commit(
    committing: impl Future<Output = Result<(), PgError>>,
    context: &Context,
    tenant: &Tenant,
    apply_id: Uuid,
) -> Result<(), ReconcileError> {
    let lost = match committing.await {
        Ok(()) => return Ok(()),
        Err(error) if error.is_lost() => error,
        Err(error) => return Err(error.into()),
    };
    tracing::warn!(
        tenant = %tenant.id, %apply_id,
        "the connection was lost at COMMIT; checking whether it was committed"
    );
    for attempt in 1..=context.retry.attempts.max(1) {
        let _aside = context.aside.acquire().await;
        match pg::committed(&context.target, &tenant.schema, apply_id, context.limits).await {
            Ok(true) => {
                tracing::info!(tenant = %tenant.id, %apply_id, "it was committed");
                return Ok(());
            }
            // Not committed: a lost connection like any other; the whole transaction is retried.
            Ok(false) => return Err(lost.into()),
            Err(error) => tracing::warn!(
                tenant = %tenant.id, %apply_id, attempt,
                error = crate::causes::chain(&error), "cannot find out yet"
            ),
        }
        tokio::time::sleep(context.retry.pause(attempt)).await;
    }
    Err(ReconcileError::CommitUnknown { schema: tenant.schema.clone(), apply_id, source: lost })
}
