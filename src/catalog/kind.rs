//! The names of the kinds of objects.

use std::fmt;

/// What kind of thing an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Schema,
    Enum,
    Label,
    Domain,
    DomainConstraint,
    CompositeType,
    /// What a composite type consists of.
    Attribute,
    RangeType,
    Sequence,
    Table,
    Column,
    /// What a column gets when an INSERT gives no value; has the column's name.
    Default,
    Constraint,
    Index,
    /// Extended statistics.
    Statistics,
    /// What identifies a row for logical replication; has the table's name.
    ReplicaIdentity,
    /// The index in whose order CLUSTER stores the rows; has the name of the table or materialized view.
    Clustering,
    /// Row-level security; has the table's name.
    RowSecurity,
    Policy,
    Trigger,
    /// A rule that rewrites statements; that of a view, which is its query, is none.
    Rule,
    View,
    MaterializedView,
    /// The rows of a materialized view, if it has been filled; has its name.
    Population,
    Function,
    Procedure,
    Aggregate,
    Comment,
    /// A baseline row.
    Row,
    /// Privileges of a role.
    Grant,
    /// Privileges of a role on what is created later.
    DefaultPrivilege,
    /// Who owns an object.
    Owner,
}

impl Kind {
    /// All kinds, in the order of reports.
    pub const ALL: [Self; 32] = [
        Self::Schema,
        Self::Enum,
        Self::Label,
        Self::Domain,
        Self::DomainConstraint,
        Self::CompositeType,
        Self::Attribute,
        Self::RangeType,
        Self::Sequence,
        Self::Table,
        Self::Column,
        Self::Default,
        Self::Constraint,
        Self::Index,
        Self::Statistics,
        Self::ReplicaIdentity,
        Self::Clustering,
        Self::RowSecurity,
        Self::Policy,
        Self::Trigger,
        Self::Rule,
        Self::View,
        Self::MaterializedView,
        Self::Population,
        Self::Function,
        Self::Procedure,
        Self::Aggregate,
        Self::Comment,
        Self::Row,
        Self::Grant,
        Self::DefaultPrivilege,
        Self::Owner,
    ];

    /// As in the saved form; messages have spaces in it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Enum => "enum",
            Self::Label => "label",
            Self::Domain => "domain",
            Self::DomainConstraint => "domain_constraint",
            Self::CompositeType => "composite_type",
            Self::Attribute => "attribute",
            Self::RangeType => "range_type",
            Self::Sequence => "sequence",
            Self::Table => "table",
            Self::Column => "column",
            Self::Default => "default",
            Self::Constraint => "constraint",
            Self::Index => "index",
            Self::Statistics => "statistics",
            Self::ReplicaIdentity => "replica_identity",
            Self::Clustering => "clustering",
            Self::RowSecurity => "row_security",
            Self::Policy => "policy",
            Self::Trigger => "trigger",
            Self::Rule => "rule",
            Self::View => "view",
            Self::MaterializedView => "materialized_view",
            Self::Population => "population",
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Aggregate => "aggregate",
            Self::Comment => "comment",
            Self::Row => "row",
            Self::Grant => "grant",
            Self::DefaultPrivilege => "default_privilege",
            Self::Owner => "owner",
        }
    }

    /// Whether objects of this kind are identified by the types of their arguments, too.
    #[must_use]
    pub fn is_routine(self) -> bool {
        matches!(self, Self::Function | Self::Procedure | Self::Aggregate)
    }

    /// Whether objects of this kind are types.
    #[must_use]
    pub fn is_type(self) -> bool {
        matches!(self, Self::Enum | Self::Domain | Self::CompositeType | Self::RangeType)
    }

    /// Whether objects of this kind have a name of their own, and can be given another one.
    #[must_use]
    pub fn has_name(self) -> bool {
        match self {
            Self::Enum
            | Self::Label
            | Self::Domain
            | Self::DomainConstraint
            | Self::CompositeType
            | Self::Attribute
            | Self::RangeType
            | Self::Sequence
            | Self::Table
            | Self::Column
            | Self::Constraint
            | Self::Index
            | Self::Statistics
            | Self::Policy
            | Self::Trigger
            | Self::Rule
            | Self::View
            | Self::MaterializedView
            | Self::Function
            | Self::Procedure
            | Self::Aggregate => true,
            Self::Schema
            | Self::Default
            | Self::ReplicaIdentity
            | Self::Clustering
            | Self::RowSecurity
            | Self::Population
            | Self::Comment
            | Self::Row
            | Self::Grant
            | Self::DefaultPrivilege
            | Self::Owner => false,
        }
    }

    /// Whether it is about roles: privileges, on what exists or will, or an owner.
    #[must_use]
    pub fn is_privilege(self) -> bool {
        matches!(self, Self::Grant | Self::DefaultPrivilege | Self::Owner)
    }

    /// The kinds of which an object of this kind can be a part, if it is one.
    #[must_use]
    pub fn wholes(self) -> &'static [Self] {
        match self {
            Self::Label => &[Self::Enum],
            Self::DomainConstraint => &[Self::Domain],
            Self::Attribute => &[Self::CompositeType],
            Self::Population => &[Self::MaterializedView],
            Self::Index | Self::Statistics | Self::Clustering => {
                &[Self::Table, Self::MaterializedView]
            }
            Self::Trigger | Self::Rule => &[Self::Table, Self::View],
            // Those of views are known by the comments on them alone.
            Self::Column => &[Self::Table, Self::View, Self::MaterializedView],
            Self::Default
            | Self::Constraint
            | Self::ReplicaIdentity
            | Self::RowSecurity
            | Self::Policy
            | Self::Row => &[Self::Table],
            Self::Schema
            | Self::Enum
            | Self::Domain
            | Self::CompositeType
            | Self::RangeType
            | Self::Sequence
            | Self::Table
            | Self::View
            | Self::MaterializedView
            | Self::Function
            | Self::Procedure
            | Self::Aggregate
            | Self::Comment
            | Self::Grant
            | Self::DefaultPrivilege
            | Self::Owner => &[],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name().replace('_', " "))
    }
}
