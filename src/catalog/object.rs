//! The identity of an object: its kind, its name, and what it is a part of.

use std::fmt;

use super::Kind;
use crate::name::{Ident, printable};

/// One object of a tenant's schema, by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// The schema itself.
    Schema,
    /// What has a name of its own in the schema, such as a table or a type.
    Member(Kind, Ident),
    /// A function, a procedure or an aggregate, with the types of its arguments in the server's words, separated by commas.
    Routine { kind: Kind, name: Ident, arguments: String },
    /// What is a part of such an object.
    Part(Part),
    /// The comment on an object.
    Comment(Box<Object>),
    /// A baseline row, by the values of its key.
    Row { table: Ident, key: String },
    /// Privileges of a role on an object.
    Grant(Box<Granted>),
    /// Privileges of a role on what another one, or the one that the tool runs as, creates later.
    DefaultPrivilege {
        creator: Option<String>,
        privileges: String,
        /// Such as `tables`.
        on: String,
        to: String,
        grant_option: bool,
    },
    /// The owner of an object.
    Owner { of: Box<Object>, role: String },
}

/// Privileges of a role on an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Granted {
    /// Such as `select, insert`.
    pub privileges: String,
    pub on: Object,
    pub to: String,
    pub grant_option: bool,
}

/// A part of an object that has a name of its own in the schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    pub kind: Kind,
    /// The kind of the whole, one of [`Kind::wholes`].
    pub whole: Kind,
    /// The name of the whole.
    pub of: Ident,
    pub name: Ident,
}

impl Object {
    /// A table.
    #[must_use]
    pub fn table(name: &Ident) -> Self {
        Self::Member(Kind::Table, name.clone())
    }

    /// A part of an object of this kind and name.
    #[must_use]
    pub fn part(whole: Kind, of: &Ident, kind: Kind, name: &Ident) -> Self {
        Self::Part(Part { kind, whole, of: of.clone(), name: name.clone() })
    }

    /// A part of a table.
    #[must_use]
    pub fn on_table(kind: Kind, table: &Ident, name: &Ident) -> Self {
        Self::part(Kind::Table, table, kind, name)
    }

    /// A column.
    #[must_use]
    pub fn column(table: &Ident, name: &Ident) -> Self {
        Self::on_table(Kind::Column, table, name)
    }

    /// The comment on this object.
    #[must_use]
    pub fn comment(&self) -> Self {
        Self::Comment(Box::new(self.clone()))
    }

    /// The same object under another name, if it has one of its own.
    #[must_use]
    pub fn named(&self, name: &Ident) -> Self {
        match self {
            Self::Member(kind, _) => Self::Member(*kind, name.clone()),
            Self::Routine { kind, arguments, .. } => {
                Self::Routine { kind: *kind, name: name.clone(), arguments: arguments.clone() }
            }
            Self::Part(part) => Self::Part(Part { name: name.clone(), ..part.clone() }),
            other => other.clone(),
        }
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Schema => Kind::Schema,
            Self::Member(kind, _) | Self::Routine { kind, .. } | Self::Part(Part { kind, .. }) => {
                *kind
            }
            Self::Comment(_) => Kind::Comment,
            Self::Row { .. } => Kind::Row,
            Self::Grant(_) => Kind::Grant,
            Self::DefaultPrivilege { .. } => Kind::DefaultPrivilege,
            Self::Owner { .. } => Kind::Owner,
        }
    }

    /// Its own name; the schema, comments, rows and privileges have none.
    #[must_use]
    pub fn name(&self) -> Option<&Ident> {
        match self {
            Self::Member(_, name) | Self::Routine { name, .. } | Self::Part(Part { name, .. }) => {
                Some(name)
            }
            Self::Schema
            | Self::Comment(_)
            | Self::Row { .. }
            | Self::Grant(_)
            | Self::DefaultPrivilege { .. }
            | Self::Owner { .. } => None,
        }
    }

    /// The object without which this one cannot exist.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        match self {
            Self::Schema => None,
            Self::Member(..) | Self::Routine { .. } | Self::DefaultPrivilege { .. } => {
                Some(Self::Schema)
            }
            Self::Grant(grant) => Some(grant.on.clone()),
            Self::Part(Part { kind: Kind::Default, of, name, .. }) => Some(Self::column(of, name)),
            Self::Part(Part { .. }) | Self::Row { .. } => Some(self.group()),
            Self::Comment(on) | Self::Owner { of: on, .. } => Some((**on).clone()),
        }
    }

    /// The table, type or sequence under which it is reported.
    #[must_use]
    pub fn group(&self) -> Self {
        match self {
            Self::Part(Part { whole, of, .. }) => Self::Member(*whole, of.clone()),
            Self::Row { table, .. } => Self::table(table),
            Self::Comment(on) | Self::Owner { of: on, .. } => on.group(),
            Self::Grant(grant) => grant.on.group(),
            Self::DefaultPrivilege { .. } => Self::Schema,
            Self::Schema | Self::Member(..) | Self::Routine { .. } => self.clone(),
        }
    }

    /// The name of the table that it is, or is a part of.
    #[must_use]
    pub fn table_name(&self) -> Option<Ident> {
        match self.group() {
            Self::Member(Kind::Table, name) => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schema => write!(f, "schema"),
            Self::Member(kind, name) => write!(f, "{kind} {name}"),
            Self::Routine { kind, name, arguments } => {
                write!(f, "{kind} {name}({})", printable(arguments))
            }
            Self::Part(Part { kind, whole, of, name }) => match kind {
                Kind::Column => write!(f, "column {of}.{name}"),
                Kind::Default => write!(f, "default of column {of}.{name}"),
                Kind::RowSecurity | Kind::ReplicaIdentity | Kind::Clustering => {
                    write!(f, "{kind} of {whole} {of}")
                }
                Kind::Label => write!(f, "label {:?} of enum {of}", name.as_str()),
                Kind::DomainConstraint => write!(f, "constraint {name} on domain {of}"),
                Kind::Attribute => write!(f, "attribute {of}.{name}"),
                Kind::Population => write!(f, "data of {whole} {of}"),
                _ => write!(f, "{kind} {name} on {of}"),
            },
            Self::Comment(on) => write!(f, "comment on {on}"),
            Self::Row { table, key } => write!(f, "row of {table} with {}", printable(key)),
            Self::Grant(grant) => {
                let Granted { privileges, on, to, grant_option } = &**grant;
                write!(f, "grant {} on {on} to {}", printable(privileges), printable(to))?;
                f.write_str(option(*grant_option))
            }
            Self::Owner { of, role } => write!(f, "owner {} of {of}", printable(role)),
            Self::DefaultPrivilege { creator, privileges, on, to, grant_option } => {
                write!(f, "default privilege {} on {on}", printable(privileges))?;
                if let Some(creator) = creator {
                    write!(f, " of {}", printable(creator))?;
                }
                write!(f, " to {}{}", printable(to), option(*grant_option))
            }
        }
    }
}

fn option(grant_option: bool) -> &'static str {
    if grant_option { " with grant option" } else { "" }
}
