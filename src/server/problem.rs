//! Errors as answers: RFC 9457, `application/problem+json`.
//!
//! What the caller can do something about is told; what is the operator's concern goes to the log,
//! under the request's id.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{ChangedObject, HeldSteps};
use crate::explain::{Explain as _, Failure};
use crate::reconcile::ReconcileError;

/// Why a request was not answered as asked (RFC 9457, §3.1).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Problem {
    /// A URN that names the kind of problem: `urn:provision:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    /// The same code as in the tool's error messages.
    pub(super) code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Objects of the tenant that are present but different: nothing touches them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changed: Vec<ChangedObject>,
    /// What is missing and was not created, since something is in the way, such as code of somebody not
    /// trusted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    held: Vec<HeldSteps>,
    /// Seconds; also in the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        Self {
            kind: format!("urn:provision:problem:{code}"),
            title,
            status: status.as_u16(),
            code,
            detail: None,
            changed: Vec::new(),
            held: Vec::new(),
            retry_after: None,
        }
    }

    #[must_use]
    pub(super) fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub(super) fn after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    #[must_use]
    pub(super) fn with_changed(mut self, changed: Vec<ChangedObject>) -> Self {
        self.changed = changed;
        self
    }

    #[must_use]
    pub(super) fn with_held(mut self, held: Vec<HeldSteps>) -> Self {
        self.held = held;
        self
    }

    /// For whoever has no token, or not a good one: always the same.
    pub(super) fn unauthorised() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorised", "A valid bearer token is needed")
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "The request is not understood")
            .with_detail(detail)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is nothing here")
    }

    pub(super) fn queue_full() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "queue-full", "Too much is waiting").after(2)
    }

    pub(super) fn timeout() -> Self {
        let title = "The database has not answered in time";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", title).after(5)
    }

    pub(super) fn crowded() -> Self {
        let title = "Too many callers are waiting for their answers";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-connections", title).after(2)
    }

    pub(super) fn stopping() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "The service is stopping").after(5)
    }

    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something is wrong with the service itself; its log tells more",
        )
    }

    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<&ReconcileError> for Problem {
    fn from(error: &ReconcileError) -> Self {
        let code = error.code();
        match error {
            ReconcileError::Name(_) => {
                Self::new(StatusCode::BAD_REQUEST, code, "This is no tenant id")
                    .with_detail(error.to_string())
            }
            ReconcileError::Unregistered { .. } => {
                Self::new(StatusCode::NOT_FOUND, code, "The registry does not list the tenant")
                    .with_detail(error.to_string())
            }
            ReconcileError::Vanished { .. } | ReconcileError::Misplaced { .. } => {
                Self::new(StatusCode::CONFLICT, code, "The tenant is not where it should be")
                    .with_detail(error.to_string())
            }
            ReconcileError::Busy { .. } => {
                Self::new(StatusCode::CONFLICT, code, "Another session is at work on the tenant")
                    .after(5)
            }
            ReconcileError::Plan(_) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                code,
                "What is in the tenant's schema is in the way",
            )
            .with_detail(error.to_string()),
            ReconcileError::CommitUnknown { .. } | ReconcileError::HomeUnknown { .. } => {
                Self::away(code)
            }
            _ => Self::of_server(code, error.sqlstate()),
        }
    }
}

impl From<&Failure> for Problem {
    fn from(failure: &Failure) -> Self {
        Self::of_server(failure.code, failure.sqlstate.as_deref())
    }
}

impl Problem {
    /// What is neither the caller's fault nor that of what is in the tenant's schema.
    fn of_server(code: &'static str, sqlstate: Option<&str>) -> Self {
        if may_pass(code, sqlstate) {
            return Self::away(code);
        }
        let title = match code {
            "registry-unreadable" => {
                "The registry of tenants cannot be read; the service's log tells more"
            }
            _ => "The request could not be fulfilled; the service's log tells more",
        };
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, title)
    }

    fn away(code: &'static str) -> Self {
        let title = "The database cannot be worked with at the moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, title).after(5)
    }
}

/// Whether the trouble is the database's, not the tenant's, and may pass by itself.
pub(super) fn may_pass(code: &str, sqlstate: Option<&str>) -> bool {
    let state = sqlstate.unwrap_or_default();
    matches!(code, "connect-failed" | "connection-lost")
        || matches!(state, "53000" | "53100" | "53200" | "53300" | "25006")
        || matches!(state, "55P03" | "40P01" | "40001")
        || state.starts_with("57P")
        || state.starts_with("08") && state != "08P01"
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"provision\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
