//! What is known of the shapes in which nothing is missing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::checksum::Checksum;
use crate::plan::Difference;
use crate::plan::Untouched;

/// By fingerprint, on one server: the shapes in which nothing of the manifest is missing, so that
/// they are compared once, not once per tenant.
#[derive(Debug, Default)]
pub(super) struct Settled(Mutex<HashMap<Checksum, Arc<Untouched>>>);

impl Settled {
    pub(super) fn get(&self, fingerprint: Checksum) -> Option<Arc<Untouched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&fingerprint).cloned()
    }

    /// Remembers what is left, unless something is missing.
    pub(super) fn note(&self, fingerprint: Checksum, difference: &Difference<'_>) {
        if !difference.steps.is_empty() || !difference.untouched.held.is_empty() {
            return;
        }
        let mut settled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        settled.insert(fingerprint, Arc::new(difference.untouched.clone()));
    }
}
