//! What is sent for a plan, and its result.

use uuid::Uuid;

use super::context::Context;
use super::error::ReconcileError;
use super::outcome::{Outcome, Tenant};
use crate::pg::{Entry, ExecuteError, Placement, Statements};
use crate::plan::{Plan, PlannedStep};

/// The result of an attempt.
pub(super) struct Attempted {
    pub(super) outcome: Outcome,
    pub(super) plan: Plan,
    pub(super) placement: Option<Placement>,
}

/// What is sent: the objects are known not to exist.
pub(super) fn statements(steps: &[PlannedStep]) -> Statements<'_> {
    let sql = steps.iter().map(|step| step.exclusive.as_ref().unwrap_or(&step.sql).as_str());
    let what = |at: usize| steps.get(at).map(PlannedStep::describe).unwrap_or_default();
    let is_row = |at: usize| steps.get(at).is_some_and(|step| step.action.is_of_row());
    let kinds = steps.iter().map(|step| step.object.kind()).collect();
    Statements { sql: sql.collect(), what: Box::new(what), is_row: Box::new(is_row), kinds }
}

pub(super) fn refused(tenant: &Tenant, error: ExecuteError) -> ReconcileError {
    match error {
        ExecuteError::Step(source) => {
            ReconcileError::Step { schema: tenant.schema.clone(), source }
        }
        ExecuteError::Read(source) => source.into(),
    }
}

/// The row of an apply, except for what the server fills in.
pub(super) fn entry(
    context: &Context,
    plan: &Plan,
    apply_id: Uuid,
    complete: bool,
    actor: String,
) -> Entry {
    Entry {
        apply_id,
        manifest_checksum: context.manifest_checksum,
        plan_digest: plan.digest(),
        statements: u32::try_from(plan.steps.len()).unwrap_or(u32::MAX),
        complete,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        actor,
    }
}
