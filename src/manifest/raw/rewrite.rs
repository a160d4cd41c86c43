//! Rules, key by key.

use schemars::JsonSchema;

use super::forms::{Listed, Name, Spanned};
use super::triggers::Enabled;

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct Rule {
    pub(in crate::manifest) name: Name,
    pub(in crate::manifest) event: RuleEvent,
    /// Whether its commands take the place of the statement; they are run in addition unless given.
    #[serde(default)]
    pub(in crate::manifest) instead: bool,
    /// SQL condition, in which `old` and `new` are the rows.
    #[serde(rename = "where")]
    pub(in crate::manifest) condition: Option<Name>,
    /// An SQL command, or a list of them: nothing is done unless given.
    #[serde(rename = "do")]
    pub(in crate::manifest) commands: Option<Spanned<Listed<String>>>,
    /// When it applies, by the role of the session in replication: in all but replicas unless given.
    pub(in crate::manifest) enabled: Option<Enabled>,
    /// The name that it had before.
    pub(in crate::manifest) renamed_from: Option<Name>,
    pub(in crate::manifest) comment: Option<Name>,
}

/// What a rule applies to. The query of a view is the only rule for SELECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::manifest) enum RuleEvent {
    Insert,
    Update,
    Delete,
}
