//! The order of statements, derived from dependencies.
//!
//! What is missing is created, and what may be changed is changed, as soon as all that it needs exists; among what could be created next, the lowest kind
//! comes first (schema, types, sequences, tables, columns, constraints, indexes, foreign keys, views, comments), and within
//! a kind what was created first in the scratch schema. A new table comes with its columns, and with those of its
//! constraints and defaults that can be created together with it. Where tables reference each other in a cycle, or
//! where the referenced key itself is created later, the foreign key follows as a separate step.

use std::collections::{BTreeMap, BTreeSet};

use super::comparison::{Comparison, Rank};
use super::needs::{Blocked, needed};
use super::removed::Removal;
use super::step::Step;
use super::type_limits::{self, Order};
use crate::catalog::{Altered, Fact, Kind, Object};
use crate::kinds::{self, Creation, Place, column_creates, is_foreign_key, is_not_valid, members};

/// Objects that one statement creates.
struct Unit<'a> {
    fact: &'a Fact,
    /// Where it comes among those that could be created next.
    rank: (u8, Rank),
    /// What is done before, beside what it needs.
    after: Vec<&'a Object>,
    /// The parts that it always creates.
    firm: Vec<&'a Fact>,
    /// The parts that it creates if all that they need exists at that point.
    optional: Vec<&'a Fact>,
}

/// All that is missing except rows, and all that is to be changed, in order.
pub(super) fn schedule<'a>(
    comparison: &Comparison<'a>,
    blocked: &Blocked<'a>,
    removal: &Removal,
) -> Vec<Step<'a>> {
    let (added, changing) = (comparison.added.keys(), comparison.changing.keys());
    let mut pending: BTreeSet<&Object> = added.chain(changing).copied().collect();
    let order = type_limits::order(comparison);
    let mut waiting = units(comparison, blocked, &order);
    let changed = comparison.changing.values();
    waiting.extend(changed.map(|altered| Unit::alone(comparison, altered.desired, &order)));
    waiting.sort_by_key(|unit| unit.rank);
    let mut created = Vec::new();
    while let Some(at) = next(&waiting, &pending) {
        let unit = waiting.remove(at);
        let (parts, left) = unit.parts(&mut pending, blocked);
        for fact in left {
            let unit = Unit::alone(comparison, fact, &order);
            waiting.insert(waiting.partition_point(|other| other.rank <= unit.rank), unit);
        }
        let named = |fact: &'a Fact| (comparison.name_of(&fact.object), fact);
        created.push(Creation {
            fact: unit.fact,
            object: comparison.name_of(&unit.fact.object),
            parts: parts.into_iter().map(named).collect(),
            place: Place::End,
            backfill: comparison.column(&unit.fact.object).and_then(|decl| decl.backfill.as_ref()),
        });
    }
    place_labels(comparison, &mut created);
    let step = |creation: Creation<'a>| match comparison.changing.get(&creation.fact.object) {
        Some(Altered { desired, live }) => Step::Change(comparison.alteration(desired, live)),
        None if removal.again.contains(&creation.fact.object) => Step::Recreate(creation),
        None => Step::Create(creation),
    };
    created.into_iter().map(step).collect()
}

/// The first of those that are ready, which are in order; within a stratum, one that creates all of its optional
/// foreign keys is preferred. In a cycle, any may be first.
fn next(waiting: &[Unit<'_>], pending: &BTreeSet<&Object>) -> Option<usize> {
    let first_of = |ready: &mut dyn Iterator<Item = (usize, &Unit<'_>)>| {
        let mut ready = ready.peekable();
        let (first, (stratum, _)) = ready.peek().map(|(at, unit)| (*at, unit.rank))?;
        let whole = ready
            .take_while(|(_, unit)| unit.rank.0 == stratum)
            .find(|(_, unit)| !unit.has_to_wait(pending));
        Some(whole.map_or(first, |(at, _)| at))
    };
    let all = || waiting.iter().enumerate();
    first_of(&mut all().filter(|(_, unit)| unit.is_ready(pending))).or_else(|| first_of(&mut all()))
}

fn units<'a>(
    comparison: &Comparison<'a>,
    blocked: &Blocked<'a>,
    order: &Order<'a>,
) -> Vec<Unit<'a>> {
    let mut in_order: Vec<&'a Fact> = comparison.added.values().copied().collect();
    in_order.sort_by_key(|fact| comparison.rank(&fact.object));
    let mut units: BTreeMap<&Object, Unit<'a>> = BTreeMap::new();
    let mut columns: BTreeMap<Object, Vec<&'a Fact>> = BTreeMap::new();
    let new_column = |fact: &Fact| {
        kinds::comes_with(fact).filter(|column| comparison.added.contains_key(column))
    };
    for fact in &in_order {
        if let Some(column) = new_column(fact) {
            columns.entry(column).or_default().push(fact);
        }
    }
    for fact in in_order {
        // They come with a column that is created.
        if new_column(fact).is_some() {
            continue;
        }
        let whole = fact.object.group();
        let optional = columns.remove(&fact.object).unwrap_or_default();
        match units.get_mut(&whole) {
            Some(unit) if is_created_with_whole(fact) && !blocked.contains_key(&fact.object) => {
                unit.optional.extend(optional);
                if is_foreign_key(fact) {
                    unit.optional.push(fact);
                } else {
                    unit.take(fact, order);
                }
            }
            // None of these can be created later.
            Some(unit)
                if matches!(fact.object.kind(), Kind::Column | Kind::Label | Kind::Attribute) =>
            {
                unit.optional.extend(optional);
                unit.take(fact, order);
            }
            _ => {
                let unit = Unit { optional, ..Unit::alone(comparison, fact, order) };
                units.insert(&fact.object, unit);
            }
        }
    }
    units.into_values().collect()
}

/// Whether the statement that creates the whole can create it as well.
fn is_created_with_whole(fact: &Fact) -> bool {
    match fact.object.kind() {
        Kind::Column | Kind::Label | Kind::Attribute => true,
        Kind::Constraint | Kind::DomainConstraint => !is_not_valid(fact),
        _ => false,
    }
}

impl<'a> Unit<'a> {
    fn alone(comparison: &Comparison<'a>, fact: &'a Fact, order: &Order<'a>) -> Self {
        let rank = (stratum(fact), comparison.rank(&fact.object));
        let after = order.get(&fact.object).cloned().unwrap_or_default();
        Self { fact, rank, after, firm: Vec::new(), optional: Vec::new() }
    }

    /// Makes something a firm part.
    fn take(&mut self, fact: &'a Fact, order: &Order<'a>) {
        self.firm.push(fact);
        self.after.extend(order.get(&fact.object).into_iter().flatten());
    }

    fn creates(&self, object: &Object) -> bool {
        self.fact.object == *object || self.firm.iter().any(|fact| fact.object == *object)
    }

    /// Whether everything that it and its firm parts need exists.
    fn is_ready(&self, pending: &BTreeSet<&Object>) -> bool {
        let all = std::iter::once(&self.fact).chain(&self.firm);
        all.copied()
            .flat_map(needed)
            .all(|object| self.creates(&object) || !pending.contains(&object))
            && !self.after.iter().any(|object| pending.contains(object))
    }

    /// Whether one of its optional foreign keys needs something that is created later.
    fn has_to_wait(&self, pending: &BTreeSet<&Object>) -> bool {
        let mut keys = self.optional.iter().filter(|fact| is_foreign_key(fact));
        keys.any(|fact| {
            needed(fact).any(|object| !self.creates(&object) && pending.contains(&object))
        })
    }

    /// The parts that it creates, and those that are left for later. What it creates is no longer pending.
    fn parts(
        &self,
        pending: &mut BTreeSet<&Object>,
        blocked: &Blocked<'a>,
    ) -> (Vec<&'a Fact>, Vec<&'a Fact>) {
        pending.remove(&self.fact.object);
        for fact in &self.firm {
            pending.remove(&fact.object);
        }
        let (mut parts, mut left) = (self.firm.clone(), Vec::new());
        let mut optional = self.optional.clone();
        // A sequence before the default that draws from it.
        optional.sort_by_key(|fact| fact.object.kind());
        for fact in optional {
            let is_free = needed(fact).all(|object| !pending.contains(&object));
            let can_be_created = match fact.object.kind() {
                // That of a new column of a table that exists comes with it in any case: rows draw from it.
                Kind::Sequence => {
                    self.fact.object.kind() == Kind::Column
                        || self.column_of(fact).is_some_and(|c| column_creates(c, fact))
                }
                _ => true,
            };
            if is_free && can_be_created && !blocked.contains_key(&fact.object) {
                pending.remove(&fact.object);
                parts.push(fact);
            } else {
                left.push(fact);
            }
        }
        (parts, left)
    }

    fn column_of(&self, fact: &Fact) -> Option<&'a Fact> {
        let column = kinds::comes_with(fact)?;
        let all = std::iter::once(&self.fact).chain(&self.firm);
        all.copied().find(|fact| fact.object == column)
    }
}

/// Lower ones are created first, unless dependencies decide otherwise.
fn stratum(fact: &Fact) -> u8 {
    match fact.object.kind() {
        Kind::Schema => 0,
        Kind::Enum
        | Kind::Label
        | Kind::Domain
        | Kind::DomainConstraint
        | Kind::CompositeType
        | Kind::Attribute
        | Kind::RangeType => 1,
        Kind::Sequence | Kind::Function | Kind::Procedure | Kind::Aggregate => 2,
        Kind::Table => 3,
        Kind::Column if fact.text("stored").is_some() => 5,
        Kind::Column | Kind::Default => 4,
        Kind::Constraint if is_foreign_key(fact) => 8,
        Kind::Constraint => 6,
        Kind::Index | Kind::Statistics => 7,
        Kind::ReplicaIdentity
        | Kind::Clustering
        | Kind::RowSecurity
        | Kind::Policy
        | Kind::Trigger
        | Kind::Rule
        | Kind::View
        | Kind::MaterializedView => 9,
        Kind::Comment | Kind::Row | Kind::Grant | Kind::DefaultPrivilege | Kind::Owner => 10,
        Kind::Population => 11,
    }
}

/// Puts each new label beside one that exists at that point.
fn place_labels(comparison: &Comparison<'_>, created: &mut [Creation<'_>]) {
    for creation in created.iter_mut() {
        let Object::Part(part) = &creation.object else { continue };
        if part.kind != Kind::Label {
            continue;
        }
        let wanted = members(&comparison.desired.catalog, Kind::Label, &part.of);
        let there = members(comparison.live, Kind::Label, &part.of);
        let Some(at) = wanted.iter().position(|label| **label == part.name) else { continue };
        let (before, after) = wanted.split_at(at);
        creation.place = match before.last() {
            Some(label) => Place::After((*label).clone()),
            None => match after.iter().find(|label| there.contains(label)) {
                Some(label) => Place::Before((*label).clone()),
                None => Place::End,
            },
        };
    }
}
