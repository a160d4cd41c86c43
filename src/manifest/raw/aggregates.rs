//! Aggregates, with the parameters of CREATE AGGREGATE as keys.

use schemars::JsonSchema;

use super::Parallel;
use super::forms::Name;

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct Aggregate {
    /// As between the parentheses of CREATE AGGREGATE, `ORDER BY` included; none: `*`.
    pub(in crate::manifest) arguments: Option<Name>,
    /// The state transition function.
    pub(in crate::manifest) sfunc: Name,
    /// The type of the state.
    pub(in crate::manifest) stype: Name,
    /// The estimated size of the state, in bytes.
    pub(in crate::manifest) sspace: Option<u32>,
    /// The function that computes the result from the state, which is the result unless given.
    pub(in crate::manifest) finalfunc: Option<Name>,
    /// The final function has an argument, always NULL, for each of the aggregate, too.
    #[serde(default)]
    pub(in crate::manifest) finalfunc_extra: bool,
    /// Whether the final function changes the state.
    pub(in crate::manifest) finalfunc_modify: Option<Modify>,
    /// The function that combines two states, for partial aggregation.
    pub(in crate::manifest) combinefunc: Option<Name>,
    /// The function that turns a state of type `internal` into `bytea`.
    pub(in crate::manifest) serialfunc: Option<Name>,
    /// The function that does the opposite.
    pub(in crate::manifest) deserialfunc: Option<Name>,
    /// The first state, as the type of the state is written.
    pub(in crate::manifest) initcond: Option<Name>,
    /// In moving frames: the state transition function.
    pub(in crate::manifest) msfunc: Option<Name>,
    /// In moving frames: the function that takes a row out of the state.
    pub(in crate::manifest) minvfunc: Option<Name>,
    /// In moving frames: the type of the state.
    pub(in crate::manifest) mstype: Option<Name>,
    /// In moving frames: the estimated size of the state, in bytes.
    pub(in crate::manifest) msspace: Option<u32>,
    /// In moving frames: the function that computes the result.
    pub(in crate::manifest) mfinalfunc: Option<Name>,
    /// In moving frames: as `finalfunc_extra`.
    #[serde(default)]
    pub(in crate::manifest) mfinalfunc_extra: bool,
    /// In moving frames: as `finalfunc_modify`.
    pub(in crate::manifest) mfinalfunc_modify: Option<Modify>,
    /// In moving frames: the first state.
    pub(in crate::manifest) minitcond: Option<Name>,
    /// Of an aggregate like `min` or `max`: the symbol of the operator by which it finds its result in an index.
    pub(in crate::manifest) sortop: Option<Name>,
    /// It is a hypothetical-set aggregate.
    #[serde(default)]
    pub(in crate::manifest) hypothetical: bool,
    /// Whether it may run in parallel: `unsafe` unless given.
    pub(in crate::manifest) parallel: Option<Parallel>,
    /// The name that it had before.
    pub(in crate::manifest) renamed_from: Option<Name>,
    pub(in crate::manifest) comment: Option<Name>,
}

/// What a final function does with the state.
#[derive(Debug, Clone, Copy, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::manifest) enum Modify {
    ReadOnly,
    /// It may be called again, but no transition may follow.
    Shareable,
    ReadWrite,
}
