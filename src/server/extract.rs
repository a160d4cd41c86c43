//! Turns the parts of a request into values, or into a problem that says what is wrong with them.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::name::TenantId;
use crate::reconcile::ReconcileError;

/// The largest body in bytes; most requests need none, and ignore its content.
pub(super) const BODY: usize = 64 * 1024;

/// How long a body may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The tenant in the path.
pub(super) struct Tenant(pub(super) TenantId);

impl<S: Send + Sync> FromRequestParts<S> for Tenant {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Segment(id) = Segment::<String>::from_request_parts(parts, state).await?;
        let id = TenantId::new(&id).map_err(|error| Problem::from(&ReconcileError::Name(error)))?;
        Ok(Self(id))
    }
}

/// The variable part of the path.
pub(super) struct Segment<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segment<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let refuse = |error: PathRejection| Problem::bad_request(error.body_text());
        Path::from_request_parts(parts, state).await.map(|Path(part)| Self(part)).map_err(refuse)
    }
}

/// The query string.
pub(super) struct Parameters<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let refuse = |error: QueryRejection| {
            let text = error.body_text();
            let reason = text.strip_prefix("Failed to deserialize query string: ");
            let reason = reason.unwrap_or(&text);
            let reason = reason.replace("invalid digit found in string", "not a whole number");
            Problem::bad_request(format!("query string: {reason}"))
        };
        Query::from_request_parts(parts, state).await.map(|Query(all)| Self(all)).map_err(refuse)
    }
}

/// No query string: a request that takes no parameters must not silently ignore them.
pub(super) struct NoParameters;

impl<S: Send + Sync> FromRequestParts<S> for NoParameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if parts.uri.query().is_none_or(str::is_empty) {
            return Ok(Self);
        }
        Err(Problem::bad_request(format!("{} takes no parameters", parts.uri.path())))
    }
}

/// Whether the client prefers not to wait (RFC 7240, §4.1).
pub(super) fn prefers_async(headers: &HeaderMap) -> bool {
    let values = headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
    let mut preferences = values.flat_map(|value| value.split(','));
    preferences.any(|one| {
        let name = one.split([';', '=']).next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case("respond-async")
    })
}

/// Reads the body to its end, and discards it.
///
/// # Errors
/// When it is too large, too slow, or breaks off.
pub(super) async fn drain(body: Body) -> Result<(), Problem> {
    read(body).await.map(drop)
}

/// Reads the body.
///
/// # Errors
/// When it is too large, too slow, or breaks off.
pub(super) async fn read(body: Body) -> Result<Bytes, Problem> {
    match tokio::time::timeout(TIMEOUT, axum::body::to_bytes(body, BODY)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_too_large(&error) => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            "The body is larger than any request needs",
        )),
        Ok(Err(_)) => Err(Problem::bad_request("the body breaks off")),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "body-too-slow",
            "The body took too long",
        )),
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
