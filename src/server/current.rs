//! The manifest that is used now, its servers, and connections to them.

use std::sync::{Mutex, PoisonError};

use crate::fleet::Fleet;
use crate::pg::Session;

/// A backend caches the tables that it has opened, and more about those that it has created; after
/// so many uses its connection is closed.
const MAX_USES: u32 = 1_000;

/// The manifest and its servers, read again on SIGHUP, with the connections opened to them.
pub(super) struct Current {
    pub(super) fleet: Fleet,
    /// By server; with the number of uses of each.
    idle: Vec<Mutex<Vec<(Session, u32)>>>,
}

impl From<Fleet> for Current {
    fn from(fleet: Fleet) -> Self {
        let idle = fleet.servers.iter().map(|_| Mutex::default()).collect();
        Self { fleet, idle }
    }
}

impl Current {
    /// A connection to the server that is not in use, if there is one.
    pub(super) fn session(&self, server: usize) -> (Option<Session>, u32) {
        let idle = self.idle.get(server).map(|idle| idle.lock());
        let found = idle.and_then(|idle| idle.unwrap_or_else(PoisonError::into_inner).pop());
        found.map_or((None, 0), |(session, uses)| (Some(session), uses))
    }

    /// Returns the connection, or closes it after too many uses.
    pub(super) async fn give_back(&self, server: usize, session: Option<Session>, uses: u32) {
        let Some(session) = session else { return };
        match self.idle.get(server) {
            Some(idle) if uses < MAX_USES => {
                let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
                idle.push((session, uses));
            }
            _ => session.close().await,
        }
    }
}
