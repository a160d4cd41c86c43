//! Requests that hold tenants and release them.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use serde::Deserialize;
use tracing::Instrument as _;
use utoipa::ToSchema;

use super::app::App;
use super::current::Current;
use super::error_responses::{self, NeedsDatabase, NeedsToken, OneTenant};
use super::extract::{NoParameters, Tenant, drain, read};
use super::problem::Problem;
use super::reads;
use super::response::{HeldTenant, ReleasedTenant};
use crate::fleet::Member;
use crate::hold::{HoldError, HoldRequest, Reason, last_day};
use crate::name::TenantId;
use crate::reconcile::{self, Context, ReconcileError};

/// Who is to leave a tenant alone, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldBody {
    /// Why the tenant is to be left alone; 1,000 characters at most.
    reason: String,
    /// The last day, in UTC, such as `2027-01-31`; without it, the tenant is held until it is released.
    until: Option<String>,
    /// Who holds it; without it, the actor of the service.
    by: Option<String>,
}

impl HoldBody {
    fn request(self) -> Result<HoldRequest, HoldError> {
        let Self { reason, until, by } = self;
        let until = until.as_deref().map(last_day).transpose()?;
        Ok(HoldRequest { reason: Reason::new(&reason)?, until, by })
    }
}

/// Holds a tenant: until it is released, or the hold ends by itself, nothing provisions it.
///
/// The hold is recorded in the tenant's schema, so that all replicas and the command line see it. A hold that is
/// there is replaced.
#[utoipa::path(
    put, path = "/ops/tenants/{tenantId}/hold", tag = "provision", security(("bearer" = [])),
    params(("tenantId" = String, Path, description = "UUID or slug")),
    request_body = HoldBody,
    responses(
        (status = 200, description = "The tenant is held", body = HeldTenant),
        OneTenant,
        error_responses::Changes,
        NeedsToken,
        NeedsDatabase,
    )
)]
pub(super) async fn hold(
    State(app): State<Arc<App>>,
    Tenant(id): Tenant,
    NoParameters: NoParameters,
    body: Body,
) -> Result<Json<HeldTenant>, Problem> {
    let body: HoldBody = serde_json::from_slice(&read(body).await?)
        .map_err(|error| Problem::bad_request(format!("body: {error}")))?;
    let request = body.request().map_err(|error| Problem::from(&ReconcileError::Hold(error)))?;
    let change = move |current: Arc<Current>, id| async move {
        let (context, tenant) = listed(&current, &id).await?;
        reconcile::hold(context, &tenant, &request).await
    };
    changed(&app, id, change).await.map(|held| Json(HeldTenant::from(&held)))
}

/// Releases a tenant: the next pass brings it up to date. If nobody holds it, nothing is done.
#[utoipa::path(
    delete, path = "/ops/tenants/{tenantId}/hold", tag = "provision", security(("bearer" = [])),
    params(("tenantId" = String, Path, description = "UUID or slug")),
    responses(
        (status = 200, description = "Nobody holds the tenant", body = ReleasedTenant),
        OneTenant,
        error_responses::Changes,
        NeedsToken,
        NeedsDatabase,
    )
)]
pub(super) async fn release(
    State(app): State<Arc<App>>,
    Tenant(id): Tenant,
    NoParameters: NoParameters,
    body: Body,
) -> Result<Json<ReleasedTenant>, Problem> {
    drain(body).await?;
    let change = |current: Arc<Current>, id| async move {
        let (context, tenant) = listed(&current, &id).await?;
        reconcile::release(context, &tenant).await
    };
    changed(&app, id, change).await.map(|released| Json(ReleasedTenant::from(&released)))
}

/// The tenant, if the registry lists it, with the server that it is on.
async fn listed<'c>(
    current: &'c Current,
    id: &TenantId,
) -> Result<(&'c Context, reconcile::Tenant), ReconcileError> {
    let (context, Member { tenant, .. }) = reads::locate(current, id).await?;
    reconcile::check_listed(context, &tenant).await?;
    Ok((context, tenant))
}

/// The result of a change, in a task of its own and in turn with other work on the tenant. A client that disconnects, or does
/// not wait any longer, does not interrupt it.
async fn changed<T, F>(
    app: &Arc<App>,
    id: TenantId,
    change: impl FnOnce(Arc<Current>, TenantId) -> F + Send + 'static,
) -> Result<T, Problem>
where
    T: Send + 'static,
    F: Future<Output = Result<T, ReconcileError>> + Send,
{
    if app.stop.is_cancelled() {
        return Err(Problem::stopping());
    }
    let slot = Arc::clone(&app.queue).try_acquire_owned().map_err(|_| Problem::queue_full())?;
    let (of_work, limit) = (Arc::clone(app), app.bounds.request.max(reads::SHORTEST));
    let work = async move {
        let _slot = slot;
        let app = of_work;
        let _lock = app.lock_tenant(&id).await;
        let permit = app.permits.acquire().await;
        if permit.is_err() || app.stop.is_cancelled() {
            return Err(Problem::stopping());
        }
        let changed = change(app.current(), id.clone()).await;
        changed.map_err(|error| reads::problem_of(&id, &error))
    };
    match tokio::time::timeout(limit, app.tracker.spawn(work.in_current_span())).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Problem::internal()),
        Err(_) => Err(Problem::timeout()),
    }
}
