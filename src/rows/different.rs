//! Rows that are there, and are not as declared.

use serde::{Deserialize, Serialize, Serializer};

use crate::manifest::{SeedDecl, SeedRow, value_text};

/// A declared row that is there, and some of whose values are not the declared ones.
#[derive(Debug, Clone)]
pub struct DifferentRow<'m> {
    pub seed: &'m SeedDecl,
    pub row: &'m SeedRow,
    /// At least one. A column may be among them twice: the key need not be unique.
    pub cells: Vec<CellDifference>,
}

/// A value that is not the declared one. Long texts are cut off, and end with their length and a hash of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellDifference {
    pub column: String,
    /// As the server prints it; `None` is NULL.
    pub actual: Option<String>,
    /// The same of the declared value. In braces where it is no literal, and another one for each tenant: the tenant's id,
    /// or what is looked up and not found.
    pub expected: Option<String>,
}

/// The rows of a table that are not declared, where all that it has are.
#[derive(Debug, Clone)]
pub struct Surplus<'m> {
    pub seed: &'m SeedDecl,
    /// By key, in its order.
    pub rows: Vec<SurplusRow>,
    /// Whether there are even more than are listed.
    pub has_more: bool,
}

/// A row that is not declared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct SurplusRow {
    /// The values of the key, as the server prints them; `None` is NULL.
    pub key: Vec<Option<String>>,
    /// Whether it has a value that a declared row is to have, in a column of a unique key.
    pub is_in_the_way: bool,
}

/// More rows of one table that are not declared are not listed: what has so many is no table of baseline rows.
pub const MAX_SURPLUS: usize = 1_000;

impl SurplusRow {
    /// The key as it is displayed, as that of a declared row.
    #[must_use]
    pub fn key_text(&self, seed: &SeedDecl) -> String {
        let parts = seed.key.iter().zip(&self.key);
        let parts = parts.map(|(name, value)| format!("{name} = {}", value_text(value.as_deref())));
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// What is compared between tenants: the contents, wherever they are in memory.
impl Serialize for DifferentRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.seed.table, self.row.key_text(&self.seed.key), &self.cells).serialize(serializer)
    }
}

impl Serialize for Surplus<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.seed.table, &self.rows, self.has_more).serialize(serializer)
    }
}
