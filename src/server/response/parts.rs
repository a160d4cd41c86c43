//! Parts of several responses.

use serde::Serialize;
use utoipa::ToSchema;

use crate::hold;
use crate::pg;
use crate::plan::{Change, Held};

/// Where Citus keeps a tenant; no key where there is no Citus.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::server) struct Placement {
    /// The worker that the tenant's tables are on, as `host:port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<String>,
    /// True if the schema is not distributed, although new ones are.
    #[serde(skip_serializing_if = "Option::is_none")]
    undistributed: Option<bool>,
}

impl From<Option<&pg::Placement>> for Placement {
    fn from(placement: Option<&pg::Placement>) -> Self {
        Self {
            worker: placement.and_then(pg::Placement::worker).map(str::to_owned),
            undistributed: (placement == Some(&pg::Placement::Undistributed)).then_some(true),
        }
    }
}

/// Steps that are held back.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::server) struct HeldSteps {
    /// The table or type that they are on.
    object: String,
    steps: Vec<String>,
    reasons: Vec<String>,
}

impl From<&Held> for HeldSteps {
    fn from(held: &Held) -> Self {
        Self {
            object: held.on.to_string(),
            steps: held.steps.clone(),
            reasons: held.reasons.clone(),
        }
    }
}

/// An object that is present but different.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::server) struct ChangedObject {
    object: String,
    /// One property a line.
    actual: String,
    expected: String,
}

impl From<&Change> for ChangedObject {
    fn from(change: &Change) -> Self {
        Self {
            object: change.object.to_string(),
            actual: change.actual.clone(),
            expected: change.expected.clone(),
        }
    }
}

/// That somebody wants a tenant to be left alone.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::server) struct Hold {
    /// Who does.
    by: String,
    /// By the server's clock; none if the record of the hold cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    reason: String,
    /// The last day, in UTC; none: until it is released.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

impl From<&hold::Hold> for Hold {
    fn from(hold: &hold::Hold) -> Self {
        Self {
            by: hold.by.clone(),
            since: hold.since.map(|since| since.to_string()),
            reason: hold.reason.clone(),
            until: hold.until.map(|until| until.to_string()),
        }
    }
}

/// Each as it is shown.
pub(in crate::server) fn texts(all: &[impl ToString]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}
