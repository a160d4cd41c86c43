//! The error responses of each kind of request, for the OpenAPI document.

#![expect(dead_code, reason = "only their attributes are used")]

use utoipa::IntoResponses;

use super::problem::Problem;

/// Requests that need a token.
#[derive(IntoResponses)]
pub(super) enum NeedsToken {
    /// No valid token
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorised(Problem),
    /// Too many failures of authentication
    #[response(status = 429, content_type = "application/problem+json")]
    TooManyFailures(Problem),
}

/// Requests that need a database.
#[derive(IntoResponses)]
pub(super) enum NeedsDatabase {
    /// The database is unavailable or has not answered in time, a lock is held, the queue is full, or
    /// the service is stopping
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// Requests that change something.
#[derive(IntoResponses)]
pub(super) enum Changes {
    /// The token allows reading only
    #[response(status = 403, content_type = "application/problem+json")]
    ReadOnly(Problem),
    /// The body took too long
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(Problem),
    /// The body is too large
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
}

/// Requests about all tenants.
#[derive(IntoResponses)]
pub(super) enum AllTenants {
    /// The registry cannot be read, or another error, described in the service's log
    #[response(status = 500, content_type = "application/problem+json")]
    Failed(Problem),
}

/// Requests about one tenant.
#[derive(IntoResponses)]
pub(super) enum OneTenant {
    /// Not a tenant id, or a malformed request
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(Problem),
    /// The registry does not list the tenant
    #[response(status = 404, content_type = "application/problem+json")]
    Unregistered(Problem),
    /// Another session is at work on the tenant, or it is not where it should be
    #[response(status = 409, content_type = "application/problem+json")]
    Busy(Problem),
    /// Objects in the schema are in the way, or different
    #[response(status = 422, content_type = "application/problem+json")]
    Changed(Problem),
    /// An error that is described in the service's log
    #[response(status = 500, content_type = "application/problem+json")]
    Failed(Problem),
}
