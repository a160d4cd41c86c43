//! Requests that look at tenants, and change nothing.

#![expect(unused_qualifications, reason = "the macro of utoipa writes them")]

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tokio::sync::{Semaphore, SemaphorePermit};
use utoipa::IntoParams;

use super::answer::{DriftReport, Planned, TenantPage, TenantState, TenantStatus};
use super::app::App;
use super::current::Current;
use super::extract::{Parameters, Tenant};
use super::problem::Problem;
use super::refusals::{Away, Closed, OfAll, OfTenant};
use crate::explain::Explain as _;
use crate::fleet::{self, Member, Roster, Selection, Source, Unreachable};
use crate::name::TenantId;
use crate::plan::Plan;
use crate::reconcile::{self, Context, ReconcileError};

/// Tenants on a page, unless the caller wants fewer, or more.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 1_000;

/// A look has at least so long, also where callers who want work done do not wait at all.
const SHORTEST: Duration = Duration::from_secs(1);

/// Applies that the record of a tenant is asked for.
const HISTORY: u32 = 20;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Tenants on the page: 100 unless given, 1,000 at most.
    limit: Option<usize>,
    /// The id of the last tenant of the page before, as its `next` tells.
    after: Option<String>,
}

/// The tenants of the registry, and how each of them is.
#[utoipa::path(
    get, path = "/ops/tenants", tag = "look", security(("bearer" = [])), params(Page),
    responses(
        (status = 200, description = "A page", body = TenantPage),
        OfAll,
        Closed,
        Away,
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
        return Err(Problem::bad_request(format!("limit is between 1 and {LARGEST_PAGE}")));
    }
    within(&app, page_of(&app, page, limit)).await.map(Json)
}

async fn page_of(app: &App, page: Page, limit: usize) -> Result<TenantPage, Problem> {
    let _look = look(app).await?;
    let current = app.current();
    let mut roster = all(&current).await?;
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

/// Whether one tenant is as the manifest declares, and what its record tells.
#[utoipa::path(
    get, path = "/ops/tenants/{tenantId}", tag = "look", security(("bearer" = [])),
    params(("tenantId" = String, Path, description = "UUID or slug")),
    responses(
        (status = 200, description = "What is known", body = TenantStatus),
        OfTenant,
        Closed,
        Away,
    )
)]
pub(super) async fn tenant(
    State(app): State<Arc<App>>,
    Tenant(id): Tenant,
) -> Result<Json<TenantStatus>, Problem> {
    let status = within(&app, async {
        let _turn = turn(&app).await?;
        let current = app.current();
        let looked = async {
            let (context, member) = home(&current, &id).await?;
            reconcile::check_listed(context, &member.tenant).await?;
            reconcile::status(context, &member.tenant, HISTORY).await
        };
        looked.await.map_err(|error| told(&id, &error))
    });
    Ok(Json(TenantStatus::from(&status.await?)))
}

/// What provisioning the tenant would do.
#[utoipa::path(
    get, path = "/ops/plan/{tenantId}", tag = "look", security(("bearer" = [])),
    params(("tenantId" = String, Path, description = "UUID or slug")),
    responses(
        (status = 200, description = "The plan", body = Planned),
        OfTenant,
        Closed,
        Away,
    )
)]
pub(super) async fn plan(
    State(app): State<Arc<App>>,
    Tenant(id): Tenant,
) -> Result<Json<Planned>, Problem> {
    plan_of(&app, &id).await.map(|plan| Json(Planned::from(&plan)))
}

/// Which tenants differ from the manifest, and how: all of them are looked at.
#[utoipa::path(
    get, path = "/ops/drift", tag = "look", security(("bearer" = [])),
    responses(
        (status = 200, description = "How all tenants are", body = DriftReport),
        OfAll,
        Closed,
        Away,
    )
)]
pub(super) async fn drift(State(app): State<Arc<App>>) -> Result<Json<DriftReport>, Problem> {
    let drift = within(&app, async {
        let _look = look(&app).await?;
        let current = app.current();
        let roster = all(&current).await?;
        Ok(drift_of(&current, roster).await)
    });
    Ok(Json(DriftReport::from(&drift.await?)))
}

/// # Errors
/// Whatever keeps the tenant from being planned.
pub(super) async fn plan_of(app: &App, id: &TenantId) -> Result<Plan, Problem> {
    within(app, async {
        let _turn = turn(app).await?;
        let current = app.current();
        let planned = async {
            let (context, member) = home(&current, id).await?;
            reconcile::plan(context, &member.tenant).await
        };
        planned.await.map_err(|error| told(id, &error))
    })
    .await
}

/// What the look finds, unless it takes longer than callers are let wait. Nothing outlives it: the
/// work of a caller who has left, or was sent away, ends at once.
async fn within<T>(
    app: &App,
    look: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let looked = tokio::time::timeout(app.bounds.request.max(SHORTEST), look).await;
    looked.unwrap_or_else(|_| Err(Problem::timeout()))
}

async fn home<'c>(
    current: &'c Current,
    id: &TenantId,
) -> Result<(&'c Context, Member), ReconcileError> {
    let member = fleet::locate(&current.fleet, id, false).await?;
    let server = current.fleet.servers.get(member.server);
    let server = server.ok_or_else(|| ReconcileError::Unregistered { tenant: id.clone() })?;
    Ok((&server.context, member))
}

/// What the caller is told of an error; the log is told everything. A tenant that the registry does
/// not list is the caller's mistake, and nothing for an operator to look into.
pub(super) fn told(id: &TenantId, error: &ReconcileError) -> Problem {
    let (code, said, hint) = (error.code(), crate::causes::chain(error), error.hint());
    if matches!(error, ReconcileError::Unregistered { .. }) {
        tracing::info!(tenant = %id, code, error = said, hint, "a request could not be fulfilled");
    } else {
        tracing::warn!(tenant = %id, code, error = said, hint, "a request could not be fulfilled");
    }
    Problem::from(error)
}

/// Tells the log why servers could not be asked for their tenants.
pub(super) fn tell_unasked(servers: &[Unreachable]) {
    for Unreachable { server, error } in servers {
        let what = match error.code {
            "registry-unreadable" => "the registry of tenants cannot be read",
            "connect-failed" | "connection-lost" => "a server is away",
            _ => "a server could not be asked for its tenants",
        };
        let (code, hint) = (error.code, &error.hint);
        tracing::warn!(server, code, error = error.message, hint, "{what}");
    }
}

/// All tenants; when no server at all can be asked, that is an error.
pub(super) async fn all(current: &Current) -> Result<Roster, Problem> {
    let fleet = &current.fleet;
    let roster = fleet::enumerate(fleet, &Source::Registry, &Selection::default()).await;
    tell_unasked(&roster.unreachable);
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

/// The right to look at many tenants, which few may do at a time.
async fn look(app: &App) -> Result<[SemaphorePermit<'_>; 2], Problem> {
    Ok([place(app)?, permit(app, &app.looks).await?])
}

/// The right to work with a connection.
async fn turn(app: &App) -> Result<[SemaphorePermit<'_>; 3], Problem> {
    Ok([place(app)?, permit(app, &app.reads).await?, permit(app, &app.permits).await?])
}

/// What has not begun when the service ends does not begin.
async fn permit<'a>(app: &App, of: &'a Semaphore) -> Result<SemaphorePermit<'a>, Problem> {
    let permit = of.acquire().await.map_err(|_| Problem::stopping())?;
    if app.stop.is_cancelled() { Err(Problem::stopping()) } else { Ok(permit) }
}

/// A place in the queue.
fn place(app: &App) -> Result<SemaphorePermit<'_>, Problem> {
    if app.stop.is_cancelled() {
        return Err(Problem::stopping());
    }
    app.read_places.try_acquire().map_err(|_| Problem::queue_full())
}
