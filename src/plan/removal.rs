//! What is dropped: because it is not declared, or to be created again as declared. Both only with consent.
//!
//! With each of these *roots* goes what depends on it according to the server, and is created again if it is declared. The
//! server is never left to drop anything else with them. Where something is in the way that may not be dropped, or cannot be
//! created again, the root stays as it is, and what is in the way is named. The rest of the plan is then derived from what
//! remains of the tenant: what has to be created again is simply missing there.

use std::collections::BTreeSet;

use super::comparison::Comparison;
use super::consent::is_of_parent;
use super::drop_order::in_order;
use super::held;
use super::removed::{Intent, Refusal, Removal};
use super::renaming::Renaming;
use super::scene::Scene;
use crate::catalog::{Catalog, Desired, Fact, Kind, Object, delta};
use crate::consent::Consent;
use crate::kinds::{self, Alteration};
use crate::manifest::Manifest;
use crate::name::Ident;
use crate::obstacle::Reasons;

/// What is to be dropped or changed, with all that goes with it.
struct Root<'a> {
    fact: &'a Fact,
    intent: Intent,
    gone: BTreeSet<Object>,
    /// What does not go with it, since it will not depend on it any more when it has been changed.
    cuts: Vec<(&'a Object, &'a Object)>,
}

/// Decides what is dropped, and returns it with what remains of the tenant.
pub(super) fn removal(
    manifest: &Manifest,
    desired: &Desired,
    live: &Catalog,
    (reasons, renaming): (&Reasons, &Renaming<'_>),
    consent: &Consent,
) -> Removal {
    if consent.is_empty() {
        return Removal::default();
    }
    let matching = kinds::matching(desired, live);
    let found = delta(&desired.catalog, live, &matching);
    let (compared, why) = ((&matching, &found), (reasons, renaming));
    let scene = Scene::new(manifest, desired, live, compared, why, consent);
    let mut removal = Removal::default();
    let mut roots = Vec::new();
    for (fact, intent) in scene.roots(&found) {
        match with_dependents(&scene, fact, intent) {
            Ok(root) => roots.push(root),
            Err(reasons) => {
                removal.refused.insert(fact.object.clone(), Refusal { intent, reasons });
            }
        }
    }
    loop {
        let all = roots.iter().flat_map(|root| root.gone.iter().cloned());
        removal.gone = all.collect();
        let again = removal.gone.iter().filter_map(|object| scene.desired_of.get(object));
        removal.again = again.map(|fact| fact.object.clone()).collect();
        let remaining = removal.remaining(live);
        let (comparison, taken) = Comparison::of(manifest, desired, &remaining, consent, &removal);
        let blocked = held::blocked(&comparison, &taken, (reasons, renaming));
        let stuck = |root: &Root<'_>| -> Option<BTreeSet<String>> {
            let changed =
                matches!(root.intent, Intent::Alter | Intent::Remake).then_some(&root.fact.object);
            let cut = root.cuts.iter().map(|(_, dependent)| *dependent);
            let needed = root.gone.iter().chain(changed).chain(cut);
            let needed = needed.filter_map(|object| scene.desired_of.get(object));
            let mut why = BTreeSet::new();
            for fact in needed {
                why.extend(blocked.get(&fact.object).into_iter().flatten().cloned());
            }
            (!why.is_empty()).then_some(why)
        };
        let (held, left): (Vec<_>, Vec<_>) =
            roots.into_iter().map(|root| (stuck(&root), root)).partition(|(why, _)| why.is_some());
        roots = left.into_iter().map(|(_, root)| root).collect();
        let is_settled = held.is_empty();
        for (why, root) in held {
            let refusal = Refusal { intent: root.intent, reasons: why.unwrap_or_default() };
            removal.refused.insert(root.fact.object.clone(), refusal);
        }
        if is_settled {
            break;
        }
    }
    let late = roots.iter().flat_map(|root| root.cuts.iter().map(|(needed, _)| *needed));
    removal.drops = in_order(live, &removal.gone, late.collect(), &scene.desired_of);
    removal
}

/// A root with all that goes with it.
///
/// # Errors
/// Why it stays.
fn with_dependents<'a>(
    scene: &Scene<'a>,
    fact: &'a Fact,
    intent: Intent,
) -> Result<Root<'a>, BTreeSet<String>> {
    let mut root = Root { fact, intent, gone: BTreeSet::new(), cuts: Vec::new() };
    let mut why = scene.reasons_on(&fact.object, true);
    let mut open: Vec<&'a Fact> = Vec::new();
    match intent {
        Intent::Alter => {
            let all = scene.dependents.get(&fact.object).into_iter().flatten();
            open.extend(all.filter(|dependent| {
                kinds::hinders_type_change(fact, dependent)
                    || kinds::is_foreign_key(dependent) && changes_on_both_sides(scene, dependent)
            }));
            why.extend(with_rows_of(scene, fact));
        }
        Intent::Remake => {
            let (dependents, in_rows) = hindering_remake(scene, fact);
            open.extend(dependents);
            why.extend(in_rows);
        }
        Intent::Rebuild | Intent::Drop => open.push(fact),
    }
    if matches!(intent, Intent::Rebuild | Intent::Remake)
        && let Some(other) = scene.unmodelled_on(&fact.object)
    {
        why.insert(format!("{other} is not modelled, and would be lost"));
    }
    while let Some(next) = open.pop() {
        if !root.gone.insert(next.object.clone()) {
            continue;
        }
        if next.object != fact.object {
            let is_implied = scene.is_implied(next, &root.gone);
            why.extend(scene.reasons_on(&next.object, !is_implied));
            if !is_implied && let Err(reason) = scene.may_go(next, root.fact) {
                why.insert(reason);
            }
        } else if is_of_parent(&fact.object, scene.live)
            && let Some(table) = fact.object.table_name()
        {
            why.insert(format!("table {table} has child tables"));
        }
        for dependent in scene.dependents.get(&next.object).into_iter().flatten() {
            if is_cut(scene, next, dependent) {
                root.cuts.push((&next.object, &dependent.object));
            } else {
                open.push(dependent);
            }
        }
    }
    if why.is_empty() { Ok(root) } else { Err(why) }
}

/// Why the type of a column stays: rows of its table are values of another column.
fn with_rows_of(scene: &Scene<'_>, column: &Fact) -> Option<String> {
    let of_rows = column.object.parent().and_then(|table| scene.dependents.get(&table));
    let mut of_rows = of_rows.into_iter().flatten().filter(|dependent| {
        dependent.object.kind() == Kind::Column
            && dependent.object.table_name() != column.object.table_name()
    });
    of_rows.next().map(|column| format!("{} has rows of the table", column.object))
}

/// What has to go before an enum type can be made anew, and why it stays: all that depends on it and is not converted, and what
/// hinders the conversion of a column.
fn hindering_remake<'a>(scene: &Scene<'a>, fact: &'a Fact) -> (Vec<&'a Fact>, BTreeSet<String>) {
    let columns = scene.remade.get(&fact.object).map(|remade| remade.columns.as_slice());
    let columns = columns.unwrap_or_default();
    let all = scene.dependents.get(&fact.object).into_iter().flatten().copied();
    let mut hindering: Vec<&'a Fact> = all
        .filter(|dependent| dependent.object.group() != fact.object)
        .filter(|dependent| !columns.iter().any(|column| column.object == dependent.object))
        .collect();
    let mut why = BTreeSet::new();
    for column in columns {
        let all = scene.dependents.get(&column.object).into_iter().flatten().copied();
        hindering.extend(all.filter(|dependent| {
            kinds::hinders_type_change(column, dependent) || kinds::is_foreign_key(dependent)
        }));
        why.extend(with_rows_of(scene, column));
    }
    (hindering, why)
}

/// Whether columns of a foreign key get other types on both sides: in between, the server would refuse the key.
fn changes_on_both_sides(scene: &Scene<'_>, key: &Fact) -> bool {
    let changed = key.dependencies.iter().filter(|object| {
        let (wanted, there) = (scene.desired_of.get(*object), scene.live.get(object));
        let is_other = wanted.zip(there).is_some_and(|(wanted, there)| {
            kinds::needs_dependents_gone(&Alteration::new(wanted, there))
        });
        is_other && scene.permitted.contains(*object)
    });
    let tables: BTreeSet<Option<Ident>> = changed.map(Object::table_name).collect();
    tables.len() > 1
}

/// Whether something that depends on what is not declared is changed in place, and will then not depend on it.
fn is_cut(scene: &Scene<'_>, extra: &Fact, dependent: &Fact) -> bool {
    let Some(wanted) = scene.desired_of.get(&dependent.object) else { return false };
    let alteration = Alteration::new(wanted, dependent);
    let is_changed = scene.permitted.contains(&dependent.object)
        && kinds::can_alter(&alteration)
        && !scene.replaced.contains(&dependent.object);
    let is_part = dependent.object.parent().as_ref() == Some(&extra.object);
    !scene.desired_of.contains_key(&extra.object)
        && !is_part
        && is_changed
        && !wanted.dependencies.contains(&extra.object)
}
