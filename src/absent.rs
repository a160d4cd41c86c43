//! What is declared of each tenant beside the facts that tenants of one shape share, and is not so in one.

use serde::{Serialize, Serializer};

use crate::grants::AbsentGrant;
use crate::manifest::{SeedDecl, SeedRow};
use crate::rows::{DifferentRow, Surplus};

/// What is absent from a tenant, or is otherwise not as declared.
#[derive(Debug, Clone, Default)]
pub struct Absent<'m> {
    /// Declared rows whose keys were not found, in the manifest's order.
    pub rows: Vec<(&'m SeedDecl, &'m SeedRow)>,
    /// Declared rows that are there with other values, in the manifest's order.
    pub different: Vec<DifferentRow<'m>>,
    /// Rows that are there and not declared, of tables all of whose rows are.
    pub surplus: Vec<Surplus<'m>>,
    /// Declared privileges, in the manifest's order.
    pub grants: Vec<AbsentGrant<'m>>,
}

impl Absent<'_> {
    /// Whether everything is there, and as declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.grants.is_empty() && !self.has_other_rows()
    }

    /// Whether rows have other values, or are not declared.
    #[must_use]
    pub fn has_other_rows(&self) -> bool {
        !self.different.is_empty() || !self.surplus.is_empty()
    }
}

/// Identifies the contents; as versions did that knew neither privileges nor values, without these.
impl Serialize for Absent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows: Vec<_> = self.rows.iter().map(|(seed, row)| (&seed.table, row)).collect();
        if self.has_other_rows() {
            return (rows, &self.different, &self.surplus, &self.grants).serialize(serializer);
        }
        if self.grants.is_empty() {
            return rows.serialize(serializer);
        }
        (rows, &self.grants).serialize(serializer)
    }
}
