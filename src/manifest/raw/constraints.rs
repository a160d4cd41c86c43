//! Constraints of tables, key by key; keys are in `key`.

use schemars::JsonSchema;

use super::{Name, Names, Nulls, Order, Qualified, Short, Spanned};

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct Check {
    /// SQL expression.
    pub(in crate::manifest) expression: Name,
    pub(in crate::manifest) name: Option<Name>,
    #[serde(default)]
    pub(in crate::manifest) no_inherit: bool,
    /// Rows that exist when it is added need not meet it.
    #[serde(default)]
    pub(in crate::manifest) not_valid: bool,
    /// The name that it had before.
    pub(in crate::manifest) renamed_from: Option<Name>,
    pub(in crate::manifest) comment: Option<Name>,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct ForeignKey {
    pub(in crate::manifest) columns: Spanned<Names>,
    pub(in crate::manifest) references: References,
    pub(in crate::manifest) name: Option<Name>,
    #[serde(default)]
    pub(in crate::manifest) on_delete: Action,
    #[serde(default)]
    pub(in crate::manifest) on_update: Action,
    /// Columns that `set null` and `set default` on delete set; all, if not given (PostgreSQL 15).
    #[serde(default)]
    pub(in crate::manifest) on_delete_columns: Names,
    #[serde(default, rename = "match")]
    pub(in crate::manifest) match_type: Match,
    #[serde(default)]
    pub(in crate::manifest) deferrable: bool,
    #[serde(default)]
    pub(in crate::manifest) initially_deferred: bool,
    /// Rows that exist when it is added need not meet it.
    #[serde(default)]
    pub(in crate::manifest) not_valid: bool,
    /// The name that it had before.
    pub(in crate::manifest) renamed_from: Option<Name>,
    pub(in crate::manifest) comment: Option<Name>,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct References {
    /// A schema other than the tenant's.
    pub(in crate::manifest) schema: Option<Name>,
    pub(in crate::manifest) table: Name,
    pub(in crate::manifest) columns: Spanned<Names>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::enum_variant_names, reason = "as SQL calls it")]
pub(in crate::manifest) enum Action {
    #[default]
    #[serde(rename = "no action")]
    NoAction,
    Restrict,
    Cascade,
    #[serde(rename = "set null")]
    SetNull,
    #[serde(rename = "set default")]
    SetDefault,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::manifest) enum Match {
    #[default]
    Simple,
    Full,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct Exclusion {
    pub(in crate::manifest) elements: Spanned<Vec<Spanned<Element>>>,
    pub(in crate::manifest) name: Option<Name>,
    /// Index method, such as `gist`.
    pub(in crate::manifest) using: Option<Name>,
    /// SQL condition.
    #[serde(rename = "where")]
    pub(in crate::manifest) predicate: Option<Name>,
    #[serde(default)]
    pub(in crate::manifest) deferrable: bool,
    #[serde(default)]
    pub(in crate::manifest) initially_deferred: bool,
    /// The name that it had before.
    pub(in crate::manifest) renamed_from: Option<Name>,
    pub(in crate::manifest) comment: Option<Name>,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct Element {
    pub(in crate::manifest) column: Option<Name>,
    /// SQL expression, instead of a column.
    pub(in crate::manifest) expression: Option<Name>,
    /// Such as `&&`.
    pub(in crate::manifest) operator: Spanned<Short<Qualified>>,
    pub(in crate::manifest) opclass: Option<Spanned<Short<Qualified>>>,
    pub(in crate::manifest) collation: Option<Spanned<Short<Qualified>>>,
    pub(in crate::manifest) order: Option<Order>,
    pub(in crate::manifest) nulls: Option<Nulls>,
}
