//! Whether what an apply leaves is drift.

use jiff::civil::Date;
use serde::Serialize;

use super::context::Context;
use super::today::today;
use crate::manifest::DriftRules;
use crate::name::TenantId;
use crate::plan::Plan;
use crate::plan::Untouched;

/// What an apply leaves of one tenant's drift: it only adds, so the rest is for people to fix.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Without what the manifest ignores.
    #[serde(flatten)]
    pub untouched: Untouched,
    /// Why the manifest accepts it, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
}

impl Left {
    /// Applies the rules of the manifest; `today` decides which exceptions still hold.
    #[must_use]
    pub fn new(untouched: &Untouched, rules: &DriftRules, tenant: &TenantId, today: Date) -> Self {
        let untouched = untouched.counted(rules);
        let is_empty = untouched.is_empty();
        Self { untouched, exception: rules.accepted(tenant, today).filter(|_| !is_empty) }
    }

    /// Whether `drift` would call the tenant drifted after the apply.
    #[must_use]
    pub fn is_drift(&self) -> bool {
        !self.untouched.is_empty() && self.exception.is_none()
    }
}

/// What running the plan would leave, by the manifest's rules as of today.
#[must_use]
pub fn left_by(context: &Context, plan: &Plan) -> Left {
    Left::new(&plan.untouched(), &context.manifest.drift, &plan.tenant, today())
}

/// The plan as people and programs see it: without what the manifest ignores.
#[must_use]
pub fn shown(context: &Context, plan: Plan) -> Plan {
    let untouched = plan.untouched().counted(&context.manifest.drift);
    plan.leaving(untouched)
}
