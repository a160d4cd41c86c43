//! The workers of a run: stage after stage, each on a connection of its own.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::health::{self, StageDone};
use super::left::Lefts;
use super::{Event, Fleet, Member, Stages, TenantOutcome, TenantReport};
use crate::explain::Failure;
use crate::name::TenantId;
use crate::pg::Session;
use crate::reconcile::{
    self, Applied, ApplyOptions, Context, Outcome, ReconcileError, Tenant, millis,
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
pub(super) struct Run<'f> {
    pub(super) fleet: &'f Fleet,
    pub(super) members: &'f [Member],
    pub(super) apply_options: Vec<ApplyOptions>,
    /// The tenants that are not tried, since rows are in the way.
    pub(super) unclean: HashMap<usize, Failure>,
    pub(super) options: &'f Options,
    /// Set from outside, to end the run after the transactions in flight.
    pub(super) stop: &'f AtomicBool,
    pub(super) on_event: &'f (dyn Fn(Event<'_>) + Sync),
    pub(super) done: Mutex<Vec<Option<TenantReport>>>,
    pub(super) lefts: Mutex<Lefts>,
    pub(super) failures: AtomicUsize,
    /// Why, by server; `None` is all of them.
    pub(super) stopped: Mutex<HashMap<Option<usize>, String>>,
}

impl Run<'_> {
    pub(super) async fn stages(&self, open: &[usize]) {
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

    pub(super) fn is_done(&self, at: usize) -> bool {
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

    pub(super) fn end(&self, server: Option<usize>, reason: String) {
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

/// Of a tenant to which nothing was done.
pub(super) fn blank(fleet: &Fleet, member: &Member, outcome: TenantOutcome) -> TenantReport {
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
pub(super) fn is_systemic(failure: &Failure) -> bool {
    matches!(failure.sqlstate.as_deref(), Some("53100" | "53200"))
        || matches!(failure.code, "connect-failed" | "connection-setting" | "manifest-refused")
}
