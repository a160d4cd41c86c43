//! Brings many tenants up to date, each in its own transaction, several at a time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use jiff::civil::Date;

use super::difference::{Compared, compare_all};
use super::holding::{self, held_canary};
use super::left::{Lefts, by_shape};
use super::refusals::Refusals;
use super::rows;
use super::run::{Options, Run, blank, is_systemic};
use super::{
    Event, Fleet, FleetPlan, Member, Pinned, Roster, RunReport, Seen, TenantOutcome, TenantReport,
    survey,
};
use crate::explain::Failure;
use crate::name::TenantId;
use crate::reconcile::{self, ApplyOptions, Reviewed, millis};
use crate::telemetry;
use crate::words::counted;

/// Brings all members of `roster` up to date; with `reviewed`, those that it pins, and only if they
/// are still as they were. Setting `stop` ends the run after the transactions in flight.
/// A tenant that is held is left alone, whatever its state.
///
/// Failures are reported in the result, tenant by tenant.
pub async fn apply(
    fleet: &Fleet,
    mut roster: Roster,
    reviewed: Option<&FleetPlan>,
    options: &Options,
    stop: &AtomicBool,
    on_event: &(dyn Fn(Event<'_>) + Sync),
) -> RunReport {
    let start = Instant::now();
    let pins: HashMap<&TenantId, &Pinned> =
        reviewed.iter().flat_map(|plan| &plan.tenants).map(|pin| (&pin.tenant, pin)).collect();
    if let Some(plan) = reviewed {
        plan.pin_down(fleet, &mut roster);
    }
    let members = roster.members;
    on_event(Event::Surveying(members.len()));
    let survey = survey(fleet, &members, options.jobs, &|n| on_event(Event::Surveyed(n))).await;
    let compared = compare_all(fleet, &members, &survey);

    let mut refusals = Refusals::default();
    let (today, mut lefts) = (reconcile::today(), Lefts::default());
    let (mut open, mut held) = (Vec::new(), Vec::new());
    let mut done: Vec<Option<TenantReport>> = Vec::with_capacity(members.len());
    let mut apply_options = Vec::with_capacity(members.len());
    for (at, (member, compared)) in members.iter().zip(&compared).enumerate() {
        let found = (survey.seen.get(at), compared.as_ref());
        let mut known = without_trying(fleet, member, found, &mut lefts, today);
        if let (None, (Some(Seen::At(snapshot)), Some(compared))) = (&known, found) {
            let error = refusals.of(fleet, member, snapshot, compared);
            known = error.map(|error| blank(fleet, member, TenantOutcome::Failed { error }));
        }
        match known.as_ref().map(|known| &known.outcome) {
            Some(TenantOutcome::Held { hold }) => held.push(holding::held(fleet, member, hold)),
            Some(TenantOutcome::Current) => {}
            _ => open.push(at),
        }
        done.push(known);
        let pin = reviewed.zip(pins.get(&member.tenant.id));
        apply_options.push(ApplyOptions {
            reviewed: pin.map(|(plan, pin)| Reviewed {
                manifest_checksum: plan.manifest_checksum,
                live_checksum: pin.live_checksum,
                digest: pin.digest,
            }),
            has_work: true,
            rows_found: compared.as_ref().and_then(|c| c.rows_found),
            live_checksum: compared.as_ref().map(|c| c.seen),
            is_listed: true,
            is_of_many: true,
            was_present: compared.as_ref().is_some_and(|c| c.is_present),
            checked: None,
        });
    }
    let is_open = |at: usize| done.get(at).is_some_and(Option::is_none);
    let due = rows::due(fleet, &members, (&survey, &compared), is_open);
    drop((survey, compared));
    refusals.tell(on_event);
    let unclean = rows::unclean(fleet, &due, options.jobs, &mut apply_options).await;
    let stopped = end_unless_clean(fleet, &members, &unclean, &mut done);
    let run = Run {
        fleet,
        members: &members,
        apply_options,
        unclean,
        options,
        stop,
        on_event,
        done: Mutex::new(done),
        lefts: Mutex::new(lefts),
        failures: AtomicUsize::new(0),
        stopped: Mutex::new(stopped),
    };
    on_event(Event::Held(&held));
    on_event(Event::Starting(open.iter().filter(|at| !run.is_done(**at)).count()));
    match held_canary(&options.stages, &members, &held) {
        Some(reason) => run.end(None, reason),
        None => run.stages(&open).await,
    }

    let done = run.done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let tenants = done.into_iter().zip(&members);
    let tenants: Vec<TenantReport> = tenants
        .map(|(done, member)| done.unwrap_or_else(|| blank(fleet, member, TenantOutcome::Skipped)))
        .collect();
    let mut stopped = run.stopped.into_inner().unwrap_or_else(PoisonError::into_inner);
    if tenants.iter().all(|done| done.outcome != TenantOutcome::Skipped) {
        // The reason to end the run arose when all tenants were done.
        stopped.remove(&None);
    }
    let report = RunReport {
        left: by_shape(tenants.iter().map(|done| (&done.tenant, &done.left))),
        tenants,
        refused: roster.refused,
        unreachable: roster.unreachable,
        passed_over: roster.passed_over,
        stopped: stopped.into_values().collect(),
        duration_ms: millis(start.elapsed()),
    };
    // Those that were tried have been counted one by one.
    let untried = |done: &&TenantReport| {
        matches!(done.outcome, TenantOutcome::Current) && done.duration_ms == 0
    };
    telemetry::found_current(report.tenants.iter().filter(untried).count());
    report
}

/// What becomes of a tenant that need not be tried, or cannot be; `None`: it is to be tried.
fn without_trying(
    fleet: &Fleet,
    member: &Member,
    (seen, compared): (Option<&Seen<'_>>, Option<&Compared>),
    lefts: &mut Lefts,
    today: Date,
) -> Option<TenantReport> {
    if let Some(Seen::Failed(failure)) = seen.filter(|_| compared.is_none()) {
        let error = Some(failure.clone()).filter(is_systemic)?;
        return Some(blank(fleet, member, TenantOutcome::Failed { error }));
    }
    let compared = compared?;
    if let Some(hold) = &compared.hold {
        return Some(blank(fleet, member, TenantOutcome::Held { hold: hold.clone() }));
    }
    if !compared.is_recorded || compared.difference.is_behind() {
        return None;
    }
    let rules = &fleet.manifest.drift;
    let left = lefts.of(&compared.difference, rules, &member.tenant.id, today);
    let placement = compared.placement.clone();
    Some(TenantReport { left, placement, ..blank(fleet, member, TenantOutcome::Current) })
}

/// If all tenants have to be clean and some are not, why nothing is done; those have failed.
fn end_unless_clean(
    fleet: &Fleet,
    members: &[Member],
    unclean: &HashMap<usize, Failure>,
    done: &mut [Option<TenantReport>],
) -> HashMap<Option<usize>, String> {
    let must_be_clean = fleet.servers.iter().any(|s| s.context.row_checks.must_be_clean);
    if !must_be_clean || unclean.is_empty() {
        return HashMap::new();
    }
    for (at, error) in unclean {
        let outcome = TenantOutcome::Failed { error: error.clone() };
        if let (Some(place), Some(member)) = (done.get_mut(*at), members.get(*at)) {
            *place = Some(blank(fleet, member, outcome));
        }
    }
    HashMap::from([(None, not_clean(unclean.len()))])
}

fn not_clean(count: usize) -> String {
    format!(
        "nothing was touched, since rows are in the way, or were not counted, in {} (--require-clean)",
        counted(count, "tenant")
    )
}
