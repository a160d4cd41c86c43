//! What a schema holds, in the server's own words: one model for desired and live.
//!
//! Every text in here was deparsed by the server with the schema itself in the search path, so
//! that objects of the schema stand unqualified and two schemas can be compared. It is never
//! executed. Maps are keyed by name: the order in which a table's columns were added, or
//! constraints were made, is no difference.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::manifest::{Deferral, ReferentialAction};
use crate::name::{Ident, printable};

/// The modelled contents of one schema, and the names of what is not modelled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Schema {
    pub enums: BTreeMap<Ident, Enum>,
    /// All but those of identity columns, which belong to their column.
    pub sequences: BTreeMap<Ident, Sequence>,
    pub tables: BTreeMap<Ident, Table>,
    pub unmodelled: BTreeSet<Unmodelled>,
}

/// An enum type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Enum {
    pub labels: Vec<Ident>,
    pub comment: Option<String>,
}

/// A sequence of its own, or of a `serial` column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sequence {
    pub data_type: String,
    pub options: SequenceSettings,
    /// Table and column that it goes away with, as `serial` makes it.
    pub owned_by: Option<(Ident, Ident)>,
    pub comment: Option<String>,
    pub unlogged: bool,
}

/// How a sequence counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceSettings {
    pub start: i64,
    pub increment: i64,
    pub min: i64,
    pub max: i64,
    pub cache: i64,
    pub cycle: bool,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    pub unlogged: bool,
    pub comment: Option<String>,
    pub columns: BTreeMap<Ident, Column>,
    pub constraints: BTreeMap<Ident, Constraint>,
    /// All but those that back a constraint.
    pub indexes: BTreeMap<Ident, Index>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// With its modifier, such as `character varying(15)`.
    pub data_type: String,
    pub nullable: bool,
    pub default: Option<String>,
    pub identity: Option<Identity>,
    /// The expression of a generated column, and whether it is stored.
    pub generated: Option<Generated>,
    /// Only if it is not the type's own.
    pub collation: Option<String>,
    pub comment: Option<String>,
}

/// How an identity column gets its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    pub always: bool,
    pub options: SequenceSettings,
}

/// How a generated column gets its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Generated {
    pub expression: String,
    pub stored: bool,
}

/// A constraint of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Constraint {
    pub rule: Rule,
    pub deferral: Deferral,
    /// `false`: added `NOT VALID`, existing rows were not checked.
    pub validated: bool,
    pub comment: Option<String>,
}

/// What a constraint demands, without its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    PrimaryKey {
        columns: Vec<Ident>,
        include: Vec<Ident>,
    },
    Unique {
        columns: Vec<Ident>,
        include: Vec<Ident>,
        nulls_distinct: bool,
    },
    Check {
        expression: String,
        no_inherit: bool,
    },
    Exclusion {
        method: String,
        /// Keys with their operators.
        elements: Vec<(Key, String)>,
        include: Vec<Ident>,
        predicate: Option<String>,
    },
    ForeignKey(ForeignKey),
}

/// What a foreign key demands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForeignKey {
    pub columns: Vec<Ident>,
    /// `None`: the same schema.
    pub schema: Option<Ident>,
    pub table: Ident,
    pub referenced_columns: Vec<Ident>,
    pub match_type: MatchType,
    pub on_update: ReferentialAction,
    pub on_delete: ReferentialAction,
    pub on_delete_columns: Vec<Ident>,
}

/// How NULLs in a foreign key are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchType {
    Simple,
    Full,
    Partial,
}

/// An index of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Index {
    pub method: String,
    pub unique: bool,
    pub nulls_distinct: bool,
    pub keys: Vec<Key>,
    pub include: Vec<Ident>,
    pub predicate: Option<String>,
    /// Storage parameters, `name=value`, sorted.
    pub with: Vec<String>,
    /// `false`: left behind by a failed `CREATE INDEX CONCURRENTLY`. No query uses it, but it may be
    /// kept up to date, and then enforces uniqueness.
    pub valid: bool,
    pub comment: Option<String>,
}

/// What an index or exclusion constraint is ordered by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Key {
    /// A column's name as it is, or an expression.
    pub term: String,
    pub is_column: bool,
    pub opclass: String,
    /// Whether the operator class is the default of the type and has no parameters.
    pub default_opclass: bool,
    /// Only if it is not that of the column, or of the database for an expression.
    pub collation: Option<String>,
    pub descending: bool,
    pub nulls_first: bool,
}

/// Something that lives in the schema and that this tool does not compare.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Unmodelled {
    /// In the server's words, such as `view` or `function`.
    pub kind: String,
    pub name: String,
}

impl fmt::Display for Unmodelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, printable(&self.name))
    }
}

/// The kind of unmodelled that a column's option is if this tool has never heard of it: a newer
/// server may keep it there of its own accord, so it is told, and is in nobody's way.
pub const UNKNOWN_OPTION: &str = "unknown option of column";

/// Kinds of unmodelled objects that share the name space of tables.
const RELATIONS: [&str; 6] = [
    "view",
    "materialized view",
    "foreign table",
    "partitioned table",
    "composite type",
    "relation",
];

/// Kinds of unmodelled objects that share the name space of types.
const TYPES: [&str; 8] = [
    "view",
    "materialized view",
    "foreign table",
    "partitioned table",
    "composite type",
    "type",
    "domain",
    "range type",
];

impl Schema {
    /// What holds `name` among the relations: a schema has one name space for tables, indexes,
    /// sequences, views and their like.
    #[must_use]
    pub fn relation_named(&self, name: &Ident) -> Option<String> {
        if self.tables.contains_key(name) {
            return Some("table".into());
        }
        if self.sequences.contains_key(name) {
            return Some("sequence".into());
        }
        for (table_name, table) in &self.tables {
            if table.indexes.contains_key(name) {
                return Some(format!("index of table {table_name}"));
            }
            if let Some(constraint) = table.constraints.get(name)
                && constraint.rule.has_index()
            {
                return Some(format!("constraint of table {table_name}"));
            }
        }
        let found = self.unmodelled_relations().find(|other| other.name == name.as_str());
        found.map(|other| other.kind.clone())
    }

    /// The objects of kinds that are not compared and that share the name space of relations.
    pub fn unmodelled_relations(&self) -> impl Iterator<Item = &Unmodelled> {
        self.unmodelled.iter().filter(|other| RELATIONS.contains(&other.kind.as_str()))
    }

    /// What holds `name` among the types, apart from enums: each relation with rows has a row type.
    #[must_use]
    pub fn other_type_named(&self, name: &Ident) -> Option<String> {
        if self.tables.contains_key(name) {
            return Some("row type of a table".into());
        }
        self.unmodelled
            .iter()
            .find(|u| u.name == name.as_str() && TYPES.contains(&u.kind.as_str()))
            .map(|u| u.kind.clone())
    }
}

impl Rule {
    /// Whether the constraint is backed by an index of the same name.
    #[must_use]
    pub fn has_index(&self) -> bool {
        matches!(self, Self::PrimaryKey { .. } | Self::Unique { .. } | Self::Exclusion { .. })
    }

    /// In SQL's words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::PrimaryKey { .. } => "primary key",
            Self::Unique { .. } => "unique",
            Self::Check { .. } => "check",
            Self::Exclusion { .. } => "exclusion",
            Self::ForeignKey(_) => "foreign key",
        }
    }
}
