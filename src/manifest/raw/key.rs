//! Primary keys and unique constraints, in each form that they may be written in.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::forms::{Name, Names, Spanned};

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::manifest) struct Key {
    pub(in crate::manifest) columns: Spanned<Names>,
    pub(in crate::manifest) name: Option<Name>,
    /// Columns that are stored in the index beside those of the key.
    #[serde(default)]
    pub(in crate::manifest) include: Names,
    /// `false`: two NULLs count as equal (PostgreSQL 15).
    pub(in crate::manifest) nulls_distinct: Option<Spanned<bool>>,
    #[serde(default)]
    pub(in crate::manifest) deferrable: bool,
    #[serde(default)]
    pub(in crate::manifest) initially_deferred: bool,
    /// The name that it had before.
    pub(in crate::manifest) renamed_from: Option<Name>,
    pub(in crate::manifest) comment: Option<Name>,
}

/// A key: one column, columns, or a table of properties.
#[derive(Debug)]
pub(in crate::manifest) enum KeyForm {
    Column(String),
    Columns(Names),
    Full(Key),
}

impl<'de> Deserialize<'de> for KeyForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;
        impl<'de> Visitor<'de> for Forms {
            type Value = KeyForm;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a column, a list of columns, or a table")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(KeyForm::Column(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                Names::deserialize(SeqAccessDeserializer::new(seq)).map(KeyForm::Columns)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Key::deserialize(MapAccessDeserializer::new(map)).map(KeyForm::Full)
            }
        }
        deserializer.deserialize_any(Forms)
    }
}

impl JsonSchema for KeyForm {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "KeyForm".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let columns = generator.subschema_for::<Vec<String>>();
        let full = generator.subschema_for::<Key>();
        json_schema!({ "anyOf": [{ "type": "string" }, columns, full] })
    }
}
