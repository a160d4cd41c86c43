//! Triggers, key by key.

use schemars::JsonSchema;

use super::forms::{Name, Names, Qualified, Short, Spanned};

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct Trigger {
    pub(in crate::manifest) name: Name,
    pub(in crate::manifest) timing: Timing,
    /// At least one.
    pub(in crate::manifest) events: Spanned<Vec<Event>>,
    /// For `update`: only of these columns.
    #[serde(default)]
    pub(in crate::manifest) columns: Names,
    /// Whether it fires once for each row: once for each statement unless given.
    pub(in crate::manifest) for_each: Option<ForEach>,
    /// SQL condition, in which `old` and `new` are the rows.
    pub(in crate::manifest) when: Option<Name>,
    /// The function, of the tenant's schema unless a schema is given.
    pub(in crate::manifest) function: Spanned<Short<Qualified>>,
    /// Texts for the function.
    #[serde(default)]
    pub(in crate::manifest) arguments: Names,
    /// The name under which the function sees the rows as they were before.
    pub(in crate::manifest) old_table: Option<Name>,
    /// The name under which the function sees the rows as they are after.
    pub(in crate::manifest) new_table: Option<Name>,
    /// A constraint trigger, whose time SET CONSTRAINTS can change if it is deferrable.
    #[serde(default)]
    pub(in crate::manifest) constraint: bool,
    #[serde(default)]
    pub(in crate::manifest) deferrable: bool,
    #[serde(default)]
    pub(in crate::manifest) initially_deferred: bool,
    /// When it fires, by the role of the session in replication: in all but replicas unless given.
    pub(in crate::manifest) enabled: Option<Enabled>,
    /// The name that it had before.
    pub(in crate::manifest) renamed_from: Option<Name>,
    pub(in crate::manifest) comment: Option<Name>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::manifest) enum Timing {
    Before,
    After,
    /// Of views only.
    #[serde(rename = "instead of")]
    InsteadOf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::manifest) enum Event {
    Insert,
    Update,
    Delete,
    Truncate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::manifest) enum ForEach {
    Row,
    Statement,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::manifest) enum Enabled {
    Origin,
    Replica,
    Always,
    Disabled,
}
