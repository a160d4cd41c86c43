//! The hazards of the steps of a plan: what they lock, read, write again, may fail on and lose of what exists already.

mod act;
mod conversion;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

pub use rules::{On, RULES, Rule};

use self::act::{Act, Deed};
use super::step::Step;
use crate::catalog::{Catalog, Desired, Fact, Kind, Object};
use crate::hazards::{Effect, Hazards, LockOn};
use crate::kinds;
use crate::locks::TableLock;
use crate::name::printable;

/// What a step takes on a relation that exists already.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) relation: Relation,
    pub(super) mode: TableLock,
    pub(super) on: On,
}

/// Where a relation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Relation {
    /// By the name that it has when the step is run.
    InSchema(Object),
    /// As `"schema"."table"`.
    External(String),
}

/// What is known of a step.
#[derive(Debug, Default)]
pub(super) struct Known {
    rules: Vec<&'static str>,
    /// At most one for each relation.
    pub(super) taken: Vec<Taken>,
    effects: BTreeSet<Effect>,
}

/// Of each of `steps`, in their order, in a tenant that is as `live` but for the names that `steps` give.
pub(super) fn known(steps: &[Step<'_>], desired: &Desired, live: &Catalog) -> Vec<Known> {
    let mut gone = BTreeSet::new();
    let mut all: Vec<Known> = Vec::with_capacity(steps.len());
    for step in steps {
        all.push(of_step(step, (desired, live), &gone));
        if let Step::Drop { live, .. } = step {
            gone.insert(live.object.clone());
        }
    }
    // Comments are written without their locks having been taken before.
    let is_comment = |step: &Step<'_>| step.object().kind() == Kind::Comment;
    let others = all.iter_mut().zip(steps).filter(|(_, step)| !is_comment(step));
    together(&mut others.map(|(known, _)| known).collect::<Vec<_>>());
    all
}

fn of_step(
    step: &Step<'_>,
    (desired, live): (&Desired, &Catalog),
    gone: &BTreeSet<Object>,
) -> Known {
    let mut known = Known::default();
    let act = |deed, object, parts| Act { deed, object, parts, desired, live, gone };
    match step {
        Step::Create(creation) | Step::Recreate(creation) => {
            let parts = &creation.parts;
            known.add(&act(Deed::Create(creation.fact), &creation.object, parts));
            for (object, fact) in parts {
                known.add(&act(Deed::Create(fact), object, parts));
            }
            if creation.backfill.is_some() {
                known.add(&act(Deed::Fill, &creation.object, &[]));
            }
        }
        Step::Change(alteration) => {
            known.add(&act(Deed::Change(alteration), alteration.object(), &[]));
            if kinds::fills(alteration) {
                known.add(&act(Deed::Fill, alteration.object(), &[]));
            }
        }
        Step::Drop { live: fact, again: None } => {
            known.add(&act(Deed::Drop(fact), &fact.object, &[]));
        }
        Step::Drop { live: fact, again: Some(_) } => {
            known.add(&act(Deed::DropForRebuild(fact), &fact.object, &[]));
        }
        Step::Rename { fact, .. } => known.add(&act(Deed::Rename(fact), &fact.object, &[])),
        Step::Grant { .. } | Step::Insert { .. } => {
            known.add(&act(Deed::Give, &step.object(), &[]));
        }
        Step::Update { .. } | Step::Free { .. } => {
            known.add(&act(Deed::Update, &step.object(), &[]));
        }
        Step::Delete { .. } => known.add(&act(Deed::Delete, &step.object(), &[])),
    }
    known
}

impl Known {
    fn add(&mut self, act: &Act<'_>) {
        for rule in RULES.iter().filter(|rule| (rule.applies)(act)) {
            let mut on_first = exists(act, &act.object.group());
            let mut on_any = on_first;
            for (number, (on, mode)) in rule.locks.iter().enumerate() {
                let relations = relations(act, *on);
                // Types and functions have owners, too, and nothing to lock.
                if number == 0 && (*on != On::Own || is_relation(&act.object.group())) {
                    (on_first, on_any) = (!relations.is_empty(), false);
                }
                on_any |= !relations.is_empty();
                for relation in relations {
                    self.take(Taken { relation, mode: *mode, on: *on });
                }
            }
            if on_first {
                self.effects.extend(rule.effects);
            }
            if on_first || on_any {
                self.name(rule);
            }
        }
    }

    fn name(&mut self, rule: &Rule) {
        if !self.rules.contains(&rule.name) {
            self.rules.push(rule.name);
        }
    }

    fn take(&mut self, taken: Taken) {
        match self.taken.iter_mut().find(|known| known.relation == taken.relation) {
            Some(known) => known.mode = known.mode.and(taken.mode),
            None => self.taken.push(taken),
        }
    }

    /// For people and programs; `object` is what the step is about.
    pub(super) fn told(&self, object: &Object, live: &Catalog) -> Hazards {
        let own = object.group();
        let lock = |taken: &Taken| {
            let is_own = taken.on == On::Own;
            let (name, with_children) = match &taken.relation {
                // What is renamed is told under its present name.
                Relation::InSchema(relation) if is_own => {
                    (own.to_string(), has_children(live, relation, object))
                }
                Relation::InSchema(relation) => {
                    (relation.to_string(), has_children(live, relation, object))
                }
                Relation::External(name) => (format!("table {}", printable(name)), false),
            };
            LockOn { relation: name, mode: taken.mode, with_children, is_own }
        };
        let mut locks: Vec<LockOn> = self.taken.iter().map(lock).collect();
        locks.sort_by_key(|lock| !lock.is_own);
        Hazards {
            rules: self.rules.iter().map(|rule| (*rule).to_owned()).collect(),
            locks,
            effects: self.effects.clone(),
            estimate: None,
        }
    }
}

/// Whether the plan finds it there, and does not create it itself.
fn exists(act: &Act<'_>, object: &Object) -> bool {
    act.live.has(object) && !act.gone.contains(object)
}

/// Whether the children of a table are locked with it: partitions always, others where they have what is acted upon, too.
fn has_children(live: &Catalog, relation: &Object, object: &Object) -> bool {
    let Some(table) = relation.table_name() else { return false };
    let partitioned = live.get(relation).is_some_and(|fact| fact.text("partition_by").is_some());
    let is_inherited = matches!(object.kind(), Kind::Column | Kind::Default | Kind::Constraint);
    object.kind() != Kind::Comment
        && (partitioned || is_inherited && kinds::has_children(live, &table))
}

fn is_relation(object: &Object) -> bool {
    matches!(
        object,
        Object::Member(Kind::Table | Kind::View | Kind::MaterializedView | Kind::Sequence, _)
    )
}

/// Those that exist already.
fn relations(act: &Act<'_>, on: On) -> Vec<Relation> {
    let own = act.object.group();
    let mut external = None;
    let found: BTreeSet<Object> = match on {
        On::Own => BTreeSet::from([own]),
        On::Referenced => {
            let keys = keys(act);
            external = keys.iter().find_map(|key| key.text("external")).map(str::to_owned);
            let all = keys.iter().flat_map(|key| key.dependencies.iter().map(Object::group));
            all.filter(|table| *table != own).collect()
        }
        On::Keyed => {
            let mut keys = act.keys_of_column();
            let first = keys.next();
            let all = first.into_iter().chain(keys);
            let all = all.flat_map(|key| {
                key.dependencies.iter().map(Object::group).chain([key.object.group()])
            });
            all.filter(|table| *table != own).collect()
        }
        On::Parents => match act.creates(Kind::Table).or_else(|| act.removes(Kind::Table)) {
            Some(fact) => fact.dependencies.iter().map(Object::group).collect(),
            None => BTreeSet::new(),
        },
        On::DefaultPartition => act.default_partition().cloned().into_iter().collect(),
        On::OfType => act.tables_of_type(),
    };
    let found = found.into_iter().filter(|object| is_relation(object) && exists(act, object));
    let found = found.map(Relation::InSchema);
    found.chain(external.map(Relation::External)).collect()
}

/// The foreign keys that come or go.
fn keys<'a>(act: &Act<'a>) -> Vec<&'a Fact> {
    match act.deed {
        Deed::Create(fact) => {
            let is_key = kinds::is_foreign_key(fact);
            is_key.then_some(fact).into_iter().collect()
        }
        Deed::Drop(fact) | Deed::DropForRebuild(fact) => {
            if fact.object.kind() == Kind::Column {
                let own = act.object.group();
                act.keys_of_column().filter(|key| key.object.group() == own).collect()
            } else {
                let is_of_it = |key: &&Fact| {
                    let is_part = key.object.parent().is_some_and(|of| of == fact.object);
                    kinds::is_foreign_key(key)
                        && (is_part || key.object == fact.object)
                        && !act.gone.contains(&key.object)
                };
                act.live.of_kind(Kind::Constraint).filter(is_of_it).collect()
            }
        }
        _ => Vec::new(),
    }
}

/// The locks of all steps on a table are taken as one when they begin: SHARE and ROW EXCLUSIVE are, together, more than each.
fn together(all: &mut [&mut Known]) {
    let mut modes: BTreeMap<Object, (TableLock, TableLock)> = BTreeMap::new();
    for taken in all.iter().flat_map(|known| &known.taken) {
        if let Relation::InSchema(object) = &taken.relation {
            let (strongest, both) = modes.entry(object.clone()).or_insert((taken.mode, taken.mode));
            (*strongest, *both) = ((*strongest).max(taken.mode), both.and(taken.mode));
        }
    }
    for taken in all.iter_mut().flat_map(|known| &mut known.taken) {
        if let Relation::InSchema(object) = &taken.relation
            && let Some((strongest, both)) = modes.get(object)
            && taken.mode == *strongest
        {
            taken.mode = *both;
        }
    }
}
