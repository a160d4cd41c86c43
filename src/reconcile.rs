//! One tenant through the whole pipeline: manifest → desired → live → diff → plan → execute →
//! verify → record. Plan, apply and status all run through here.

mod attempt;
mod checks;
mod commit;
mod context;
mod error;
mod known;
mod left;
mod options;
mod settled;
mod status;

use std::time::{Duration, Instant};

use serde::Serialize;
use tracing::{Instrument as _, info, warn};
use uuid::Uuid;

pub(crate) use checks::check_distributable;
use checks::{check_externals, check_registered};
pub use context::{Context, Retry};
pub use error::ReconcileError;
pub use left::{Left, left_by, today};
pub use options::{ApplyOptions, Reviewed};
pub use status::{Differences, Status, status};

use crate::catalog::Desired;
use crate::checksum::{self, Checksum};
use crate::explain::Explain as _;
use crate::manifest::{SeedDecl, SeedRow};
use crate::name::{SchemaName, TenantId};
use crate::obstacle::Reasons;
use crate::pg::{self, Holder, Observed, PgError, Placement, Session, Transaction};
use crate::plan::{self, Basis, Difference, Plan, PlannedStep};
use crate::telemetry;

/// A tenant and its schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tenant {
    pub id: TenantId,
    pub schema: SchemaName,
}

/// What an apply came to.
#[derive(Debug)]
pub struct Applied {
    pub tenant: Tenant,
    pub outcome: Outcome,
    /// What was executed, and what remains changed or extra. Without steps when nothing was to do.
    pub plan: Plan,
    /// What of that remains drift.
    pub left: Left,
    /// Where Citus keeps the schema; `None` if it lies on the server itself, and should.
    pub placement: Option<Placement>,
    /// Of all attempts; a command puts its own duration here, which begins with the manifest.
    pub duration: Duration,
    pub attempts: u32,
}

/// How an apply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The tenant was current; nothing was written.
    Current,
    /// Committed, under this id in the tenant's record.
    Done { apply_id: Uuid, created: bool },
}

/// What `apply` would do to the tenant. The database is as before, whatever happens.
///
/// # Errors
/// When the tenant is not registered, or cannot be looked at, or the server refuses the manifest.
pub async fn plan(context: &Context, tenant: &Tenant) -> Result<Plan, ReconcileError> {
    let mut session = Session::open(&context.target).await?;
    check_registered(context, &mut session, tenant).await?;
    let desired = context.desired(&mut session).await?;
    let mut transaction = read(&mut session, context, tenant).await?;
    let obstacles = transaction.obstacles(&context.asked()).await?;
    let reasons = context.reasons(&obstacles, ToString::to_string);
    let avoid = context.reasons_not_to_read(&obstacles);
    let (manifest, shapes) = (&context.manifest, &context.shapes);
    let observed = transaction.observe(manifest, shapes, 0, None, &avoid).await?;
    let placement = transaction.placement().await?;
    let is_distributed = transaction.is_distributed(placement.as_ref());
    let externals = transaction.externals(manifest).await?;
    transaction.rollback().await?;
    let plan = make_plan(context, tenant, desired, &observed, &reasons);
    if !plan.is_empty() {
        check_externals(&externals)?;
    }
    if is_distributed {
        check_distributable(context, tenant, desired, &plan, &externals)?;
    }
    session.close().await;
    Ok(plan)
}

/// Whether the server can be reached and takes the manifest, so that tenants can be provisioned.
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
/// [`ReconcileError::Unregistered`], or why the registry cannot be asked.
pub async fn check_listed(context: &Context, tenant: &Tenant) -> Result<(), ReconcileError> {
    let mut session = Session::open(&context.target).await?;
    check_registered(context, &mut session, tenant).await?;
    session.close().await;
    Ok(())
}

/// Brings the tenant to what the manifest declares, whole or not at all. With `reviewed`, only if
/// that is still exactly what was reviewed.
///
/// # Errors
/// Anything from a tenant that is not registered to a server that is lost at COMMIT; see
/// [`ReconcileError`]. Errors that may pass have been retried before.
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
/// there is none, and given up when it breaks.
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
    if let Err(error @ ReconcileError::Unregistered { .. }) = &result {
        // Whoever asked was wrong, and nothing has failed.
        info!(
            tenant = %tenant.id, %apply_id, code = error.code(),
            "not provisioned: the registry does not list the tenant"
        );
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
    // Added in a transaction of their own, when that was needed.
    let mut labels: Vec<PlannedStep> = Vec::new();
    let mut labels_first = false;
    loop {
        attempts += 1;
        let attempt = async {
            if labels_first && labels.is_empty() {
                labels = attempt::add_labels(connection, context, tenant, &mut options).await?;
            }
            attempt::once(connection, context, tenant, options, apply_id).await
        };
        let error = match attempt.await {
            Ok(attempt::Attempted { outcome, mut plan, placement }) => {
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
        // Whatever state the session is in, a new attempt starts from a clean one.
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
            // A row has gone since they were looked for.
            options.rows_found = None;
            options.seen = None;
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

/// Names the sessions that are in the way, if that is the trouble.
async fn explain(
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
    /// Whether nothing was written but the record.
    #[must_use]
    pub fn is_record_only(&self) -> bool {
        matches!(self.outcome, Outcome::Done { .. }) && self.plan.steps.is_empty()
    }
}

impl Outcome {
    /// For logs and metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Done { created: true, .. } => "created",
            Self::Done { created: false, .. } => "updated",
        }
    }
}

/// A transaction that looks at the tenant.
async fn read<'s>(
    session: &'s mut Session,
    context: &'s Context,
    tenant: &'s Tenant,
) -> Result<Transaction<'s>, ReconcileError> {
    let (Tenant { id, schema }, tables) = (tenant, &context.tables);
    Ok(Transaction::read(session, id, schema, tables, context.limits).await?)
}

pub(crate) fn make_plan(
    context: &Context,
    tenant: &Tenant,
    desired: &Desired,
    observed: &Observed<'_>,
    reasons: &Reasons,
) -> Plan {
    let difference = compare(context, desired, observed, reasons);
    let basis = Basis {
        tenant: &tenant.id,
        schema: &tenant.schema,
        manifest_checksum: context.manifest_checksum,
        live_checksum: live_checksum(observed.fingerprint, &observed.absent_rows),
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
) -> Difference<'a> {
    let (manifest, live) = (&context.manifest, observed.schema.as_deref());
    let difference = plan::difference(manifest, desired, live, &observed.absent_rows, reasons);
    if let Some(fingerprint) = observed.fingerprint
        && observed.absent_rows.is_empty()
    {
        context.settled.note(fingerprint, &difference);
    }
    difference
}

/// Identifies all that a plan is concluded from.
pub(crate) fn live_checksum(
    fingerprint: Option<Checksum>,
    absent_rows: &[(&SeedDecl, &SeedRow)],
) -> Checksum {
    let rows: Vec<_> = absent_rows.iter().map(|(seed, row)| (&seed.table, row)).collect();
    checksum::of("live", &(fingerprint, rows))
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
