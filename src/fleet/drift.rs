//! Which tenants differ from the manifest, and how; reported by shape, since many differ alike.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use indexmap::IndexMap;
use jiff::civil::Date;
use serde::Serialize;

use super::difference::{Compared, Difference, compare_all};
use super::roster::{Orphan, PassedOver, Refused, Unreachable};
use super::state::{State, TenantDrift};
use super::undeclared::{Present, Undeclared, undeclared};
use super::unused::{UnusedRule, unused};
use super::{Fleet, Roster, Seen, Survey};
use crate::checksum::{self, Checksum};
use crate::hold::Hold;
use crate::manifest::Exception;
use crate::name::TenantId;
use crate::pg::Placement;
use crate::plan::Acceptance;

/// The state of all tenants.
#[derive(Debug, Serialize)]
pub struct Drift {
    pub manifest_checksum: Checksum,
    /// How many tenants are in each state; states without tenants are left out.
    pub summary: BTreeMap<State, usize>,
    /// The ways in which tenants differ, the most frequent first.
    pub shapes: Vec<Shape>,
    pub tenants: Vec<TenantDrift>,
    /// Entries of the registry that name no tenant, or no single place for it.
    pub refused: Vec<Refused>,
    /// Schemas that this tool created, for which there is no longer a tenant.
    pub orphans: Vec<Orphan>,
    /// Schemas that are neither a tenant's nor an orphan, since the owner of their record is not
    /// trusted: for information, not drift.
    pub passed_over: Vec<PassedOver>,
    /// Servers that could not be queried for their tenants.
    pub unreachable: Vec<Unreachable>,
    /// What is extra or unmodelled, by object over all tenants.
    pub undeclared: Vec<Undeclared>,
    /// Those of them that most tenants have and some do not.
    pub uneven: Vec<Undeclared>,
    /// What the manifest ignores, if that was asked for: for information, not drift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignored: Option<Vec<Undeclared>>,
    /// Rules of `[drift]` that have no effect: for information, not drift.
    pub unused_rules: Vec<UnusedRule>,
}

/// A way in which tenants differ from the manifest.
#[derive(Debug, Clone, Serialize)]
pub struct Shape {
    /// How many tenants do.
    pub count: usize,
    pub difference: Difference,
}

impl Drift {
    /// Whether a tenant differs without an exception, or there are orphans.
    #[must_use]
    pub fn is_drift(&self) -> bool {
        [State::Unprovisioned, State::Drifted].iter().any(|state| self.summary.contains_key(state))
            || !self.orphans.is_empty()
    }

    /// Tenants whose schemas Citus does not distribute, although it distributes new ones. That is not
    /// drift: their contents are as declared, or reported as usual.
    pub fn undistributed(&self) -> impl Iterator<Item = &TenantDrift> {
        self.tenants.iter().filter(|tenant| tenant.placement == Some(Placement::Undistributed))
    }

    /// Tenants that are held, whatever their state.
    pub fn held(&self) -> impl Iterator<Item = (&TenantDrift, &Hold)> {
        self.tenants.iter().filter_map(|tenant| Some((tenant, tenant.hold.as_ref()?)))
    }

    /// Whether something could not be checked, so that its state is unknown.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.summary.contains_key(&State::Unreachable)
            || !self.refused.is_empty()
            || !self.unreachable.is_empty()
    }
}

/// The drift of a roster's tenants, by the rules of the manifest; `today` decides which exceptions
/// are still valid.
#[must_use]
pub fn drift(fleet: &Fleet, roster: Roster, survey: &Survey<'_>, today: Date) -> Drift {
    let compared = compare_all(fleet, &roster.members, survey);
    of_compared(fleet, roster, survey, compared, today)
}

/// The same, with [`Drift::ignored`].
#[must_use]
pub fn drift_with_ignored(
    fleet: &Fleet,
    roster: Roster,
    survey: &Survey<'_>,
    today: Date,
) -> Drift {
    let rules = &fleet.manifest.drift;
    let compared = compare_all(fleet, &roster.members, survey);
    let ignored =
        undeclared(&present(&roster, &compared, |_| Vec::new()), |one| rules.ignores(one));
    Drift { ignored: Some(ignored), ..of_compared(fleet, roster, survey, compared, today) }
}

/// The tenants that are provisioned and could be compared.
fn present<'a>(
    roster: &'a Roster,
    compared: &'a [Option<Compared>],
    exceptions: impl Fn(&TenantId) -> Vec<&'a Exception>,
) -> Vec<Present<'a>> {
    let present = roster.members.iter().zip(compared).filter_map(|(member, compared)| {
        let compared = compared.as_ref().filter(|compared| compared.is_present)?;
        let (tenant, difference) = (&member.tenant.id, &compared.difference);
        Some(Present { tenant, difference, exceptions: exceptions(tenant) })
    });
    present.collect()
}

/// Marks what is accepted of a tenant that differs.
fn accept(tenant: &mut TenantDrift, Acceptance { exception, excepted }: &Acceptance) {
    tenant.excepted.clone_from(excepted);
    if exception.is_some() {
        tenant.state = State::Excepted;
        tenant.exception.clone_from(exception);
    }
}

fn of_compared(
    fleet: &Fleet,
    roster: Roster,
    survey: &Survey<'_>,
    compared: Vec<Option<Compared>>,
    today: Date,
) -> Drift {
    let rules = &fleet.manifest.drift;
    let present = present(&roster, &compared, |tenant| {
        let valid = rules.valid(tenant, today).into_iter();
        valid.filter_map(|at| rules.exceptions.get(at)).collect()
    });
    let undeclared = undeclared(&present, |object| !rules.ignores(object));
    let uneven = undeclared.iter().filter(|one| one.is_uneven()).cloned().collect();
    let is_whole = roster.is_whole && roster.refused.is_empty() && roster.unreachable.is_empty();
    let known = compared.iter().flatten();
    let found: BTreeMap<usize, Arc<Difference>> =
        known.map(|at| (Arc::as_ptr(&at.difference).addr(), Arc::clone(&at.difference))).collect();
    let mut shapes: IndexMap<Checksum, Shape> = IndexMap::new();
    // Shapes that differ only in what does not count are one.
    let mut by_pointer: BTreeMap<usize, (Option<Checksum>, Difference)> = BTreeMap::new();
    // By what tenants differ in, and which exceptions are for them.
    let mut accepted: HashMap<(Checksum, Vec<usize>), Acceptance> = HashMap::new();
    let mut drafts = Vec::new();
    for ((member, seen), compared) in roster.members.into_iter().zip(&survey.seen).zip(compared) {
        let mut tenant = TenantDrift {
            schema: member.tenant.schema.to_string(),
            tenant: member.tenant.id,
            server: fleet.name_of(member.server).map(str::to_owned),
            state: State::Unreachable,
            shape: None,
            error: None,
            exception: None,
            excepted: Vec::new(),
            hold: compared.as_ref().and_then(|compared| compared.hold.clone()),
            is_recorded: compared.as_ref().is_some_and(|compared| compared.is_recorded),
            placement: compared.as_ref().and_then(|compared| compared.placement.clone()),
        };
        let mut shape = None;
        match (seen, compared) {
            (Seen::Failed(failure), _) => tenant.error = Some(failure.clone()),
            (Seen::At(_), None) => {}
            (Seen::At(_), Some(compared)) => {
                let address = Arc::as_ptr(&compared.difference).addr();
                let (key, difference) = by_pointer.entry(address).or_insert_with(|| {
                    let untouched = compared.difference.untouched.counted(rules);
                    let counted = Difference { untouched, ..(*compared.difference).clone() };
                    let key = checksum::of("difference", &counted);
                    (Some(key).filter(|_| !counted.is_none()), counted)
                });
                shape = *key;
                tenant.state = match key {
                    None => State::InSync,
                    Some(_) if difference.absent => State::Unprovisioned,
                    Some(_) => State::Drifted,
                };
                if let Some(key) = key {
                    let new = || Shape { count: 0, difference: difference.clone() };
                    shapes.entry(*key).or_insert_with(new).count += 1;
                }
                if let Some(key) = key {
                    let valid = rules.valid(&tenant.tenant, today);
                    let new = |(_, valid): &(Checksum, Vec<usize>)| {
                        Acceptance::new(rules, valid, difference.objects().as_deref())
                    };
                    accept(&mut tenant, accepted.entry((*key, valid)).or_insert_with_key(new));
                }
            }
        }
        drafts.push((tenant, shape));
    }
    shapes.sort_by(|_, a, _, b| b.count.cmp(&a.count));
    let mut summary = BTreeMap::new();
    let tenants = drafts.into_iter().map(|(tenant, shape)| {
        *summary.entry(tenant.state).or_default() += 1;
        TenantDrift { shape: shape.and_then(|key| shapes.get_index_of(&key)), ..tenant }
    });
    let tenants: Vec<TenantDrift> = tenants.collect();
    let are_all = is_whole && !summary.contains_key(&State::Unreachable);
    let differences = found.values().map(|difference| &**difference);
    let shapes: Vec<Shape> = shapes.into_values().collect();
    let of_shapes: Vec<&Difference> = shapes.iter().map(|shape| &shape.difference).collect();
    let unused_rules = unused(rules, &tenants, (differences, &of_shapes), are_all, today);
    Drift {
        manifest_checksum: checksum::of("manifest", &*fleet.manifest),
        summary,
        shapes,
        tenants,
        refused: roster.refused,
        orphans: roster.orphans,
        passed_over: roster.passed_over,
        unreachable: roster.unreachable,
        undeclared,
        uneven,
        ignored: None,
        unused_rules,
    }
}
