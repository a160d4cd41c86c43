//! Whether the database servers accept a manifest.

use std::time::Duration;

use futures_util::future::join_all;

use super::problem::may_pass;
use crate::explain::{Explain as _, Failure};
use crate::fleet::{Fleet, Server};
use crate::pg::{Cause, PgError};
use crate::reconcile::{self, ReconcileError};

/// How long a server may take to answer: it elaborates the manifest meanwhile.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The result for all servers together.
#[derive(Debug)]
pub enum Acceptance {
    /// Every server that is available accepts the manifest.
    Accepted { unavailable: Vec<NotAccepted> },
    /// A server rejects it.
    Rejected(NotAccepted),
    /// No server is available.
    Unknown(Vec<NotAccepted>),
}

/// Why a server is not known to accept the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAccepted {
    /// As the manifest names it; `None` for the only one.
    pub server: Option<String>,
    /// The server did not answer, and may accept the manifest later.
    pub is_unavailable: bool,
    pub error: Failure,
}

/// Checks the manifest on all servers of the fleet. Its elaborated form is kept in the fleet, so it
/// is not elaborated again.
pub async fn check_manifest(fleet: &Fleet) -> Acceptance {
    let checked = join_all(fleet.servers.iter().map(|server| check_server(server, TIMEOUT))).await;
    let count = checked.len();
    let refusals: Vec<NotAccepted> = checked.into_iter().filter_map(Result::err).collect();
    if let Some(rejected) = refusals.iter().find(|refusal| !refusal.is_unavailable) {
        return Acceptance::Rejected(rejected.clone());
    }
    if refusals.len() == count {
        Acceptance::Unknown(refusals)
    } else {
        Acceptance::Accepted { unavailable: refusals }
    }
}

/// Checks the manifest on one server.
pub(super) async fn check_server(server: &Server, limit: Duration) -> Result<(), NotAccepted> {
    let checked = tokio::time::timeout(limit, reconcile::check(&server.context)).await;
    let error = match checked {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error,
        Err(_) => ReconcileError::from(PgError::Query {
            doing: "checking the manifest".into(),
            source: Cause::Timeout(limit.as_secs()),
        }),
    };
    Err(NotAccepted {
        server: server.name.clone(),
        is_unavailable: may_pass(error.code(), error.sqlstate())
            || error.is_transient()
            || error.sqlstate() == Some("57014"),
        error: Failure::from(&error),
    })
}
