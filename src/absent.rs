//! What is declared of each tenant beside the facts that tenants of one shape share, and absent from one.

use serde::{Serialize, Serializer};

use crate::grants::AbsentGrant;
use crate::manifest::{SeedDecl, SeedRow};

/// What is absent from a tenant.
#[derive(Debug, Clone, Default)]
pub struct Absent<'m> {
    /// Declared rows whose keys were not found, in the manifest's order.
    pub rows: Vec<(&'m SeedDecl, &'m SeedRow)>,
    /// Declared privileges, in the manifest's order.
    pub grants: Vec<AbsentGrant<'m>>,
}

impl Absent<'_> {
    /// Whether everything is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.grants.is_empty()
    }
}

/// Identifies the contents; without privileges, as a version did that knew none.
impl Serialize for Absent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows: Vec<_> = self.rows.iter().map(|(seed, row)| (&seed.table, row)).collect();
        if self.grants.is_empty() {
            return rows.serialize(serializer);
        }
        (rows, &self.grants).serialize(serializer)
    }
}
