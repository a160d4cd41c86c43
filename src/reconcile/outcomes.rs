//! The results of running plans, by what the plans were derived from.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::checksum::Checksum;
use crate::pg::Objects;
use crate::plan::Untouched;
use crate::touched::Touched;

/// By what was read, as [`Plan::live_checksum`](crate::plan::Plan::live_checksum) identifies it: the result of running the plan. On
/// one server, and for one manifest.
#[derive(Debug, Default)]
pub(super) struct Outcomes(Mutex<HashMap<Checksum, Arc<Known>>>);

/// The limit that keeps tenants that all differ from each other from filling the memory.
const MAX_OUTCOMES: usize = 512;

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
    /// What was left as it was.
    pub(super) untouched: Untouched,
}

impl Outcomes {
    pub(super) fn get(&self, live_checksum: Checksum) -> Option<Arc<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&live_checksum).cloned()
    }

    pub(super) fn begins_with(&self, fingerprint: Checksum) -> bool {
        let outcomes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.values().any(|known| known.fingerprints.0 == fingerprint)
    }

    pub(super) fn insert(&self, live_checksum: Checksum, known: Known) {
        let mut outcomes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if outcomes.len() >= MAX_OUTCOMES {
            outcomes.clear();
        }
        outcomes.insert(live_checksum, Arc::new(known));
    }
}
