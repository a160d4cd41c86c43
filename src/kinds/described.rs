//! Objects as text for people.

use super::registry::rules;
use super::type_members::members;
use crate::catalog::{Catalog, Fact, Kind, Object};

/// The properties of an object as text, one per line, for people; a column's default is among its
/// properties, and the labels and attributes are among those of their type. Comments are not.
#[must_use]
pub fn described(catalog: &Catalog, fact: &Fact) -> String {
    let attributes = rules(fact.object.kind()).attributes;
    let shown = attributes.iter().filter_map(|attribute| attribute.line(fact.text(attribute.key)?));
    let mut lines: Vec<String> = shown.collect();
    match &fact.object {
        Object::Part(part) if part.kind == Kind::Column => {
            let default = Object::on_table(Kind::Default, &part.of, &part.name);
            lines.extend(catalog.get(&default).map(|default| described(catalog, default)));
        }
        Object::Member(Kind::Enum, name) => {
            let labels = members(catalog, Kind::Label, name);
            lines.extend(labels.into_iter().map(|label| format!("label {:?}", label.as_str())));
        }
        Object::Member(Kind::CompositeType, name) => {
            let attributes = members(catalog, Kind::Attribute, name);
            lines.extend(attributes.into_iter().map(|name| format!("attribute {name}")));
        }
        _ => {}
    }
    lines.join("\n")
}
