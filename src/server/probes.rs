//! What load balancers and Prometheus ask.

use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::answer::Health;
use super::app::App;
use super::problem::Problem;
use super::readiness::{Readiness, readiness};

/// Whether the process is alive.
#[utoipa::path(
    get, path = "/healthz", tag = "probe",
    responses((status = 200, description = "Alive", body = Health))
)]
pub(super) async fn healthz() -> Json<Health> {
    Json(Health { status: "alive", detail: None })
}

/// Whether tenants can be provisioned: the database is reached and takes the manifest. What ails
/// single tenants does not matter.
#[utoipa::path(
    get, path = "/readyz", tag = "probe",
    responses(
        (status = 200, description = "Ready", body = Health),
        (status = 503, description = "Not ready, or stopping", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let detail = match readiness(&app).await {
        Readiness::Ready => {
            let detail = leaderless(&app);
            return Json(Health { status: "ready", detail }).into_response();
        }
        Readiness::Stopping => "the service is stopping".to_owned(),
        Readiness::Not(None) => "there is no server".to_owned(),
        // Anybody may ask: what exactly is wrong stands in the log.
        Readiness::Not(Some(doubt)) => {
            let server = doubt.server.map_or_else(String::new, |name| format!(" {name}"));
            let what = if doubt.is_away { "cannot be asked" } else { "refuses the manifest" };
            format!("server{server} {what} ({}); the service's log says why", doubt.error.code)
        }
    };
    let title = "The database is not reached, or does not take the manifest";
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", title);
    problem.with_detail(detail).after(5).into_response()
}

/// Requests are answered all the same.
fn leaderless(app: &App) -> Option<String> {
    let since = *app.leaderless.lock().unwrap_or_else(PoisonError::into_inner);
    since.map(|since| {
        format!(
            "no replica has been seen to lead the reconcile loop for {} seconds; the service's \
             log says who holds the leader's lock",
            since.elapsed().as_secs()
        )
    })
}

/// Counts, in Prometheus' text format.
#[utoipa::path(
    get, path = "/metrics", tag = "probe",
    responses((status = 200, description = "Counts", body = String,
        content_type = "text/plain; version=0.0.4"))
)]
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let content_type = (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
    ([content_type], app.recorder.render()).into_response()
}
