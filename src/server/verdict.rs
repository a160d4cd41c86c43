//! What the database servers say of a manifest.

use std::time::Duration;

use futures_util::future::join_all;

use super::problem::may_pass;
use crate::explain::{Explain as _, Failure};
use crate::fleet::{Fleet, Server};
use crate::pg::{Cause, PgError};
use crate::reconcile::{self, ReconcileError};

/// How long a server may take to make up its mind: a large manifest is elaborated meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// What all servers together say.
#[derive(Debug)]
pub enum Verdict {
    /// Every server that could be asked takes the manifest; the others, if there are any, could not.
    Accepted { unasked: Vec<Doubt> },
    /// A server refuses it.
    Refused(Doubt),
    /// None of the servers could be asked.
    Unknown(Vec<Doubt>),
}

/// Why a server is not known to take the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// As the manifest names it; `None` for the only one.
    pub server: Option<String>,
    /// It could not be asked, and may take the manifest another time.
    pub is_away: bool,
    pub error: Failure,
}

/// Asks all servers of the fleet. What they make of the manifest is kept in the fleet, so that
/// nobody has to ask again.
pub async fn judge(fleet: &Fleet) -> Verdict {
    let asked = join_all(fleet.servers.iter().map(|server| ask(server, PATIENCE))).await;
    let count = asked.len();
    let doubts: Vec<Doubt> = asked.into_iter().filter_map(Result::err).collect();
    if let Some(refused) = doubts.iter().find(|doubt| !doubt.is_away) {
        return Verdict::Refused(refused.clone());
    }
    if doubts.len() == count {
        Verdict::Unknown(doubts)
    } else {
        Verdict::Accepted { unasked: doubts }
    }
}

/// Asks one server.
pub(super) async fn ask(server: &Server, patience: Duration) -> Result<(), Doubt> {
    let asked = tokio::time::timeout(patience, reconcile::check(&server.context)).await;
    let error = match asked {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error,
        Err(_) => ReconcileError::from(PgError::Query {
            doing: "asking the server whether it takes the manifest".into(),
            source: Cause::Timeout(patience.as_secs()),
        }),
    };
    Err(Doubt {
        server: server.name.clone(),
        is_away: may_pass(error.code(), error.sqlstate())
            || error.is_transient()
            || error.sqlstate() == Some("57014"),
        error: Failure::from(&error),
    })
}
