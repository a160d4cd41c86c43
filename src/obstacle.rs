//! What is in the way of statements on a tenant's objects, and on which objects.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::catalog::Object;
use crate::name::printable;

/// Something that is in the way of statements on an object: code of an untrusted owner that they could make
/// the server run, or something that the role may not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    pub on: Subject,
    /// What leads to it, such as "index `t_idx` on t".
    pub via: String,
    pub what: Code,
    /// Whether even a SELECT on the subject may run it, or fail because of it.
    pub is_met_by_reading: bool,
    pub owner: String,
    /// Whether the owner also owns the tenant's schema.
    pub is_schemas_owner: bool,
    /// What the names of objects in the tenant's schema begin with in `via` and `what`.
    pub prefix: String,
}

/// What an obstacle is on, by name, as in the catalog.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A table, whatever is done to it.
    Relation(String),
    /// The rows of a table.
    Rows(String),
    /// Expressions that name a column.
    Column {
        table: String,
        name: String,
    },
    Type(String),
    /// A function or a procedure, as its name with the types of its arguments: `f(integer, text)`.
    Function(String),
    /// A table outside of the tenant's schema, as `"schema"."table"`.
    External(String),
    /// Anything, as soon as it is dropped.
    Dropped(Object),
}

/// What would be run, or why no statement can be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// With its schema and the types of its arguments.
    Function(String),
    /// A function of a trusted owner, or another expression, with arguments that the table's owner has
    /// chosen; `within`: a digest of the whole expression.
    Chosen { function: String, within: String },
    /// To which its owner may add constraints and casts at any time.
    Type(String),
    /// What leads to it is itself the obstacle: a rule, a view, a child table.
    Itself,
    /// An untrusted owner, of it or of its schema, could change it meanwhile, and this role may not lock it.
    Unlockable { role: String },
    /// Row-level security binds this role.
    RowSecurity { role: String },
    /// What leads to it depends on it, and is none of the manifest's business.
    Dependent,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { via, owner, .. } = self;
        match &self.what {
            Code::Function(name) => write!(f, "{via} runs {name}, which belongs to {owner}"),
            Code::Chosen { function, .. } => {
                write!(f, "{via} runs {function}, with what {owner} gives it")
            }
            Code::Type(name) => write!(f, "{via} has type {name}, which belongs to {owner}"),
            Code::Itself => write!(f, "{via} belongs to {owner}"),
            Code::Unlockable { role } => write!(
                f,
                "{via} could be changed by {owner} meanwhile: {role} may not lock it, and {owner} is \
                 not trusted"
            ),
            Code::Dependent => write!(f, "{via} depends on it"),
            Code::RowSecurity { role } => {
                write!(f, "the row-level security policy of {via} binds {role}")
            }
        }
    }
}

impl Subject {
    /// Whether nothing but dropping it is in question.
    #[must_use]
    pub fn is_only_of_drops(&self) -> bool {
        matches!(self, Self::Dropped(_))
    }
}

impl Obstacle {
    /// Row-level security of a table that binds the role, which owns it.
    #[must_use]
    pub fn row_security(table: String, role: &str) -> Self {
        Self {
            via: format!("table {}", printable(&table)),
            on: Subject::Rows(table),
            what: Code::RowSecurity { role: role.to_owned() },
            is_met_by_reading: true,
            owner: role.to_owned(),
            is_schemas_owner: false,
            prefix: String::new(),
        }
    }

    /// The same in words that hold for all tenants that are alike.
    #[must_use]
    pub fn in_general(&self) -> String {
        let owner = if self.is_schemas_owner { "the schema's owner" } else { &self.owner };
        let general = Self { owner: owner.to_owned(), ..self.clone() };
        general.to_string().replace(&self.prefix, "")
    }

    /// Whether trusting the owner of the code would remove the obstacle.
    #[must_use]
    pub fn is_resolved_by_trust(&self) -> bool {
        !matches!(self.what, Code::RowSecurity { .. } | Code::Dependent)
    }
}

/// Why a subject must not be touched.
pub type Reasons = BTreeMap<Subject, BTreeSet<String>>;
