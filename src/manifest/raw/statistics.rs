//! Extended statistics, key by key.

use schemars::JsonSchema;

use super::{Name, Short, Spanned};

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct Statistics {
    pub(in crate::manifest) name: Name,
    /// Columns, or tables with an expression: at least two, or one expression.
    pub(in crate::manifest) columns: Spanned<Vec<Spanned<Short<StatisticsKey>>>>,
    /// What is computed: all that is possible unless given.
    pub(in crate::manifest) kinds: Option<Spanned<Vec<Spanned<StatisticsKind>>>>,
    /// How much ANALYZE samples for it, from 0 to 10000; that of the columns unless given.
    pub(in crate::manifest) target: Option<Spanned<i64>>,
    /// The name that it had before.
    pub(in crate::manifest) renamed_from: Option<Name>,
    pub(in crate::manifest) comment: Option<Name>,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct StatisticsKey {
    /// SQL expression.
    pub(in crate::manifest) expression: Name,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::manifest) enum StatisticsKind {
    /// How many different combinations of values there are.
    Ndistinct,
    /// Which columns decide about others.
    Dependencies,
    /// The most common combinations of values.
    Mcv,
}
