//! Work on tenants for requests. It runs in tasks of its own: a client that disconnects does not
//! interrupt it.

use std::sync::{Arc, PoisonError};

use tracing::Instrument as _;

use super::app::App;
use super::jobs::{Job, JobOutcome, Progress};
use super::problem::Problem;
use super::reads;
use super::response::{ChangedObject, FleetProvisioned, HeldSteps, JobResult, Provisioned};
use crate::fleet::{self, Options};
use crate::name::TenantId;
use crate::reconcile::{self, Applied, ApplyOptions, Outcome, ReconcileError};
use crate::words::counted;

/// Starts to provision one tenant, in the order of requests. A request for a tenant that is already
/// queued shares its job: that reads the tenant after both requests.
///
/// # Errors
/// When the service stops, or the queue is full.
pub(super) fn provision(app: &Arc<App>, id: &TenantId) -> Result<Job, Problem> {
    if app.stop.is_cancelled() {
        return Err(Problem::stopping());
    }
    let mut waiting = app.waiting.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(job) = waiting.get(id).filter(|job| !job.has_finished()) {
        return Ok(job.clone());
    }
    let slot = Arc::clone(&app.queue).try_acquire_owned().map_err(|_| Problem::queue_full())?;
    let (job, progress) = Job::new(Some(id.to_string()));
    waiting.insert(id.clone(), job.clone());
    drop(waiting);
    let (app, id) = (Arc::clone(app), id.clone());
    let tracker = app.tracker.clone();
    let work = async move {
        let _lock = app.lock_tenant(&id).await;
        let permit = app.permits.acquire().await;
        app.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        let outcome = match permit {
            Ok(_permit) if !app.stop.is_cancelled() => {
                progress.send_replace(Progress::Running);
                one(&app, &id).await
            }
            _ => Err(Problem::stopping()),
        };
        // A client that gets the result may rely on the slot in the queue being free.
        drop(slot);
        progress.send_replace(Progress::Finished(Arc::new(outcome)));
    };
    tracker.spawn(work.in_current_span());
    Ok(job)
}

async fn one(app: &App, id: &TenantId) -> JobOutcome {
    match applied(app, id).await {
        // An exception in the manifest holds here as everywhere.
        Ok(applied) if applied.left.exception.is_some() => {
            Ok(JobResult::Tenant(Provisioned::from(&applied)))
        }
        Ok(applied) if applied.plan.held.iter().any(|held| !applied.left.accepts(&held.on)) => {
            Err(held(&applied))
        }
        Ok(applied)
            if applied.plan.changed.iter().any(|one| !applied.left.accepts(&one.object)) =>
        {
            Err(changed(&applied))
        }
        Ok(applied) => Ok(JobResult::Tenant(Provisioned::from(&applied))),
        Err(error) => Err(reads::problem_of(id, &error)),
    }
}

async fn applied(app: &App, id: &TenantId) -> Result<Applied, ReconcileError> {
    let current = app.current();
    let member = fleet::locate(&current.fleet, id, false).await?;
    let Some(server) = current.fleet.servers.get(member.server) else {
        return Err(ReconcileError::Unregistered { tenant: id.clone() });
    };
    let (mut connection, uses) = current.session(member.server);
    let result = reconcile::apply_on(
        &mut connection,
        &server.context,
        &member.tenant,
        ApplyOptions::default(),
    )
    .await;
    let is_done = result.as_ref().is_ok_and(|applied| applied.outcome == Outcome::Current);
    let uses = uses + if is_done { 1 } else { 10 };
    current.give_back(member.server, connection, uses).await;
    result
}

/// What could be done is done, but the tenant still differs from the manifest.
fn changed(applied: &Applied) -> Problem {
    let Applied { tenant, plan, .. } = applied;
    let done = match plan.steps.len() {
        0 => "nothing is missing".to_owned(),
        steps => format!("what was missing has been created ({})", counted(steps, "statement")),
    };
    Problem::new(
        axum::http::StatusCode::UNPROCESSABLE_ENTITY,
        "changed-objects",
        "Objects in the tenant's schema are different from the manifest",
    )
    .with_detail(format!(
        "{done}, but tenant {} has {} present and different; nothing changes or drops what is there",
        tenant.id,
        counted(plan.changed.len(), "object"),
    ))
    .with_changed(plan.changed.iter().map(ChangedObject::from).collect())
}

/// Something missing was not created: that would run code of an owner who is not trusted.
fn held(applied: &Applied) -> Problem {
    let steps: usize = applied.plan.held.iter().map(|held| held.steps.len()).sum();
    Problem::new(
        axum::http::StatusCode::UNPROCESSABLE_ENTITY,
        "held-back",
        "Something that is missing was held back",
    )
    .with_detail(format!(
        "{} done; held back in tenant {}: {}",
        counted(applied.plan.steps.len(), "statement"),
        applied.tenant.id,
        counted(steps, "step"),
    ))
    .with_changed(applied.plan.changed.iter().map(ChangedObject::from).collect())
    .with_held(applied.plan.held.iter().map(HeldSteps::from).collect())
}

/// Starts to provision all tenants, unless such a job is running.
///
/// # Errors
/// When the service stops.
pub(super) fn provision_all(app: &Arc<App>) -> Result<Job, Problem> {
    if app.stop.is_cancelled() {
        return Err(Problem::stopping());
    }
    Ok(app.jobs.one_for_all(|| {
        let (job, progress) = Job::new(None);
        let app = Arc::clone(app);
        let tracker = app.tracker.clone();
        let work = async move {
            progress.send_replace(Progress::Running);
            let outcome = all(&app).await;
            progress.send_replace(Progress::Finished(Arc::new(outcome)));
        };
        tracker.spawn(work.in_current_span());
        job
    }))
}

async fn all(app: &App) -> JobOutcome {
    let current = app.current();
    let roster = reads::roster(&current).await?;
    let options = Options { jobs: app.bounds.jobs, ..Options::default() };
    let finished =
        fleet::apply(&current.fleet, roster, None, &options, &app.stop_flag, &|_| {}).await;
    Ok(JobResult::Fleet(FleetProvisioned::from(&finished)))
}
