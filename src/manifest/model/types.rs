//! Declared types.

use serde::Serialize;

use super::names::QualifiedName;
use super::tables::{ConstraintDecl, TypeDecl};
use crate::manifest::fragment::Fragment;
use crate::manifest::source::Position;
use crate::name::{Ident, Text};

/// A declared enum type.
#[derive(Debug, Clone, Serialize)]
pub struct EnumDecl {
    #[serde(skip)]
    pub position: Position,
    pub name: Ident,
    /// At least one; each 1 to 63 bytes.
    pub labels: Vec<Ident>,
    pub comment: Option<Text>,
}

/// A declared domain, composite type or range type.
#[derive(Debug, Clone, Serialize)]
pub struct UserTypeDecl {
    #[serde(skip)]
    pub position: Position,
    pub name: Ident,
    pub definition: UserTypeDef,
    pub comment: Option<Text>,
}

/// What kind of type it is.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UserTypeDef {
    Domain(DomainDecl),
    /// The attributes, in their order.
    Composite(Vec<AttributeDecl>),
    Range(RangeDecl),
}

/// A type whose values are restricted.
#[derive(Debug, Clone, Serialize)]
pub struct DomainDecl {
    pub base: TypeDecl,
    pub collation: Option<QualifiedName>,
    pub default: Option<Fragment>,
    pub nullable: bool,
    /// All of them are checks.
    pub constraints: Vec<ConstraintDecl>,
}

/// An attribute of a composite type.
#[derive(Debug, Clone, Serialize)]
pub struct AttributeDecl {
    pub name: Ident,
    pub data_type: TypeDecl,
    pub collation: Option<QualifiedName>,
    pub comment: Option<Text>,
}

/// Ranges of another type.
#[derive(Debug, Clone, Serialize)]
pub struct RangeDecl {
    pub subtype: TypeDecl,
    pub operator_class: Option<QualifiedName>,
    pub collation: Option<QualifiedName>,
    /// The function that computes the difference of two values.
    pub subtype_diff: Option<SubtypeDiff>,
    /// The name of the multirange type, if not the one that the server chooses.
    pub multirange: Option<Ident>,
}

/// A function that computes the difference of two values.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SubtypeDiff {
    /// One that the manifest declares.
    Declared(Ident),
    #[serde(untagged)]
    Other(QualifiedName),
}
