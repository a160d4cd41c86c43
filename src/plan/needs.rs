//! What objects need, and which cannot be created.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Fact, Object};

/// The objects that cannot be created, by the name that they have in the desired state, and why.
pub(super) type Blocked<'a> = BTreeMap<&'a Object, BTreeSet<String>>;

/// What an object needs: what it is a part of, and its dependencies according to the server.
pub(super) fn needed(fact: &Fact) -> impl Iterator<Item = Object> + use<'_> {
    fact.object.parent().into_iter().chain(fact.dependencies.iter().cloned())
}
