//! What is known of tenants in which objects have old names.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};

use tokio::sync::Mutex;

use crate::catalog::{Catalog, Rename};
use crate::checksum::Checksum;

/// A tenant as it will be when its objects have been renamed.
#[derive(Debug)]
pub(crate) struct Renamed {
    /// In order.
    pub(crate) renames: Vec<Rename>,
    pub(crate) catalog: Catalog,
}

/// Whether objects of a tenant have their names.
#[derive(Debug, Clone)]
pub(super) enum Found {
    AsDeclared,
    Renamed(Arc<Renamed>),
}

/// What is known of tenants in which something has an old name.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By fingerprint. Nothing is forgotten: what has an old name would be taken for missing.
    tenants: std::sync::Mutex<HashMap<Checksum, Found>>,
    /// What is declared, under the old names of these.
    pub(super) old: Mutex<BTreeMap<Vec<Rename>, Arc<Catalog>>>,
}

impl Known {
    pub(super) fn of(&self, fingerprint: Checksum) -> Option<Found> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).get(&fingerprint).cloned()
    }

    pub(super) fn insert(&self, fingerprint: Checksum, found: Found) {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.insert(fingerprint, found);
    }
}
