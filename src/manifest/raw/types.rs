//! Types of the tenant's schema.

use indexmap::IndexMap;
use schemars::JsonSchema;

use super::{Name, Names, Qualified, Short, Spanned};

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct UserType {
    /// Of an enum: the labels, in their order.
    #[serde(rename = "enum")]
    pub(in crate::manifest) labels: Option<Spanned<Names>>,
    /// Of a domain: the type whose values are restricted.
    pub(in crate::manifest) domain: Option<Name>,
    /// Of a composite type: its attributes in their order, the type alone or a table of properties.
    pub(in crate::manifest) attributes: Option<IndexMap<Name, Spanned<Short<TypeAttribute>>>>,
    /// Of a range type: the type of the values.
    pub(in crate::manifest) range: Option<Name>,
    /// Of a domain: SQL expression.
    pub(in crate::manifest) default: Option<Name>,
    /// Of a domain: whether NULL is refused; the default is `false`.
    pub(in crate::manifest) not_null: Option<Spanned<bool>>,
    /// Of a domain: check constraints, each an SQL expression in which `VALUE` stands for the value, or a table of
    /// properties.
    pub(in crate::manifest) checks: Option<Spanned<Vec<Spanned<Short<DomainCheck>>>>>,
    /// Of a domain or a range type.
    pub(in crate::manifest) collation: Option<Spanned<Short<Qualified>>>,
    /// Of a range type: how values are compared, if not as usual for the type.
    pub(in crate::manifest) operator_class: Option<Spanned<Short<Qualified>>>,
    /// Of a range type: the function that computes the difference of two values, such as `float8mi`.
    pub(in crate::manifest) subtype_diff: Option<Spanned<Short<Qualified>>>,
    /// Of a range type: the name of its multirange type, if not the one that the server chooses.
    pub(in crate::manifest) multirange: Option<Name>,
    /// The name that it had before.
    pub(in crate::manifest) renamed_from: Option<Name>,
    /// Of an enum: the labels that were called otherwise before, with their old names.
    #[serde(default)]
    pub(in crate::manifest) renamed_labels: IndexMap<Name, Name>,
    pub(in crate::manifest) comment: Option<Name>,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct TypeAttribute {
    /// Any type of the server, or one of this manifest.
    #[serde(rename = "type")]
    pub(in crate::manifest) data_type: Name,
    pub(in crate::manifest) collation: Option<Spanned<Short<Qualified>>>,
    /// The name that it had before.
    pub(in crate::manifest) renamed_from: Option<Name>,
    pub(in crate::manifest) comment: Option<Name>,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct DomainCheck {
    /// SQL expression.
    pub(in crate::manifest) expression: Name,
    pub(in crate::manifest) name: Option<Name>,
    /// The name that it had before.
    pub(in crate::manifest) renamed_from: Option<Name>,
    pub(in crate::manifest) comment: Option<Name>,
}
