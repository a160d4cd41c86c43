//! The steps that a plan is made of.

use serde::{Deserialize, Serialize};

use super::row_order::Interim;
use crate::catalog::{Fact, Kind, Object, Rename};
use crate::grants::{AbsentGrant, Whose};
use crate::kinds::{self, Alteration, Creation, Guard};
use crate::manifest::{Manifest, SeedDecl, SeedRow};
use crate::name::{Ident, SchemaName, TenantId};
use crate::rows::{self, CellDifference, DifferentRow, Follower, Site, SurplusRow};

/// One statement.
#[derive(Debug, Clone)]
pub enum Step<'a> {
    Create(Creation<'a>),
    Rename {
        rename: &'a Rename,
        /// Under its new name.
        fact: &'a Fact,
    },
    /// Creates again what another step drops.
    Recreate(Creation<'a>),
    /// Changes something in place.
    Change(Alteration<'a>),
    Drop {
        live: &'a Fact,
        /// As what it is created again.
        again: Option<&'a Fact>,
    },
    Grant {
        absent: &'a AbsentGrant<'a>,
        whose: Whose<'a>,
    },
    Insert {
        seed: &'a SeedDecl,
        row: &'a SeedRow,
    },
    Update {
        different: &'a DifferentRow<'a>,
    },
    /// Gives a row another value in between.
    Free {
        different: &'a DifferentRow<'a>,
        column: Ident,
        value: Interim,
    },
    Delete {
        seed: &'a SeedDecl,
        row: &'a SurplusRow,
        /// Rows that have to go at once, since they may refer to each other; other steps name them.
        with: Vec<&'a SurplusRow>,
        /// The rows that would go with it; `None` where a key is not understood.
        followers: Vec<Option<Follower>>,
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
    Rename,
    Rebuild,
    Drop,
    Update,
    Delete,
}

impl Action {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 12] = [
        Self::Create,
        Self::Add,
        Self::Comment,
        Self::Insert,
        Self::Update,
        Self::Delete,
        Self::Refresh,
        Self::Set,
        Self::Alter,
        Self::Rename,
        Self::Rebuild,
        Self::Drop,
    ];

    /// Whether it is done to a baseline row.
    #[must_use]
    pub fn is_of_row(self) -> bool {
        matches!(self, Self::Insert | Self::Update | Self::Delete)
    }

    /// Whether it changes what exists.
    #[must_use]
    pub fn is_change(self) -> bool {
        match self {
            Self::Alter
            | Self::Rename
            | Self::Rebuild
            | Self::Drop
            | Self::Update
            | Self::Delete => true,
            Self::Create | Self::Add | Self::Comment | Self::Insert | Self::Refresh | Self::Set => {
                false
            }
        }
    }

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
            Self::Rename => "to rename",
            Self::Rebuild => "to rebuild",
            Self::Drop => "to drop",
            Self::Update => "to update",
            Self::Delete => "to delete",
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
            Self::Rename => "renamed",
            Self::Rebuild => "rebuilt",
            Self::Drop => "dropped",
            Self::Update => "updated",
            Self::Delete => "deleted",
        }
    }
}

impl Step<'_> {
    /// What it does.
    #[must_use]
    pub fn action(&self) -> Action {
        match self {
            Self::Change(alteration) if alteration.remade.is_some() => return Action::Rebuild,
            Self::Change(_) => return Action::Alter,
            Self::Rename { .. } => return Action::Rename,
            Self::Drop { .. } => return Action::Drop,
            Self::Update { .. } | Self::Free { .. } => return Action::Update,
            Self::Delete { .. } => return Action::Delete,
            Self::Recreate(_) | Self::Create(_) | Self::Grant { .. } | Self::Insert { .. } => {}
        }
        let usual = match self.object().kind() {
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
        };
        match (self, usual) {
            (Self::Recreate(_), Action::Create | Action::Add) => Action::Rebuild,
            _ => usual,
        }
    }

    /// Whether it drops what a later step creates again.
    #[must_use]
    pub fn is_for_rebuild(&self) -> bool {
        matches!(self, Self::Drop { again: Some(_), .. })
    }

    /// Whether it gives a row a value that a later step replaces.
    #[must_use]
    pub fn is_for_exchange(&self) -> bool {
        matches!(self, Self::Free { .. })
    }

    /// The values of a row that it changes.
    #[must_use]
    pub fn cells(&self) -> &[CellDifference] {
        match self {
            Self::Update { different } => &different.cells,
            _ => &[],
        }
    }

    /// The name that it gives to an object.
    #[must_use]
    pub fn new_name(&self) -> Option<&Ident> {
        match self {
            Self::Rename { rename, .. } => rename.to.name(),
            _ => None,
        }
    }

    /// To which object.
    #[must_use]
    pub fn object(&self) -> Object {
        match self {
            Self::Create(creation) | Self::Recreate(creation) => creation.object.clone(),
            Self::Change(alteration) => alteration.object().clone(),
            Self::Drop { live, .. } => live.object.clone(),
            Self::Rename { rename, .. } => rename.from.clone(),
            Self::Grant { absent, whose } => absent.object(*whose),
            Self::Insert { seed, row } => {
                Object::Row { table: seed.table.clone(), key: row.key_text(&seed.key) }
            }
            Self::Update { different } | Self::Free { different, .. } => {
                let DifferentRow { seed, row, .. } = different;
                Object::Row { table: seed.table.clone(), key: row.key_text(&seed.key) }
            }
            Self::Delete { seed, row, .. } => {
                Object::Row { table: seed.table.clone(), key: row.key_text(seed) }
            }
        }
    }

    /// Where a baseline row is written.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        match self {
            Self::Insert { row, .. } => Some(&row.origin),
            Self::Update { different } | Self::Free { different, .. } => {
                Some(&different.row.origin)
            }
            _ => None,
        }
    }

    /// The statement, without a semicolon at the end; it may be run again.
    #[must_use]
    pub fn statement(&self, manifest: &Manifest, schema: &SchemaName, tenant: &TenantId) -> String {
        match self {
            Self::Create(creation) => kinds::create(creation, schema, Guard::IfNotExists),
            Self::Recreate(creation) => kinds::rebuild(creation, schema, Guard::IfNotExists),
            Self::Change(alteration) => kinds::alter(alteration, schema).unwrap_or_default(),
            Self::Rename { rename, fact } => {
                let fact = Fact { object: rename.from.clone(), ..(*fact).clone() };
                let name = rename.to.name();
                name.and_then(|name| kinds::rename(&fact, name, schema)).unwrap_or_default()
            }
            Self::Drop { live, again } => match again {
                None => kinds::drop_alone(live, schema),
                Some(desired) => kinds::drop_for_rebuild(live, desired, schema),
            }
            .unwrap_or_default(),
            Self::Grant { absent, .. } => absent.statement(tenant, schema),
            Self::Insert { seed, row } => rows::insert(manifest, schema, tenant, seed, row),
            Self::Update { different } => {
                let DifferentRow { seed, row, cells } = different;
                let changed = cells.iter().map(|cell| cell.column.as_str()).collect();
                rows::update(Site { manifest, schema, tenant }, seed, row, &changed)
            }
            Self::Free { different, column, value } => {
                let DifferentRow { seed, row, .. } = different;
                let value = value.sql(&schema.qualify(&seed.table), column);
                rows::free(Site { manifest, schema, tenant }, seed, row, column, &value)
            }
            Self::Delete { seed, row, with, followers } => {
                let followers: Vec<Follower> = followers.iter().flatten().cloned().collect();
                let all: Vec<&SurplusRow> =
                    std::iter::once(*row).chain(with.iter().copied()).collect();
                rows::delete(Site { manifest, schema, tenant }, seed, &all, &followers)
            }
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
            Self::Recreate(creation) => Some(kinds::rebuild(creation, schema, Guard::Exclusive)),
            Self::Change(_)
            | Self::Rename { .. }
            | Self::Drop { .. }
            | Self::Grant { .. }
            | Self::Insert { .. }
            | Self::Update { .. }
            | Self::Free { .. }
            | Self::Delete { .. } => None,
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
            Self::Rename => "rename",
            Self::Rebuild => "rebuild",
            Self::Drop => "drop",
            Self::Update => "update",
            Self::Delete => "delete",
        })
    }
}
