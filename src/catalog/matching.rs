//! Which object of a tenant corresponds to a desired one, where the name does not decide.
//!
//! Objects that the manifest leaves unnamed, and those that could exist under another name, are matched in
//! this order, each live object being taken at most once:
//! 1. the one with the declared name; for an unnamed one, the one with equal attributes;
//! 2. for an unnamed one, one that plays the same role and becomes equal when it is changed in place;
//! 3. the one that plays the same role, such as the primary key, the foreign key on the same columns, or the
//!    unique index in the place of a unique constraint; for an unnamed one, the one of its type under the name
//!    that it would get; for a named one, an equal one under another name. These are *changed*: to
//!    create the declared one beside it would be to create it twice.

use std::collections::{BTreeMap, BTreeSet};

use super::{Catalog, Desired, Fact, Kind, Object};

/// The key of the attribute that identifies the role of an object; objects with one role are versions of one.
const ROLE: &str = "role";

/// The key of the attribute that identifies which sort of its kind an object is.
const SORT: &str = "sort";

/// A live object that exists in the place of a desired one.
#[derive(Debug, Clone, Copy)]
pub struct Counterpart<'a> {
    pub desired: &'a Fact,
    pub live: &'a Fact,
    /// Whether the manifest names the desired one.
    pub is_named: bool,
}

impl Counterpart<'_> {
    /// Whether it is as declared but for its name.
    #[must_use]
    pub fn is_only_misnamed(&self) -> bool {
        let (desired, live) = (self.desired, self.live);
        let is_alike = desired.object.kind() == live.object.kind()
            && desired.object.group() == live.object.group()
            && desired.attributes == live.attributes;
        self.is_named && is_alike
    }
}

/// The result for those objects whose names do not decide.
#[derive(Debug, Default)]
pub struct Matching<'a> {
    /// The live object of each desired one; `None`: it is missing, whatever has its name.
    found: BTreeMap<&'a Object, Option<&'a Object>>,
    pub counterparts: Vec<Counterpart<'a>>,
    /// Desired objects that have counterparts.
    replaced: BTreeSet<&'a Object>,
    /// Live objects that are counterparts.
    taken: BTreeSet<&'a Object>,
}

impl<'a> Matching<'a> {
    /// The live object of a desired one, or the object that it would be.
    #[must_use]
    pub fn live(&self, desired: &Object) -> Option<Object> {
        if let Object::Comment(on) = desired {
            return self.live(on).map(|on| on.comment());
        }
        match self.found.get(desired) {
            Some(found) => found.cloned(),
            None => Some(desired.clone()),
        }
    }

    /// The same; the desired one itself if it is missing.
    #[must_use]
    pub fn live_or_same(&self, desired: &Object) -> Object {
        self.live(desired).unwrap_or_else(|| desired.clone())
    }

    /// Whether a desired object, or what a comment is on, has a counterpart instead.
    #[must_use]
    pub fn is_replaced(&self, desired: &Object) -> bool {
        match desired {
            Object::Comment(on) => self.is_replaced(on),
            _ => self.replaced.contains(desired),
        }
    }

    /// Whether a live object, or what a comment is on, is a counterpart.
    pub(super) fn is_taken(&self, live: &Object) -> bool {
        match live {
            Object::Comment(on) => self.is_taken(on),
            _ => self.taken.contains(live),
        }
    }

    fn pair(&mut self, desired: &'a Fact, live: &'a Fact) {
        self.found.insert(&desired.object, Some(&live.object));
    }
}

/// Matches desired objects with live ones, for the kinds that are matched by structure; `can_change` says whether the second can be
/// made like the first in place.
#[must_use]
pub fn matching<'a>(
    desired: &'a Desired,
    live: &'a Catalog,
    is_structural: impl Fn(Kind) -> bool,
    can_change: impl Fn(&Fact, &Fact) -> bool,
) -> Matching<'a> {
    let is_structural = |fact: &&Fact| is_structural(fact.object.kind());
    let mut open: Vec<&Fact> = desired.catalog.facts().filter(is_structural).collect();
    open.sort_by_key(|fact| (fact.object.kind(), fact.object.group(), fact.position));
    let mut left: BTreeMap<Object, Vec<&Fact>> = BTreeMap::new();
    for fact in live.facts().filter(is_structural) {
        left.entry(place(fact)).or_default().push(fact);
    }
    let mut matching = Matching::default();
    // Each round goes over all of them, so that a counterpart of one is never the exact match of another.
    open.retain(|fact| {
        let found = take(&mut left, fact, |live| is_same(desired, fact, live));
        found.inspect(|live| matching.pair(fact, live)).is_none()
    });
    open.retain(|fact| {
        if !desired.unnamed.contains(&fact.object) {
            return true;
        }
        let is_changeable = |live: &Fact| {
            live.object.kind() == fact.object.kind()
                && plays_its_part(fact, live, false)
                && can_change(fact, live)
        };
        let preference =
            |live: &Fact| is_changeable(live).then_some(u8::from(live.object != fact.object));
        let found = take(&mut left, fact, preference);
        found.inspect(|live| matching.pair(fact, live)).is_none()
    });
    for fact in open {
        let is_named = !desired.unnamed.contains(&fact.object);
        let preference = |live: &Fact| match plays_its_part(fact, live, is_named) {
            true if live.object.kind() == fact.object.kind() => Some(0),
            true => Some(1),
            false => None,
        };
        match take(&mut left, fact, preference) {
            Some(live) => {
                matching.replaced.insert(&fact.object);
                matching.taken.insert(&live.object);
                matching.counterparts.push(Counterpart { desired: fact, live, is_named });
            }
            None => _ = matching.found.insert(&fact.object, None),
        }
    }
    matching
}

/// Where its counterpart can be found: among the parts of the same table, or among all that have names of their own.
fn place(fact: &Fact) -> Object {
    match &fact.object {
        Object::Member(..) => Object::Schema,
        other => other.group(),
    }
}

/// Takes the live fact for which `preference` gives the lowest number.
fn take<'a>(
    left: &mut BTreeMap<Object, Vec<&'a Fact>>,
    fact: &Fact,
    preference: impl Fn(&Fact) -> Option<u8>,
) -> Option<&'a Fact> {
    let there = left.get_mut(&place(fact))?;
    let found = there.iter().enumerate().filter_map(|(at, live)| Some((preference(live)?, at)));
    let (_, at) = found.min()?;
    Some(there.remove(at))
}

/// Whether the live fact is the desired one; a lower number is a better match.
fn is_same(desired: &Desired, fact: &Fact, live: &Fact) -> Option<u8> {
    if live.object.kind() != fact.object.kind() {
        return None;
    }
    let has_its_name = live.object == fact.object;
    if !desired.unnamed.contains(&fact.object) {
        return has_its_name.then_some(0);
    }
    // Among equal ones, the one that also has the name; a sequence is what its name says.
    let is_equal = live.attributes == fact.attributes;
    let is_by_name = fact.object.kind() == Kind::Sequence && has_its_name;
    is_equal.then_some(u8::from(!has_its_name)).or(is_by_name.then_some(2))
}

fn plays_its_part(fact: &Fact, live: &Fact, is_named: bool) -> bool {
    let has_its_role = fact.text(ROLE).is_some() && fact.text(ROLE) == live.text(ROLE);
    let is_of_its_kind = live.object.kind() == fact.object.kind();
    let has_its_name = live.object == fact.object && live.text(SORT) == fact.text(SORT);
    has_its_role
        || is_of_its_kind && !is_named && has_its_name
        || is_of_its_kind && is_named && live.attributes == fact.attributes
}
