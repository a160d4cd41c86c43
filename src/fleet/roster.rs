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
    /// Ids given by the caller, as they are written.
    Ids {
        ids: Vec<String>,
        /// Whether ids that the registry does not list are accepted.
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

/// An entry of the registry that names no tenant, or no single place for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// As it is written in the registry.
    pub id: String,
    pub reason: String,
}

/// A schema that this tool created, for which there is no longer a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Orphan {
    pub schema: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
}

/// A schema with a record whose owner is not trusted: no tenant, and no orphan. Any role that may
/// create a schema can create such a record, so it is not an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    pub schema: String,
    /// The owner of the record.
    pub owner: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
}

/// A server that could not be queried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unreachable {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    pub error: Failure,
}

/// All tenants that there should be.
#[derive(Debug, Default)]
pub struct Roster {
    /// Whether these are all tenants, not a selection.
    pub is_whole: bool,
    /// In the order of the registry, by server.
    pub members: Vec<Member>,
    pub refused: Vec<Refused>,
    /// Only searched for when no tenants were chosen.
    pub orphans: Vec<Orphan>,
    /// Only searched for when the tenants are discovered by their schemas, or with the orphans.
    pub passed_over: Vec<PassedOver>,
    /// Those that a chosen tenant may be on.
    pub unreachable: Vec<Unreachable>,
    pub unmatched: Unmatched,
}
