//! The results of running plans, by what the plans were derived from.

use std::sync::Arc;

use crate::checksum::Checksum;
use crate::manifest::Privilege;
use crate::memo::Memo;
use crate::pg::Objects;
use crate::plan::Untouched;
use crate::touched::Touched;

/// By what was read, as [`Plan::live_checksum`](crate::plan::Plan::live_checksum) identifies it: the
/// result of running the plan. On one server, and for one manifest.
#[derive(Debug, Default)]
pub(super) struct Outcomes(Memo<Arc<Known>>);

/// The result of running a plan.
#[derive(Debug)]
pub(super) struct Known {
    /// Of the schema, before and after.
    pub(super) fingerprints: (Checksum, Checksum),
    pub(super) touched: Touched,
    /// What is touched, before and after.
    pub(super) objects: (Objects, Objects),
    /// The declared rows that were absent, by their positions in the manifest.
    pub(super) absent_rows: Vec<(usize, usize)>,
    /// The declared privileges that were absent, by the positions of the grants.
    pub(super) absent_grants: Vec<(usize, Vec<Privilege>)>,
    /// What was left as it was.
    pub(super) untouched: Untouched,
}

impl Outcomes {
    pub(super) fn get(&self, live_checksum: Checksum) -> Option<Arc<Known>> {
        self.0.get(live_checksum)
    }

    pub(super) fn begins_with(&self, fingerprint: Checksum) -> bool {
        self.0.any(|known| known.fingerprints.0 == fingerprint)
    }

    pub(super) fn insert(&self, live_checksum: Checksum, known: Known) {
        self.0.insert(live_checksum, Arc::new(known));
    }
}
