//! Requests that read tenants, and change nothing.

#![expect(unused_qualifications, reason = "the macro of utoipa writes them")]

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tokio::sync::{Semaphore, SemaphorePermit};
use utoipa::IntoParams;

use super::app::App;
use super::current::Current;
use super::error_responses::{AllTenants, NeedsDatabase, NeedsToken, OneTenant};
use super::extract::{Parameters, Tenant};
use super::problem::Problem;
use super::response::{DriftReport, Planned, TenantPage, TenantState, TenantStatus};
use crate::explain::Explain as _;
use crate::fleet::{self, Member, Roster, Selection, Source, Unreachable};
use crate::name::TenantId;
use crate::reconcile::{self, Context, ReconcileError};

/// Tenants on a page by default.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 1_000;

/// The least time limit of a read, also where clients do not wait for work at all.
pub(super) const SHORTEST: Duration = Duration::from_secs(1);

/// Applies that are read from a tenant's record.
const HISTORY: u32 = 20;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Tenants on the page: 100 unless given, 1,000 at most.
    limit: Option<usize>,
    /// The id of the last tenant of the page before: its `next`.
    after: Option<String>,
}

/// The tenants of the registry, and the state of each.
#[utoipa::path(
    get, path = "/ops/tenants", tag = "read", security(("bearer" = [])), params(Page),
    responses(
        (status = 200, description = "A page", body = TenantPage),
        AllTenants,
        NeedsToken,
        NeedsDatabase,
        (status = 400, description = "A malformed request", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(super) async fn tenants(
    State(app): State<Arc<App>>,
    Parameters(page): Parameters<Page>,
) -> Result<Json<TenantPage>, Problem> {
    let limit = page.limit.unwrap_or(PAGE);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(Problem::bad_request(format!(
            "limit must be a whole number from 1 to {LARGEST_PAGE}"
        )));
    }
    within(&app, page_of(&app, page, limit)).await.map(Json)
}

async fn page_of(app: &App, page: Page, limit: usize) -> Result<TenantPage, Problem> {
    let _permits = fleet_permits(app).await?;
    let current = app.current();
    let mut roster = roster(&current).await?;
    roster.members.sort_by(|a, b| a.tenant.id.cmp(&b.tenant.id));
    let total = roster.members.len();
    if let Some(after) = &page.after {
        roster.members.retain(|member| member.tenant.id.as_str() > after.as_str());
    }
    let has_more = roster.members.len() > limit;
    roster.members.truncate(limit);
    let (refused, unreachable_servers) = (roster.refused.len(), roster.unreachable.len());
    let drift = drift_of(&current, roster).await;
    let tenants: Vec<TenantState> = drift.tenants.iter().map(TenantState::from).collect();
    let next = tenants.last().filter(|_| has_more).map(|last| last.tenant.clone());
    Ok(TenantPage { tenants, total, next, refused, unreachable_servers })
}

/// Whether one tenant is as the manifest declares, and its record.
#[utoipa::path(
    get, path = "/ops/tenants/{tenantId}", tag = "read", security(("bearer" = [])),
    params(("tenantId" = String, Path, description = "UUID or slug")),
    responses(
        (status = 200, description = "What is known", body = TenantStatus),
        OneTenant,
        NeedsToken,
        NeedsDatabase,
    )
)]
pub(super) async fn tenant(
    State(app): State<Arc<App>>,
    Tenant(id): Tenant,
) -> Result<Json<TenantStatus>, Problem> {
    let status = within(&app, async {
        let _permits = tenant_permits(&app).await?;
        let current = app.current();
        let found = async {
            let (context, member) = locate(&current, &id).await?;
            reconcile::check_listed(context, &member.tenant).await?;
            reconcile::status(context, &member.tenant, HISTORY).await
        };
        found.await.map_err(|error| problem_of(&id, &error))
    });
    Ok(Json(TenantStatus::from(&status.await?)))
}

/// What provisioning the tenant would do.
#[utoipa::path(
    get, path = "/ops/plan/{tenantId}", tag = "read", security(("bearer" = [])),
    params(("tenantId" = String, Path, description = "UUID or slug")),
    responses(
        (status = 200, description = "The plan", body = Planned),
        OneTenant,
        NeedsToken,
        NeedsDatabase,
    )
)]
pub(super) async fn plan(
    State(app): State<Arc<App>>,
    Tenant(id): Tenant,
) -> Result<Json<Planned>, Problem> {
    plan_of(&app, &id).await.map(Json)
}

/// Which tenants differ from the manifest, and how: all of them are read.
#[utoipa::path(
    get, path = "/ops/drift", tag = "read", security(("bearer" = [])),
    responses(
        (status = 200, description = "How all tenants are", body = DriftReport),
        AllTenants,
        NeedsToken,
        NeedsDatabase,
    )
)]
pub(super) async fn drift(State(app): State<Arc<App>>) -> Result<Json<DriftReport>, Problem> {
    let drift = within(&app, async {
        let _permits = fleet_permits(&app).await?;
        let current = app.current();
        let roster = roster(&current).await?;
        Ok(drift_of(&current, roster).await)
    });
    Ok(Json(DriftReport::from(&drift.await?)))
}

/// # Errors
/// Whatever keeps the tenant from being planned.
pub(super) async fn plan_of(app: &App, id: &TenantId) -> Result<Planned, Problem> {
    within(app, async {
        let _permits = tenant_permits(app).await?;
        let current = app.current();
        let planned = async {
            let (context, member) = locate(&current, id).await?;
            let (plan, hold) = reconcile::plan_and_hold(context, &member.tenant).await?;
            Ok(Planned::new(&reconcile::shown(context, plan), hold.as_ref()))
        };
        planned.await.map_err(|error| problem_of(id, &error))
    })
    .await
}

/// The result of a read, unless it takes longer than the time limit. Nothing outlives it: a read for a
/// client that has disconnected ends at once.
async fn within<T>(
    app: &App,
    read: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let result = tokio::time::timeout(app.bounds.request.max(SHORTEST), read).await;
    result.unwrap_or_else(|_| Err(Problem::timeout()))
}

pub(super) async fn locate<'c>(
    current: &'c Current,
    id: &TenantId,
) -> Result<(&'c Context, Member), ReconcileError> {
    let member = fleet::locate(&current.fleet, id, false).await?;
    let server = current.fleet.servers.get(member.server);
    let server = server.ok_or_else(|| ReconcileError::Unregistered { tenant: id.clone() })?;
    Ok((&server.context, member))
}

/// The problem that the client gets for an error, which is logged in full. That a tenant is not listed by the
/// registry, or is held, does not concern the operator.
pub(super) fn problem_of(id: &TenantId, error: &ReconcileError) -> Problem {
    let (code, message, hint) = (error.code(), crate::causes::chain(error), error.hint());
    if is_of_client(error) {
        tracing::info!(tenant = %id, code, error = message, hint, "a request could not be fulfilled");
    } else {
        tracing::warn!(tenant = %id, code, error = message, hint, "a request could not be fulfilled");
    }
    Problem::from(error)
}

/// Whether nothing has failed.
fn is_of_client(error: &ReconcileError) -> bool {
    use ReconcileError::{Held, Hold, NothingToHold, Unregistered};
    matches!(error, Unregistered { .. } | Held { .. } | NothingToHold { .. } | Hold(_))
}

/// Logs why servers could not be queried for their tenants.
pub(super) fn log_unavailable(servers: &[Unreachable]) {
    for Unreachable { server, error } in servers {
        let what = match error.code {
            "registry-unreadable" => "the registry of tenants cannot be read",
            "connect-failed" | "connection-lost" => "a server is unavailable",
            _ => "a server could not be queried for its tenants",
        };
        let (code, hint) = (error.code, &error.hint);
        tracing::warn!(server, code, error = error.message, hint, "{what}");
    }
}

/// All tenants; if no server is available, that is an error.
pub(super) async fn roster(current: &Current) -> Result<Roster, Problem> {
    let fleet = &current.fleet;
    let roster = fleet::enumerate(fleet, &Source::Registry, &Selection::default()).await;
    log_unavailable(&roster.unreachable);
    match roster.unreachable.first() {
        Some(first) if roster.unreachable.len() == fleet.servers.len() => {
            Err(Problem::from(&first.error))
        }
        _ => Ok(roster),
    }
}

async fn drift_of(current: &Current, roster: Roster) -> fleet::Drift {
    let survey = fleet::survey(&current.fleet, &roster.members, 1, &|_| {}).await;
    let today = crate::reconcile::today();
    fleet::drift(&current.fleet, roster, &survey, today)
}

/// Permits to read all tenants, which few requests may do at the same time.
async fn fleet_permits(app: &App) -> Result<[SemaphorePermit<'_>; 2], Problem> {
    Ok([slot(app)?, permit(app, &app.fleet_reads).await?])
}

/// Permits to read one tenant.
async fn tenant_permits(app: &App) -> Result<[SemaphorePermit<'_>; 3], Problem> {
    Ok([slot(app)?, permit(app, &app.reads).await?, permit(app, &app.permits).await?])
}

/// What has not started when the service stops does not start.
async fn permit<'a>(app: &App, of: &'a Semaphore) -> Result<SemaphorePermit<'a>, Problem> {
    let permit = of.acquire().await.map_err(|_| Problem::stopping())?;
    if app.stop.is_cancelled() { Err(Problem::stopping()) } else { Ok(permit) }
}

/// A slot in the queue.
fn slot(app: &App) -> Result<SemaphorePermit<'_>, Problem> {
    if app.stop.is_cancelled() {
        return Err(Problem::stopping());
    }
    app.read_queue.try_acquire().map_err(|_| Problem::queue_full())
}
