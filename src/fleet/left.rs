//! What applies leave as it is, by shape.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use jiff::civil::Date;
use serde::Serialize;

use super::Difference;
use crate::checksum::{self, Checksum};
use crate::manifest::DriftRules;
use crate::name::TenantId;
use crate::reconcile::Left;

/// What is left in the same way in a number of tenants.
#[derive(Debug, Clone, Serialize)]
pub struct LeftIn {
    pub tenants: Vec<TenantId>,
    #[serde(flatten)]
    pub left: Left,
}

/// What is left in the tenants of a run, held once for all in which it is the same.
#[derive(Debug, Default)]
pub(super) struct Lefts {
    known: HashMap<Checksum, Arc<Left>>,
    /// By the address of what the tenants differ in, and the exceptions that are for them.
    by_difference: HashMap<(usize, Vec<usize>), Arc<Left>>,
}

impl Lefts {
    /// What is left of the difference, which has to be there as long as this is asked, by the rules of the manifest.
    pub(super) fn of(
        &mut self,
        difference: &Arc<Difference>,
        rules: &DriftRules,
        tenant: &TenantId,
        today: Date,
    ) -> Arc<Left> {
        let key = (Arc::as_ptr(difference).addr(), rules.valid(tenant, today));
        if let Some(known) = self.by_difference.get(&key) {
            return Arc::clone(known);
        }
        let left = self.shared(Left::new(&difference.untouched, rules, tenant, today));
        self.by_difference.insert(key, Arc::clone(&left));
        left
    }

    /// The same, once.
    pub(super) fn shared(&mut self, left: Left) -> Arc<Left> {
        let known = self.known.entry(checksum::of("left", &left));
        Arc::clone(known.or_insert_with(|| Arc::new(left)))
    }
}

/// Tenants in which the same is left, the most frequent first, without those in which nothing is. All of it is from the
/// same [`Lefts`].
pub(super) fn by_shape<'a>(
    left: impl Iterator<Item = (&'a TenantId, &'a Arc<Left>)>,
) -> Vec<LeftIn> {
    let mut shapes: IndexMap<usize, LeftIn> = IndexMap::new();
    for (tenant, left) in left.filter(|(_, left)| !left.untouched.is_empty()) {
        let new = || LeftIn { tenants: Vec::new(), left: (**left).clone() };
        let shape = shapes.entry(Arc::as_ptr(left).addr()).or_insert_with(new);
        shape.tenants.push(tenant.clone());
    }
    shapes.sort_by(|_, a, _, b| b.tenants.len().cmp(&a.tenants.len()));
    shapes.into_values().collect()
}
