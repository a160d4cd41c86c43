//! What is known of the shapes that have nothing missing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::checksum::Checksum;
use crate::diff::{Change, Diff, Object};
use crate::schema::Unmodelled;

/// What remains when nothing is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Remainder {
    pub(crate) changed: Vec<Change>,
    pub(crate) extra: Vec<Object>,
    pub(crate) unmodelled: Vec<Unmodelled>,
}

/// By fingerprint, on one server: the shapes that the manifest finds nothing missing in, so that
/// they are compared once, not once per tenant.
#[derive(Debug, Default)]
pub(super) struct Settled(Mutex<HashMap<Checksum, Arc<Remainder>>>);

impl Settled {
    pub(super) fn get(&self, fingerprint: Checksum) -> Option<Arc<Remainder>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&fingerprint).cloned()
    }

    /// Remembers what remains, unless something is missing.
    pub(super) fn note(&self, fingerprint: Checksum, diff: &Diff<'_>) {
        if !diff.missing.is_empty() || !diff.conflicts.is_empty() {
            return;
        }
        let remainder = Remainder {
            changed: diff.changed.clone(),
            extra: diff.extra.clone(),
            unmodelled: diff.unmodelled.clone(),
        };
        let mut settled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        settled.insert(fingerprint, Arc::new(remainder));
    }
}
