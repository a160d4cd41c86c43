//! Name spaces: which names are in use in a tenant, and by what.

use std::collections::{BTreeMap, BTreeSet};

use super::{Catalog, Fact, Object};
use crate::name::Ident;

/// A name in one of the server's name spaces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// Of tables, indexes, sequences, views and their like.
    Relation(Ident),
    /// Of types, which the rows of each table have, too.
    Type(Ident),
    /// Of functions, procedures and aggregates: the name with the types of the arguments.
    Routine(String),
    /// Of extended statistics.
    Statistics(Ident),
    /// Of the constraints of a table.
    Constraint { table: Ident, name: Ident },
}

/// The names that are in use in a tenant, including those that the plan will create.
#[derive(Debug)]
pub struct Slots<'a> {
    /// What each name is held by, such as "index of table t".
    held: BTreeMap<Slot, String>,
    /// Names that something desired has, whether it exists or not.
    reserved: BTreeSet<&'a Ident>,
}

impl<'a> Slots<'a> {
    /// Those of `live`; `desired` names are not given to anything else.
    #[must_use]
    pub fn new(
        desired: impl Iterator<Item = &'a Fact>,
        live: &Catalog,
        occupied: &impl Fn(&Fact) -> Vec<Slot>,
    ) -> Self {
        let mut held = BTreeMap::new();
        for fact in live.facts() {
            let holder = describe(&fact.object);
            held.extend(occupied(fact).into_iter().map(|slot| (slot, holder.clone())));
        }
        for other in &live.unmodelled {
            if other.is_routine() {
                held.entry(Slot::Routine(other.name.clone())).or_insert_with(|| other.kind.clone());
            }
            let Ok(name) = Ident::new(other.name.clone()) else { continue };
            if other.is_relation() {
                held.entry(Slot::Relation(name.clone())).or_insert_with(|| other.kind.clone());
            }
            if other.is_type() {
                held.entry(Slot::Type(name)).or_insert_with(|| other.kind.clone());
            }
        }
        let reserved = desired.filter_map(|fact| fact.object.name()).collect();
        Self { held, reserved }
    }

    /// Takes the names that an object needs to be created; an unnamed one gets another name if its own is in
    /// use.
    ///
    /// # Errors
    /// What holds the name.
    pub fn claim(
        &mut self,
        fact: &Fact,
        is_named: bool,
        occupied: &impl Fn(&Fact) -> Vec<Slot>,
    ) -> Result<Object, String> {
        let object = match self.holder(fact, occupied) {
            None => fact.object.clone(),
            Some(holder) if is_named => return Err(holder.to_owned()),
            Some(holder) => {
                let holder = holder.to_owned();
                let free = (1..=u32::MAX).find_map(|n| {
                    let object = renamed(&fact.object, n)?;
                    let is_reserved = object.name().is_some_and(|n| self.reserved.contains(n));
                    let fact = Fact { object, ..fact.clone() };
                    let is_free = !is_reserved && self.holder(&fact, occupied).is_none();
                    is_free.then_some(fact.object)
                });
                free.ok_or(holder)?
            }
        };
        let taken = occupied(&Fact { object: object.clone(), ..fact.clone() });
        self.held.extend(taken.into_iter().map(|slot| (slot, describe(&object))));
        Ok(object)
    }

    fn holder(&self, fact: &Fact, occupied: &impl Fn(&Fact) -> Vec<Slot>) -> Option<&str> {
        let held = occupied(fact).into_iter().find_map(|slot| self.held.get(&slot));
        held.map(String::as_str)
    }
}

/// What holds a name, without the name.
fn describe(object: &Object) -> String {
    match object {
        Object::Part(part) => {
            // "A statistics" is no English.
            let kind = part.kind.to_string().replace("statistics", "statistics object");
            format!("{kind} of {} {}", part.whole, part.of)
        }
        other => other.kind().to_string(),
    }
}

/// The same object under its name with a number after it.
fn renamed(object: &Object, number: u32) -> Option<Object> {
    let other = |name: &Ident| Ident::composed(name.as_str(), &number.to_string());
    match object {
        Object::Member(kind, name) => Some(Object::Member(*kind, other(name))),
        Object::Part(part) => {
            Some(Object::Part(super::Part { name: other(&part.name), ..part.clone() }))
        }
        _ => None,
    }
}
