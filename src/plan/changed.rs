//! What exists and is not as desired, for people.

use std::collections::{BTreeMap, BTreeSet};

use super::comparison::Comparison;
use super::consent::{alteration, class, counterpart_class, is_of_parent, shown};
use super::untouched::{Change, PerhapsRenamed};
use crate::catalog::{Altered, Catalog, Fact, Kind, Object};
use crate::consent::Class;
use crate::kinds::{self, comment_line, described, members};
use crate::name::Ident;

/// What is present but different.
pub(super) fn changed(comparison: &Comparison<'_>, different: &BTreeSet<Object>) -> Vec<Change> {
    let Comparison { desired, live, matching, withheld, .. } = comparison;
    let mut changes: BTreeMap<_, Change> = BTreeMap::new();
    for object in different {
        let (Some(expected), Some(actual)) =
            (desired.catalog.get(object), live.get(&matching.live_or_same(object)))
        else {
            continue;
        };
        let actual = settled(comparison, actual, expected);
        let name = actual.object.clone();
        let (actual, expected) = (described(live, &actual), described(&desired.catalog, expected));
        if actual != expected {
            let rank = comparison.rank(object);
            let allowed_by = allowed_by(comparison, object);
            let change =
                Change { object: name.clone(), actual, expected, cells: Vec::new(), allowed_by };
            changes.insert((rank, name), change);
        }
    }
    for altered in withheld.altered.iter().filter(|a| a.live.object.kind() == Kind::Comment) {
        let Object::Comment(on) = &altered.live.object else { continue };
        let Object::Comment(desired_on) = &altered.desired.object else { continue };
        let line = |fact: &Fact| comment_line(fact.text("comment").unwrap_or_default());
        let (actual, expected) = (line(altered.live), line(altered.desired));
        let key = (comparison.rank(desired_on), (**on).clone());
        if let Some(known) = changes.get_mut(&key) {
            known.actual = format!("{}\n{actual}", known.actual);
            known.expected = format!("{}\n{expected}", known.expected);
        } else {
            let (object, allowed_by) = ((**on).clone(), Some(Class::Alter));
            changes.insert(key, Change { object, actual, expected, cells: Vec::new(), allowed_by });
        }
    }
    for counterpart in &matching.counterparts {
        let (desired_fact, live_fact) = (counterpart.desired, counterpart.live);
        // Names are part of the comparison only where the manifest gives them.
        let named = |fact: &Fact, text: String| match fact.object.name() {
            Some(name) if counterpart.is_named => format!("name {}\n{text}", name.quoted()),
            _ => text,
        };
        let change = Change {
            object: live_fact.object.clone(),
            actual: named(live_fact, described(live, live_fact)),
            expected: named(desired_fact, described(&desired.catalog, desired_fact)),
            cells: Vec::new(),
            allowed_by: counterpart_class(counterpart, live),
        };
        changes.insert((comparison.rank(&desired_fact.object), live_fact.object.clone()), change);
    }
    changes.into_values().collect()
}

/// The consent that all that is different about an object, as people see it, would need.
fn allowed_by(comparison: &Comparison<'_>, object: &Object) -> Option<Class> {
    let Comparison { desired, live, permitted, withheld, .. } = comparison;
    // It has no attributes, and its labels are in another order.
    if object.kind() == Kind::Enum {
        return Some(Class::Rebuild);
    }
    let is_part = |fact: &Fact| shown(&fact.object) == *object;
    let altered = withheld.altered.iter().filter(|altered| is_part(altered.desired));
    let classes: Option<Vec<Class>> = altered
        .map(|altered| class(&alteration(comparison.manifest, altered), &desired.catalog, live))
        .collect();
    // A default that draws from a missing sequence of the column is not set alone.
    let mut missing = permitted.added.iter().filter(|fact| is_part(fact) && live.has(object));
    let is_alone = |fact: &Fact| {
        let is_missing = |needed: &Object| permitted.added.iter().any(|f| f.object == *needed);
        !fact.dependencies.iter().any(is_missing)
    };
    let is_whole = missing.all(|fact| is_alone(fact))
        && !is_of_parent(object, live)
        && !reordered(comparison).contains(object);
    // Without any, it is the default that is missing, or should be.
    let strongest = classes?.into_iter().max().unwrap_or(Class::Alter);
    is_whole.then_some(strongest)
}

/// The desired objects that could be different, but for their comments.
pub(super) fn different(comparison: &Comparison<'_>) -> BTreeSet<Object> {
    let Comparison { live, permitted, withheld, .. } = comparison;
    let mut different = BTreeSet::new();
    for Altered { desired, .. } in &withheld.altered {
        match desired.object.kind() {
            Kind::Comment => {}
            Kind::Default => different.extend(desired.object.parent()),
            _ => _ = different.insert(desired.object.clone()),
        }
    }
    // A missing default, or one that should not exist, is a change of its column.
    let missing =
        permitted.added.iter().filter(|fact| !comparison.added.contains_key(&fact.object));
    for fact in missing.chain(&withheld.removed) {
        if fact.object.kind() == Kind::Default
            && let Some(column) = fact.object.parent()
            && live.has(&column)
        {
            different.insert(column);
        }
    }
    different.extend(reordered(comparison));
    different
}

/// The enums whose labels, and the composite types whose attributes, are in another order than desired.
fn reordered(comparison: &Comparison<'_>) -> Vec<Object> {
    let Comparison { desired, live, .. } = comparison;
    let is_reordered = |member: Kind, name: &Ident| {
        let (wanted, there) =
            (members(&desired.catalog, member, name), members(live, member, name));
        let common = |these: &[&Ident], those: &[&Ident]| -> Vec<Ident> {
            let both = these.iter().filter(|label| those.contains(label));
            both.map(|label| (*label).clone()).collect()
        };
        common(&wanted, &there) != common(&there, &wanted)
    };
    let ordered = [(Kind::Enum, Kind::Label), (Kind::CompositeType, Kind::Attribute)];
    let all = ordered.into_iter().flat_map(|(kind, member)| {
        let types = desired
            .catalog
            .of_kind(kind)
            .filter(|fact| live.has(&fact.object) && !comparison.remade.contains_key(&fact.object));
        types.map(move |fact| (fact, member))
    });
    all.filter(|(fact, member)| fact.object.name().is_some_and(|n| is_reordered(*member, n)))
        .map(|(fact, _)| fact.object.clone())
        .collect()
}

/// What the live object will be once what is missing has been created: a primary key makes its columns NOT NULL.
fn settled(comparison: &Comparison<'_>, live: &Fact, desired: &Fact) -> Fact {
    let mut settled = live.clone();
    let keys = comparison.added.values().filter(|fact| kinds::is_primary_key(fact));
    let mut columns = keys.flat_map(|key| &key.dependencies);
    if columns.any(|column| *column == desired.object)
        && let Some(value) = desired.attributes.get("nullability")
    {
        settled.attributes.insert("nullability", value.clone());
    }
    settled
}

/// The columns that are not declared, each with one of its table and type that is missing; `before` is the tenant with what is
/// dropped.
pub(super) fn perhaps_renamed(
    comparison: &Comparison<'_>,
    before: &Catalog,
) -> Vec<PerhapsRenamed> {
    let is_missing = |fact: &&Fact| {
        let is_new = fact.object.parent().is_none_or(|table| !before.has(&table));
        fact.object.kind() == Kind::Column && !is_new && !before.has(&fact.object)
    };
    let mut missing: Vec<&Fact> = comparison.added.values().copied().filter(is_missing).collect();
    missing.sort_by_key(|fact| comparison.rank(&fact.object));
    let mut all = Vec::new();
    for extra in before.of_kind(Kind::Column) {
        let is_like = |fact: &&Fact| {
            fact.object.parent() == extra.object.parent() && fact.text("type") == extra.text("type")
        };
        let is_extra = !comparison.desired.catalog.has(&extra.object);
        let found = missing.iter().position(is_like).filter(|_| is_extra);
        if let Some(at) = found {
            let to = missing.remove(at).object.clone();
            all.push(PerhapsRenamed { from: extra.object.clone(), to });
        }
    }
    all
}

/// What is present but not declared.
pub(super) fn extra(comparison: &Comparison<'_>, different: &BTreeSet<Object>) -> Vec<Object> {
    let removed = &comparison.withheld.removed;
    let gone: BTreeSet<&Object> = removed.iter().map(|fact| &fact.object).collect();
    // A sequence comes with its column if that is extra itself, or told as changed.
    let comes_along = |fact: &Fact| {
        kinds::comes_with(fact).is_some_and(|column| {
            fact.object.kind() != Kind::Sequence
                || different.contains(&column)
                || !comparison.desired.catalog.has(&column)
        })
    };
    let is_reported = |fact: &&&Fact| {
        // A part of something extra is not reported separately, nor is what comes with a column.
        let group = fact.object.group();
        let with_whole = group != fact.object && gone.contains(&group)
            || fact.object.parent().is_some_and(|parent| gone.contains(&parent));
        // A materialized view may have been filled later.
        let is_filled = fact.object.kind() == Kind::Population;
        !with_whole && !is_filled && !comes_along(fact)
    };
    let mut extra: Vec<&Fact> = removed.iter().filter(is_reported).copied().collect();
    // First what is on tables that are declared.
    extra.sort_by_key(|fact| {
        let is_member = matches!(fact.object, Object::Member(..));
        (is_member, comparison.rank(&fact.object), fact.object.clone())
    });
    extra.into_iter().map(|fact| fact.object.clone()).collect()
}
