//! What an apply of many tenants would do: one plan per shape for people, one digest per tenant for
//! the apply.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::difference::compare_all;
use super::roster::{Refused, Unreachable};
use super::{Failure, Fleet, Member, Roster, Seen, survey};
use crate::checksum::{self, Checksum};
use crate::name::TenantId;
use crate::pg::{Observed, Sighting};
use crate::plan::{FORMAT_VERSION, Plan};
use crate::reconcile::{ReconcileError, make_plan};

/// A plan of many tenants. What could not be planned is told, but not read back.
#[derive(Debug, Serialize, Deserialize)]
pub struct FleetPlan {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    pub tool_version: String,
    pub manifest_checksum: Checksum,
    /// The plans; each stands for all tenants that it would do the same for.
    pub shapes: Vec<PlannedShape>,
    /// Those that have something to do.
    pub tenants: Vec<Pinned>,
    /// How many have nothing to do.
    pub current: usize,
    /// Those that no plan can be made for.
    #[serde(default, skip_deserializing)]
    pub failed: Vec<Unplanned>,
    #[serde(default, skip_deserializing)]
    pub refused: Vec<Refused>,
    #[serde(default, skip_deserializing)]
    pub unreachable: Vec<Unreachable>,
}

/// What is done alike for a number of tenants.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedShape {
    pub count: usize,
    /// That of the first of them.
    pub plan: Plan,
}

/// One tenant, pinned to what was found and what is to be done.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pinned {
    pub tenant: TenantId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    pub live_checksum: Checksum,
    pub digest: Checksum,
    /// Position in [`FleetPlan::shapes`].
    pub shape: usize,
}

/// A tenant that no plan can be made for.
#[derive(Debug, Clone, Serialize)]
pub struct Unplanned {
    pub tenant: TenantId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    pub error: Failure,
}

/// Makes the plans of all members of `roster`. Nothing is written.
pub async fn plan(fleet: &Fleet, roster: Roster, progress: &(dyn Fn(usize) + Sync)) -> FleetPlan {
    let Roster { members, refused, unreachable, .. } = roster;
    let survey = survey(fleet, &members, 1, progress).await;
    let compared = compare_all(fleet, &members, &survey);
    let mut plan = FleetPlan {
        format_version: FORMAT_VERSION,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        manifest_checksum: checksum::of("manifest", &*fleet.manifest),
        shapes: Vec::new(),
        tenants: Vec::new(),
        current: 0,
        failed: Vec::new(),
        refused,
        unreachable,
    };
    let mut shapes: HashMap<Checksum, usize> = HashMap::new();
    for ((member, seen), compared) in members.iter().zip(&survey.seen).zip(compared) {
        let sighting = match (seen, &compared) {
            (Seen::At(sighting), Some(compared)) if compared.difference.is_behind() => sighting,
            (Seen::At(_), _) => {
                plan.current += 1;
                continue;
            }
            (Seen::Failed(error), _) => {
                plan.failed.push(unplanned(fleet, member, error.clone()));
                continue;
            }
        };
        let made = match plan_of(fleet, member, sighting) {
            Ok(made) => made,
            Err(error) => {
                plan.failed.push(unplanned(fleet, member, Failure::from(&error)));
                continue;
            }
        };
        let key = shape_of(&made);
        let (live_checksum, digest) = (made.live_checksum, made.digest());
        let shape = *shapes.entry(key).or_insert_with(|| {
            plan.shapes.push(PlannedShape { count: 0, plan: made });
            plan.shapes.len() - 1
        });
        if let Some(planned) = plan.shapes.get_mut(shape) {
            planned.count += 1;
        }
        plan.tenants.push(Pinned {
            tenant: member.tenant.id.clone(),
            server: fleet.name_of(member.server).map(str::to_owned),
            live_checksum,
            digest,
            shape,
        });
    }
    plan
}

fn plan_of(
    fleet: &Fleet,
    member: &Member,
    sighting: &Sighting<'_>,
) -> Result<Plan, ReconcileError> {
    let unknown = || ReconcileError::Vanished { tenant: member.tenant.id.clone() };
    let context = &fleet.servers.get(member.server).ok_or_else(unknown)?.context;
    let desired = context.known_desired().ok_or_else(unknown)?;
    let present = sighting.present.as_ref();
    let observed = Observed {
        schema: present.map(|present| std::sync::Arc::clone(&present.schema)),
        fingerprint: present.map(|present| present.fingerprint),
        absent_rows: sighting.absent_rows.clone(),
        state: Vec::new(),
    };
    make_plan(context, &member.tenant, desired, &observed)
}

/// What is the same in the plans of tenants for which the same is done.
fn shape_of(plan: &Plan) -> Checksum {
    let steps: Vec<_> = plan.steps.iter().map(|step| (step.action, &step.object)).collect();
    checksum::of("planned", &(steps, &plan.changed, &plan.extra, &plan.unmodelled))
}

fn unplanned(fleet: &Fleet, member: &Member, error: Failure) -> Unplanned {
    let server = fleet.name_of(member.server).map(str::to_owned);
    Unplanned { tenant: member.tenant.id.clone(), server, error }
}

impl FleetPlan {
    /// The tenants that it is for.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.tenants.iter().map(|pin| pin.tenant.to_string()).collect()
    }

    /// Leaves in `roster` those that the plan is for; one that is not there, or on a different
    /// server, is refused.
    pub(super) fn pin_down(&self, fleet: &Fleet, roster: &mut Roster) {
        let mut pins: HashMap<&TenantId, &Pinned> =
            self.tenants.iter().map(|pin| (&pin.tenant, pin)).collect();
        let mut moved = Vec::new();
        roster.members.retain(|member| {
            let Some(pin) = pins.remove(&member.tenant.id) else { return false };
            let server = fleet.name_of(member.server);
            let is_there = pin.server.as_deref() == server;
            if !is_there {
                let name = |server: Option<&str>| server.unwrap_or("the only one").to_owned();
                let (planned, actual) = (name(pin.server.as_deref()), name(server));
                let reason = format!("the plan is for server {planned}, but it is on {actual}");
                moved.push(Refused { id: member.tenant.id.to_string(), reason });
            }
            is_there
        });
        for refused in &roster.refused {
            if let Ok(id) = TenantId::new(&refused.id) {
                pins.remove(&id);
            }
        }
        roster.refused.extend(moved);
        // In the order of the plan.
        for pin in self.tenants.iter().filter(|pin| pins.contains_key(&pin.tenant)) {
            let reason = "the plan is for it, but the registry does not list it".to_owned();
            roster.refused.push(Refused { id: pin.tenant.to_string(), reason });
        }
    }

    /// Whether something could not be planned.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        !self.failed.is_empty() || !self.refused.is_empty() || !self.unreachable.is_empty()
    }
}
