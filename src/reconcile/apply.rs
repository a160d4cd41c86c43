//! An apply: attempts until it is done, or a retry is pointless.

use std::time::{Duration, Instant};

use tracing::{Instrument as _, info, warn};
use uuid::Uuid;

use super::add_labels::add_labels;
use super::attempt;
use super::context::Context;
use super::error::ReconcileError;
use super::execution::Attempted;
use super::left::{Left, left_by};
use super::options::{ApplyOptions, Reviewed};
use super::outcome::{Outcome, Tenant, millis};
use crate::explain::Explain as _;
use crate::pg::{self, Holder, PgError, Placement, Session};
use crate::plan::{Plan, PlannedStep};
use crate::telemetry;

/// The result of an apply.
#[derive(Debug)]
pub struct Applied {
    pub tenant: Tenant,
    pub outcome: Outcome,
    /// What was executed, and what remains changed or extra. Without steps when there was nothing to do.
    pub plan: Plan,
    /// The part of that which remains drift.
    pub left: Left,
    /// Where Citus places the schema; `None` if it is on the server itself, and should be.
    pub placement: Option<Placement>,
    /// Of all attempts; a command sets its own duration here, which starts before reading the manifest.
    pub duration: Duration,
    pub attempts: u32,
}

/// Brings the tenant to what the manifest declares, completely or not at all. With `reviewed`, only if
/// the plan is still exactly the one that was reviewed.
///
/// # Errors
/// Anything from a tenant that is not registered to a server that is lost at COMMIT; see
/// [`ReconcileError`]. Transient errors have been retried before.
pub async fn apply(
    context: &Context,
    tenant: &Tenant,
    reviewed: Option<Reviewed>,
) -> Result<Applied, ReconcileError> {
    let mut connection = None;
    let options = ApplyOptions { reviewed, ..ApplyOptions::default() };
    let result = apply_on(&mut connection, context, tenant, options).await;
    if let Some(session) = connection {
        session.close().await;
    }
    result
}

/// [`apply`] on a connection that the caller keeps for more than one tenant. It is opened when
/// there is none, and dropped when it breaks.
///
/// # Errors
/// As [`apply`].
pub async fn apply_on(
    connection: &mut Option<Session>,
    context: &Context,
    tenant: &Tenant,
    options: ApplyOptions,
) -> Result<Applied, ReconcileError> {
    let start = Instant::now();
    let apply_id = Uuid::now_v7();
    info!(tenant = %tenant.id, schema = %tenant.schema, %apply_id, "provisioning started");
    let span = tracing::info_span!(
        target: "provision::traces", "apply", tenant = %tenant.id, schema = %tenant.schema, %apply_id
    );
    let work = retried(connection, context, tenant, options, apply_id).instrument(span);
    let result = Box::pin(work).await;
    let duration = start.elapsed();
    if let Err(error @ (ReconcileError::Unregistered { .. } | ReconcileError::Held { .. })) =
        &result
    {
        // Nothing has failed.
        info!(tenant = %tenant.id, %apply_id, code = error.code(), reason = %error, "not provisioned");
        return result;
    }
    match &result {
        Ok(Applied { outcome: Outcome::Current, .. }) => {
            telemetry::applied(Outcome::Current.name(), false, std::iter::empty(), duration);
        }
        Ok(Applied { outcome: outcome @ Outcome::Done { created, .. }, plan, .. }) => {
            let kinds = plan.steps.iter().map(|step| step.object.kind().name());
            telemetry::applied(outcome.name(), *created, kinds, duration);
        }
        Err(error) => telemetry::failed(error.code(), duration),
    }
    let duration_ms = millis(duration);
    match &result {
        Ok(applied) => info!(
            tenant = %tenant.id, schema = %tenant.schema, %apply_id, duration_ms,
            statements = applied.plan.steps.len(), outcome = applied.outcome.name(),
            "provisioning ended"
        ),
        Err(error) => tracing::error!(
            tenant = %tenant.id, schema = %tenant.schema, %apply_id, duration_ms,
            code = error.code(), "provisioning failed"
        ),
    }
    result
}

async fn retried(
    connection: &mut Option<Session>,
    context: &Context,
    tenant: &Tenant,
    mut options: ApplyOptions,
    apply_id: Uuid,
) -> Result<Applied, ReconcileError> {
    let start = Instant::now();
    let mut attempts = 0;
    // Added in a separate transaction, when that was needed.
    let mut labels: Vec<PlannedStep> = Vec::new();
    let mut labels_first = false;
    loop {
        attempts += 1;
        let attempt = async {
            if labels_first && labels.is_empty() {
                labels = add_labels(connection, context, tenant, &mut options).await?;
            }
            attempt::once(connection, context, tenant, &mut options, apply_id).await
        };
        let error = match attempt.await {
            Ok(Attempted { outcome, mut plan, placement }) => {
                plan.steps.splice(0..0, labels);
                return Ok(Applied {
                    left: left_by(context, &plan),
                    tenant: tenant.clone(),
                    outcome,
                    plan,
                    placement,
                    duration: start.elapsed(),
                    attempts,
                });
            }
            Err(error) => error,
        };
        // Whatever state the session is in, a new attempt starts with a clean one.
        if let Some(mut session) = connection.take()
            && !error.is_lost()
            && session.rollback().await.is_ok()
        {
            *connection = Some(session);
        }
        if error.is_unsafe_label() && !labels_first {
            // PostgreSQL lets a new label be used only after the transaction that added it.
            labels_first = true;
            attempts -= 1;
            continue;
        }
        if options.rows_found.is_some() && matches!(error, ReconcileError::NotConverged { .. }) {
            // A row was deleted since the rows were read.
            options.rows_found = None;
            options.live_checksum = None;
            continue;
        }
        if !error.is_transient() || attempts >= context.retry.attempts {
            let error = explain(context, tenant, error, attempts).await;
            return Err(if labels.is_empty() {
                error
            } else {
                ReconcileError::LabelsOnly {
                    schema: tenant.schema.clone(),
                    labels: labels.iter().map(PlannedStep::describe).collect(),
                    source: Box::new(error),
                }
            });
        }
        let pause = context.retry.pause_after(&error, attempts, context.limits);
        warn!(
            tenant = %tenant.id, %apply_id, attempt = attempts, code = error.code(),
            error = crate::causes::chain(&error), pause_ms = millis(pause), "trying again"
        );
        tokio::time::sleep(pause).await;
    }
}

/// Names the sessions that hold the locks, if the error is a lock timeout.
pub(super) async fn explain(
    context: &Context,
    tenant: &Tenant,
    error: ReconcileError,
    attempts: u32,
) -> ReconcileError {
    let is_of_registry = matches!(error, ReconcileError::Pg(PgError::Registry { .. }));
    if error.sqlstate() != Some("55P03") || is_of_registry {
        return error;
    }
    let _aside = context.aside.acquire().await;
    let holders: Vec<Holder> =
        pg::holders(&context.target, &tenant.schema).await.unwrap_or_default();
    ReconcileError::Busy {
        schema: tenant.schema.clone(),
        attempts,
        holders,
        source: Box::new(error),
    }
}

impl Applied {
    /// Whether only the record was written.
    #[must_use]
    pub fn is_record_only(&self) -> bool {
        matches!(self.outcome, Outcome::Done { .. }) && self.plan.steps.is_empty()
    }
}
