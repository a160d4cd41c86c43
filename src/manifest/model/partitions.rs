//! Declared partitions.

use serde::Serialize;

use crate::manifest::fragment::Fragment;
use crate::manifest::source::Position;
use crate::name::{Ident, Text};

/// A declared partition.
#[derive(Debug, Clone, Serialize)]
pub struct PartitionDecl {
    #[serde(skip)]
    pub position: Position,
    pub name: Ident,
    /// The table or partition that it is a partition of.
    pub of: Ident,
    /// What comes after `FOR VALUES`; `None`: it is the default partition.
    pub bound: Option<Fragment>,
    pub partition_by: Option<Fragment>,
    /// Storage parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<(Ident, Text)>,
    pub comment: Option<Text>,
}

/// A table whose partitions are left to another program.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Unmanaged {
    #[serde(skip)]
    pub position: Position,
    pub table: Ident,
}
