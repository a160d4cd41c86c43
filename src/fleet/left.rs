//! What applies leave as it is, by shape.

use indexmap::IndexMap;
use serde::Serialize;

use crate::checksum::{self, Checksum};
use crate::name::TenantId;
use crate::reconcile::Left;

/// What is left in the same way in a number of tenants.
#[derive(Debug, Clone, Serialize)]
pub struct LeftIn {
    pub tenants: Vec<TenantId>,
    #[serde(flatten)]
    pub left: Left,
}

/// Tenants in which the same is left, the most frequent first, without those in which nothing is.
pub(super) fn by_shape<'a>(left: impl Iterator<Item = (&'a TenantId, &'a Left)>) -> Vec<LeftIn> {
    let mut shapes: IndexMap<Checksum, LeftIn> = IndexMap::new();
    for (tenant, left) in left.filter(|(_, left)| !left.untouched.is_empty()) {
        let new = || LeftIn { tenants: Vec::new(), left: left.clone() };
        let shape = shapes.entry(checksum::of("left", left)).or_insert_with(new);
        shape.tenants.push(tenant.clone());
    }
    shapes.sort_by(|_, a, _, b| b.tenants.len().cmp(&a.tenants.len()));
    shapes.into_values().collect()
}
