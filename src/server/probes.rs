//! What load balancers and Prometheus ask.

use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::answer::Health;
use super::app::{App, Leaderless};
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
    let not_ready = |title, detail: String| {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", title);
        problem.with_detail(detail).after(5).into_response()
    };
    if app.stop.is_cancelled() {
        let detail = "what was begun is finished; nothing new is begun";
        return not_ready("The service is stopping", detail.to_owned());
    }
    match readiness(&app.readiness, &app.current()).await {
        Readiness::Ready => {
            let detail = leaderless(&app);
            Json(Health { status: "ready", detail }).into_response()
        }
        Readiness::Not(None) => {
            not_ready("The service has no database", "there is no server".to_owned())
        }
        // Anybody may ask: what exactly is wrong stands in the log.
        Readiness::Not(Some(doubt)) => {
            let server = doubt.server.map_or_else(String::new, |name| format!(" {name}"));
            let (title, what) = if doubt.is_away {
                ("The database is not reached", "cannot be asked")
            } else {
                ("The database does not take the manifest", "refuses the manifest")
            };
            let code = doubt.error.code;
            not_ready(title, format!("server{server} {what} ({code}); the service's log says why"))
        }
    }
}

/// Requests are answered all the same.
fn leaderless(app: &App) -> Option<String> {
    let leaderless = *app.leaderless.lock().unwrap_or_else(PoisonError::into_inner);
    leaderless.map(|Leaderless { since, is_lock_held }| {
        let why = if is_lock_held {
            "the service's log says who holds the leader's lock"
        } else {
            "the service's log says why this one does not"
        };
        let seconds = since.elapsed().as_secs();
        format!("no replica has been seen to lead the reconcile loop for {seconds} seconds; {why}")
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
