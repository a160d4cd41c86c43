//! What is done for every request.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use tracing::Instrument as _;
use uuid::Uuid;

use super::app::App;
use super::auth::Access;
use super::problem::Problem;
use crate::telemetry;

/// The paths that need no token.
pub const OPEN: [&str; 4] = ["/healthz", "/readyz", "/metrics", "/openapi.json"];

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Where a request came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// Gives the request an id, logs and counts it, and turns a panic into a response. When the service
/// stops, the response closes the connection.
pub(super) async fn observe(
    State(app): State<Arc<App>>,
    request: Request<Body>,
    next: Next,
) -> Response {
    let start = Instant::now();
    let id = request_id(&request);
    let method = method_name(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let is_open = OPEN.contains(&route.as_str());
    let span = tracing::info_span!("request", request_id = %id.to_str().unwrap_or_default());
    telemetry::in_flight(1.0);
    let _in_flight = InFlight;
    let handled = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone());
    let mut response = handled.await.unwrap_or_else(|_| Problem::internal().into_response());
    let (status, duration) = (response.status(), start.elapsed());
    telemetry::answered(method, &route, status.as_u16(), duration);
    let duration_ms = crate::reconcile::millis(duration);
    span.in_scope(|| {
        if is_open {
            tracing::debug!(
                method,
                route,
                status = status.as_u16(),
                duration_ms,
                "request completed"
            );
        } else {
            tracing::info!(
                method,
                route,
                status = status.as_u16(),
                duration_ms,
                "request completed"
            );
        }
    });
    response.headers_mut().insert(REQUEST_ID.clone(), id);
    if app.stop.is_cancelled() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Dropped with the request, also when the client has disconnected.
struct InFlight;

impl Drop for InFlight {
    fn drop(&mut self) {
        telemetry::in_flight(-1.0);
    }
}

/// The client's own, if it can be written to a log as it is; otherwise a new one.
fn request_id(request: &Request<Body>) -> HeaderValue {
    let is_plain = |value: &&HeaderValue| {
        (1..=64).contains(&value.len())
            && value.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
    };
    let given = request.headers().get(&REQUEST_ID).filter(is_plain).cloned();
    given.unwrap_or_else(|| {
        HeaderValue::from_str(&Uuid::now_v7().to_string())
            .unwrap_or_else(|_| HeaderValue::from_static("none"))
    })
}

/// Clients may send any method; labels must be from a fixed set.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}

/// Requires a token for every path but those in [`OPEN`], and a full one for what may change something.
pub(super) async fn authorize(
    State(app): State<Arc<App>>,
    request: Request<Body>,
    next: Next,
) -> Response {
    if OPEN.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD) || is_dry_run(&request);
    match app.credentials().tokens.access(request.headers()) {
        Some(Access::Full) => next.run(request).await,
        Some(Access::Read) if reads => next.run(request).await,
        Some(Access::Read) => {
            Problem::new(StatusCode::FORBIDDEN, "read-only-token", "The token allows reading only")
                .into_response()
        }
        None => {
            let peer = request.extensions().get::<Peer>();
            let wait = peer.and_then(|Peer(address)| app.throttle.failed(address.ip()));
            match wait {
                None => Problem::unauthorised().into_response(),
                Some(wait) => Problem::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too-many-failures",
                    "Authentication has failed too often",
                )
                .retry_after(wait.as_secs() + 1)
                .into_response(),
            }
        }
    }
}

/// Whether the request is for a plan only. Other spellings of the parameter count as a change.
fn is_dry_run(request: &Request<Body>) -> bool {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    path == Some("/ops/provision/{tenantId}") && request.uri().query() == Some("dryRun=true")
}
