//! What types consist of.

use crate::catalog::{Catalog, Fact, Kind, Object};
use crate::name::Ident;

/// The labels of an enum type, or the attributes of a composite type, in their order.
#[must_use]
pub fn members<'c>(catalog: &'c Catalog, kind: Kind, of: &Ident) -> Vec<&'c Ident> {
    let of_type = |fact: &&Fact| matches!(&fact.object, Object::Part(part) if part.of == *of);
    let mut members: Vec<&Fact> = catalog.of_kind(kind).filter(of_type).collect();
    members.sort_by_key(|fact| fact.position);
    members.into_iter().filter_map(|fact| fact.object.name()).collect()
}
