//! Facts and catalogs.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use super::{Kind, Object, Unmodelled};
use crate::name::{Ident, SchemaName};

/// An object with its attributes.
#[derive(Debug, Clone, Eq, Serialize)]
pub struct Fact {
    pub object: Object,
    /// By the keys that its kind defines; attributes that the object does not have are absent.
    pub attributes: BTreeMap<&'static str, Value>,
    /// Its position among others of its kind; only the order counts.
    #[serde(skip)]
    pub position: i64,
    /// What it depends on beside its parent, within the schema.
    #[serde(skip)]
    pub dependencies: BTreeSet<Object>,
}

/// The value of an attribute.
#[derive(Debug, Clone, Eq)]
pub struct Value {
    /// In the server's words with the schema itself in the search path: what is compared and shown.
    pub text: String,
    /// The same with everything qualified, for statements; `None`: both are the same.
    pub sql: Option<Template>,
}

/// SQL with placeholders for the tenant's schema.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Template(Vec<String>);

// The position and the dependencies of an object are not compared.
impl PartialEq for Fact {
    fn eq(&self, other: &Self) -> bool {
        self.object == other.object && self.attributes == other.attributes
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl Template {
    /// The text that the server printed of what is in the schema `scratch`, whose name is random and needs no
    /// quotes.
    #[must_use]
    pub fn of(text: &str, scratch: &SchemaName) -> Self {
        Self(text.split(scratch.as_str()).map(str::to_owned).collect())
    }

    /// The same text for all schemas.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self(vec![text.to_owned()])
    }

    /// For one schema.
    #[must_use]
    pub fn sql(&self, schema: &SchemaName) -> String {
        // A schema's name contains no quotation mark, so it may also be inside a literal.
        self.0.join(&schema.quoted())
    }
}

impl Fact {
    /// An object with these attributes, of which nothing else is known.
    #[must_use]
    pub fn new(
        object: Object,
        attributes: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Self {
        let attributes = attributes.into_iter();
        let attributes = attributes.map(|(key, text)| (key, Value { text, sql: None })).collect();
        Self { object, attributes, position: 0, dependencies: BTreeSet::new() }
    }

    /// The value of an attribute, to be compared and shown.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.attributes.get(key).map(|value| value.text.as_str())
    }

    /// The same in a statement for one schema.
    #[must_use]
    pub fn sql(&self, key: &str, schema: &SchemaName) -> Option<String> {
        let Value { text, sql } = self.attributes.get(key)?;
        Some(sql.as_ref().map_or_else(|| text.clone(), |sql| sql.sql(schema)))
    }
}

/// The contents of one schema.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Catalog {
    #[serde(serialize_with = "in_order")]
    facts: BTreeMap<Object, Fact>,
    pub unmodelled: BTreeSet<Unmodelled>,
}

fn in_order<S: Serializer>(
    facts: &BTreeMap<Object, Fact>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(facts.values())
}

impl Catalog {
    /// Adds a fact, in place of one of the same object.
    pub fn insert(&mut self, fact: Fact) {
        self.facts.insert(fact.object.clone(), fact);
    }

    /// The fact of an object, if it exists.
    #[must_use]
    pub fn get(&self, object: &Object) -> Option<&Fact> {
        self.facts.get(object)
    }

    /// The same, to be modified.
    pub fn get_mut(&mut self, object: &Object) -> Option<&mut Fact> {
        self.facts.get_mut(object)
    }

    /// Whether the object exists.
    #[must_use]
    pub fn has(&self, object: &Object) -> bool {
        self.facts.contains_key(object)
    }

    /// All facts, by kind and name.
    pub fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.facts.values()
    }

    /// All of a kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Fact> {
        self.facts.values().filter(move |fact| fact.object.kind() == kind)
    }

    /// The rest, without these objects.
    #[must_use]
    pub fn without(&self, gone: &BTreeSet<Object>) -> Self {
        let left = self.facts.iter().filter(|(object, _)| !gone.contains(object));
        let facts = left.map(|(object, fact)| (object.clone(), fact.clone())).collect();
        Self { facts, unmodelled: self.unmodelled.clone() }
    }

    /// Whether there is such a table.
    #[must_use]
    pub fn has_table(&self, name: &Ident) -> bool {
        self.has(&Object::table(name))
    }
}

/// What every tenant should contain.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    pub catalog: Catalog,
    /// Those that the manifest leaves unnamed: in a tenant they are found by their structure.
    pub unnamed: BTreeSet<Object>,
    /// Between which types the server converts values when they are assigned, beside to text.
    pub casts: BTreeSet<(String, String)>,
    /// The defaults of columns, and the domains with defaults, that are computed for each row by itself.
    pub volatile: BTreeSet<Object>,
}
