//! Errors as responses: RFC 9457, `application/problem+json`.
//!
//! Clients get what they can act on; what concerns the operator is logged, under the request's id.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::response::{ChangedObject, HeldSteps, Hold};
use crate::explain::{Explain as _, Failure};
use crate::reconcile::ReconcileError;

/// Why a request was not fulfilled (RFC 9457, §3.1).
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
    /// What is missing and was not created, since something is in the way, such as code of an owner who is
    /// not trusted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    held: Vec<HeldSteps>,
    /// Who wants the tenant to be left alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<Hold>,
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
            hold: None,
            retry_after: None,
        }
    }

    #[must_use]
    pub(super) fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub(super) fn retry_after(mut self, seconds: u64) -> Self {
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

    #[must_use]
    fn with_hold(mut self, hold: Hold) -> Self {
        self.hold = Some(hold);
        self
    }

    /// For requests without a valid token: always the same.
    pub(super) fn unauthorised() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorised", "A valid bearer token is needed")
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "The request is malformed")
            .with_detail(detail)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found")
    }

    pub(super) fn queue_full() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "queue-full", "The queue is full").retry_after(2)
    }

    pub(super) fn timeout() -> Self {
        let title = "The database did not answer in time";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", title).retry_after(5)
    }

    pub(super) fn too_many_connections() -> Self {
        let title = "Too many connections are open";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-connections", title).retry_after(2)
    }

    pub(super) fn stopping() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "The service is stopping")
            .retry_after(5)
    }

    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Internal error; the service's log has the details",
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
                Self::new(StatusCode::BAD_REQUEST, code, "Invalid tenant id")
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
            ReconcileError::Held { hold, .. } => {
                Self::new(StatusCode::CONFLICT, code, "The tenant is held")
                    .with_detail(format!("{error}; DELETE the tenant's hold to end it"))
                    .with_hold(Hold::from(&**hold))
            }
            ReconcileError::NothingToHold { .. } => {
                Self::new(StatusCode::CONFLICT, code, "The tenant is not provisioned")
                    .with_detail(error.to_string())
            }
            ReconcileError::Hold(_) => {
                Self::new(StatusCode::BAD_REQUEST, code, "The hold cannot be as requested")
                    .with_detail(error.to_string())
            }
            ReconcileError::Busy { .. } => {
                Self::new(StatusCode::CONFLICT, code, "Another session is working on the tenant")
                    .retry_after(5)
            }
            ReconcileError::RowsInTheWay { .. } => {
                Self::new(StatusCode::CONFLICT, code, "Rows of the tenant are in the way")
                    .with_detail(error.to_string())
            }
            ReconcileError::LockTooStrong { .. } => {
                let title = "The plan takes stronger locks than the service may take";
                Self::new(StatusCode::CONFLICT, code, title).with_detail(error.to_string())
            }
            ReconcileError::CommitUnknown { .. } | ReconcileError::HomeUnknown { .. } => {
                Self::unavailable(code)
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
    /// What neither the client nor the tenant's schema causes.
    fn of_server(code: &'static str, sqlstate: Option<&str>) -> Self {
        if may_pass(code, sqlstate) {
            return Self::unavailable(code);
        }
        let title = match code {
            "registry-unreadable" => {
                "The registry of tenants cannot be read; the service's log has the details"
            }
            _ => "The request could not be fulfilled; the service's log has the details",
        };
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, title)
    }

    fn unavailable(code: &'static str) -> Self {
        let title = "The database is unavailable at the moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, title).retry_after(5)
    }
}

/// Whether the database is the cause, not the tenant, and the error may pass by itself.
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
