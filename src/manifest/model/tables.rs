//! Declared tables, with what belongs to them.

use serde::Serialize;

use super::indexes::{IndexDecl, IndexKey, Operator};
use super::names::{ObjectName, QualifiedName};
use super::policies::{PolicyDecl, RowSecurity};
use super::rewrite::RuleDecl;
use super::sequences::SequenceOptions;
use super::statistics::StatisticsDecl;
use super::triggers::TriggerDecl;
use crate::manifest::fragment::Fragment;
use crate::manifest::source::Position;
use crate::name::{Ident, Text};

/// A declared table.
#[derive(Debug, Clone, Serialize)]
pub struct TableDecl {
    #[serde(skip)]
    pub position: Position,
    pub name: Ident,
    pub comment: Option<Text>,
    pub unlogged: bool,
    /// Storage parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<(Ident, Text)>,
    /// The access method; `None`: that of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Ident>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica_identity: Option<ReplicaIdentity>,
    /// The name of the index in whose order the rows are stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_on: Option<Ident>,
    /// How the rows are distributed to partitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition_by: Option<Fragment>,
    /// The tables of the manifest that it inherits from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inherits: Vec<Ident>,
    /// In the order of the file, without those that are only inherited.
    pub columns: Vec<ColumnDecl>,
    /// Primary key first, then unique, check, exclusion, foreign keys; each in file order.
    pub constraints: Vec<ConstraintDecl>,
    pub indexes: Vec<IndexDecl>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub statistics: Vec<StatisticsDecl>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<TriggerDecl>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleDecl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_security: Option<RowSecurity>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicyDecl>,
}

/// What rows need of a table: that of the manifest, or what SQL files say without a server.
#[derive(Debug, Clone)]
pub struct RowTable {
    pub name: Ident,
    pub is_partitioned: bool,
    pub columns: Vec<ColumnDecl>,
    /// The tables of the schema that its foreign keys point to.
    pub parents: Vec<Ident>,
}

/// A declared column.
#[derive(Debug, Clone, Serialize)]
pub struct ColumnDecl {
    #[serde(skip)]
    pub position: Position,
    pub name: Ident,
    pub data_type: TypeDecl,
    pub nullable: bool,
    pub value: ColumnValue,
    pub collation: Option<QualifiedName>,
    /// How values of another type become values of this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub using: Option<Fragment>,
    /// Its values in rows that exist already, when it is added or becomes NOT NULL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backfill: Option<Fragment>,
    #[serde(skip_serializing_if = "ColumnStorage::is_default")]
    pub storage: ColumnStorage,
    pub comment: Option<Text>,
}

/// How values of a column are stored and sampled, as far as it is declared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ColumnStorage {
    /// As SQL names it.
    pub strategy: Option<&'static str>,
    /// As SQL names it.
    pub compression: Option<&'static str>,
    pub statistics_target: Option<i64>,
    /// By name; values are written as literals.
    pub options: Vec<(Ident, Text)>,
}

impl ColumnStorage {
    /// Whether a column clause can say all of it.
    #[must_use]
    pub fn is_in_clause(&self) -> bool {
        self.strategy.is_none() && self.statistics_target.is_none() && self.options.is_empty()
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What identifies a row for logical replication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaIdentity {
    Full,
    Nothing,
    Index(Ident),
}

/// The type of a column and the like.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeDecl {
    /// A type of this manifest, with `[]` once per array dimension.
    Declared { name: Ident, dimensions: usize },
    /// Any type of the server, as written.
    Sql(Fragment),
}

/// Where a column's value comes from when an INSERT gives none.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnValue {
    /// NULL, or what the type implies (`serial`).
    None,
    Default(Fragment),
    Identity {
        always: bool,
        options: SequenceOptions,
    },
    /// `GENERATED ALWAYS AS (…) STORED`.
    Generated(Fragment),
}

/// A declared constraint.
#[derive(Debug, Clone, Serialize)]
pub struct ConstraintDecl {
    #[serde(skip)]
    pub position: Position,
    pub name: ObjectName,
    pub definition: ConstraintDef,
    /// Rows that exist when it is added need not meet it.
    #[serde(skip_serializing_if = "is_false")]
    pub not_valid: bool,
    pub comment: Option<Text>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}

/// What a constraint requires.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstraintDef {
    PrimaryKey(KeyDecl),
    Unique(KeyDecl),
    Check {
        expression: Fragment,
        no_inherit: bool,
    },
    Exclusion {
        /// Index access method, such as `gist`; the server's default is `btree`.
        method: Option<Ident>,
        elements: Vec<(IndexKey, Operator)>,
        predicate: Option<Fragment>,
        deferral: Deferral,
    },
    ForeignKey(ForeignKeyDecl),
}

/// A primary key or unique constraint.
#[derive(Debug, Clone, Serialize)]
pub struct KeyDecl {
    pub columns: Vec<Ident>,
    pub include: Vec<Ident>,
    /// `false` is `NULLS NOT DISTINCT` (PostgreSQL 15 and later); always `true` for primary keys.
    pub nulls_distinct: bool,
    pub deferral: Deferral,
}

/// When a constraint is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deferral {
    #[default]
    NotDeferrable,
    /// `DEFERRABLE INITIALLY IMMEDIATE`.
    Deferrable,
    /// `DEFERRABLE INITIALLY DEFERRED`.
    InitiallyDeferred,
}

/// A declared foreign key.
#[derive(Debug, Clone, Serialize)]
pub struct ForeignKeyDecl {
    pub columns: Vec<Ident>,
    pub references: TableRef,
    /// As many as `columns`.
    pub referenced_columns: Vec<Ident>,
    pub match_full: bool,
    pub on_update: ReferentialAction,
    pub on_delete: ReferentialAction,
    /// Columns that `ON DELETE SET NULL/DEFAULT` sets (PostgreSQL 15); empty: all.
    pub on_delete_columns: Vec<Ident>,
    pub deferral: Deferral,
}

/// The table that a foreign key references.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TableRef {
    /// Declared in the same manifest, in the tenant's schema.
    Tenant(Ident),
    /// Outside the tenant's schema, such as `public.users`.
    External { schema: Ident, table: Ident },
}

/// What happens to a row when the row that it references is deleted or updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferentialAction {
    #[default]
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}
