//! Views of both kinds.

use indexmap::IndexMap;
use schemars::JsonSchema;

use super::{Index, Name, Names, Rule, Scalar, Spanned, Trigger};

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct View {
    /// The query, `SELECT …`. Names without a schema are those of the tenant's schema and of the server.
    pub(in crate::manifest) query: Option<Name>,
    /// Instead of `query`, the file below the manifest's folder that contains it.
    pub(in crate::manifest) file: Option<Name>,
    /// The names of the columns, if not those that the query gives them.
    #[serde(default)]
    pub(in crate::manifest) columns: Names,
    /// Conditions of a user's query that could reveal rows are checked after those of the view.
    #[serde(default)]
    pub(in crate::manifest) security_barrier: bool,
    /// The tables are read with the rights of who reads the view, not of its owner (PostgreSQL 15).
    #[serde(default)]
    pub(in crate::manifest) security_invoker: bool,
    /// What may be written through the view: only rows that it shows.
    pub(in crate::manifest) check_option: Option<CheckOption>,
    /// Triggers that do what is to be done instead of writing.
    #[serde(default)]
    pub(in crate::manifest) triggers: Vec<Spanned<Trigger>>,
    /// Rules that rewrite statements.
    #[serde(default)]
    pub(in crate::manifest) rules: Vec<Spanned<Rule>>,
    /// The name that it had before.
    pub(in crate::manifest) renamed_from: Option<Name>,
    pub(in crate::manifest) comment: Option<Name>,
    /// Comments on its columns, by name.
    #[serde(default)]
    pub(in crate::manifest) column_comments: IndexMap<Name, Name>,
}

#[derive(Debug, Clone, Copy, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::manifest) enum CheckOption {
    /// Its own condition counts.
    Local,
    /// Those of the views that it is based on count, too.
    Cascaded,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct MaterializedView {
    /// The query, `SELECT …`. Names without a schema are those of the tenant's schema and of the server.
    pub(in crate::manifest) query: Option<Name>,
    /// Instead of `query`, the file below the manifest's folder that contains it.
    pub(in crate::manifest) file: Option<Name>,
    /// The names of the columns, if not those that the query gives them.
    #[serde(default)]
    pub(in crate::manifest) columns: Names,
    /// Whether it is filled once the baseline rows are there: `true` unless given.
    pub(in crate::manifest) populated: Option<bool>,
    #[serde(default)]
    pub(in crate::manifest) indexes: Vec<Spanned<Index>>,
    /// Storage parameters, such as `fillfactor`.
    #[serde(default)]
    pub(in crate::manifest) with: IndexMap<Name, Spanned<Scalar>>,
    /// The index in whose order CLUSTER stores the rows.
    pub(in crate::manifest) cluster_on: Option<Name>,
    /// The name that it had before.
    pub(in crate::manifest) renamed_from: Option<Name>,
    pub(in crate::manifest) comment: Option<Name>,
    /// Comments on its columns, by name.
    #[serde(default)]
    pub(in crate::manifest) column_comments: IndexMap<Name, Name>,
}
