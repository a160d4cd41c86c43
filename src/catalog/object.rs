//! The identity of an object: its kind, its name, and what it is a part of.

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

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

/// The key of a whole of this kind in the saved form.
fn key_of_whole(whole: Kind) -> &'static str {
    match whole {
        Kind::Table | Kind::View | Kind::MaterializedView => whole.name(),
        _ => "of",
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", self.kind().name())?;
        match self {
            Self::Schema => {}
            Self::Member(_, name) => map.serialize_entry("name", name)?,
            Self::Routine { name, arguments, .. } => {
                map.serialize_entry("name", name)?;
                map.serialize_entry("arguments", arguments)?;
            }
            Self::Part(Part { whole, of, name, .. }) => {
                map.serialize_entry(key_of_whole(*whole), of)?;
                map.serialize_entry("name", name)?;
            }
            Self::Comment(on) => map.serialize_entry("on", on)?,
            Self::Row { table, key } => {
                map.serialize_entry("table", table)?;
                map.serialize_entry("key", key)?;
            }
            Self::Grant(grant) => {
                map.serialize_entry("privileges", &grant.privileges)?;
                map.serialize_entry("on", &grant.on)?;
                map.serialize_entry("to", &grant.to)?;
                with_option(&mut map, grant.grant_option)?;
            }
            Self::Owner { of, role } => {
                map.serialize_entry("on", of)?;
                map.serialize_entry("role", role)?;
            }
            Self::DefaultPrivilege { creator, privileges, on, to, grant_option } => {
                if let Some(creator) = creator {
                    map.serialize_entry("for", creator)?;
                }
                map.serialize_entry("privileges", privileges)?;
                map.serialize_entry("on", on)?;
                map.serialize_entry("to", to)?;
                with_option(&mut map, *grant_option)?;
            }
        }
        map.end()
    }
}

const OPTION: (&str, &str) = ("with", "grant option");

fn with_option<M: SerializeMap>(map: &mut M, grant_option: bool) -> Result<(), M::Error> {
    if grant_option { map.serialize_entry(OPTION.0, OPTION.1) } else { Ok(()) }
}

/// The saved form, in which each kind has its own keys.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Text(String),
    Object(Box<Object>),
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut map = BTreeMap::<String, Entry>::deserialize(deserializer)?;
        let object = read(&mut map).map_err(de::Error::custom)?;
        match map.into_keys().next() {
            None => Ok(object),
            Some(key) => Err(de::Error::custom(format!("unknown field `{key}`"))),
        }
    }
}

fn read(map: &mut BTreeMap<String, Entry>) -> Result<Object, String> {
    let mut text = |key: &str| match map.remove(key) {
        Some(Entry::Text(text)) => Ok(text),
        _ => Err(format!("missing field `{key}`")),
    };
    let name = |text: String| Ident::new(text).map_err(|error| error.to_string());
    let kind = text("kind")?;
    let kind = Kind::ALL.into_iter().find(|known| known.name() == kind);
    let kind = kind.ok_or("unknown kind of object")?;
    let whole = kind.wholes().iter().find(|whole| map.contains_key(key_of_whole(**whole)));
    let whole = whole.or(kind.wholes().first()).copied();
    let has_creator = map.contains_key("for");
    let mut text = |key: &str| match map.remove(key) {
        Some(Entry::Text(text)) => Ok(text),
        _ => Err(format!("missing field `{key}`")),
    };
    Ok(match kind {
        Kind::Schema => Object::Schema,
        Kind::Comment => match map.remove("on") {
            Some(Entry::Object(on)) => Object::Comment(on),
            _ => return Err("missing field `on`".to_owned()),
        },
        Kind::Grant => Object::Grant(Box::new(Granted {
            privileges: text("privileges")?,
            to: text("to")?,
            grant_option: is_with_option(map)?,
            on: match map.remove("on") {
                Some(Entry::Object(on)) => *on,
                _ => return Err("missing field `on`".to_owned()),
            },
        })),
        Kind::Owner => Object::Owner {
            role: text("role")?,
            of: match map.remove("on") {
                Some(Entry::Object(on)) => on,
                _ => return Err("missing field `on`".to_owned()),
            },
        },
        Kind::DefaultPrivilege => Object::DefaultPrivilege {
            privileges: text("privileges")?,
            on: text("on")?,
            to: text("to")?,
            creator: has_creator.then(|| text("for")).transpose()?,
            grant_option: is_with_option(map)?,
        },
        Kind::Row => Object::Row { table: name(text("table")?)?, key: text("key")? },
        _ if kind.is_routine() => {
            Object::Routine { kind, name: name(text("name")?)?, arguments: text("arguments")? }
        }
        _ => match whole {
            None => Object::Member(kind, name(text("name")?)?),
            Some(whole) => Object::Part(Part {
                kind,
                whole,
                of: name(text(key_of_whole(whole))?)?,
                name: name(text("name")?)?,
            }),
        },
    })
}

fn is_with_option(map: &mut BTreeMap<String, Entry>) -> Result<bool, String> {
    match map.remove(OPTION.0) {
        None => Ok(false),
        Some(Entry::Text(text)) if text == OPTION.1 => Ok(true),
        Some(_) => Err(format!("unknown value of `{}`", OPTION.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_saved_by_kind_and_read_back() {
        let ident = |name: &str| Ident::new(name).unwrap();
        let (t, x) = (ident("t"), ident("x"));
        for (object, json) in [
            (Object::Schema, r#"{"kind":"schema"}"#),
            (Object::table(&t), r#"{"kind":"table","name":"t"}"#),
            (Object::column(&t, &x), r#"{"kind":"column","table":"t","name":"x"}"#),
            (
                Object::part(Kind::Enum, &t, Kind::Label, &x),
                r#"{"kind":"label","of":"t","name":"x"}"#,
            ),
            (
                Object::part(Kind::MaterializedView, &t, Kind::Index, &x),
                r#"{"kind":"index","materialized_view":"t","name":"x"}"#,
            ),
            (
                Object::Routine {
                    kind: Kind::Function,
                    name: t.clone(),
                    arguments: "integer".into(),
                },
                r#"{"kind":"function","name":"t","arguments":"integer"}"#,
            ),
            (Object::table(&t).comment(), r#"{"kind":"comment","on":{"kind":"table","name":"t"}}"#),
            (
                Object::Row { table: t.clone(), key: "a = 1".into() },
                r#"{"kind":"row","table":"t","key":"a = 1"}"#,
            ),
            (
                Object::Grant(Box::new(Granted {
                    privileges: "select".into(),
                    on: Object::table(&t),
                    to: "app".into(),
                    grant_option: true,
                })),
                r#"{"kind":"grant","privileges":"select","on":{"kind":"table","name":"t"},"to":"app","with":"grant option"}"#,
            ),
            (
                Object::Owner { of: Box::new(Object::Schema), role: "app".into() },
                r#"{"kind":"owner","on":{"kind":"schema"},"role":"app"}"#,
            ),
            (
                Object::DefaultPrivilege {
                    creator: Some("owner".into()),
                    privileges: "usage".into(),
                    on: "types".into(),
                    to: "app".into(),
                    grant_option: false,
                },
                r#"{"kind":"default_privilege","for":"owner","privileges":"usage","on":"types","to":"app"}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&object).unwrap(), json);
            assert_eq!(serde_json::from_str::<Object>(json).unwrap(), object);
        }
        for wrong in [
            r#"{"kind":"moon"}"#,
            r#"{"kind":"table"}"#,
            r#"{"kind":"table","name":"t","of":"u"}"#,
            r#"{"kind":"column","of":"t","name":"x"}"#,
        ] {
            assert!(serde_json::from_str::<Object>(wrong).is_err(), "{wrong}");
        }
    }
}
