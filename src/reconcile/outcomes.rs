//! What running plans came to, by what they were made from.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::checksum::Checksum;
use crate::pg::Objects;
use crate::plan::Untouched;
use crate::touched::Touched;

/// By what a look has found, as [`Plan::live_checksum`](crate::plan::Plan::live_checksum) identifies it: what running the plan came to. On
/// one server, and for one manifest.
#[derive(Debug, Default)]
pub(super) struct Outcomes(Mutex<HashMap<Checksum, Arc<Known>>>);

/// Tenants that all differ from each other are no reason to fill the memory.
const MOST_OUTCOMES: usize = 512;

/// What running a plan came to.
#[derive(Debug)]
pub(super) struct Known {
    /// Of the schema, before and after.
    pub(super) fingerprints: (Checksum, Checksum),
    pub(super) touched: Touched,
    /// What is touched, before and after.
    pub(super) objects: (Objects, Objects),
    /// The declared rows that were absent, by their places in the manifest.
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
        if outcomes.len() >= MOST_OUTCOMES {
            outcomes.clear();
        }
        outcomes.insert(live_checksum, Arc::new(known));
    }
}
