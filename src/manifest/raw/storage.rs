//! How values and tables are stored, key by key.

use schemars::JsonSchema;

use super::Name;

/// Where long values of a column are stored.
#[derive(Debug, Clone, Copy, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::manifest) enum Storage {
    /// In the row, as they are.
    Plain,
    /// Out of the row, not compressed.
    External,
    /// Compressed, and out of the row if still long.
    Extended,
    /// Compressed, and in the row if possible.
    Main,
}

/// How long values of a column are compressed.
#[derive(Debug, Clone, Copy, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::manifest) enum Compression {
    Pglz,
    Lz4,
}

/// The index whose columns identify a row for logical replication.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct ReplicaIndex {
    pub(in crate::manifest) index: Name,
}
