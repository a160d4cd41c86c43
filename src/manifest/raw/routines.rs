//! Functions and procedures, key by key.

use indexmap::IndexMap;
use schemars::JsonSchema;

use super::forms::{Name, Names, Scalar};

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct Function {
    /// As between the parentheses of CREATE FUNCTION: modes, names, types and defaults, separated by commas.
    pub(in crate::manifest) arguments: Option<Name>,
    /// As after RETURNS, such as `integer`, `SETOF text`, `TABLE (a integer, b text)` or `trigger`; not needed where
    /// the arguments have results.
    pub(in crate::manifest) returns: Option<Name>,
    /// The language of `body` or `file`.
    pub(in crate::manifest) language: Option<Name>,
    /// The body, which the server keeps as a string; `{schema}` in it stands for the tenant's schema.
    pub(in crate::manifest) body: Option<Name>,
    /// Instead of `body`, the file below the manifest's folder that contains it.
    pub(in crate::manifest) file: Option<Name>,
    /// Instead of `body`, a body in standard SQL, `RETURN …` or `BEGIN ATOMIC … END`, of which the server knows what it
    /// needs.
    pub(in crate::manifest) sql_body: Option<Name>,
    /// Of a function in C: the shared library; `body` is the name of the function in it.
    pub(in crate::manifest) library: Option<Name>,
    /// What its result depends on: `volatile` unless given.
    pub(in crate::manifest) volatility: Option<Volatility>,
    /// The result is NULL if an argument is.
    #[serde(default)]
    pub(in crate::manifest) strict: bool,
    /// It runs with the rights of its owner.
    #[serde(default)]
    pub(in crate::manifest) security_definer: bool,
    #[serde(default)]
    pub(in crate::manifest) leakproof: bool,
    #[serde(default)]
    pub(in crate::manifest) window: bool,
    /// Whether it may run in parallel: `unsafe` unless given.
    pub(in crate::manifest) parallel: Option<Parallel>,
    pub(in crate::manifest) cost: Option<f64>,
    /// The estimated number of rows of a function that returns a set.
    pub(in crate::manifest) rows: Option<f64>,
    /// A planner support function.
    pub(in crate::manifest) support: Option<Name>,
    /// Types for which a transform of the language is used.
    #[serde(default)]
    pub(in crate::manifest) transforms: Names,
    /// Settings while it runs, such as `search_path`, in which `{schema}` stands for the tenant's schema.
    #[serde(default)]
    pub(in crate::manifest) set: IndexMap<Name, Scalar>,
    /// The name that it had before.
    pub(in crate::manifest) renamed_from: Option<Name>,
    pub(in crate::manifest) comment: Option<Name>,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct Procedure {
    /// As between the parentheses of CREATE PROCEDURE: modes, names, types and defaults, separated by commas.
    pub(in crate::manifest) arguments: Option<Name>,
    /// The language of `body` or `file`.
    pub(in crate::manifest) language: Option<Name>,
    /// The body, which the server keeps as a string; `{schema}` in it stands for the tenant's schema.
    pub(in crate::manifest) body: Option<Name>,
    /// Instead of `body`, the file below the manifest's folder that contains it.
    pub(in crate::manifest) file: Option<Name>,
    /// Instead of `body`, a body in standard SQL, `BEGIN ATOMIC … END`, of which the server knows what it needs.
    pub(in crate::manifest) sql_body: Option<Name>,
    /// Of a procedure in C: the shared library; `body` is the name of the function in it.
    pub(in crate::manifest) library: Option<Name>,
    /// It runs with the rights of its owner.
    #[serde(default)]
    pub(in crate::manifest) security_definer: bool,
    /// Types for which a transform of the language is used.
    #[serde(default)]
    pub(in crate::manifest) transforms: Names,
    /// Settings while it runs, such as `search_path`, in which `{schema}` stands for the tenant's schema.
    #[serde(default)]
    pub(in crate::manifest) set: IndexMap<Name, Scalar>,
    /// The name that it had before.
    pub(in crate::manifest) renamed_from: Option<Name>,
    pub(in crate::manifest) comment: Option<Name>,
}

/// What the result of a function depends on.
#[derive(Debug, Clone, Copy, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::manifest) enum Volatility {
    /// On the arguments alone.
    Immutable,
    /// Within one statement, on the arguments alone.
    Stable,
    Volatile,
}

/// Whether a function may run in parallel.
#[derive(Debug, Clone, Copy, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::manifest) enum Parallel {
    Safe,
    /// Only in the leader.
    Restricted,
    Unsafe,
}
