//! The catalogs that are compared, with the result: everything that the other steps from catalogs to a plan use.

use std::collections::{BTreeMap, BTreeSet};

use super::consent::{self, Parted};
use super::removed::Removal;
use crate::catalog::{
    Altered, Catalog, Delta, Desired, Fact, Kind, Matching, Object, Slots, delta,
};
use crate::consent::{Class, Consent};
use crate::kinds::{self, Alteration, Remade};
use crate::manifest::{ColumnDecl, Manifest};

/// Where an object comes in the order: kind and position of what it is a part of, and its own.
pub(super) type Rank = (Kind, i64, Kind, i64);

/// The desired and the live state, and their difference.
pub(super) struct Comparison<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) desired: &'a Desired,
    pub(super) live: &'a Catalog,
    pub(super) matching: Matching<'a>,
    pub(super) consent: Consent,
    /// What may be done.
    pub(super) permitted: Delta<'a>,
    /// What may not be done unless a person consents.
    pub(super) withheld: Delta<'a>,
    /// What is to be created, by the name that it has in the desired state.
    pub(super) added: BTreeMap<&'a Object, &'a Fact>,
    /// What is to be changed in place, by the name that it has in the desired state.
    pub(super) changing: BTreeMap<&'a Object, Altered<'a>>,
    /// The enum types that are made anew, by the name that they have in both states.
    pub(super) remade: BTreeMap<&'a Object, Remade<'a>>,
    /// The names that these objects get in this tenant.
    pub(super) names: BTreeMap<&'a Object, Object>,
}

/// What is to be created: what was dropped to be created `again`, and of the rest neither what comes with a column that exists, which is a change of that column unless a person
/// consents to its getting a default, nor comments on it. A sequence that has been named does not come along, whichever column owns it.
fn added<'a>(
    delta: &Delta<'a>,
    live: &Catalog,
    (unnamed, again): (&BTreeSet<Object>, &BTreeSet<Object>),
    may_change: impl Fn(&Object) -> bool,
) -> BTreeMap<&'a Object, &'a Fact> {
    let comes_along = |fact: &Fact| {
        let column = kinds::comes_with(fact).filter(|_| !again.contains(&fact.object));
        let is_named = fact.object.kind() == Kind::Sequence && !unnamed.contains(&fact.object);
        !is_named && column.is_some_and(|column| live.has(&column))
    };
    let along: Vec<&Fact> = delta.added.iter().copied().filter(|fact| comes_along(fact)).collect();
    let has_all =
        |fact: &Fact| !along.iter().any(|other| fact.dependencies.contains(&other.object));
    let is_default = |fact: &Fact| {
        fact.object.kind() == Kind::Default
            && fact.object.parent().is_some_and(|column| may_change(&column))
            && has_all(fact)
    };
    let left: BTreeSet<&Object> =
        along.iter().filter(|fact| !is_default(fact)).map(|fact| &fact.object).collect();
    let is_made = |fact: &&&Fact| match &fact.object {
        Object::Comment(on) => !left.contains(&**on),
        object => !left.contains(object),
    };
    delta.added.iter().filter(is_made).map(|fact| (&fact.object, *fact)).collect()
}

impl<'a> Comparison<'a> {
    /// Compares; `live` is what remains of the tenant after the removal. What is to be created and cannot have its name is
    /// returned with what holds the name.
    pub(super) fn of(
        manifest: &'a Manifest,
        desired: &'a Desired,
        live: &'a Catalog,
        consent: &Consent,
        removal: &Removal,
    ) -> (Self, BTreeMap<&'a Object, String>) {
        let matching = kinds::matching(desired, live);
        let found = delta(&desired.catalog, live, &matching);
        let catalogs = (&desired.catalog, live);
        let refused = removal.refused.keys().cloned().collect();
        let remade = consent::remade(catalogs, consent, &refused);
        let Parted { mut permitted, mut withheld } =
            consent::part(found, (manifest, catalogs), consent, &refused);
        // Its labels come and go with a type that is made anew.
        let is_of_remade = |fact: &&Fact| {
            fact.object.kind() == Kind::Label && remade.contains_key(&fact.object.group())
        };
        permitted.added.retain(|fact| !is_of_remade(fact));
        withheld.removed.retain(|fact| !is_of_remade(fact));
        for object in remade.keys() {
            if let (Some(desired), Some(live)) = (catalogs.0.get(object), live.get(object)) {
                permitted.altered.push(Altered { desired, live });
            }
        }
        let may_change = |column: &Object| {
            let is_left = withheld.altered.iter().any(|one| one.desired.object == *column);
            consent.allows(Class::Alter, column) && !is_left && !consent::is_of_parent(column, live)
        };
        let added = added(&permitted, live, (&desired.unnamed, &removal.again), may_change);
        let altered = permitted.altered.iter();
        let changing = altered.map(|one| (&one.desired.object, *one)).collect();
        let names = BTreeMap::new();
        let mut comparison = Self {
            manifest,
            desired,
            live,
            matching,
            consent: consent.clone(),
            permitted,
            withheld,
            added,
            changing,
            remade,
            names,
        };
        let taken = comparison.name_all();
        (comparison, taken)
    }

    /// Gives names to all that is to be created; what cannot have its name is returned with what holds it.
    fn name_all(&mut self) -> BTreeMap<&'a Object, String> {
        let mut slots = Slots::new(self.desired.catalog.facts(), self.live, &kinds::occupied);
        let mut taken = BTreeMap::new();
        let mut in_order: Vec<&'a Fact> = self.added.values().copied().collect();
        in_order.sort_by_key(|fact| self.rank(&fact.object));
        for fact in in_order {
            let is_named = !self.desired.unnamed.contains(&fact.object)
                || fact.object.kind() == Kind::Sequence;
            let object = match &fact.object {
                Object::Comment(on) => self.name_of(on).comment(),
                _ => match slots.claim(fact, is_named, &kinds::occupied) {
                    Ok(object) => object,
                    Err(holder) => {
                        taken.insert(&fact.object, holder);
                        fact.object.clone()
                    }
                },
            };
            self.names.insert(&fact.object, object);
        }
        taken
    }

    /// The declaration of a column of a table.
    pub(super) fn column(&self, desired: &Object) -> Option<&'a ColumnDecl> {
        consent::column(self.manifest, desired)
    }

    /// What changes an object in place, with what the manifest says of how.
    pub(super) fn alteration(&self, desired: &'a Fact, live: &'a Fact) -> Alteration<'a> {
        let remade = self.remade.get(&desired.object).cloned();
        Alteration { remade, ..consent::alteration(self.manifest, &Altered { desired, live }) }
    }

    /// What is to be created or changed, as it is desired.
    pub(super) fn touched(&self) -> impl Iterator<Item = &'a Fact> {
        let changed = self.changing.values().map(|altered| altered.desired);
        self.added.values().copied().chain(changed)
    }

    /// The name of a desired object in this tenant, whether it exists or is to be created.
    pub(super) fn name_of(&self, desired: &Object) -> Object {
        self.names.get(desired).cloned().unwrap_or_else(|| self.matching.live_or_same(desired))
    }

    /// Where an object comes in reports and among equals: by what it is a part of, in the order of creation.
    pub(super) fn rank(&self, object: &Object) -> Rank {
        let position = |object: &Object| match object {
            // The one on the whole first.
            Object::Comment(on) if **on == on.group() => 0,
            Object::Comment(on) => self.desired.catalog.get(on).map_or(0, |fact| fact.position),
            _ => self.desired.catalog.get(object).map_or(i64::MAX, |fact| fact.position),
        };
        let group = object.group();
        (group.kind(), position(&group), object.kind(), position(object))
    }
}
