//! Whether what an apply leaves is drift.

use jiff::civil::Date;
use serde::Serialize;

use super::context::Context;
use super::today::today;
use crate::catalog::Object;
use crate::manifest::DriftRules;
use crate::name::TenantId;
use crate::plan::{Acceptance, Excepted, Plan, Untouched};

/// What an apply leaves of one tenant's drift: it only adds, so the rest is for people to fix.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Without what the manifest ignores.
    #[serde(flatten)]
    pub untouched: Untouched,
    /// Why the manifest accepts all of it, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
    /// The objects in it for which the manifest has exceptions of their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excepted: Vec<Excepted>,
}

impl Left {
    /// Applies the rules of the manifest; `today` decides which exceptions still hold.
    #[must_use]
    pub fn new(untouched: &Untouched, rules: &DriftRules, tenant: &TenantId, today: Date) -> Self {
        let untouched = untouched.counted(rules);
        let objects: Vec<String> = untouched.objects().collect();
        let valid = rules.valid(tenant, today);
        let Acceptance { exception, excepted } = Acceptance::new(rules, &valid, Some(&objects));
        Self { untouched, exception, excepted }
    }

    /// Whether the manifest accepts that the object differs.
    #[must_use]
    pub fn accepts(&self, object: &Object) -> bool {
        let is_it = |excepted: &Excepted| excepted.object == object.to_string();
        self.exception.is_some() || self.excepted.iter().any(is_it)
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
