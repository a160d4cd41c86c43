//! Partitions of tables.

use indexmap::IndexMap;
use schemars::JsonSchema;

use super::forms::{Name, Scalar, Short, Spanned};

/// By name: the bound alone, or a table of properties. Or the word `unmanaged`: they are left to another program.
pub(in crate::manifest) type Partitions = Short<IndexMap<Name, Spanned<Short<Partition>>>>;

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "as in the file")]
pub(in crate::manifest) struct Partition {
    /// Which rows it has: `from (…) to (…)`, `in (…)`, `with (modulus …, remainder …)` or `default`.
    pub(in crate::manifest) bound: Name,
    /// How the partition is partitioned itself.
    pub(in crate::manifest) partition_by: Option<Name>,
    /// Its own partitions.
    pub(in crate::manifest) partitions: Option<Spanned<Partitions>>,
    /// Storage parameters, such as `fillfactor`.
    #[serde(default)]
    pub(in crate::manifest) with: IndexMap<Name, Spanned<Scalar>>,
    pub(in crate::manifest) comment: Option<Name>,
}

/// The names of the partitions of a table, at any depth.
pub(in crate::manifest) fn partition_names(partitions: Option<&Spanned<Partitions>>) -> Vec<&Name> {
    let Some(Short::Full(all)) = partitions.map(|partitions| &partitions.value) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, partition) in all {
        found.push(name);
        if let Short::Full(full) = &partition.value {
            found.extend(partition_names(full.partitions.as_ref()));
        }
    }
    found
}
