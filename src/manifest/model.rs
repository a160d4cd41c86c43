//! What a valid manifest says: names are checked, references resolve, every object has the name
//! that it will get where it does not exist yet. Made by [`super::load`] only. Where something is
//! declared serves messages; it is not part of the checksum.

mod aggregates;
mod drift;
mod grants;
mod indexes;
mod names;
mod partitions;
mod policies;
mod renames;
mod rewrite;
mod routines;
mod rows;
mod sequences;
mod sql;
mod statistics;
mod tables;
mod triggers;
mod types;
mod views;

use std::collections::BTreeSet;

use globset::GlobMatcher;
use jiff::civil::Date;
use serde::Serialize;

pub use aggregates::{AggregateDecl, Parameter};
pub use drift::{DriftRules, Exception};
pub use grants::{
    DefaultPrivilegesDecl, GrantDecl, GrantTarget, ObjectClass, OwnerDecl, Privilege, TargetKind,
};
pub use indexes::{IndexDecl, IndexKey, IndexTerm, Operator};
pub use names::{ObjectName, QualifiedName};
pub use partitions::{PartitionDecl, Unmanaged};
pub use policies::{PolicyDecl, RowSecurity};
pub use renames::{RenameDecl, SqlRename};
pub use rewrite::RuleDecl;
pub(super) use routines::LISTS;
pub use routines::{RoutineBody, RoutineDecl, Setting};
pub use rows::{Cell, SeedDecl, SeedMode, SeedRow, cell_text, value_text};
pub use sequences::{IntegerType, SequenceDecl, SequenceOptions};
pub use sql::{PassedOver, SqlDecl, SqlStatement};
pub use statistics::StatisticsDecl;
pub use tables::{
    ColumnDecl, ColumnStorage, ColumnValue, ConstraintDecl, ConstraintDef, Deferral,
    ForeignKeyDecl, KeyDecl, ReferentialAction, ReplicaIdentity, RowTable, TableDecl, TableRef,
    TypeDecl,
};
pub use triggers::TriggerDecl;
pub use types::{
    AttributeDecl, DomainDecl, EnumDecl, RangeDecl, SubtypeDiff, UserTypeDecl, UserTypeDef,
};
pub use views::{MaterializedViewDecl, ViewDecl};

use super::source::Position;
use crate::consent::Consent;
use crate::name::{Ident, SchemaTemplate, TenantId};

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
    /// Which changes beyond additions are decided.
    #[serde(skip)]
    pub allow: Vec<Allowed>,
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
    /// Each after what it is a partition of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<PartitionDecl>,
    /// The tables whose partitions are left to another program.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unmanaged: Vec<Unmanaged>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<ViewDecl>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub materialized_views: Vec<MaterializedViewDecl>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routines: Vec<RoutineDecl>,
    pub aggregates: Vec<AggregateDecl>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<GrantDecl>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub default_privileges: Vec<DefaultPrivilegesDecl>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<OwnerDecl>,
    #[serde(skip_serializing_if = "SqlDecl::is_empty")]
    pub sql: SqlDecl,
    /// Wholes before their parts. Not part of the desired state.
    #[serde(skip)]
    pub renames: Vec<RenameDecl>,
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

    /// How many relations of a tenant the server locks to print its queries, at most: those of views, of rules, and of
    /// functions in standard SQL.
    #[must_use]
    pub fn relations_locked_for_printing(&self) -> usize {
        let statements = &self.sql.statements;
        let has_query = |statement: &SqlStatement| {
            statement.has_body || ["VIEW", "RULE"].iter().any(|word| statement.words.contains(word))
        };
        let is_sql = |decl: &RoutineDecl| matches!(decl.body, RoutineBody::Sql(_));
        let are_printed = !self.views.is_empty()
            || !self.materialized_views.is_empty()
            || self.tables.iter().any(|table| !table.rules.is_empty())
            || self.routines.iter().any(is_sql)
            || statements.iter().any(has_query);
        if !are_printed {
            return 0;
        }
        let declared = self.tables.len() + self.partitions.len();
        let views = self.views.len() + self.materialized_views.len();
        declared + views + statements.iter().filter(|statement| statement.is_new).count()
    }

    /// The changes beyond additions that are allowed on this day.
    #[must_use]
    pub fn allowed(&self, today: Date) -> Consent {
        let holds = self.allow.iter().filter(|allowed| today <= allowed.until);
        Consent::all(holds.map(|allowed| allowed.change.clone()))
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

/// Changes that may be made for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    pub change: Consent,
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
