//! Which tables foreign keys point to.

use std::collections::BTreeSet;

use super::model::{ConstraintDecl, ConstraintDef, Manifest, TableRef};
use crate::name::Ident;

impl Manifest {
    /// The tables outside the tenants' schemas that keys point to; see [`TableRef::external`].
    #[must_use]
    pub fn external_tables(&self) -> BTreeSet<String> {
        let constraints = self.tables.iter().flat_map(|table| &table.constraints);
        let references = constraints.filter_map(ConstraintDecl::references);
        let in_toml = references.filter_map(TableRef::external);
        in_toml.chain(self.sql.externals.iter().cloned()).collect()
    }
}

impl ConstraintDecl {
    /// The table that it references, if it is a foreign key.
    #[must_use]
    pub fn references(&self) -> Option<&TableRef> {
        match &self.definition {
            ConstraintDef::ForeignKey(key) => Some(&key.references),
            _ => None,
        }
    }
}

impl TableRef {
    /// The name of a table in the tenant's schema.
    #[must_use]
    pub fn tenant(&self) -> Option<&Ident> {
        match self {
            Self::Tenant(name) => Some(name),
            Self::External { .. } => None,
        }
    }

    /// A table outside it, as `"schema"."table"`.
    #[must_use]
    pub fn external(&self) -> Option<String> {
        match self {
            Self::Tenant(_) => None,
            Self::External { schema, table } => {
                Some(format!("{}.{}", schema.quoted(), table.quoted()))
            }
        }
    }
}
