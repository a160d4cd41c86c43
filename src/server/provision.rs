//! Requests that provision tenants, and their jobs.

#![expect(unused_qualifications, reason = "the macro of utoipa writes them")]

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::app::App;
use super::error_responses::{NeedsDatabase, NeedsToken, OneTenant};
use super::extract::{NoParameters, Parameters, Segment, Tenant, drain, prefers_async};
use super::jobs::{Job, JobOutcome};
use super::problem::Problem;
use super::response::{JobResult, JobStatus, Provisioned, ProvisionedOrPlanned};
use super::{error_responses, reads, work};

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Query {
    /// Only report what would be done.
    #[serde(rename = "dryRun", default)]
    dry_run: bool,
}

/// Provisions one tenant, now: its schema is created or completed, whole or not at all.
///
/// With `Prefer: respond-async`, or when it takes longer than the service lets clients wait, the
/// response is 202, and the job reports its progress.
#[utoipa::path(
    post, path = "/ops/provision/{tenantId}", tag = "provision", security(("bearer" = [])),
    params(
        ("tenantId" = String, Path, description = "UUID or slug"),
        Query,
        ("prefer" = Option<String>, Header, description = "respond-async: do not wait"),
    ),
    responses(
        (status = 200, description = "The tenant is as declared; or the plan, for dryRun",
            body = ProvisionedOrPlanned),
        (status = 202, description = "Accepted; Location names the job", body = JobStatus),
        OneTenant,
        error_responses::Changes,
        NeedsToken,
        NeedsDatabase,
    )
)]
pub(super) async fn one(
    State(app): State<Arc<App>>,
    Tenant(id): Tenant,
    Parameters(query): Parameters<Query>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    drain(body).await?;
    if query.dry_run {
        return Ok(Json(reads::plan_of(&app, &id).await?).into_response());
    }
    let mut job = work::provision(&app, &id)?;
    if prefers_async(&headers) {
        return Ok(accepted(&app, job));
    }
    match tokio::time::timeout(app.bounds.request, job.finished()).await {
        Ok(outcome) => response_of(&outcome),
        Err(_) => Ok(accepted(&app, job)),
    }
}

/// Provisions all tenants of the registry. That is always a job; while one is running, the response
/// names that one.
#[utoipa::path(
    post, path = "/ops/provision", tag = "provision", security(("bearer" = [])),
    responses(
        (status = 202, description = "Accepted; Location names the job", body = JobStatus),
        (status = 400, description = "A malformed request", body = Problem,
            content_type = "application/problem+json"),
        error_responses::Changes,
        NeedsToken,
        NeedsDatabase,
    )
)]
pub(super) async fn all(
    State(app): State<Arc<App>>,
    NoParameters: NoParameters,
    body: Body,
) -> Result<Response, Problem> {
    drain(body).await?;
    let job = work::provision_all(&app)?;
    Ok(accepted(&app, job))
}

/// The state of a job. The last thousand finished ones are kept until the service stops.
#[utoipa::path(
    get, path = "/ops/jobs/{id}", tag = "provision", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "As the Location of a 202 names it")),
    responses(
        (status = 200, description = "How far it is", body = JobStatus),
        NeedsToken,
        (status = 404, description = "There is no such job, or not any more", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(super) async fn job(
    State(app): State<Arc<App>>,
    Segment(id): Segment<String>,
) -> Result<Json<JobStatus>, Problem> {
    let id: Option<Uuid> = id.parse().ok();
    id.and_then(|id| app.jobs.find(id)).map(|job| Json(job.status())).ok_or_else(Problem::not_found)
}

fn accepted(app: &App, job: Job) -> Response {
    let status = job.status();
    app.jobs.keep(job);
    let location = HeaderValue::from_str(&format!("/ops/jobs/{}", status.id));
    let mut response = (StatusCode::ACCEPTED, Json(status)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

fn response_of(outcome: &JobOutcome) -> Result<Response, Problem> {
    match outcome {
        Ok(JobResult::Tenant(provisioned)) => Ok(Json::<&Provisioned>(provisioned).into_response()),
        Ok(JobResult::Fleet(provisioned)) => Ok(Json(provisioned).into_response()),
        Err(problem) => Err(problem.clone()),
    }
}
