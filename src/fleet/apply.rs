//! Brings many tenants up to date, each in its own transaction, several at a time.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jiff::civil::Date;

use super::difference::{Compared, compare_all};
use super::health::{self, StageDone};
use super::holding::{self, held_canary};
use super::left::{Lefts, by_shape};
use super::refusals::Refusals;
use super::rows;
use super::{
    Event, Fleet, FleetPlan, Member, Pinned, Roster, RunReport, Seen, Stages, TenantOutcome,
    TenantReport, survey,
};
use crate::explain::Failure;
use crate::name::TenantId;
use crate::pg::Session;
use crate::reconcile::{
    self, Applied, ApplyOptions, Context, Outcome, ReconcileError, Reviewed, Tenant, millis,
};
use crate::telemetry;
use crate::words::counted;

/// A backend caches the tables that it has created; after so many tenants its connection is closed.
const PER_CONNECTION: usize = 100;

/// How a run proceeds.
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections to each server.
    pub jobs: usize,
    /// The run ends after so many failures. `None`: it ends after a stage in which a tenant failed, but
    /// finishes that stage.
    pub max_failures: Option<usize>,
    pub stages: Stages,
}

impl Default for Options {
    fn default() -> Self {
        Self { jobs: 4, max_failures: None, stages: Stages::default() }
    }
}

/// What the workers of a run share.
struct Run<'f> {
    fleet: &'f Fleet,
    members: &'f [Member],
    apply_options: Vec<ApplyOptions>,
    /// The tenants that are not tried, since rows are in the way.
    unclean: HashMap<usize, Failure>,
    options: &'f Options,
    /// Set from outside, to end the run after the transactions in flight.
    stop: &'f AtomicBool,
    on_event: &'f (dyn Fn(Event<'_>) + Sync),
    done: Mutex<Vec<Option<TenantReport>>>,
    lefts: Mutex<Lefts>,
    failures: AtomicUsize,
    /// Why, by server; `None` is all of them.
    stopped: Mutex<HashMap<Option<usize>, String>>,
}

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

fn blank(fleet: &Fleet, member: &Member, outcome: TenantOutcome) -> TenantReport {
    TenantReport {
        tenant: member.tenant.id.clone(),
        schema: member.tenant.schema.to_string(),
        server: fleet.name_of(member.server).map(str::to_owned),
        outcome,
        statements: 0,
        left: Arc::default(),
        placement: None,
        duration_ms: 0,
    }
}

/// Does not say how many have failed: transactions in flight may still fail.
fn too_many(most: usize) -> String {
    format!(
        "it was to end after {} (--max-failures, --continue-on-error false), and what was in flight \
         was finished",
        counted(most, "failed tenant")
    )
}

/// Whether the next tenant on the same server would fail in the same way: the server is unavailable, its
/// disk or its lock table is full.
fn is_systemic(failure: &Failure) -> bool {
    matches!(failure.sqlstate.as_deref(), Some("53100" | "53200"))
        || matches!(failure.code, "connect-failed" | "connection-setting" | "manifest-refused")
}

impl Run<'_> {
    async fn stages(&self, open: &[usize]) {
        let ids: Vec<&TenantId> =
            open.iter().filter_map(|at| self.members.get(*at)).map(|m| &m.tenant.id).collect();
        let stages = self.options.stages.of(&ids);
        let of = stages.len();
        for (number, stage) in (1..).zip(stages) {
            (self.on_event)(Event::Stage { number, of, tenants: stage.tenants.len() });
            let positions: Vec<usize> =
                stage.tenants.iter().filter_map(|at| open.get(*at).copied()).collect();
            if of > 1 {
                // Those whose server is unavailable have failed already, and are not tried.
                let lost = positions.iter().filter(|at| self.is_done(**at)).count();
                self.failures.fetch_add(lost, Ordering::Relaxed);
            }
            self.stage(&positions).await;
            if number == of {
                return;
            }
            self.check_failures(number, of, stage.is_canary, &positions);
            if !self.may_continue(number, of, &positions).await {
                return;
            }
        }
    }

    /// Ends the run if more tenants have failed than are allowed.
    fn check_failures(&self, number: usize, of: usize, is_canary: bool, stage: &[usize]) {
        let failed = {
            let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            let reports = stage.iter().filter_map(|at| done.get(*at)?.as_ref());
            reports.filter(|done| matches!(done.outcome, TenantOutcome::Failed { .. })).count()
        };
        let failures = self.failures.load(Ordering::Relaxed);
        match self.options.max_failures {
            None if failed > 0 => {
                let canary = if is_canary { ", the canary" } else { "" };
                let reason = format!(
                    "{failed} of {} failed in stage {number} of {of}{canary}; repair what is \
                     reported and run it again, or allow failures with --max-failures",
                    counted(stage.len(), "tenant")
                );
                self.end(None, reason);
            }
            Some(most) if failed > 0 && failures >= most => self.end(None, too_many(most)),
            _ => {}
        }
    }

    fn is_done(&self, at: usize) -> bool {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.get(at).is_some_and(Option::is_some)
    }

    async fn stage(&self, stage: &[usize]) {
        let mut queues: HashMap<usize, VecDeque<usize>> = HashMap::new();
        for at in stage.iter().filter(|at| !self.is_done(**at)) {
            if let Some(member) = self.members.get(*at) {
                queues.entry(member.server).or_default().push_back(*at);
            }
        }
        let queues: Vec<(usize, Mutex<VecDeque<usize>>, AtomicUsize)> = queues
            .into_iter()
            .map(|(server, queue)| {
                let jobs = self.options.jobs.max(1).min(queue.len());
                (server, Mutex::new(queue), AtomicUsize::new(jobs))
            })
            .collect();
        let workers = queues.iter().flat_map(|(server, queue, workers)| {
            let jobs = workers.load(Ordering::Relaxed);
            (0..jobs).map(move |_| self.work(*server, queue, workers))
        });
        join_all(workers).await;
    }

    /// One worker, with one connection: tenant after tenant, until none is left.
    async fn work(&self, server: usize, queue: &Mutex<VecDeque<usize>>, workers: &AtomicUsize) {
        let Some(context) = self.fleet.servers.get(server).map(|server| &server.context) else {
            return;
        };
        let mut connection: Option<Session> = None;
        let mut on_connection = 0;
        while !self.is_over(Some(server)) {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some((at, member, options)) =
                next.and_then(|at| Some((at, self.members.get(at)?, self.apply_options.get(at)?)))
            else {
                break;
            };
            if on_connection >= PER_CONNECTION
                && let Some(session) = connection.take()
            {
                session.close().await;
                on_connection = 0;
            }
            on_connection += 1;
            let begin = Instant::now();
            let (committed, outcome) = if let Some(failure) = self.unclean.get(&at) {
                telemetry::failed(failure.code, Duration::ZERO);
                (0, Err(TenantOutcome::Failed { error: failure.clone() }))
            } else {
                let work = (&member.tenant, *options);
                self.try_one(&mut connection, context, work).await
            };
            if let Err(TenantOutcome::Failed { error }) = &outcome
                && committed == 0
                && error.sqlstate.as_deref() == Some("53300")
                && workers.load(Ordering::Relaxed) > 1
            {
                // The server accepts no more connections: continue with fewer.
                workers.fetch_sub(1, Ordering::Relaxed);
                queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(at);
                tracing::warn!("too many connections: going on with one less");
                break;
            }
            let mut done = blank(self.fleet, member, TenantOutcome::Current);
            done.statements = committed;
            done.duration_ms = millis(begin.elapsed());
            self.record(at, server, done, outcome);
        }
        if let Some(session) = connection {
            session.close().await;
        }
    }

    /// Applies one tenant; returns how many statements were committed, and what became of it unless it was applied.
    async fn try_one(
        &self,
        connection: &mut Option<Session>,
        context: &Context,
        (tenant, options): (&Tenant, ApplyOptions),
    ) -> (usize, Result<Applied, TenantOutcome>) {
        let result = reconcile::apply_on(connection, context, tenant, options).await;
        let committed = result.as_ref().err().map_or(0, ReconcileError::committed);
        let outcome = result.map_err(|error| match error {
            // Somebody has begun to hold it since the survey, or it could not be surveyed.
            ReconcileError::Held { hold, .. } => TenantOutcome::Held { hold: *hold },
            error => TenantOutcome::Failed { error: Failure::from(&error) },
        });
        (committed, outcome)
    }

    fn record(
        &self,
        at: usize,
        server: usize,
        mut done: TenantReport,
        result: Result<Applied, TenantOutcome>,
    ) {
        match result {
            Ok(applied) => {
                let is_record_only = applied.is_record_only();
                done.statements = applied.plan.steps.len();
                let mut lefts = self.lefts.lock().unwrap_or_else(PoisonError::into_inner);
                done.left = lefts.shared(applied.left);
                drop(lefts);
                done.placement = applied.placement;
                done.outcome = match applied.outcome {
                    Outcome::Done { apply_id, .. } if is_record_only => {
                        TenantOutcome::Recorded { apply_id }
                    }
                    Outcome::Current => TenantOutcome::Current,
                    Outcome::Done { apply_id, created: true } => {
                        TenantOutcome::Created { apply_id }
                    }
                    Outcome::Done { apply_id, created: false } => {
                        TenantOutcome::Updated { apply_id }
                    }
                };
            }
            Err(TenantOutcome::Failed { error }) => {
                let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
                if is_systemic(&error) {
                    let hint = error.hint.as_ref().map(|hint| format!(" ({hint})"));
                    let reason = format!("{}{}", error.message, hint.unwrap_or_default());
                    self.end(Some(server), reason);
                }
                if let Some(most) = self.options.max_failures
                    && failures >= most
                {
                    self.end(None, too_many(most));
                }
                done.outcome = TenantOutcome::Failed { error };
            }
            Err(outcome) => done.outcome = outcome,
        }
        (self.on_event)(Event::Done(&done));
        let mut all = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = all.get_mut(at) {
            *place = Some(done);
        }
    }

    fn end(&self, server: Option<usize>, reason: String) {
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        stopped.entry(server).or_insert(reason);
    }

    /// Whether the run is over, or at least for the tenants of `server`.
    fn is_over(&self, server: Option<usize>) -> bool {
        if self.stop.load(Ordering::Relaxed) {
            self.end(None, "it was interrupted".into());
            return true;
        }
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        stopped.contains_key(&None) || server.is_some() && stopped.contains_key(&server)
    }

    /// Waits between two stages, and checks whether the run may continue.
    async fn may_continue(&self, number: usize, of: usize, stage: &[usize]) -> bool {
        let Stages { pause, health, .. } = &self.options.stages;
        let end = tokio::time::Instant::now() + *pause;
        while !self.is_over(None) && tokio::time::Instant::now() < end {
            let step = Duration::from_millis(200);
            tokio::time::sleep_until(end.min(tokio::time::Instant::now() + step)).await;
        }
        if let Some(command) = health
            && !self.is_over(None)
        {
            let members = stage.iter().filter_map(|at| self.members.get(*at));
            let tenants: Vec<&TenantId> = members.map(|member| &member.tenant.id).collect();
            let failures = self.failures.load(Ordering::Relaxed);
            let done = StageDone { number, of, tenants: &tenants, failures };
            if let Err(reason) = health::check(command, &done).await {
                self.end(None, reason);
            }
        }
        !self.is_over(None)
    }
}
