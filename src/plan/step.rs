//! The steps that a plan is made of.

use serde::{Deserialize, Serialize};

use crate::catalog::{Kind, Object};
use crate::consent::Class;
use crate::grants::{AbsentGrant, Whose};
use crate::kinds::{self, Alteration, Creation, Guard};
use crate::manifest::{Manifest, SeedDecl, SeedRow};
use crate::name::{SchemaName, TenantId};
use crate::rows;

/// One statement.
#[derive(Debug, Clone)]
pub enum Step<'a> {
    Create(Creation<'a>),
    Change(Alteration<'a>, Class),
    /// Takes the default of a column away.
    Unset(Object),
    Grant {
        absent: &'a AbsentGrant<'a>,
        whose: Whose<'a>,
    },
    Insert {
        seed: &'a SeedDecl,
        row: &'a SeedRow,
    },
}

/// What a step does, as a verb for people and programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Create,
    Add,
    Comment,
    Insert,
    Refresh,
    Set,
    Alter,
    Rebuild,
    Drop,
}

impl Action {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 9] = [
        Self::Create,
        Self::Add,
        Self::Comment,
        Self::Insert,
        Self::Refresh,
        Self::Set,
        Self::Alter,
        Self::Rebuild,
        Self::Drop,
    ];

    /// As what is planned is counted: "7 to create".
    #[must_use]
    pub fn planned(self) -> &'static str {
        match self {
            Self::Create => "to create",
            Self::Add => "to add",
            Self::Comment => "to comment",
            Self::Insert => "to insert",
            Self::Refresh => "to refresh",
            Self::Set => "to set",
            Self::Alter => "to alter",
            Self::Rebuild => "to rebuild",
            Self::Drop => "to drop",
        }
    }

    /// As what was done is counted: "7 created".
    #[must_use]
    pub fn done(self) -> &'static str {
        match self {
            Self::Create => "created",
            Self::Add => "added",
            Self::Comment => "commented",
            Self::Insert => "inserted",
            Self::Refresh => "refreshed",
            Self::Set => "set",
            Self::Alter => "altered",
            Self::Rebuild => "rebuilt",
            Self::Drop => "dropped",
        }
    }
}

impl Step<'_> {
    /// What it does.
    #[must_use]
    pub fn action(&self) -> Action {
        match self {
            Self::Change(_, Class::Alter) => return Action::Alter,
            Self::Unset(_) => return Action::Drop,
            Self::Change(_, Class::Rebuild) => return Action::Rebuild,
            Self::Create(_) | Self::Grant { .. } | Self::Insert { .. } => {}
        }
        match self.object().kind() {
            Kind::Schema
            | Kind::Enum
            | Kind::Domain
            | Kind::CompositeType
            | Kind::RangeType
            | Kind::Sequence
            | Kind::Table
            | Kind::Index
            | Kind::Statistics
            | Kind::Policy
            | Kind::Trigger
            | Kind::Rule
            | Kind::View
            | Kind::MaterializedView
            | Kind::Function
            | Kind::Procedure
            | Kind::Aggregate => Action::Create,
            Kind::Label
            | Kind::DomainConstraint
            | Kind::Attribute
            | Kind::Column
            | Kind::Default
            | Kind::Constraint
            | Kind::ReplicaIdentity
            | Kind::Clustering
            | Kind::RowSecurity
            | Kind::Grant
            | Kind::DefaultPrivilege => Action::Add,
            Kind::Comment => Action::Comment,
            Kind::Owner => Action::Set,
            Kind::Row => Action::Insert,
            Kind::Population => Action::Refresh,
        }
    }

    /// To which object.
    #[must_use]
    pub fn object(&self) -> Object {
        match self {
            Self::Create(creation) => creation.object.clone(),
            Self::Change(alteration, _) => alteration.object().clone(),
            Self::Unset(default) => default.clone(),
            Self::Grant { absent, whose } => absent.object(*whose),
            Self::Insert { seed, row } => {
                Object::Row { table: seed.table.clone(), key: row.key_text(&seed.key) }
            }
        }
    }

    /// Where a baseline row is written.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        match self {
            Self::Insert { row, .. } => Some(&row.origin),
            _ => None,
        }
    }

    /// The statement, without a semicolon at the end; it may be run again.
    #[must_use]
    pub fn statement(&self, manifest: &Manifest, schema: &SchemaName, tenant: &TenantId) -> String {
        match self {
            Self::Create(creation) => kinds::create(creation, schema, Guard::IfNotExists),
            Self::Change(alteration, class) => match class {
                Class::Alter => kinds::alter(alteration, schema),
                Class::Rebuild => kinds::rebuild(alteration, schema),
            }
            .unwrap_or_default(),
            Self::Unset(default) => kinds::drop_default(default, schema),
            Self::Grant { absent, .. } => absent.statement(tenant, schema),
            Self::Insert { seed, row } => rows::insert(manifest, schema, tenant, seed, row),
        }
    }

    /// The statement of a step that runs a query, or that creates what others refer to, to be run once it was read that the object does
    /// not exist: it is refused if somebody else has created the object since. That could be anything, and its
    /// owner would control what is written into it.
    #[must_use]
    pub fn exclusive(&self, schema: &SchemaName) -> Option<String> {
        match self {
            Self::Create(creation) => match creation.object.kind() {
                Kind::Schema
                | Kind::Enum
                | Kind::Domain
                | Kind::CompositeType
                | Kind::RangeType
                | Kind::Table
                | Kind::View
                | Kind::MaterializedView
                | Kind::Population
                | Kind::Function
                | Kind::Procedure
                | Kind::Aggregate => Some(kinds::create(creation, schema, Guard::Exclusive)),
                _ => None,
            },
            Self::Change(..) | Self::Unset(_) | Self::Grant { .. } | Self::Insert { .. } => None,
        }
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Add => "add",
            Self::Comment => "write",
            Self::Insert => "insert",
            Self::Refresh => "refresh",
            Self::Set => "set",
            Self::Alter => "alter",
            Self::Rebuild => "rebuild",
            Self::Drop => "drop",
        })
    }
}
