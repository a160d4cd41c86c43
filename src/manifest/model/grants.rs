//! Privileges that roles are granted, and the owners of objects.

use std::fmt;

use serde::Serialize;

use crate::manifest::source::Position;
use crate::name::{Ident, RoleTemplate};

/// Declared privileges on objects of the schema, or on the schema itself.
#[derive(Debug, Clone, Serialize)]
pub struct GrantDecl {
    #[serde(skip)]
    pub position: Position,
    pub to: Vec<RoleTemplate>,
    /// `None`: all.
    pub privileges: Option<Vec<Privilege>>,
    pub on: Vec<GrantTarget>,
    /// Of the tables that are named; empty: the privileges are on the whole tables.
    pub columns: Vec<Ident>,
    pub grant_option: bool,
}

/// What privileges are granted on.
#[derive(Debug, Clone, Serialize)]
pub struct GrantTarget {
    #[serde(skip)]
    pub position: Position,
    pub kind: TargetKind,
    /// `None`: all that are declared.
    pub name: Option<Ident>,
    /// The types of the arguments of a function, as written; `None`: the only one of this name.
    pub arguments: Option<String>,
}

/// Declared privileges on what a role creates later in the schema.
#[derive(Debug, Clone, Serialize)]
pub struct DefaultPrivilegesDecl {
    #[serde(skip)]
    pub position: Position,
    /// The roles that create; empty: the one that the tool runs as.
    pub creators: Vec<RoleTemplate>,
    pub to: Vec<RoleTemplate>,
    /// `None`: all.
    pub privileges: Option<Vec<Privilege>>,
    pub on: Vec<ObjectClass>,
    pub grant_option: bool,
}

/// The declared owner of objects of the schema, or of the schema itself.
#[derive(Debug, Clone, Serialize)]
pub struct OwnerDecl {
    #[serde(skip)]
    pub position: Position,
    pub role: RoleTemplate,
    pub on: Vec<GrantTarget>,
}

/// Objects that have privileges of the same kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectClass {
    Schema,
    /// Views and materialized views, too.
    Tables,
    Sequences,
    Routines,
    Types,
}

/// The words that name what privileges are granted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// All of a class, or the schema.
    All(ObjectClass),
    Table,
    View,
    MaterializedView,
    Sequence,
    Function,
    Procedure,
    Aggregate,
    Type,
}

/// A privilege (PostgreSQL manual, §5.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Privilege {
    Select,
    Insert,
    Update,
    Delete,
    Truncate,
    References,
    Trigger,
    /// PostgreSQL 17.
    Maintain,
    Usage,
    Create,
    Execute,
}

impl ObjectClass {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Schema, Self::Tables, Self::Sequences, Self::Routines, Self::Types];

    /// As in the manifest.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Tables => "tables",
            Self::Sequences => "sequences",
            Self::Routines => "routines",
            Self::Types => "types",
        }
    }

    /// The privileges that there are.
    #[must_use]
    pub fn privileges(self) -> &'static [Privilege] {
        use Privilege as P;
        match self {
            Self::Schema => &[P::Usage, P::Create],
            Self::Tables => &[
                P::Select,
                P::Insert,
                P::Update,
                P::Delete,
                P::Truncate,
                P::References,
                P::Trigger,
                P::Maintain,
            ],
            Self::Sequences => &[P::Usage, P::Select, P::Update],
            Self::Routines => &[P::Execute],
            Self::Types => &[P::Usage],
        }
    }
}

impl TargetKind {
    /// Those of single objects.
    pub const NAMED: [Self; 8] = [
        Self::Table,
        Self::View,
        Self::MaterializedView,
        Self::Sequence,
        Self::Function,
        Self::Procedure,
        Self::Aggregate,
        Self::Type,
    ];

    /// As in the manifest.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::All(class) => class.word(),
            Self::Table => "table",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::Sequence => "sequence",
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Aggregate => "aggregate",
            Self::Type => "type",
        }
    }

    /// Which privileges it has.
    #[must_use]
    pub fn class(self) -> ObjectClass {
        match self {
            Self::All(class) => class,
            Self::Table | Self::View | Self::MaterializedView => ObjectClass::Tables,
            Self::Sequence => ObjectClass::Sequences,
            Self::Function | Self::Procedure | Self::Aggregate => ObjectClass::Routines,
            Self::Type => ObjectClass::Types,
        }
    }
}

impl Privilege {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Select,
        Self::Insert,
        Self::Update,
        Self::Delete,
        Self::Truncate,
        Self::References,
        Self::Trigger,
        Self::Maintain,
        Self::Usage,
        Self::Create,
        Self::Execute,
    ];

    /// Those on columns.
    pub const OF_COLUMNS: [Self; 4] = [Self::Select, Self::Insert, Self::Update, Self::References];

    /// As in the manifest; statements have it in upper case.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Truncate => "truncate",
            Self::References => "references",
            Self::Trigger => "trigger",
            Self::Maintain => "maintain",
            Self::Usage => "usage",
            Self::Create => "create",
            Self::Execute => "execute",
        }
    }
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
