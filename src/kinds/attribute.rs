//! Attributes of objects.

use crate::catalog::{Catalog, Fact, Kind, Object};
use crate::name::Ident;

/// An attribute of a kind of objects.
#[derive(Debug)]
pub struct Attribute {
    /// What it is called in catalogs.
    pub key: &'static str,
    /// An expression over the source of its kind; NULL: the object does not have it.
    pub sql: &'static str,
    /// What stands in front of it where people read it.
    label: &'static str,
    /// Whether people get to see it, and it is digested. If not, others say the same.
    is_shown: bool,
    /// What is digested of it.
    digest: Digested,
    /// Whether what depends on the object needs it to be as desired.
    pub is_needed: bool,
}

#[derive(Debug, Clone, Copy)]
enum Digested {
    /// The expression that is read.
    AsRead,
    Instead(&'static [&'static str]),
}

impl Attribute {
    pub(super) const fn new(key: &'static str, sql: &'static str) -> Self {
        Self { key, sql, label: "", is_shown: true, digest: Digested::AsRead, is_needed: false }
    }

    /// With words in front of what it says.
    pub(super) const fn labelled(self, label: &'static str) -> Self {
        Self { label, ..self }
    }

    /// What depends on the object needs it to be as desired.
    pub(super) const fn needed(self) -> Self {
        Self { is_needed: true, ..self }
    }

    /// What is digested of it: expressions that cost the server less, over what the digest of its kind selects from.
    /// None: what else is digested changes with it.
    pub(super) const fn digested(self, expressions: &'static [&'static str]) -> Self {
        Self { digest: Digested::Instead(expressions), ..self }
    }

    /// The expressions that are digested.
    pub(super) fn digest(&self) -> Vec<&'static str> {
        match self.digest {
            _ if !self.is_shown => Vec::new(),
            Digested::AsRead => vec![self.sql],
            Digested::Instead(expressions) => expressions.to_vec(),
        }
    }

    /// Whether it is compared for its own sake. If not, others say the same.
    #[must_use]
    pub const fn is_shown(&self) -> bool {
        self.is_shown
    }

    /// Others say the same.
    pub(super) const fn hidden(self) -> Self {
        Self { is_shown: false, ..self }
    }

    fn line(&self, text: &str) -> Option<String> {
        match (self.is_shown, self.label) {
            (false, _) => None,
            (true, "") => Some(text.to_owned()),
            (true, label) => Some(format!("{label} {text}")),
        }
    }
}

/// The properties of an object as text, one a line, for people; a column's default is among its
/// properties, and the labels are those of their type. Comments are not.
#[must_use]
pub fn described(catalog: &Catalog, fact: &Fact) -> String {
    let attributes = super::rules(fact.object.kind()).attributes;
    let shown = attributes.iter().filter_map(|attribute| attribute.line(fact.text(attribute.key)?));
    let mut lines: Vec<String> = shown.collect();
    match &fact.object {
        Object::Part(part) if part.kind == Kind::Column => {
            let default = Object::on_table(Kind::Default, &part.of, &part.name);
            lines.extend(catalog.get(&default).map(|default| described(catalog, default)));
        }
        Object::Member(Kind::Enum, name) => {
            let labels = labels(catalog, name);
            lines.extend(labels.into_iter().map(|label| format!("label {:?}", label.as_str())));
        }
        _ => {}
    }
    lines.join("\n")
}

/// The labels of an enum type, in their order.
#[must_use]
pub fn labels<'c>(catalog: &'c Catalog, of: &Ident) -> Vec<&'c Ident> {
    let of_type = |fact: &&Fact| matches!(&fact.object, Object::Part(part) if part.of == *of);
    let mut labels: Vec<&Fact> = catalog.of_kind(Kind::Label).filter(of_type).collect();
    labels.sort_by_key(|fact| fact.position);
    labels.into_iter().filter_map(|fact| fact.object.name()).collect()
}
