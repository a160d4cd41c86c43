//! Row-level security, key by key.

use schemars::JsonSchema;

use super::forms::{Name, Names};

/// Whom row-level security binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::manifest) enum RowSecurity {
    /// All roles but the owner of the table, superusers, and those with BYPASSRLS.
    Enabled,
    /// The owner, too.
    Forced,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct Policy {
    pub(in crate::manifest) name: Name,
    /// What it is for: all commands unless given.
    pub(in crate::manifest) command: Option<Command>,
    /// The roles that it is for, which must exist: all unless given.
    #[serde(default)]
    pub(in crate::manifest) roles: Names,
    /// A row must meet it in addition to one of the others.
    #[serde(default)]
    pub(in crate::manifest) restrictive: bool,
    /// The condition for rows that exist.
    pub(in crate::manifest) using: Option<Name>,
    /// The condition for rows that are written: that of `using` unless given.
    pub(in crate::manifest) check: Option<Name>,
    /// The name that it had before.
    pub(in crate::manifest) renamed_from: Option<Name>,
    pub(in crate::manifest) comment: Option<Name>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::manifest) enum Command {
    All,
    Select,
    Insert,
    Update,
    Delete,
}
