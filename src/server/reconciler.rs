//! Keeps all tenants as the manifest declares: when the service begins, at intervals, and at once
//! when the database says that a tenant has come. It only adds, like everything here.

mod absence;
mod backoff;
mod known;
mod pass;

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use self::absence::Absence;
use self::backoff::Backoff;
use self::known::Known;
use super::app::{App, Leaderless};
use super::jobs::Job;
use super::work;
use crate::fleet::{Fleet, State};
use crate::manifest::Registry;
use crate::name::TenantId;
use crate::pg::{Election, HEARTBEAT, Leadership, Notifications, PgError, Target};
use crate::telemetry;

/// So many tenants that notifications ask for are worked on, or wait to be, at a time.
const HEEDED: usize = 16;

/// How long others wait before they ask again who leads, at most.
const CANDIDACY: Duration = Duration::from_secs(15);

/// Another replica leads: what this one has counted is for that one to count, so that the counts of
/// all replicas can be added up.
fn another_leads() {
    for state in State::ALL {
        telemetry::tenants(state.name(), 0);
    }
}

/// Works until the service ends.
pub(super) async fn run(app: Arc<App>, interval: Duration) {
    let (mut absence, mut known) = (Absence::new(interval), Known::default());
    telemetry::leads(false);
    another_leads();
    somebody_leads(&app, &mut absence);
    while !app.stop.is_cancelled() {
        let led = lead(&app, interval, &mut absence, &mut known).await;
        telemetry::leads(false);
        match led {
            Ok(End::Replaced) => continue,
            Ok(End::Over) => {}
            Ok(End::OtherLeads) => {
                known.forget();
                another_leads();
                somebody_leads(&app, &mut absence);
            }
            Ok(End::Blocked(holders)) => nobody_leads(&app, &mut absence, &holders),
            Err(error) => {
                warn!(error = crate::causes::chain(&error), "cannot lead");
                nobody_leads(&app, &mut absence, &[]);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(jittered(CANDIDACY.min(interval))) => {}
            () = app.stop.cancelled() => {}
        }
    }
}

/// Why it leads no more, or never did.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// The manifest was read again: other servers may be listened to, and what failed may succeed.
    Replaced,
    /// Its connection was lost, or the service ends.
    Over,
    OtherLeads,
    /// These sessions hold the lock, and none of them can be a replica.
    Blocked(Vec<String>),
}

fn somebody_leads(app: &App, absence: &mut Absence) {
    absence.end();
    *app.leaderless.lock().unwrap_or_else(PoisonError::into_inner) = None;
    telemetry::led(true);
}

fn nobody_leads(app: &App, absence: &mut Absence, holders: &[String]) {
    let now = Instant::now();
    let Some(long) = absence.noticed(now) else { return };
    let leaderless = Leaderless { since: long.since, is_lock_held: !holders.is_empty() };
    *app.leaderless.lock().unwrap_or_else(PoisonError::into_inner) = Some(leaderless);
    telemetry::led(false);
    if !long.is_to_be_told {
        return;
    }
    let seconds = (now - long.since).as_secs();
    let holders = holders.join("; ");
    if holders.is_empty() {
        warn!(seconds, "nobody has been seen to lead the reconcile loop for two intervals");
    } else {
        warn!(
            seconds,
            holders,
            "nobody has been seen to lead the reconcile loop for two intervals: the leader's lock \
             is held by sessions of roles that are no replica's; find out who opened them, and end \
             them (pg_terminate_backend)"
        );
    }
}

/// Leads as long as it can, unless another does.
async fn lead(
    app: &Arc<App>,
    interval: Duration,
    absence: &mut Absence,
    known: &mut Known,
) -> Result<End, PgError> {
    let current = app.current();
    let Some(target) = election_place(&current.fleet) else {
        return Ok(End::Over);
    };
    let leadership = match Leadership::take(target, &current.fleet.manifest).await? {
        Election::Won(leadership) => leadership,
        Election::Lost => return Ok(End::OtherLeads),
        Election::Blocked(holders) => return Ok(End::Blocked(holders)),
    };
    info!("leads the reconcile loop");
    telemetry::leads(true);
    somebody_leads(app, absence);
    let (lost, over) = (CancellationToken::new(), CancellationToken::new());
    let keeping = tokio::spawn(keep(leadership, lost.clone(), over.clone()));
    let (failed, mut failures) = mpsc::channel(HEEDED);
    let ears = tokio::spawn(hear(Arc::clone(app), failed));
    let mut backoff = Backoff::default();
    let mut next_pass = Instant::now();
    let end = loop {
        let retry = backoff.next().filter(|retry| *retry < next_pass);
        tokio::select! {
            () = app.stop.cancelled() => break End::Over,
            () = lost.cancelled() => break End::Over,
            () = app.look_again.notified() => {
                if !Arc::ptr_eq(&current, &app.current()) {
                    break End::Replaced;
                }
                next_pass = Instant::now();
            }
            Some(id) = failures.recv() => backoff.failed(&id, Instant::now()),
            () = sleep_until(next_pass) => {
                pass::run(app, &mut backoff, known, pass::Scope::All).await;
                next_pass = Instant::now() + jittered(interval);
            }
            () = sleep_until(retry.unwrap_or(next_pass)), if retry.is_some() => {
                pass::run(app, &mut backoff, known, pass::Scope::Due).await;
            }
        }
    };
    ears.abort();
    over.cancel();
    let _ = keeping.await;
    Ok(end)
}

/// Gives signs of life until the leader's time is over; also while a long pass goes on.
async fn keep(mut leadership: Leadership, lost: CancellationToken, over: CancellationToken) {
    loop {
        tokio::select! {
            () = over.cancelled() => return leadership.release().await,
            () = tokio::time::sleep(HEARTBEAT) => {}
        }
        if !leadership.holds().await {
            warn!("the connection of the leader was lost");
            return lost.cancel();
        }
    }
}

/// The server on which it is decided who leads: the one with the registry.
fn election_place(fleet: &Fleet) -> Option<&Target> {
    let registry = &fleet.manifest.tenants.registry_server;
    let named = fleet.servers.iter().find(|server| server.name == *registry);
    named.or(fleet.servers.first()).map(|server| &server.context.target)
}

/// Listens on all servers, and provisions the tenants that it hears of. What cannot be heard, the
/// next pass finds.
async fn hear(app: Arc<App>, failed: mpsc::Sender<TenantId>) {
    let servers = app.current().fleet.servers.len();
    let all = (0..servers).map(|server| hear_one(&app, server, &failed));
    futures_util::future::join_all(all).await;
}

async fn hear_one(app: &Arc<App>, server: usize, failed: &mpsc::Sender<TenantId>) {
    let retry = crate::reconcile::Retry::default();
    let mut failures = 0;
    loop {
        let target = app.current().fleet.servers.get(server).map(|s| s.context.target.clone());
        let Some(target) = target else { return };
        let heard = async {
            let mut notifications = Notifications::open(&target).await?;
            if failures > 0 {
                info!("listens for notifications again");
                app.look_again.notify_one();
            }
            failures = 0;
            let mut at_work = VecDeque::new();
            while let Some(payload) = notifications.next().await? {
                at_work.extend(heed(app, &payload, failed));
                // Whoever notifies too much fills the server's queue, not that of the callers.
                if at_work.len() >= HEEDED
                    && let Some(mut oldest) = at_work.pop_front()
                {
                    oldest.ended().await;
                }
            }
            Ok::<(), PgError>(())
        };
        let error = heard.await.err().map(|error| crate::causes::chain(&error));
        failures += 1;
        warn!(error, "the connection that listens for notifications was lost");
        tokio::time::sleep(retry.pause(failures)).await;
    }
}

/// Whoever may connect to the database may notify: only a registry makes a tenant out of an id.
fn heed(app: &Arc<App>, payload: &str, failed: &mpsc::Sender<TenantId>) -> Option<Job> {
    let registry = &app.current().fleet.manifest.tenants.registry;
    if !matches!(registry, Some(Registry::Query(_) | Registry::List(_))) {
        debug!("a notification was ignored: the manifest has no registry that could confirm it");
        return None;
    }
    let id = TenantId::new(payload)
        .inspect_err(|error| warn!(%error, "a notification names no tenant"))
        .ok()?;
    info!(tenant = %id, "a notification asks for a tenant");
    let job = work::provision(app, &id)
        .inspect_err(|problem| {
            warn!(tenant = %id, code = problem.code, "it has to wait for the next pass");
            app.look_again.notify_one();
        })
        .ok()?;
    let (mut watched, failed) = (job.clone(), failed.clone());
    tokio::spawn(async move {
        // What the registry does not list, the next pass forgets.
        if watched.ended().await.is_err() {
            let _ = failed.send(id).await;
        }
    });
    Some(job)
}

/// Replicas that start together should not all work at the same moment.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(0.9 + fastrand::f64() / 5.0)
}
