//! What is dropped of a tenant, and what stays although a person allows it to be dropped: what `removal` decides.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, Object};

/// What is dropped before and after the rest is done.
#[derive(Debug, Default)]
pub(super) struct Removal {
    /// In order.
    pub(super) drops: Vec<Drop>,
    /// Desired objects that are dropped and created again.
    pub(super) again: BTreeSet<Object>,
    /// What stays as it is although a person allows it to be dropped or changed, and why; by its name in the tenant.
    pub(super) refused: BTreeMap<Object, Refusal>,
    /// Everything that goes, what the statements drop along with other things included.
    pub(super) gone: BTreeSet<Object>,
}

/// A statement that drops something.
#[derive(Debug)]
pub(super) struct Drop {
    pub(super) object: Object,
    /// As what it is created again.
    pub(super) again: Option<Object>,
    /// Whether it is dropped only when what depends on it has been changed.
    pub(super) is_late: bool,
}

/// Why something stays as it is.
#[derive(Debug)]
pub(super) struct Refusal {
    /// What would have been done.
    pub(super) intent: Intent,
    pub(super) reasons: BTreeSet<String>,
}

/// What is to be done to a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    Drop,
    Rebuild,
    /// It is changed in place, which the server refuses while certain things depend on it.
    Alter,
    /// It is an enum type that is made anew, and the columns of it are converted.
    Remake,
}

impl Removal {
    /// What remains of the tenant.
    pub(super) fn remaining(&self, live: &Catalog) -> Catalog {
        live.without(&self.gone)
    }
}
