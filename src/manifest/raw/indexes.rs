//! Indexes, key by key.

use indexmap::IndexMap;
use schemars::JsonSchema;

use super::{Name, Names, Qualified, Scalar, Short, Spanned};

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct Index {
    /// Columns, or tables with a column or an expression and its properties.
    pub(in crate::manifest) columns: Spanned<Vec<Spanned<Short<IndexKey>>>>,
    pub(in crate::manifest) name: Option<Name>,
    #[serde(default)]
    pub(in crate::manifest) unique: bool,
    /// `false`: two NULLs count as equal (PostgreSQL 15).
    pub(in crate::manifest) nulls_distinct: Option<Spanned<bool>>,
    #[serde(default)]
    pub(in crate::manifest) include: Names,
    /// SQL condition of a partial index.
    #[serde(rename = "where")]
    pub(in crate::manifest) predicate: Option<Name>,
    /// Index method, such as `gin`; `btree` if not given.
    pub(in crate::manifest) using: Option<Name>,
    /// Storage parameters, such as `fillfactor`.
    #[serde(default)]
    pub(in crate::manifest) with: IndexMap<Name, Spanned<Scalar>>,
    /// The name that it had before.
    pub(in crate::manifest) renamed_from: Option<Name>,
    pub(in crate::manifest) comment: Option<Name>,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct IndexKey {
    pub(in crate::manifest) column: Option<Name>,
    /// SQL expression, instead of a column.
    pub(in crate::manifest) expression: Option<Name>,
    pub(in crate::manifest) opclass: Option<Spanned<Short<Qualified>>>,
    pub(in crate::manifest) collation: Option<Spanned<Short<Qualified>>>,
    pub(in crate::manifest) order: Option<Order>,
    pub(in crate::manifest) nulls: Option<Nulls>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::manifest) enum Order {
    Asc,
    Desc,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::manifest) enum Nulls {
    First,
    Last,
}
