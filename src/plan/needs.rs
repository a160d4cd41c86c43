//! What objects need, and which cannot be made.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Fact, Object};

/// The objects that cannot be made, by the name that they have where they are desired, and why.
pub(super) type Blocked<'a> = BTreeMap<&'a Object, BTreeSet<String>>;

/// What an object needs: what it is a part of, and what the server says.
pub(super) fn needed(fact: &Fact) -> impl Iterator<Item = Object> + use<'_> {
    fact.object.parent().into_iter().chain(fact.dependencies.iter().cloned())
}
