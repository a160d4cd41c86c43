//! What happens during a run over many tenants, and how it ended.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::LeftIn;
use super::holding::HeldTenant;
use super::roster::{PassedOver, Refused, Unreachable};
use crate::explain::Failure;
use crate::hold::Hold;
use crate::name::TenantId;
use crate::pg::Placement;
use crate::reconcile::Left;

/// What happens during a run, for reporting progress.
#[derive(Debug)]
pub enum Event<'a> {
    /// So many tenants will be surveyed.
    Surveying(usize),
    /// So many more have been surveyed.
    Surveyed(usize),
    /// Somebody holds these: they are left alone.
    Held(&'a [HeldTenant]),
    /// So many are refused before anything is done to any tenant, all for the same reason, told for the first of them.
    Refused {
        tenants: usize,
        error: &'a Failure,
    },
    /// So many have something to do; the others are current or held.
    Starting(usize),
    /// A stage begins: its number from one, how many there are, and its tenants.
    Stage {
        number: usize,
        of: usize,
        tenants: usize,
    },
    Done(&'a TenantReport),
}

/// What became of one tenant.
#[derive(Debug, Clone, Serialize)]
pub struct TenantReport {
    pub tenant: TenantId,
    pub schema: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    #[serde(flatten)]
    pub outcome: TenantOutcome,
    /// Those that were committed.
    pub statements: usize,
    /// What was left as it is; only the names of what is present but different are serialized.
    #[serde(rename = "changed", serialize_with = "names_of_changed")]
    pub left: Arc<Left>,
    /// Where Citus keeps the schema; `None` if it is on the server itself, and should be, or is
    /// not known.
    #[serde(flatten)]
    pub placement: Option<Placement>,
    pub duration_ms: u64,
}

/// The outcome for one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum TenantOutcome {
    /// It was current; nothing was written.
    Current,
    Created {
        apply_id: Uuid,
    },
    Updated {
        apply_id: Uuid,
    },
    /// Nothing was to be done but to write the record.
    Recorded {
        apply_id: Uuid,
    },
    /// It is as it was before, but for labels of enums: as many as there are statements.
    Failed {
        error: Failure,
    },
    /// The run ended before its turn; it is as it was before.
    Skipped,
    /// Somebody holds it: it was left alone.
    Held {
        hold: Hold,
    },
}

/// How a run ended.
#[derive(Debug, Serialize)]
pub struct RunReport {
    /// In the order of the roster.
    pub tenants: Vec<TenantReport>,
    pub refused: Vec<Refused>,
    pub unreachable: Vec<Unreachable>,
    /// Schemas that are no tenant's, since the owner of their record is not trusted.
    pub passed_over: Vec<PassedOver>,
    /// Why the run ended early, if it did.
    pub stopped: Vec<String>,
    /// What was left as it is, the most frequent first, without tenants that failed.
    pub left: Vec<LeftIn>,
    /// Of the run; a command sets its own duration, which includes reading the manifest.
    pub duration_ms: u64,
}

impl RunReport {
    /// How many tenants have such an outcome.
    #[must_use]
    pub fn count(&self, is: impl Fn(&TenantOutcome) -> bool) -> usize {
        self.tenants.iter().filter(|done| is(&done.outcome)).count()
    }

    /// Whether something was not done that should have been.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        let is_open = |outcome: &TenantOutcome| {
            matches!(outcome, TenantOutcome::Failed { .. } | TenantOutcome::Skipped)
        };
        self.count(is_open) > 0
            || !self.refused.is_empty()
            || !self.unreachable.is_empty()
            || !self.stopped.is_empty()
    }

    /// Whether tenants have drifted in what was left as it is.
    #[must_use]
    pub fn leaves_drift(&self) -> bool {
        self.left.iter().any(|shape| shape.left.is_drift())
    }
}

fn names_of_changed<S: Serializer>(left: &Left, serializer: S) -> Result<S::Ok, S::Error> {
    let changed = &left.untouched.changed;
    serializer.collect_seq(changed.iter().map(|change| change.object.to_string()))
}
