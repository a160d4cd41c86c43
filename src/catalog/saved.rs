//! The saved form of objects, in which each kind has its own keys.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Granted, Kind, Object, Part};
use crate::name::Ident;

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

/// The value of a key.
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
