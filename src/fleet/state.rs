//! The state of one tenant.

use serde::Serialize;

use crate::explain::Failure;
use crate::hold::Hold;
use crate::name::TenantId;
use crate::pg::Placement;
use crate::plan::Excepted;

/// The state of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As declared.
    InSync,
    /// There is no such schema.
    Unprovisioned,
    /// Something is missing, changed, extra or unmodelled.
    Drifted,
    /// As [`State::Drifted`], but the manifest accepts that for now.
    Excepted,
    /// It could not be checked.
    Unreachable,
}

impl State {
    /// As in the saved form.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InSync => "in_sync",
            Self::Unprovisioned => "unprovisioned",
            Self::Drifted => "drifted",
            Self::Excepted => "excepted",
            Self::Unreachable => "unreachable",
        }
    }

    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::InSync, Self::Unprovisioned, Self::Drifted, Self::Excepted, Self::Unreachable];
}

/// One tenant.
#[derive(Debug, Clone, Serialize)]
pub struct TenantDrift {
    pub tenant: TenantId,
    pub schema: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    pub state: State,
    /// Position in [`Drift::shapes`](super::Drift::shapes) of the way in which it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Why its drift is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
    /// The objects in which it differs for which the manifest has exceptions of their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excepted: Vec<Excepted>,
    /// Who wants it to be left alone: applies of many do not touch it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Whether its record says that the manifest, as it is now, was applied.
    #[serde(skip)]
    pub is_recorded: bool,
    /// Where Citus keeps the schema; `None` if it is on the server itself, and should be.
    #[serde(flatten)]
    pub placement: Option<Placement>,
}
