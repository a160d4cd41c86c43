//! Responses about all tenants.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::parts::{ChangedObject, HeldSteps, Hold, Placement, texts};
use crate::fleet::{self, State, TenantDrift, TenantOutcome, TenantReport};
use crate::hold;
use crate::name::TenantId;

/// The state of a tenant.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::server) struct TenantState {
    pub(in crate::server) tenant: String,
    schema: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    /// `in_sync`, `unprovisioned`, `drifted`, `excepted` or `unreachable`.
    state: &'static str,
    /// Why the manifest accepts for now that it differs, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    exception: Option<String>,
    /// The objects that differ for which the manifest has exceptions of their own, each with why and until when.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    excepted: Vec<String>,
    /// Who wants the tenant to be left alone: nothing provisions it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<Hold>,
    /// The code of the error, if it could not be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(flatten)]
    placement: Placement,
}

impl From<&TenantDrift> for TenantState {
    fn from(tenant: &TenantDrift) -> Self {
        Self {
            tenant: tenant.tenant.to_string(),
            schema: tenant.schema.clone(),
            server: tenant.server.clone(),
            state: tenant.state.name(),
            exception: tenant.exception.clone(),
            excepted: texts(&tenant.excepted),
            hold: tenant.hold.as_ref().map(Hold::from),
            code: tenant.error.as_ref().map(|error| error.code),
            placement: tenant.placement.as_ref().into(),
        }
    }
}

/// A page of the tenants, in the order of their ids.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::server) struct TenantPage {
    pub(in crate::server) tenants: Vec<TenantState>,
    /// Of all pages.
    pub(in crate::server) total: usize,
    /// What to give as `after` for the next page; none on the last.
    pub(in crate::server) next: Option<String>,
    /// Entries of the registry that name no tenant, or no single place for it.
    pub(in crate::server) refused: usize,
    /// Servers that could not be queried for their tenants.
    pub(in crate::server) unreachable_servers: usize,
}

/// A way in which tenants differ from the manifest.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::server) struct DriftShape {
    /// How many tenants differ in this way.
    count: usize,
    /// Whether there is no schema at all.
    absent: bool,
    missing: Vec<String>,
    changed: Vec<ChangedObject>,
    extra: Vec<String>,
    unmodelled: Vec<String>,
    /// What is missing and not created, since something is in the way.
    held: Vec<HeldSteps>,
    /// The tenants that differ in this way.
    tenants: Vec<String>,
}

/// The state of all tenants.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::server) struct DriftReport {
    checksum: String,
    /// Whether every tenant was compared and is as declared, or excepted.
    in_sync: bool,
    /// How many tenants are in each state.
    summary: BTreeMap<&'static str, usize>,
    /// The most frequent first.
    shapes: Vec<DriftShape>,
    /// Tenants that could not be compared.
    unreachable: Vec<TenantState>,
    /// Entries of the registry that name no tenant, or no single place for it.
    refused: Vec<String>,
    /// Schemas for which there is no longer a tenant.
    orphans: Vec<String>,
    /// Schemas that are neither a tenant's nor an orphan, since the owner of their record is not
    /// trusted. That is not drift.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    passed_over: Vec<String>,
    /// How many servers could not be queried for their tenants.
    unreachable_servers: usize,
    /// Tenants whose schemas Citus does not distribute, although it distributes new ones. That is not
    /// drift.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    undistributed: Vec<String>,
    /// Tenants that are held, whatever their state.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    held: Vec<TenantHold>,
}

/// A tenant that is held: nothing provisions it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::server) struct TenantHold {
    tenant: String,
    hold: Hold,
}

impl TenantHold {
    fn new(tenant: &TenantId, hold: &hold::Hold) -> Self {
        Self { tenant: tenant.to_string(), hold: Hold::from(hold) }
    }
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
            changed: shape.difference.untouched.changed.iter().map(ChangedObject::from).collect(),
            extra: texts(&shape.difference.untouched.extra),
            unmodelled: texts(&shape.difference.untouched.unmodelled),
            held: shape.difference.untouched.held.iter().map(HeldSteps::from).collect(),
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
            passed_over: drift.passed_over.iter().map(|passed| passed.schema.clone()).collect(),
            unreachable_servers: drift.unreachable.len(),
            undistributed: drift.undistributed().map(|t| t.tenant.to_string()).collect(),
            held: drift.held().map(|(t, hold)| TenantHold::new(&t.tenant, hold)).collect(),
        }
    }
}

/// How a run over all tenants ended.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::server) struct FleetProvisioned {
    current: usize,
    created: usize,
    /// Includes those of which only the record was written.
    updated: usize,
    failed: usize,
    skipped: usize,
    /// Tenants with objects that are present but different.
    changed: usize,
    /// The first thousand of those that failed.
    failures: Vec<TenantFailure>,
    /// The first thousand of those that are held, and were left alone.
    held: Vec<TenantHold>,
    /// Entries of the registry that name no tenant, or no single place for it.
    refused: usize,
    /// Servers that could not be queried for their tenants.
    unreachable_servers: usize,
    duration_ms: u64,
}

/// A tenant that is as it was before.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::server) struct TenantFailure {
    tenant: String,
    /// The code of the error; the service's log has the details.
    code: &'static str,
}

/// How many failures are listed, and how many holds.
const FAILURES: usize = 1_000;

impl From<&fleet::RunReport> for FleetProvisioned {
    fn from(ended: &fleet::RunReport) -> Self {
        let failure = |done: &TenantReport| match &done.outcome {
            TenantOutcome::Failed { error } => {
                Some(TenantFailure { tenant: done.tenant.to_string(), code: error.code })
            }
            _ => None,
        };
        let held = |done: &TenantReport| match &done.outcome {
            TenantOutcome::Held { hold } => Some(TenantHold::new(&done.tenant, hold)),
            _ => None,
        };
        Self {
            current: ended.count(|outcome| *outcome == TenantOutcome::Current),
            created: ended.count(|outcome| matches!(outcome, TenantOutcome::Created { .. })),
            updated: ended.count(|outcome| {
                matches!(outcome, TenantOutcome::Updated { .. } | TenantOutcome::Recorded { .. })
            }),
            failed: ended.count(|outcome| matches!(outcome, TenantOutcome::Failed { .. })),
            skipped: ended.count(|outcome| *outcome == TenantOutcome::Skipped),
            changed: ended.tenants.iter().filter(|done| has_changed(done)).count(),
            failures: ended.tenants.iter().filter_map(failure).take(FAILURES).collect(),
            held: ended.tenants.iter().filter_map(held).take(FAILURES).collect(),
            refused: ended.refused.len(),
            unreachable_servers: ended.unreachable.len(),
            duration_ms: ended.duration_ms,
        }
    }
}

fn has_changed(done: &TenantReport) -> bool {
    !done.left.untouched.changed.is_empty()
}
