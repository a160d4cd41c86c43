//! Which tenants there should be, and on which servers.

use serde::Serialize;

use super::selection::Unmatched;
use crate::explain::Failure;
use crate::reconcile::Tenant;

/// Where the tenants' ids come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// The registry of the manifest; without one, the schemas that hold this tool's record.
    Registry,
    /// Ids that the caller has, as they are written there.
    Ids {
        ids: Vec<String>,
        /// Whether those that the registry does not list are taken too.
        unregistered: bool,
    },
}

/// A tenant and the server that it lives on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub tenant: Tenant,
    /// Position in [`Fleet::servers`](super::Fleet::servers).
    pub server: usize,
}

/// An entry of the registry that names no tenant, or not one place for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// As it is written there.
    pub id: String,
    pub reason: String,
}

/// A schema that this tool made, for which there is no tenant any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Orphan {
    pub schema: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
}

/// A schema with a record that belongs to somebody who is not trusted: no tenant, and no orphan.
/// Whoever may make a schema can make such a one, so it keeps nothing from succeeding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    pub schema: String,
    /// Whose the record is.
    pub owner: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
}

/// A server that could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unreachable {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    pub error: Failure,
}

/// All tenants that there should be.
#[derive(Debug, Default)]
pub struct Roster {
    /// Whether these are all, not only those that somebody has chosen.
    pub is_whole: bool,
    /// In the order of the registry, by server.
    pub members: Vec<Member>,
    pub refused: Vec<Refused>,
    /// Only looked for when all tenants were asked for.
    pub orphans: Vec<Orphan>,
    /// Only looked for where the schemas tell which tenants there are, or with the orphans.
    pub passed_over: Vec<PassedOver>,
    /// Those that a chosen tenant may be on.
    pub unreachable: Vec<Unreachable>,
    pub unmatched: Unmatched,
}
