//! What was found out once, by what identifies it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::checksum::Checksum;

/// Values by checksum, for all threads. When it is full, all of them are forgotten.
#[derive(Debug)]
pub(crate) struct Memo<T>(Mutex<HashMap<Checksum, T>>);

/// The limit that keeps tenants that all differ from each other from filling the memory.
const MAX_VALUES: usize = 512;

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Memo<T> {
    pub(crate) fn get(&self, key: Checksum) -> Option<T> {
        self.values().get(&key).cloned()
    }

    /// Whether there is a value of which `condition` holds.
    pub(crate) fn any(&self, condition: impl Fn(&T) -> bool) -> bool {
        self.values().values().any(condition)
    }

    pub(crate) fn insert(&self, key: Checksum, value: T) {
        let mut values = self.values();
        if values.len() >= MAX_VALUES {
            values.clear();
        }
        values.insert(key, value);
    }

    fn values(&self) -> MutexGuard<'_, HashMap<Checksum, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
