//! What requests of one kind may be refused with, for the OpenAPI document.

#![expect(dead_code, reason = "the document is made of their attributes")]

use utoipa::IntoResponses;

use super::problem::Problem;

/// Whatever needs a token.
#[derive(IntoResponses)]
pub(super) enum Closed {
    /// No valid token
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorised(Problem),
    /// Too many failures of authentication
    #[response(status = 429, content_type = "application/problem+json")]
    TooManyFailures(Problem),
}

/// Whatever takes work, from a database.
#[derive(IntoResponses)]
pub(super) enum Away {
    /// The database is away or has not answered in time, a lock is held, too much is waiting, or the
    /// service is stopping
    #[response(status = 503, content_type = "application/problem+json")]
    Away(Problem),
}

/// Whatever changes something.
#[derive(IntoResponses)]
pub(super) enum Order {
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

/// Whatever is about all tenants.
#[derive(IntoResponses)]
pub(super) enum OfAll {
    /// The registry cannot be read, or it failed for a different reason that the service's log tells
    #[response(status = 500, content_type = "application/problem+json")]
    Failed(Problem),
}

/// Whatever is about one tenant.
#[derive(IntoResponses)]
pub(super) enum OfTenant {
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
    /// It failed for a reason that the service's log tells
    #[response(status = 500, content_type = "application/problem+json")]
    Failed(Problem),
}
