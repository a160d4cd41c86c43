//! Keeps all tenants as the manifest declares: when the service starts, at intervals, and at once
//! when the database notifies of a new tenant. It only adds, like everything here.

mod absence;
mod backoff;
mod pass;
mod states;

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use self::absence::LeaderAbsence;
use self::backoff::Backoff;
use self::states::TenantStates;
use super::app::{App, NoLeader};
use super::jobs::Job;
use super::work;
use crate::fleet::{Fleet, State};
use crate::manifest::Registry;
use crate::name::TenantId;
use crate::pg::{Election, HEARTBEAT, Leadership, Notifications, PgError, Target};
use crate::telemetry;

/// How many tenants from notifications are worked on or queued at the same time.
const MAX_NOTIFIED: usize = 16;

/// How long other replicas wait before they try again to lead, at most.
const ELECTION_RETRY: Duration = Duration::from_secs(15);

/// Another replica leads and counts the tenants: the counts of all replicas can be added up.
fn clear_counts() {
    for state in State::ALL {
        telemetry::tenants(state.name(), 0);
    }
    telemetry::held(0);
}

/// Runs until the service stops.
pub(super) async fn run(app: Arc<App>, interval: Duration) {
    let (mut absence, mut states) = (LeaderAbsence::new(interval), TenantStates::default());
    telemetry::leads(false);
    clear_counts();
    leader_seen(&app, &mut absence);
    while !app.stop.is_cancelled() {
        let led = lead(&app, interval, &mut absence, &mut states).await;
        telemetry::leads(false);
        match led {
            Ok(LeadershipEnd::Replaced) => continue,
            Ok(LeadershipEnd::Stopped) => {}
            Ok(LeadershipEnd::OtherLeader) => {
                states.forget();
                clear_counts();
                leader_seen(&app, &mut absence);
            }
            Ok(LeadershipEnd::Blocked(holders)) => leader_missing(&app, &mut absence, &holders),
            Err(error) => {
                warn!(error = crate::causes::chain(&error), "cannot take the leadership");
                leader_missing(&app, &mut absence, &[]);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(jittered(ELECTION_RETRY.min(interval))) => {}
            () = app.stop.cancelled() => {}
        }
    }
}

/// Why this replica does not lead, or no longer does.
#[derive(Debug, Clone, PartialEq, Eq)]
enum LeadershipEnd {
    /// The manifest was read again: the servers may be others, and what failed may succeed.
    Replaced,
    /// Its connection was lost, or the service stops.
    Stopped,
    OtherLeader,
    /// These sessions hold the lock, and none of them can be a replica's.
    Blocked(Vec<String>),
}

fn leader_seen(app: &App, absence: &mut LeaderAbsence) {
    absence.end();
    *app.no_leader.lock().unwrap_or_else(PoisonError::into_inner) = None;
    telemetry::led(true);
}

fn leader_missing(app: &App, absence: &mut LeaderAbsence, holders: &[String]) {
    let now = Instant::now();
    let Some(absent) = absence.noticed(now) else { return };
    let no_leader = NoLeader { since: absent.since, is_lock_held: !holders.is_empty() };
    *app.no_leader.lock().unwrap_or_else(PoisonError::into_inner) = Some(no_leader);
    telemetry::led(false);
    if !absent.should_log {
        return;
    }
    let seconds = (now - absent.since).as_secs();
    let holders = holders.join("; ");
    if holders.is_empty() {
        warn!(seconds, "no replica has led the reconcile loop for two intervals");
    } else {
        warn!(
            seconds,
            holders,
            "no replica has led the reconcile loop for two intervals: the leader's lock is held by \
             sessions of other roles than the replicas'; find out who opened them, and end them \
             (pg_terminate_backend)"
        );
    }
}

/// Leads as long as it can, unless another does.
async fn lead(
    app: &Arc<App>,
    interval: Duration,
    absence: &mut LeaderAbsence,
    states: &mut TenantStates,
) -> Result<LeadershipEnd, PgError> {
    let current = app.current();
    let Some(target) = election_server(&current.fleet) else {
        return Ok(LeadershipEnd::Stopped);
    };
    let leadership = match Leadership::take(target, &current.fleet.manifest).await? {
        Election::Won(leadership) => leadership,
        Election::Lost => return Ok(LeadershipEnd::OtherLeader),
        Election::Blocked(holders) => return Ok(LeadershipEnd::Blocked(holders)),
    };
    info!("this replica leads the reconcile loop");
    telemetry::leads(true);
    leader_seen(app, absence);
    let (lost, stopped) = (CancellationToken::new(), CancellationToken::new());
    let heartbeats = tokio::spawn(send_heartbeats(leadership, lost.clone(), stopped.clone()));
    let (failed, mut failures) = mpsc::channel(MAX_NOTIFIED);
    let listener = tokio::spawn(listen(Arc::clone(app), failed));
    let mut backoff = Backoff::default();
    let mut next_pass = Instant::now();
    let end = loop {
        let retry = backoff.next().filter(|retry| *retry < next_pass);
        tokio::select! {
            () = app.stop.cancelled() => break LeadershipEnd::Stopped,
            () = lost.cancelled() => break LeadershipEnd::Stopped,
            () = app.pass_requested.notified() => {
                if !Arc::ptr_eq(&current, &app.current()) {
                    break LeadershipEnd::Replaced;
                }
                next_pass = Instant::now();
            }
            Some(id) = failures.recv() => backoff.failed(&id, Instant::now()),
            () = sleep_until(next_pass) => {
                pass::run(app, &mut backoff, states, pass::Scope::All).await;
                next_pass = Instant::now() + jittered(interval);
            }
            () = sleep_until(retry.unwrap_or(next_pass)), if retry.is_some() => {
                pass::run(app, &mut backoff, states, pass::Scope::Due).await;
            }
        }
    };
    listener.abort();
    stopped.cancel();
    let _ = heartbeats.await;
    Ok(end)
}

/// Sends heartbeats as long as this replica leads; also during a long pass.
async fn send_heartbeats(
    mut leadership: Leadership,
    lost: CancellationToken,
    stopped: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stopped.cancelled() => return leadership.release().await,
            () = tokio::time::sleep(HEARTBEAT) => {}
        }
        if !leadership.holds().await {
            warn!("the connection of the leader was lost");
            return lost.cancel();
        }
    }
}

/// The server on which the leader is elected: the one with the registry.
fn election_server(fleet: &Fleet) -> Option<&Target> {
    let registry = &fleet.manifest.tenants.registry_server;
    let named = fleet.servers.iter().find(|server| server.name == *registry);
    named.or(fleet.servers.first()).map(|server| &server.context.target)
}

/// Listens on all servers, and provisions the tenants that notifications name. The next pass
/// finds what is missed.
async fn listen(app: Arc<App>, failed: mpsc::Sender<TenantId>) {
    let servers = app.current().fleet.servers.len();
    let all = (0..servers).map(|server| listen_to(&app, server, &failed));
    futures_util::future::join_all(all).await;
}

async fn listen_to(app: &Arc<App>, server: usize, failed: &mpsc::Sender<TenantId>) {
    let retry = crate::reconcile::Retry::default();
    let mut failures = 0;
    loop {
        let target = app.current().fleet.servers.get(server).map(|s| s.context.target.clone());
        let Some(target) = target else { return };
        let listened = async {
            let mut notifications = Notifications::open(&target).await?;
            if failures > 0 {
                info!("listening for notifications again");
                app.pass_requested.notify_one();
            }
            failures = 0;
            let mut in_progress = VecDeque::new();
            while let Some(payload) = notifications.next().await? {
                in_progress.extend(on_notification(app, &payload, failed));
                // Too many notifications fill the server's queue, not the queue of requests.
                if in_progress.len() >= MAX_NOTIFIED
                    && let Some(mut oldest) = in_progress.pop_front()
                {
                    oldest.finished().await;
                }
            }
            Ok::<(), PgError>(())
        };
        let error = listened.await.err().map(|error| crate::causes::chain(&error));
        failures += 1;
        warn!(error, "the connection that listens for notifications was lost");
        tokio::time::sleep(retry.pause(failures)).await;
    }
}

/// Every role that may connect to the database may notify: only a registry confirms that an id is a
/// tenant.
fn on_notification(app: &Arc<App>, payload: &str, failed: &mpsc::Sender<TenantId>) -> Option<Job> {
    let registry = &app.current().fleet.manifest.tenants.registry;
    if !matches!(registry, Some(Registry::Query(_) | Registry::List(_))) {
        debug!("a notification was ignored: the manifest has no registry that could confirm it");
        return None;
    }
    let id = TenantId::new(payload)
        .inspect_err(|error| warn!(%error, "a notification is not a tenant id"))
        .ok()?;
    info!(tenant = %id, "a notification names a tenant");
    let job = work::provision(app, &id)
        .inspect_err(|problem| {
            warn!(tenant = %id, code = problem.code, "the tenant has to wait for the next pass");
            app.pass_requested.notify_one();
        })
        .ok()?;
    let (mut watched, failed) = (job.clone(), failed.clone());
    tokio::spawn(async move {
        // The next pass forgets what the registry does not list.
        if watched.finished().await.is_err() {
            let _ = failed.send(id).await;
        }
    });
    Some(job)
}

/// Replicas that start together should not all work at the same moment.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(0.9 + fastrand::f64() / 5.0)
}
