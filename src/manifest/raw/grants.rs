//! Privileges and owners, key by key.

use schemars::JsonSchema;

use super::forms::{Listed, Name, Names, Spanned};

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct Grant {
    /// The role or roles, which must exist: `{tenant_id}` and `{schema}` stand for the tenant's id and schema, and
    /// `public` for all roles.
    pub(in crate::manifest) to: Spanned<Listed<String>>,
    /// The privileges, or `all`.
    pub(in crate::manifest) privileges: Spanned<Listed<Privilege>>,
    /// What they are on: `schema`, or all declared `tables` (with views), `sequences`, `routines` or `types`, or objects
    /// by name: `table invoices`, `view open_tasks`, `function touch()`.
    pub(in crate::manifest) on: Spanned<Listed<String>>,
    /// Columns of the tables that are named, for privileges on these alone.
    pub(in crate::manifest) columns: Option<Spanned<Names>>,
    /// Whether the roles may grant the privileges to others.
    #[serde(rename = "grant_option")]
    pub(in crate::manifest) option: Option<Spanned<bool>>,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct DefaultPrivileges {
    /// The role or roles whose later objects they are on: the one that provision runs as, unless given.
    #[serde(rename = "for")]
    pub(in crate::manifest) creators: Option<Spanned<Listed<String>>>,
    /// The role or roles, as under `grants`.
    pub(in crate::manifest) to: Spanned<Listed<String>>,
    /// The privileges, or `all`.
    pub(in crate::manifest) privileges: Spanned<Listed<Privilege>>,
    /// Which objects of the schema they will be on, once created.
    pub(in crate::manifest) on: Spanned<Listed<LaterObjects>>,
    /// Whether the roles may grant the privileges to others.
    #[serde(rename = "grant_option")]
    pub(in crate::manifest) option: Option<Spanned<bool>>,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct Owner {
    /// The role, which must exist: `{tenant_id}` and `{schema}` stand for the tenant's id and schema.
    pub(in crate::manifest) role: Name,
    /// What it owns, as under `grants`.
    pub(in crate::manifest) on: Spanned<Listed<String>>,
}

#[derive(Debug, Clone, Copy, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::manifest) enum LaterObjects {
    Tables,
    Sequences,
    Routines,
    Types,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::manifest) enum Privilege {
    /// All that there are for the kind of object.
    All,
    Select,
    Insert,
    Update,
    Delete,
    Truncate,
    References,
    Trigger,
    Maintain,
    Usage,
    Create,
    Execute,
}
