//! Probes of load balancers, and metrics for Prometheus.

use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::app::{App, NoLeader};
use super::problem::Problem;
use super::readiness::{Readiness, readiness};
use super::response::Health;

/// Whether the process is alive.
#[utoipa::path(
    get, path = "/healthz", tag = "probe",
    responses((status = 200, description = "Alive", body = Health))
)]
pub(super) async fn healthz() -> Json<Health> {
    Json(Health { status: "alive", detail: None })
}

/// Whether tenants can be provisioned: the database is available and accepts the manifest. Problems of
/// single tenants do not matter.
#[utoipa::path(
    get, path = "/readyz", tag = "probe",
    responses(
        (status = 200, description = "Ready", body = Health),
        (status = 503, description = "Not ready, or stopping", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let not_ready = |title, detail: String| {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", title);
        problem.with_detail(detail).retry_after(5).into_response()
    };
    if app.stop.is_cancelled() {
        let detail = "work in progress is finished; nothing new is started";
        return not_ready("The service is stopping", detail.to_owned());
    }
    match readiness(&app.readiness, &app.current()).await {
        Readiness::Ready => {
            let detail = no_leader(&app);
            Json(Health { status: "ready", detail }).into_response()
        }
        Readiness::NotReady(None) => {
            not_ready("The service has no database", "no server is configured".to_owned())
        }
        // The probe needs no token: the details are in the log.
        Readiness::NotReady(Some(refusal)) => {
            let server = refusal.server.map_or_else(String::new, |name| format!(" {name}"));
            let (title, what) = if refusal.is_unavailable {
                ("The database is unavailable", "cannot be reached")
            } else {
                ("The database rejects the manifest", "rejects the manifest")
            };
            let code = refusal.error.code;
            not_ready(
                title,
                format!("server{server} {what} ({code}); the service's log has the details"),
            )
        }
    }
}

/// Requests are served all the same.
fn no_leader(app: &App) -> Option<String> {
    let no_leader = *app.no_leader.lock().unwrap_or_else(PoisonError::into_inner);
    no_leader.map(|NoLeader { since, is_lock_held }| {
        let why = if is_lock_held {
            "the service's log says who holds the leader's lock"
        } else {
            "the service's log says why this one does not"
        };
        let seconds = since.elapsed().as_secs();
        format!("no replica has been seen to lead the reconcile loop for {seconds} seconds; {why}")
    })
}

/// Metrics, in Prometheus' text format.
#[utoipa::path(
    get, path = "/metrics", tag = "probe",
    responses((status = 200, description = "Metrics", body = String,
        content_type = "text/plain; version=0.0.4"))
)]
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let content_type = (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
    ([content_type], app.recorder.render()).into_response()
}
