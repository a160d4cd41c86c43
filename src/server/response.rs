//! The responses, as JSON. Keys are stable; new ones may be added.

mod fleet;
mod parts;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) use self::fleet::{DriftReport, FleetProvisioned, TenantPage, TenantState};
pub(super) use self::parts::{ChangedObject, HeldSteps, Hold};
use self::parts::{Placement, texts};
use super::problem::Problem;
use crate::hold;
use crate::pg::StateRow;
use crate::plan::Plan;
use crate::reconcile::{Applied, Differences, Held, Outcome, Released, Status, millis};

/// A tenant that is as the manifest declares, or differs in what it excepts.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Provisioned {
    pub(super) tenant: String,
    schema: String,
    /// Whether this request wrote something.
    changed: bool,
    /// Whether this request created the schema.
    created: bool,
    /// How many statements were run.
    statements: usize,
    /// Of the manifest that the tenant now matches.
    checksum: String,
    /// Its id in the tenant's record; none if nothing was written.
    apply_id: Option<Uuid>,
    duration_ms: u64,
    attempts: u32,
    #[serde(flatten)]
    placement: Placement,
    /// Objects that are present but not declared.
    extra: Vec<String>,
    /// Objects of kinds that are not compared.
    unmodelled: Vec<String>,
    /// Why the manifest accepts for now that the tenant differs, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    exception: Option<String>,
    /// The objects that differ for which the manifest has exceptions of their own, each with why and until when.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    excepted: Vec<String>,
    /// Objects that are present but different, which is accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    accepted: Vec<ChangedObject>,
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
            placement: applied.placement.as_ref().into(),
            extra: texts(&applied.left.untouched.extra),
            unmodelled: texts(&applied.left.untouched.unmodelled),
            exception: applied.left.exception.clone(),
            excepted: texts(&applied.left.excepted),
            accepted: applied.plan.changed.iter().map(ChangedObject::from).collect(),
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
    /// What would not be done, since something is in the way, such as code of an owner who is not trusted.
    held: Vec<HeldSteps>,
    /// Who wants the tenant to be left alone: until that ends, provisioning it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<Hold>,
}

impl Planned {
    pub(super) fn new(plan: &Plan, hold: Option<&hold::Hold>) -> Self {
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
            held: plan.held.iter().map(HeldSteps::from).collect(),
            hold: hold.map(Hold::from),
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
    /// Whether the tenant is as the manifest declares, now, whatever the record says.
    conforms: bool,
    /// Why the manifest accepts for now that it is not, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    exception: Option<String>,
    /// The objects that differ for which the manifest has exceptions of their own, each with why and until when.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    excepted: Vec<String>,
    /// Who wants the tenant to be left alone: nothing provisions it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<Hold>,
    /// Objects that are missing.
    missing: usize,
    /// Objects, and baseline rows by table and reason, that are missing and not added: what they need is not as
    /// declared, or something is in the way.
    held: usize,
    /// Objects that are present but different.
    changed: usize,
    /// Objects that are present but not declared, without those that are ignored.
    extra: usize,
    /// Objects of kinds that are not compared, without those that are ignored.
    unmodelled: usize,
    /// Whether the newest apply was of the manifest as it is now.
    manifest_is_current: bool,
    /// Whether the schema is as the newest apply left it; `null` if a version of the tool with another digest
    /// wrote the record.
    live_is_recorded: Option<bool>,
    /// How many of the declared rows are absent.
    absent_rows: usize,
    #[serde(flatten)]
    placement: Placement,
    /// The owner of the record, if not trusted: then the record proves nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    record_owner: Option<String>,
    /// Newest first.
    history: Vec<Recorded>,
}

impl From<&Status> for TenantStatus {
    fn from(status: &Status) -> Self {
        let Differences { missing, held, changed, extra, unmodelled } = status.differences;
        Self {
            conforms: status.conforms,
            exception: status.exception.clone(),
            excepted: texts(&status.excepted),
            hold: status.hold.as_ref().map(Hold::from),
            missing,
            held,
            changed,
            extra,
            unmodelled,
            tenant: status.tenant.id.to_string(),
            schema: status.tenant.schema.to_string(),
            exists: status.exists,
            manifest_is_current: status.manifest_is_current,
            live_is_recorded: status.live_is_recorded,
            absent_rows: status.absent_rows,
            placement: status.placement.as_ref().into(),
            record_owner: status.record_owner.as_ref().map(|owner| owner.as_str().to_owned()),
            history: status.history.iter().map(Recorded::from).collect(),
        }
    }
}

/// A tenant that is held now.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct HeldTenant {
    tenant: String,
    schema: String,
    hold: Hold,
    /// The hold that this one takes the place of.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced: Option<Hold>,
}

impl From<&Held> for HeldTenant {
    fn from(held: &Held) -> Self {
        Self {
            tenant: held.tenant.id.to_string(),
            schema: held.tenant.schema.to_string(),
            hold: Hold::from(&held.hold),
            replaced: held.replaced.as_ref().map(Hold::from),
        }
    }
}

/// A tenant that nobody holds.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReleasedTenant {
    tenant: String,
    schema: String,
    /// The hold that was ended; `null`: nobody held the tenant.
    released: Option<Hold>,
}

impl From<&Released> for ReleasedTenant {
    fn from(released: &Released) -> Self {
        Self {
            tenant: released.tenant.id.to_string(),
            schema: released.tenant.schema.to_string(),
            released: released.released.as_ref().map(Hold::from),
        }
    }
}

/// What was done, or what would be.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it only describes the response")]
pub(super) enum ProvisionedOrPlanned {
    Provisioned(Provisioned),
    Planned(Planned),
}

/// The result of a job.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum JobResult {
    Tenant(Provisioned),
    Fleet(FleetProvisioned),
}

/// Work in progress, or finished not long ago.
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

/// The progress of a job.
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
    /// What needs attention although the status is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
}
