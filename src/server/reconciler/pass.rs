//! One pass: compare the tenants, provision those that need it, count them all.

use std::collections::{BTreeMap, HashSet};

use tokio::time::Instant;
use tracing::{info, warn};

use super::backoff::Backoff;
use super::states::{TenantStates, count, counted};
use crate::fleet::{self, Fleet, Member, Options, Roster, Selection, Source, State, TenantOutcome};
use crate::name::TenantId;
use crate::server::app::App;
use crate::server::reads;
use crate::telemetry;

/// Which tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    All,
    /// Those that failed, and may be tried again.
    Due,
}

pub(super) async fn run(app: &App, backoff: &mut Backoff, known: &mut TenantStates, scope: Scope) {
    let start = std::time::Instant::now();
    let current = app.current();
    let fleet = &current.fleet;
    let mut roster = fleet::enumerate(fleet, &Source::Registry, &Selection::default()).await;
    reads::log_unavailable(&roster.unreachable);
    for refused in &roster.refused {
        warn!(id = refused.id, reason = refused.reason, "the registry has an unusable entry");
    }
    let unavailable = roster.unreachable.len();
    let is_whole = unavailable == 0;
    if is_whole {
        let listed: HashSet<&TenantId> = roster.members.iter().map(|m| &m.tenant.id).collect();
        backoff.retain(|id| listed.contains(id));
    }
    let now = Instant::now();
    if scope == Scope::Due {
        roster.members.retain(|member| backoff.is_due(&member.tenant.id, now));
    }
    let members = roster.members.clone();
    let (mut states, drift) = compare(app, fleet, roster).await;

    let behind = Roster { members: behind(members, &drift, backoff, now), ..Roster::default() };
    let mut failures = drift.summary.get(&State::Unreachable).copied().unwrap_or_default();
    if !behind.members.is_empty() {
        let again = Roster { members: behind.members.clone(), ..Roster::default() };
        let options = Options { jobs: app.bounds.jobs, ..Options::default() };
        let ended = fleet::apply(fleet, behind, None, &options, &app.stop_flag, &|_| {}).await;
        for done in &ended.tenants {
            match &done.outcome {
                TenantOutcome::Failed { error } => {
                    failures += 1;
                    backoff.failed(&done.tenant, Instant::now());
                    warn!(tenant = %done.tenant, code = error.code, error = error.message,
                        hint = error.hint, "a tenant could not be provisioned");
                }
                TenantOutcome::Skipped => {}
                TenantOutcome::Current
                | TenantOutcome::Created { .. }
                | TenantOutcome::Updated { .. }
                | TenantOutcome::Held { .. }
                | TenantOutcome::Recorded { .. } => {
                    backoff.succeeded(&done.tenant);
                }
            }
        }
        states.extend(compare(app, fleet, again).await.0);
    }
    backoff.postpone(Instant::now());
    let mut counts = counted(states.values());
    if scope == Scope::All {
        if is_whole {
            telemetry::held(drift.held().count());
        }
        known.passed(&states, is_whole);
        let unreachable = count(&counts, State::Unreachable);
        if let Some(all) = known.counts() {
            for state in State::ALL {
                telemetry::tenants(state.name(), count(&all, state));
            }
            counts = all;
        }
        failures += count(&counts, State::Unreachable) - unreachable;
        if is_whole && failures == 0 && backoff.is_empty() && !app.stop.is_cancelled() {
            telemetry::reconciled(jiff::Timestamp::now().as_second());
        }
    }
    macro_rules! log {
        ($level:ident, $what:literal) => {
            $level!(
                tenants = counts.values().sum::<usize>(),
                in_sync = count(&counts, State::InSync),
                drifted = count(&counts, State::Drifted),
                unreachable = count(&counts, State::Unreachable),
                failures,
                held = drift.held().count(),
                servers_unavailable = unavailable,
                orphans = drift.orphans.len(),
                duration_ms = crate::reconcile::millis(start.elapsed()),
                $what
            )
        };
    }
    if !is_whole {
        log!(warn, "a reconcile pass has failed: the list of tenants is incomplete");
    } else if failures > 0 {
        log!(warn, "a reconcile pass has ended with failures");
    } else {
        log!(info, "a reconcile pass has ended");
    }
}

/// Those that are to be provisioned now.
fn behind(
    members: Vec<Member>,
    drift: &fleet::Drift,
    backoff: &mut Backoff,
    now: Instant,
) -> Vec<Member> {
    let mut behind = Vec::new();
    for (member, tenant) in members.into_iter().zip(&drift.tenants) {
        if tenant.state == State::Unreachable {
            continue;
        }
        let shape = tenant.shape.and_then(|shape| drift.shapes.get(shape));
        let is_behind = shape.is_some_and(|shape| shape.difference.is_behind());
        if let Some(hold) = &tenant.hold {
            if is_behind {
                info!(tenant = %tenant.tenant, %hold, "a tenant is left alone: somebody holds it");
            }
            backoff.succeeded(&member.tenant.id);
        } else if !is_behind && tenant.is_recorded {
            // Something else may have brought it up to date meanwhile.
            backoff.succeeded(&member.tenant.id);
        } else if backoff.allows(&member.tenant.id, now) {
            behind.push(member);
        }
    }
    behind
}

async fn compare(
    app: &App,
    fleet: &Fleet,
    roster: Roster,
) -> (BTreeMap<TenantId, State>, fleet::Drift) {
    let survey = fleet::survey(fleet, &roster.members, app.bounds.jobs, &|_| {}).await;
    let today = crate::reconcile::today();
    let drift = fleet::drift(fleet, roster, &survey, today);
    let states = drift.tenants.iter().map(|tenant| (tenant.tenant.clone(), tenant.state));
    (states.collect(), drift)
}
