//! What requests of one kind may be refused with, for the OpenAPI document.

#![expect(dead_code, reason = "the document is made of their attributes")]

use utoipa::IntoResponses;

use super::problem::Problem;

/// Whatever needs a token.
#[derive(IntoResponses)]
pub(super) enum Closed {
    /// No valid token
    #[response(status = 401)]
    Unauthorised(Problem),
    /// Too many failures of authentication
    #[response(status = 429)]
    TooManyFailures(Problem),
}

/// Whatever takes work, from a database.
#[derive(IntoResponses)]
pub(super) enum Away {
    /// The database is away, too much is waiting, or the service is stopping
    #[response(status = 503)]
    Away(Problem),
}

/// Whatever changes something.
#[derive(IntoResponses)]
pub(super) enum Order {
    /// The token allows reading only
    #[response(status = 403)]
    ReadOnly(Problem),
    /// The body took too long
    #[response(status = 408)]
    TooSlow(Problem),
    /// The body is too large
    #[response(status = 413)]
    TooLarge(Problem),
}

/// Whatever is about one tenant.
#[derive(IntoResponses)]
pub(super) enum OfTenant {
    /// Not a tenant id, or a malformed request
    #[response(status = 400)]
    Malformed(Problem),
    /// The registry does not list the tenant
    #[response(status = 404)]
    Unregistered(Problem),
    /// Another session is at work on the tenant, or it is not where it should be
    #[response(status = 409)]
    Busy(Problem),
    /// Objects in the schema are in the way, or different
    #[response(status = 422)]
    Changed(Problem),
    /// It failed for a reason that the service's log tells
    #[response(status = 500)]
    Failed(Problem),
}
