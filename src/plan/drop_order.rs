//! In which order things are dropped, by what needs what according to the server.

use std::collections::{BTreeMap, BTreeSet};

use super::removed::Drop;
use crate::catalog::{Catalog, Fact, Kind, Object};
use crate::kinds;

/// The statements, each before those that drop what it depends on. What goes with something else needs none.
pub(super) fn in_order<'a>(
    live: &'a Catalog,
    gone: &BTreeSet<Object>,
    late: BTreeSet<&'a Object>,
    desired_of: &BTreeMap<Object, &Fact>,
) -> Vec<Drop> {
    let facts: Vec<&'a Fact> = gone.iter().filter_map(|object| live.get(object)).collect();
    // Tables with foreign keys to each other are dropped when the keys are.
    let is_between_tables = |fact: &Fact| {
        let mut tables = fact.dependencies.iter().filter_map(Object::table_name);
        kinds::is_foreign_key(fact)
            && tables.any(|table| {
                Some(&table) != fact.object.table_name().as_ref()
                    && gone.contains(&Object::table(&table))
            })
    };
    let whole_of = |fact: &Fact| {
        let whole = wholes(fact).find(|whole| gone.contains(whole))?;
        // What is lost with something that is created again is told, as is a sequence that is not the column's own.
        let is_lost = desired_of.contains_key(&whole) && !desired_of.contains_key(&fact.object);
        (!is_lost && !is_between_tables(fact) && !is_of_others(live, fact)).then_some(whole)
    };
    let named = |fact: &'a Fact| {
        let mut named = fact;
        while let Some(whole) = whole_of(named).and_then(|whole| live.get(&whole)) {
            named = whole;
        }
        &named.object
    };
    let named: BTreeMap<&Object, &'a Object> =
        facts.iter().map(|fact| (&fact.object, named(fact))).collect();
    // What waits for a column waits for the table that the column goes with.
    let late = late.into_iter().map(|object| named.get(object).copied().unwrap_or(object));
    let mut late: BTreeSet<&'a Object> = late.collect();
    let mut before: BTreeMap<&'a Object, BTreeSet<&'a Object>> = BTreeMap::new();
    for fact in &facts {
        let Some(own) = named.get(&fact.object) else { continue };
        before.entry(own).or_default();
        for object in needed(fact) {
            if let Some(other) = named.get(&object).filter(|other| *other != own) {
                before.entry(other).or_default().insert(own);
            }
        }
    }
    let mut drops = Vec::new();
    while !before.is_empty() {
        let ready = before.iter().find(|(_, others)| others.is_empty());
        // In a circle, any may be first.
        let Some(object) = ready.or_else(|| before.iter().next()).map(|(object, _)| *object) else {
            break;
        };
        before.remove(object);
        for (other, others) in &mut before {
            if others.remove(object) && late.contains(object) {
                late.insert(*other);
            }
        }
        drops.push(Drop {
            object: object.clone(),
            again: desired_of.get(object).map(|fact| fact.object.clone()),
            is_late: late.contains(object),
        });
    }
    drops
}

/// Whether it is a sequence that belongs to a column whose default does not draw from it.
pub(super) fn is_of_others(live: &Catalog, fact: &Fact) -> bool {
    let column = kinds::comes_with(fact).filter(|_| fact.object.kind() == Kind::Sequence);
    column.is_some() && !kinds::feeds_its_column(live, fact)
}

/// What an object cannot exist without.
pub(super) fn needed(fact: &Fact) -> impl Iterator<Item = Object> + use<'_> {
    wholes(fact).chain(fact.dependencies.iter().cloned())
}

/// What an object is dropped along with.
pub(super) fn wholes(fact: &Fact) -> impl Iterator<Item = Object> + use<'_> {
    // The columns of views are no objects of their own.
    let of_comment = match &fact.object {
        Object::Comment(on) => Some(on.group()),
        _ => None,
    };
    let own = fact.object.parent().into_iter().chain(kinds::comes_with(fact));
    own.chain(of_comment).filter(|whole| *whole != Object::Schema)
}
