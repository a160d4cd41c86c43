//! What a valid manifest says: names are checked, references resolve, every object has the name
//! that it will get where it does not exist yet. Made by [`super::load`] only. Where something is
//! declared serves messages; it is not part of the checksum.

mod names;
mod policies;
mod routines;
mod rows;
mod sql;
mod triggers;
mod types;

use std::collections::BTreeSet;

use globset::GlobMatcher;
use jiff::civil::Date;
use serde::Serialize;

pub use names::{ObjectName, QualifiedName};
pub use policies::{PolicyDecl, RowSecurity};
pub(super) use routines::LISTS;
pub use routines::{RoutineBody, RoutineDecl, Setting};
pub use rows::{Cell, SeedDecl, SeedRow};
pub use sql::{PassedOver, SqlDecl, SqlStatement};
pub use triggers::TriggerDecl;
pub use types::{AttributeDecl, DomainDecl, RangeDecl, UserTypeDecl, UserTypeDef};

use super::fragment::Fragment;
use super::source::Position;
use crate::name::{Ident, SchemaTemplate, TenantId, Text};

/// The desired state of every tenant, and where the tenants are listed.
#[derive(Debug, Clone, Serialize)]
pub struct Manifest {
    /// Not part of the desired state of a tenant, hence not of the checksum.
    #[serde(skip)]
    pub tenants: Tenants,
    /// Servers that the tenants are spread over; none: the one that the command line names.
    #[serde(skip)]
    pub servers: Vec<ServerDecl>,
    #[serde(skip)]
    pub drift: DriftRules,
    #[serde(skip)]
    pub trust: Trust,
    #[serde(skip)]
    pub requires: Vec<Requirement>,
    pub enums: Vec<EnumDecl>,
    // Without any, the checksum is that of a version that knew none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<UserTypeDecl>,
    pub sequences: Vec<SequenceDecl>,
    /// In the order of the file.
    pub tables: Vec<TableDecl>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<ViewDecl>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routines: Vec<RoutineDecl>,
    #[serde(skip_serializing_if = "SqlDecl::is_empty")]
    pub sql: SqlDecl,
    /// The tables that rows can be declared for, with those of SQL files.
    #[serde(skip)]
    pub row_tables: Vec<RowTable>,
    /// Ordered so that a table's rows come after those of the tables that it references.
    pub seeds: Vec<SeedDecl>,
}

impl Manifest {
    /// What is known of a table without a server.
    #[must_use]
    pub fn row_table(&self, name: &Ident) -> Option<&RowTable> {
        self.row_tables.iter().find(|table| table.name == *name)
    }

    /// The tables that are read to find the declared rows.
    #[must_use]
    pub fn tables_read(&self) -> BTreeSet<&Ident> {
        self.seeds.iter().flat_map(SeedDecl::columns_read).map(|(table, _)| table).collect()
    }
}

/// Where the tenants are listed, and how their schemas are named.
#[derive(Debug, Clone, Default)]
pub struct Tenants {
    pub registry: Option<Registry>,
    /// The server that is queried for all tenants; otherwise each is queried for its own.
    pub registry_server: Option<String>,
    pub schema: SchemaTemplate,
}

/// A server that tenants live on.
#[derive(Debug, Clone)]
pub struct ServerDecl {
    pub name: String,
    /// The environment variable with its URL.
    pub url_env: String,
    /// Patterns of the ids that belong on it.
    pub tenants: Vec<GlobMatcher>,
}

/// What counts as drift, besides what is missing or changed.
#[derive(Debug, Clone, Default)]
pub struct DriftRules {
    /// Match the names of extra and unmodelled objects that do not count.
    pub ignore: Vec<GlobMatcher>,
    pub exceptions: Vec<Exception>,
}

impl DriftRules {
    /// Whether an extra or unmodelled object of this name does not count.
    #[must_use]
    pub fn ignores(&self, name: &str) -> bool {
        self.ignore.iter().any(|pattern| pattern.is_match(name))
    }

    /// Why the drift of the tenant is accepted, if it is.
    #[must_use]
    pub fn accepted(&self, tenant: &TenantId, today: Date) -> Option<String> {
        let holds = self.exceptions.iter().find(|e| e.tenant == *tenant && today <= e.until)?;
        Some(format!("{} (until {})", holds.reason, holds.until))
    }
}

/// Whose code is trusted, besides that of superusers and of the role that the tool runs as.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Match the names of roles.
    pub owners: Vec<GlobMatcher>,
}

impl Trust {
    /// Whether code that belongs to the role may be run.
    #[must_use]
    pub fn covers(&self, role: &str) -> bool {
        self.owners.iter().any(|pattern| pattern.is_match(role))
    }
}

/// An extension that the database must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    pub position: Position,
    pub name: Ident,
    /// `None`: any.
    pub schema: Option<Ident>,
}

/// A tenant that may differ for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    pub tenant: TenantId,
    pub reason: String,
    /// The last day, in UTC.
    pub until: Date,
}

/// Where the ids of all tenants come from.
#[derive(Debug, Clone)]
pub enum Registry {
    /// A query with one text column, the id; see [`Tenants::registry_server`] for a second one.
    Query(String),
    List(Vec<TenantId>),
    /// The schemas that hold this tool's record.
    Discovered,
}

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

/// A declared sequence.
#[derive(Debug, Clone, Serialize)]
pub struct SequenceDecl {
    #[serde(skip)]
    pub position: Position,
    pub name: Ident,
    /// `smallint`, `integer` or `bigint` as written; the server's default is `bigint`.
    pub data_type: Option<IntegerType>,
    pub options: SequenceOptions,
    pub comment: Option<Text>,
}

/// The type of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IntegerType {
    Smallint,
    Integer,
    Bigint,
}

impl IntegerType {
    /// As SQL spells it.
    #[must_use]
    pub fn sql(self) -> &'static str {
        match self {
            Self::Smallint => "smallint",
            Self::Integer => "integer",
            Self::Bigint => "bigint",
        }
    }
}

/// Options of a sequence or an identity column; `None` is the server's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SequenceOptions {
    pub start: Option<i64>,
    pub increment: Option<i64>,
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub cache: Option<i64>,
    pub cycle: bool,
}

/// A declared view.
#[derive(Debug, Clone, Serialize)]
pub struct ViewDecl {
    #[serde(skip)]
    pub position: Position,
    pub name: Ident,
    pub query: Fragment,
    /// None: the query names them.
    pub columns: Vec<Ident>,
    /// In the server's form, such as `security_barrier=true`.
    pub options: Vec<String>,
    pub comment: Option<Text>,
}

/// A declared table.
#[derive(Debug, Clone, Serialize)]
pub struct TableDecl {
    #[serde(skip)]
    pub position: Position,
    pub name: Ident,
    pub comment: Option<Text>,
    pub unlogged: bool,
    /// At least one, in the order of the file.
    pub columns: Vec<ColumnDecl>,
    /// Primary key first, then unique, check, exclusion, foreign keys; each in file order.
    pub constraints: Vec<ConstraintDecl>,
    pub indexes: Vec<IndexDecl>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<TriggerDecl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_security: Option<RowSecurity>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicyDecl>,
}

/// What rows need of a table: that of the manifest, or what SQL files say without a server.
#[derive(Debug, Clone)]
pub struct RowTable {
    pub name: Ident,
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
    pub comment: Option<Text>,
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
    pub comment: Option<Text>,
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

/// A declared index.
#[derive(Debug, Clone, Serialize)]
pub struct IndexDecl {
    #[serde(skip)]
    pub position: Position,
    pub name: ObjectName,
    pub unique: bool,
    pub nulls_distinct: bool,
    pub method: Option<Ident>,
    /// At least one.
    pub keys: Vec<IndexKey>,
    pub include: Vec<Ident>,
    pub predicate: Option<Fragment>,
    /// Storage parameters, by name; values are written as literals.
    pub with: Vec<(Ident, Text)>,
    pub comment: Option<Text>,
}

/// What an index or exclusion constraint is ordered by.
#[derive(Debug, Clone, Serialize)]
pub struct IndexKey {
    pub term: IndexTerm,
    pub collation: Option<QualifiedName>,
    pub opclass: Option<QualifiedName>,
    pub descending: bool,
    /// `None`: last when ascending, first when descending.
    pub nulls_first: Option<bool>,
}

/// A column or an expression.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexTerm {
    Column(Ident),
    Expression(Fragment),
}

/// An operator: made of operator characters only, without a comment start in it (PostgreSQL
/// manual, §4.1.3).
#[derive(Debug, Clone, Serialize)]
pub struct Operator {
    pub schema: Option<Ident>,
    /// Checked on reading; see `fragment::is_operator`.
    pub symbol: String,
}
