//! The answers, as JSON. Keys are stable; new ones may come.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::problem::Problem;
use crate::diff::Change;
use crate::fleet::{self, Done, Fate, State, TenantDrift};
use crate::pg::StateRow;
use crate::plan::Plan;
use crate::reconcile::{Applied, Outcome, Status, millis};

/// A tenant that is as the manifest declares.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Provisioned {
    pub(super) tenant: String,
    schema: String,
    /// Whether this request wrote something.
    changed: bool,
    /// Whether the schema was made by this request.
    created: bool,
    /// How many statements were run.
    statements: usize,
    /// Of the manifest that the tenant now is as.
    checksum: String,
    /// Under which the tenant's record tells of it; none when nothing was written.
    apply_id: Option<Uuid>,
    duration_ms: u64,
    attempts: u32,
    /// Objects that are there and not declared.
    extra: Vec<String>,
    /// Objects of kinds that are not compared.
    unmodelled: Vec<String>,
}

impl From<&Applied> for Provisioned {
    fn from(applied: &Applied) -> Self {
        let (apply_id, created) = match applied.outcome {
            Outcome::Current => (None, false),
            Outcome::Done { apply_id, created } => (Some(apply_id), created),
        };
        Self {
            tenant: applied.tenant.id.to_string(),
            schema: applied.tenant.schema.to_string(),
            changed: apply_id.is_some(),
            created,
            statements: applied.plan.steps.len(),
            checksum: applied.plan.manifest_checksum.to_string(),
            apply_id,
            duration_ms: millis(applied.duration),
            attempts: applied.attempts,
            extra: texts(&applied.plan.extra),
            unmodelled: texts(&applied.plan.unmodelled),
        }
    }
}

fn texts(all: &[impl ToString]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

/// An object that is present but different.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangedObject {
    object: String,
    /// One property a line.
    is: String,
    should_be: String,
}

impl From<&Change> for ChangedObject {
    fn from(change: &Change) -> Self {
        Self {
            object: change.object.to_string(),
            is: change.is.clone(),
            should_be: change.should_be.clone(),
        }
    }
}

/// A statement that would be run.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Statement {
    /// What it does.
    action: String,
    object: String,
    sql: String,
    /// Where a baseline row is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
}

/// What would be done to a tenant.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Planned {
    tenant: String,
    schema: String,
    /// Always true: nothing was done.
    dry_run: bool,
    /// Of the manifest.
    checksum: String,
    /// Of what was found.
    live_checksum: String,
    /// In the order in which they would be run.
    statements: Vec<Statement>,
    changed: Vec<ChangedObject>,
    extra: Vec<String>,
    unmodelled: Vec<String>,
}

impl From<&Plan> for Planned {
    fn from(plan: &Plan) -> Self {
        let statements = plan.steps.iter().map(|step| Statement {
            action: step.action.to_string(),
            object: step.object.to_string(),
            sql: step.sql.clone(),
            origin: step.origin.clone(),
        });
        Self {
            tenant: plan.tenant.to_string(),
            schema: plan.schema.clone(),
            dry_run: true,
            checksum: plan.manifest_checksum.to_string(),
            live_checksum: plan.live_checksum.to_string(),
            statements: statements.collect(),
            changed: plan.changed.iter().map(ChangedObject::from).collect(),
            extra: texts(&plan.extra),
            unmodelled: texts(&plan.unmodelled),
        }
    }
}

/// One apply in a tenant's record.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Recorded {
    apply_id: Uuid,
    applied_at: String,
    checksum: String,
    statements: u32,
    /// Whether nothing remained to be done.
    complete: bool,
    actor: String,
    tool_version: String,
    duration_ms: u64,
}

impl From<&StateRow> for Recorded {
    fn from(row: &StateRow) -> Self {
        Self {
            apply_id: row.apply_id,
            applied_at: row.applied_at.clone(),
            checksum: row.manifest_checksum.to_string(),
            statements: row.statements,
            complete: row.complete,
            actor: row.actor.clone(),
            tool_version: row.tool_version.clone(),
            duration_ms: row.duration_ms,
        }
    }
}

/// What is known of a tenant.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TenantStatus {
    tenant: String,
    schema: String,
    exists: bool,
    /// Whether the newest apply was of the manifest as it is now.
    manifest_is_current: bool,
    /// Whether the schema is as the newest apply left it.
    live_is_recorded: bool,
    /// How many of the declared rows are absent.
    absent_rows: usize,
    /// Newest first.
    history: Vec<Recorded>,
}

impl From<&Status> for TenantStatus {
    fn from(status: &Status) -> Self {
        Self {
            tenant: status.tenant.id.to_string(),
            schema: status.tenant.schema.to_string(),
            exists: status.exists,
            manifest_is_current: status.manifest_is_current,
            live_is_recorded: status.live_is_recorded,
            absent_rows: status.absent_rows,
            history: status.history.iter().map(Recorded::from).collect(),
        }
    }
}

/// How a tenant is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TenantState {
    pub(super) tenant: String,
    schema: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    /// `in_sync`, `unprovisioned`, `drifted`, `excepted` or `unreachable`.
    state: &'static str,
    /// Which error, if it could not be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

impl From<&TenantDrift> for TenantState {
    fn from(tenant: &TenantDrift) -> Self {
        Self {
            tenant: tenant.tenant.to_string(),
            schema: tenant.schema.clone(),
            server: tenant.server.clone(),
            state: tenant.state.name(),
            code: tenant.error.as_ref().map(|error| error.code),
        }
    }
}

/// A page of the tenants, in the order of their ids.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TenantPage {
    pub(super) tenants: Vec<TenantState>,
    /// Of all pages.
    pub(super) total: usize,
    /// What to give as `after` for the next page; none on the last.
    pub(super) next: Option<String>,
    /// Entries of the registry that name no tenant, or not one place for it.
    pub(super) refused: usize,
    /// Servers that could not be asked for their tenants.
    pub(super) unreachable_servers: usize,
}

/// A way in which tenants differ from the manifest.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DriftShape {
    /// How many tenants do.
    count: usize,
    /// Whether there is no schema at all.
    absent: bool,
    missing: Vec<String>,
    changed: Vec<ChangedObject>,
    extra: Vec<String>,
    unmodelled: Vec<String>,
    /// Why what is missing cannot be created.
    blocked: Vec<String>,
    /// The tenants that do.
    tenants: Vec<String>,
}

/// How all tenants are.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DriftReport {
    checksum: String,
    /// Whether every tenant was looked at and is as declared, or excepted.
    in_sync: bool,
    /// How many tenants are in each state.
    summary: std::collections::BTreeMap<&'static str, usize>,
    /// The most frequent first.
    shapes: Vec<DriftShape>,
    /// Tenants that could not be looked at.
    unreachable: Vec<TenantState>,
    /// Entries of the registry that name no tenant, or not one place for it.
    refused: Vec<String>,
    /// Schemas for which there is no tenant any more.
    orphans: Vec<String>,
    /// How many servers could not be asked for their tenants.
    unreachable_servers: usize,
}

impl From<&fleet::Drift> for DriftReport {
    fn from(drift: &fleet::Drift) -> Self {
        let mut tenants: Vec<Vec<String>> = vec![Vec::new(); drift.shapes.len()];
        for tenant in &drift.tenants {
            if let Some(of_shape) = tenant.shape.and_then(|shape| tenants.get_mut(shape)) {
                of_shape.push(tenant.tenant.to_string());
            }
        }
        let shapes = drift.shapes.iter().zip(tenants).map(|(shape, tenants)| DriftShape {
            count: shape.count,
            absent: shape.difference.absent,
            missing: texts(&shape.difference.missing),
            changed: shape.difference.changed.iter().map(ChangedObject::from).collect(),
            extra: texts(&shape.difference.extra),
            unmodelled: texts(&shape.difference.unmodelled),
            blocked: shape.difference.blocked.clone(),
            tenants,
        });
        let unreachable = drift.tenants.iter().filter(|t| t.state == State::Unreachable);
        Self {
            checksum: drift.manifest_checksum.to_string(),
            in_sync: !drift.is_drift() && !drift.is_incomplete(),
            summary: drift.summary.iter().map(|(state, count)| (state.name(), *count)).collect(),
            shapes: shapes.collect(),
            unreachable: unreachable.map(TenantState::from).collect(),
            refused: drift.refused.iter().map(|refused| refused.id.clone()).collect(),
            orphans: drift.orphans.iter().map(|orphan| orphan.schema.clone()).collect(),
            unreachable_servers: drift.unreachable.len(),
        }
    }
}

/// How a run over all tenants ended.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FleetProvisioned {
    current: usize,
    created: usize,
    updated: usize,
    failed: usize,
    skipped: usize,
    /// Tenants with objects that are present but different.
    changed: usize,
    /// The first thousand of those that failed.
    failures: Vec<TenantFailure>,
    /// Entries of the registry that name no tenant, or not one place for it.
    refused: usize,
    /// Servers that could not be asked for their tenants.
    unreachable_servers: usize,
    duration_ms: u64,
}

/// A tenant that is as it was before.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TenantFailure {
    tenant: String,
    /// Which error; the service's log tells more.
    code: &'static str,
}

/// So many failures are told one by one.
const FAILURES: usize = 1_000;

impl From<&fleet::Ended> for FleetProvisioned {
    fn from(ended: &fleet::Ended) -> Self {
        let failure = |done: &Done| match &done.fate {
            Fate::Failed { error } => {
                Some(TenantFailure { tenant: done.tenant.to_string(), code: error.code })
            }
            _ => None,
        };
        Self {
            current: ended.count(|fate| *fate == Fate::Current),
            created: ended.count(|fate| matches!(fate, Fate::Created { .. })),
            updated: ended.count(|fate| matches!(fate, Fate::Updated { .. })),
            failed: ended.count(|fate| matches!(fate, Fate::Failed { .. })),
            skipped: ended.count(|fate| *fate == Fate::Skipped),
            changed: ended.tenants.iter().filter(|done| done.changed > 0).count(),
            failures: ended.tenants.iter().filter_map(failure).take(FAILURES).collect(),
            refused: ended.refused.len(),
            unreachable_servers: ended.unreachable.len(),
            duration_ms: ended.duration_ms,
        }
    }
}

/// What was done, or what would be.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it only describes the answer")]
pub(super) enum ProvisionedOrPlanned {
    Provisioned(Provisioned),
    Planned(Planned),
}

/// What a job came to.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum JobResult {
    Tenant(Provisioned),
    Fleet(FleetProvisioned),
}

/// Work that goes on, or has ended not long ago.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobStatus {
    pub(super) id: Uuid,
    /// The tenant; none when it is about all.
    pub(super) tenant: Option<String>,
    pub(super) state: JobState,
    #[schema(value_type = String, format = DateTime)]
    pub(super) created_at: Timestamp,
    /// Once it is `done`.
    pub(super) result: Option<JobResult>,
    /// Once it has `failed`.
    pub(super) problem: Option<Problem>,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum JobState {
    Queued,
    Running,
    Done,
    Failed,
}

/// Alive, or ready.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    pub(super) status: &'static str,
}
