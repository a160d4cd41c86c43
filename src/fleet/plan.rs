//! What an apply of many tenants would do: one plan for all tenants with the same steps, for people;
//! one digest per tenant, for the apply.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::difference::{Compared, compare_all};
use super::holding::{self, HeldTenant};
use super::left::{LeftIn, Lefts, by_shape};
use super::planned::{plan_of, unknown};
use super::roster::{PassedOver, Refused, Unreachable};
use super::rows::{self, Due};
use super::{Fleet, Member, Roster, RowsInTheWay, RowsNotCounted, Seen, survey};
use crate::checksum::{self, Checksum};
use crate::consent::Consent;
use crate::explain::Failure;
use crate::name::TenantId;
use crate::pg::TenantSnapshot;
use crate::plan::{self, FORMAT_VERSION, Plan, PlannedStep};
use crate::reconcile::{self, Left, ReconcileError, Tenant};

/// A plan of many tenants. What could not be planned is written, but not read back.
#[derive(Debug, Serialize, Deserialize)]
pub struct FleetPlan {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    pub tool_version: String,
    pub manifest_checksum: Checksum,
    /// With which it was made.
    #[serde(default, skip_serializing_if = "Consent::is_empty")]
    pub consent: Consent,
    /// The plans; each is for all tenants for which the same statements are to be run.
    pub plans: Vec<SharedPlan>,
    /// Those that have something to do.
    pub tenants: Vec<Pinned>,
    /// The rows in the way of steps, by step.
    #[serde(default, skip_serializing_if = "Vec::is_empty", skip_deserializing)]
    pub rows_in_the_way: Vec<RowsInTheWay>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", skip_deserializing)]
    pub not_counted: Vec<RowsNotCounted>,
    /// Those that are held: an apply leaves them alone, so nothing is planned for them.
    #[serde(default, skip_deserializing)]
    pub held: Vec<HeldTenant>,
    /// How many are as declared, except for what the manifest says to ignore.
    pub current: usize,
    /// Those that have nothing to do but differ, by shape.
    #[serde(default, skip_deserializing)]
    pub left: Vec<LeftIn>,
    /// Those that no plan can be made for.
    #[serde(default, skip_deserializing)]
    pub failed: Vec<Unplanned>,
    #[serde(default, skip_deserializing)]
    pub refused: Vec<Refused>,
    #[serde(default, skip_deserializing)]
    pub unreachable: Vec<Unreachable>,
    /// Schemas that are no tenant's, since the owner of their record is not trusted.
    #[serde(default, skip_deserializing)]
    pub passed_over: Vec<PassedOver>,
}

/// What is to be done for several tenants, whatever else they differ in.
#[derive(Debug, Serialize, Deserialize)]
pub struct SharedPlan {
    pub count: usize,
    /// The first of them, for which the statements are written.
    pub tenant: TenantId,
    pub schema: String,
    pub steps: Vec<PlannedStep>,
    /// What is left as it is in them, by shape.
    #[serde(default, skip_deserializing)]
    pub left: Vec<LeftIn>,
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
    /// Position in [`FleetPlan::plans`].
    pub plan: usize,
}

/// A tenant that no plan can be made for, since it could not be read or its plan is refused.
#[derive(Debug, Clone, Serialize)]
pub struct Unplanned {
    pub tenant: TenantId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    pub error: Failure,
}

/// Makes the plans of all members of `roster`. Nothing is written.
pub async fn plan(fleet: &Fleet, roster: Roster, progress: &(dyn Fn(usize) + Sync)) -> FleetPlan {
    let Roster { members, refused, unreachable, passed_over, .. } = roster;
    let survey = survey(fleet, &members, 1, progress).await;
    let compared = compare_all(fleet, &members, &survey);
    let today = reconcile::today();
    let (mut drafts, mut lefts) = (Drafts::default(), Lefts::default());
    let (mut left, mut failed, mut held, mut current) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let mut due: Vec<Due<'_>> = Vec::new();
    let all = members.iter().enumerate().zip(&survey.seen).zip(&compared);
    for (((at, member), seen), compared) in all {
        let id = &member.tenant.id;
        let (snapshot, compared) = match (seen, compared) {
            (Seen::At(snapshot), Some(compared)) => (snapshot, compared),
            (Seen::At(_), None) => {
                failed.push(unplanned(fleet, member, Failure::from(&unknown(member))));
                continue;
            }
            (Seen::Failed(error), _) => {
                failed.push(unplanned(fleet, member, error.clone()));
                continue;
            }
        };
        if let Some(hold) = &compared.hold {
            held.push(holding::held(fleet, member, hold));
            continue;
        }
        let left_here = lefts.of(&compared.difference, &fleet.manifest.drift, id, today);
        if compared.difference.is_behind() {
            match drafts.add(fleet, member, snapshot, compared, &left_here) {
                Ok(Some(plan)) => {
                    due.extend(Due::of((at, member), snapshot, plan));
                    continue;
                }
                // Everything that is to be done is held back.
                Ok(None) => {}
                Err(error) => {
                    failed.push(unplanned(fleet, member, Failure::from(&error)));
                    continue;
                }
            }
        }
        if left_here.untouched.is_empty() {
            current += 1;
        } else {
            left.push((id, left_here));
        }
    }
    let (plans, tenants) = drafts.finish();
    let found = rows::count(fleet, &due, 1).await;
    let (rows_in_the_way, not_counted) = rows::by_step(fleet, &due, found).await;
    FleetPlan {
        format_version: FORMAT_VERSION,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        manifest_checksum: checksum::of("manifest", &*fleet.manifest),
        consent: fleet.servers.first().map(|s| s.context.consent.clone()).unwrap_or_default(),
        plans,
        tenants,
        rows_in_the_way,
        not_counted,
        held,
        current,
        left: by_shape(left.iter().map(|(id, left)| (*id, left))),
        failed,
        refused,
        unreachable,
        passed_over,
    }
}

/// The plans while they are made.
#[derive(Default)]
struct Drafts {
    plans: IndexMap<Checksum, SharedPlan>,
    tenants: Vec<(Pinned, Arc<Left>)>,
    /// The tenant for which the statements of all shapes are written to be compared.
    stand_in: Option<Tenant>,
    /// The digest of those statements, by the address of the shape's difference.
    keys: HashMap<usize, Checksum>,
}

impl Drafts {
    /// Returns the tenant's plan, if there is something to do.
    fn add(
        &mut self,
        fleet: &Fleet,
        member: &Member,
        snapshot: &TenantSnapshot<'_>,
        compared: &Compared,
        left: &Arc<Left>,
    ) -> Result<Option<Plan>, ReconcileError> {
        let made = plan_of(fleet, member, &member.tenant, snapshot)?;
        if made.is_empty() {
            return Ok(None);
        }
        let key = match self.keys.entry(Arc::as_ptr(&compared.difference).addr()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(place) => {
                // Written for one and the same tenant, equal statements have equal digests. Values that they replace
                // are shown with them.
                let stand_in = self.stand_in.get_or_insert_with(|| member.tenant.clone());
                let plan = plan_of(fleet, member, stand_in, snapshot)?;
                let cells: Vec<_> = plan.steps.iter().map(|step| &step.cells).collect();
                *place.insert(checksum::of("shared plan", &(plan.digest(), cells)))
            }
        };
        let pinned = Pinned {
            tenant: made.tenant.clone(),
            server: fleet.name_of(member.server).map(str::to_owned),
            live_checksum: made.live_checksum,
            digest: made.digest(),
            plan: self.plans.get_index_of(&key).unwrap_or(self.plans.len()),
        };
        let new = || SharedPlan {
            count: 0,
            tenant: made.tenant.clone(),
            schema: made.schema.clone(),
            steps: made.steps.clone(),
            left: Vec::new(),
        };
        self.plans.entry(key).or_insert_with(new).count += 1;
        self.tenants.push((pinned, Arc::clone(left)));
        Ok(Some(made))
    }

    fn finish(self) -> (Vec<SharedPlan>, Vec<Pinned>) {
        let mut plans: Vec<SharedPlan> = self.plans.into_values().collect();
        let mut left: Vec<Vec<(&TenantId, &Arc<Left>)>> = vec![Vec::new(); plans.len()];
        for (pinned, left_here) in &self.tenants {
            if let Some(of_plan) = left.get_mut(pinned.plan) {
                of_plan.push((&pinned.tenant, left_here));
            }
        }
        for (plan, left) in plans.iter_mut().zip(left) {
            plan.left = by_shape(left.into_iter());
        }
        (plans, self.tenants.into_iter().map(|(pinned, _)| pinned).collect())
    }
}

/// Of the statements that are shown, as [`Pinned::digest`] is of those that are to be run.
fn shown_digest(shown: &SharedPlan) -> Checksum {
    plan::digest(&shown.tenant, &shown.schema, &shown.steps)
}

pub(super) fn unplanned(fleet: &Fleet, member: &Member, error: Failure) -> Unplanned {
    let server = fleet.name_of(member.server).map(str::to_owned);
    Unplanned { tenant: member.tenant.id.clone(), server, error }
}

impl FleetPlan {
    /// The tenants that it is for.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.tenants.iter().map(|pin| pin.tenant.to_string()).collect()
    }

    /// Checks that it can be what [`plan()`] made: what runs is pinned per tenant, and has to be what the
    /// plan shows to its reviewers.
    ///
    /// # Errors
    /// [`ReconcileError::Stale`] when it has been edited.
    pub fn check(&self) -> Result<(), ReconcileError> {
        let edited = |what: String| Err(ReconcileError::Stale { what });
        let mut counts = vec![0; self.plans.len()];
        let mut pins = HashMap::new();
        for pin in &self.tenants {
            let Some(count) = counts.get_mut(pin.plan) else {
                return edited(format!("the plan of tenant {} has been removed", pin.tenant));
            };
            *count += 1;
            if pins.insert(&pin.tenant, pin).is_some() {
                return edited(format!("tenant {} has been added again", pin.tenant));
            }
        }
        for ((at, plan), count) in self.plans.iter().enumerate().zip(counts) {
            if plan.count != count {
                return edited(format!(
                    "the tenants of the plan shown for tenant {} have been edited",
                    plan.tenant
                ));
            }
            let is_pinned = |pin: &&Pinned| pin.plan == at && pin.digest == shown_digest(plan);
            if !pins.get(&plan.tenant).is_some_and(is_pinned) {
                return edited(format!(
                    "the statements shown for tenant {} have been edited",
                    plan.tenant
                ));
            }
        }
        Ok(())
    }

    /// Keeps in `roster` those that the plan is for; one that is missing, or on a different server, is
    /// refused.
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

    /// How many tenants have rows in the way of a step.
    #[must_use]
    pub fn tenants_in_the_way(&self) -> usize {
        let all = self.rows_in_the_way.iter().flat_map(|way| &way.tenants);
        all.collect::<HashSet<_>>().len()
    }

    /// Whether something could not be planned.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        !self.failed.is_empty() || !self.refused.is_empty() || !self.unreachable.is_empty()
    }

    /// Whether tenants that have nothing to do have drifted.
    #[must_use]
    pub fn leaves_drift(&self) -> bool {
        self.left.iter().any(|shape| shape.left.is_drift())
    }

    /// How many tenants are left different in a way for which `is` holds, whatever else is to be done.
    #[must_use]
    pub fn count_left(&self, is: impl Fn(&Left) -> bool) -> usize {
        let shapes = self.left.iter().chain(self.plans.iter().flat_map(|shared| &shared.left));
        shapes.filter(|shape| is(&shape.left)).map(|shape| shape.tenants.len()).sum()
    }

    /// The tenants of one of the plans.
    pub fn tenants_of(&self, plan: usize) -> impl Iterator<Item = &TenantId> {
        self.tenants.iter().filter(move |pinned| pinned.plan == plan).map(|pinned| &pinned.tenant)
    }
}
