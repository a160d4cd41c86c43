//! What is dropped: because it is not declared, or to be created again as declared. Both only with consent.
//!
//! With each of these *roots* goes what depends on it according to the server, and is created again if it is declared. The
//! server is never left to drop anything else with them. Where something is in the way that may not be dropped, or cannot be
//! created again, the root stays as it is, and what is in the way is named. The rest of the plan is then derived from what
//! remains of the tenant: what has to be created again is simply missing there.

use std::collections::{BTreeMap, BTreeSet};

use super::comparison::Comparison;
use super::consent::{
    alteration, class, counterpart_class, drop_class, is_allowed, is_of_parent, lacks_sequence,
    remade, shown,
};
use super::drop_order::{in_order, is_of_others, needed, wholes};
use super::held;
use super::mentions::has_word;
use super::removed::{Intent, Refusal, Removal};
use super::renaming::Renaming;
use crate::catalog::{Altered, Catalog, Delta, Desired, Fact, Kind, Matching, Object, delta};
use crate::consent::Consent;
use crate::kinds::{self, Alteration};
use crate::manifest::Manifest;
use crate::name::Ident;
use crate::obstacle::{Reasons, Subject};

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
        match scene.with_dependents(fact, intent) {
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

/// What all decisions are made from.
struct Scene<'a> {
    manifest: &'a Manifest,
    desired: &'a Desired,
    live: &'a Catalog,
    reasons: &'a Reasons,
    renaming: &'a Renaming<'a>,
    consent: &'a Consent,
    /// By the name that each has in the tenant; that of something unnamed may exist in another form.
    desired_of: BTreeMap<Object, &'a Fact>,
    /// What is not as declared, and may be changed.
    permitted: BTreeSet<Object>,
    /// What is declared under another name.
    misnamed: BTreeSet<Object>,
    /// What exists in the place of something that the manifest leaves unnamed.
    replaced: BTreeSet<Object>,
    /// What goes when an object goes: its parts, and what depends on it.
    dependents: BTreeMap<Object, Vec<&'a Fact>>,
}

impl<'a> Scene<'a> {
    fn new(
        manifest: &'a Manifest,
        desired: &'a Desired,
        live: &'a Catalog,
        (matching, found): (&Matching<'a>, &Delta<'a>),
        (reasons, renaming): (&'a Reasons, &'a Renaming<'a>),
        consent: &'a Consent,
    ) -> Self {
        let mut desired_of = BTreeMap::new();
        for fact in desired.catalog.facts().filter(|fact| !matching.is_replaced(&fact.object)) {
            if let Some(object) = matching.live(&fact.object).filter(|object| live.has(object)) {
                desired_of.insert(object, fact);
            }
        }
        let mut permitted = BTreeSet::new();
        for altered in &found.altered {
            let Altered { desired: wanted, live: there } = altered;
            let class = class(&alteration(manifest, altered), &desired.catalog, live);
            if class.is_some_and(|class| is_allowed(consent, class, wanted, there)) {
                permitted.insert(there.object.clone());
            }
        }
        let (mut misnamed, mut replaced) = (BTreeSet::new(), BTreeSet::new());
        for counterpart in &matching.counterparts {
            let (wanted, there) = (counterpart.desired, counterpart.live);
            desired_of.insert(there.object.clone(), wanted);
            if !counterpart.is_named {
                replaced.insert(there.object.clone());
            }
            let class = counterpart_class(counterpart, live);
            match class {
                Some(class) if is_allowed(consent, class, wanted, there) => {
                    permitted.insert(there.object.clone());
                }
                _ => _ = misnamed.insert(there.object.clone()),
            }
        }
        let mut dependents: BTreeMap<Object, Vec<&Fact>> = BTreeMap::new();
        for fact in live.facts() {
            for needed in needed(fact) {
                dependents.entry(needed).or_default().push(fact);
            }
        }
        Self {
            manifest,
            desired,
            live,
            reasons,
            renaming,
            consent,
            desired_of,
            permitted,
            misnamed,
            replaced,
            dependents,
        }
    }

    /// What a person has allowed to be dropped, to be dropped and created again, or to be changed although something may
    /// depend on it.
    fn roots(&self, found: &Delta<'a>) -> Vec<(&'a Fact, Intent)> {
        let mut roots: Vec<(&'a Fact, Intent)> = Vec::new();
        for fact in &found.removed {
            let is_extra =
                |object: &Object| self.live.has(object) && !self.desired_of.contains_key(object);
            let is_of_extra = wholes(fact).any(|whole| is_extra(&whole));
            let is_ignored = self.manifest.drift.ignores(&fact.object.to_string());
            if !is_of_extra && !is_ignored && self.may_drop(fact) {
                roots.push((fact, Intent::Drop));
            }
        }
        for (object, wanted) in &self.desired_of {
            let Some(fact) = self.live.get(object).filter(|_| self.permitted.contains(object))
            else {
                continue;
            };
            let alteration = Alteration::new(wanted, fact);
            let is_other = self.replaced.contains(object) || !kinds::can_alter(&alteration);
            if is_other {
                roots.push((fact, Intent::Rebuild));
            } else if kinds::needs_dependents_gone(&alteration) {
                roots.push((fact, Intent::Alter));
            }
        }
        let types = remade((&self.desired.catalog, self.live), self.consent, &BTreeSet::new());
        let types = types.keys().filter_map(|object| self.live.get(object));
        roots.extend(types.map(|fact| (fact, Intent::Remake)));
        roots
    }

    fn may_drop(&self, fact: &Fact) -> bool {
        // A column that stays another one than declared needs its default.
        let column = shown(&fact.object);
        if fact.object.kind() == Kind::Default
            && let (Some(wanted), Some(there)) =
                (self.desired_of.get(&column), self.live.get(&column))
            && wanted.attributes != there.attributes
            && !self.permitted.contains(&column)
        {
            return false;
        }
        let class = drop_class(fact, &self.desired.catalog);
        class.is_some_and(|class| self.consent.allows_any(class, [&fact.object, &column]))
    }

    /// A root with all that goes with it.
    ///
    /// # Errors
    /// Why it stays.
    fn with_dependents(
        &self,
        fact: &'a Fact,
        intent: Intent,
    ) -> Result<Root<'a>, BTreeSet<String>> {
        let mut root = Root { fact, intent, gone: BTreeSet::new(), cuts: Vec::new() };
        let mut why = self.reasons_on(&fact.object, true);
        let mut open: Vec<&'a Fact> = Vec::new();
        match intent {
            Intent::Alter => {
                let all = self.dependents.get(&fact.object).into_iter().flatten();
                open.extend(all.filter(|dependent| {
                    kinds::hinders_type_change(fact, dependent)
                        || kinds::is_foreign_key(dependent) && self.changes_on_both_sides(dependent)
                }));
                why.extend(self.with_rows_of(fact));
            }
            Intent::Remake => {
                let (dependents, in_rows) = self.hindering_remake(fact);
                open.extend(dependents);
                why.extend(in_rows);
            }
            Intent::Rebuild | Intent::Drop => open.push(fact),
        }
        if matches!(intent, Intent::Rebuild | Intent::Remake)
            && let Some(other) = self.unmodelled_on(&fact.object)
        {
            why.insert(format!("{other} is not modelled, and would be lost"));
        }
        while let Some(next) = open.pop() {
            if !root.gone.insert(next.object.clone()) {
                continue;
            }
            if next.object != fact.object {
                let is_implied = self.is_implied(next, &root.gone);
                why.extend(self.reasons_on(&next.object, !is_implied));
                if !is_implied && let Err(reason) = self.may_go(next, &root) {
                    why.insert(reason);
                }
            } else if is_of_parent(&fact.object, self.live)
                && let Some(table) = fact.object.table_name()
            {
                why.insert(format!("table {table} has child tables"));
            }
            for dependent in self.dependents.get(&next.object).into_iter().flatten() {
                if self.is_cut(next, dependent) {
                    root.cuts.push((&next.object, &dependent.object));
                } else {
                    open.push(dependent);
                }
            }
        }
        if why.is_empty() { Ok(root) } else { Err(why) }
    }

    /// Why the type of a column stays: rows of its table are values of another column.
    fn with_rows_of(&self, column: &Fact) -> Option<String> {
        let of_rows = column.object.parent().and_then(|table| self.dependents.get(&table));
        let mut of_rows = of_rows.into_iter().flatten().filter(|dependent| {
            dependent.object.kind() == Kind::Column
                && dependent.object.table_name() != column.object.table_name()
        });
        of_rows.next().map(|column| format!("{} has rows of the table", column.object))
    }

    /// What has to go before an enum type can be made anew, and why it stays: all that depends on it and is not converted, and what
    /// hinders the conversion of a column.
    fn hindering_remake(&self, fact: &'a Fact) -> (Vec<&'a Fact>, BTreeSet<String>) {
        let name = fact.object.name();
        let remade = name.and_then(|name| kinds::remade(name, &self.desired.catalog, self.live));
        let columns = remade.map(|remade| remade.columns).unwrap_or_default();
        let all = self.dependents.get(&fact.object).into_iter().flatten().copied();
        let mut hindering: Vec<&'a Fact> = all
            .filter(|dependent| dependent.object.group() != fact.object)
            .filter(|dependent| !columns.iter().any(|column| column.object == dependent.object))
            .collect();
        let mut why = BTreeSet::new();
        for column in columns {
            let all = self.dependents.get(&column.object).into_iter().flatten().copied();
            hindering.extend(all.filter(|dependent| {
                kinds::hinders_type_change(column, dependent) || kinds::is_foreign_key(dependent)
            }));
            why.extend(self.with_rows_of(column));
        }
        (hindering, why)
    }

    /// Whether columns of a foreign key get other types on both sides: in between, the server would refuse the key.
    fn changes_on_both_sides(&self, key: &Fact) -> bool {
        let changed = key.dependencies.iter().filter(|object| {
            let (wanted, there) = (self.desired_of.get(*object), self.live.get(object));
            let is_other = wanted.zip(there).is_some_and(|(wanted, there)| {
                kinds::needs_dependents_gone(&Alteration::new(wanted, there))
            });
            is_other && self.permitted.contains(*object)
        });
        let tables: BTreeSet<Option<Ident>> = changed.map(Object::table_name).collect();
        tables.len() > 1
    }

    /// Whether it is a part of something that is not declared and that goes.
    fn is_implied(&self, fact: &Fact, gone: &BTreeSet<Object>) -> bool {
        let is_gone =
            |whole: Object| gone.contains(&whole) && !self.desired_of.contains_key(&whole);
        wholes(fact).any(is_gone) && !is_of_others(self.live, fact)
    }

    /// Whether what goes with a root may be dropped, or can be created again.
    ///
    /// # Errors
    /// What it is that stays.
    fn may_go(&self, fact: &Fact, root: &Root<'_>) -> Result<(), String> {
        let object = &fact.object;
        if is_of_parent(object, self.live) {
            return Err(format!("{object} depends on it, and its table has child tables"));
        }
        let Some(wanted) = self.desired_of.get(object) else {
            return match object {
                Object::Comment(on) if !self.may_drop(fact) => {
                    Err(format!("the comment on {on} is not declared"))
                }
                _ if object.kind() == Kind::Population => {
                    Err(format!("{} has been filled, and would be empty", object.group()))
                }
                _ if self.may_drop(fact) => Ok(()),
                _ => Err(format!("{object} depends on it, and is not declared")),
            };
        };
        if let Some(other) = self.unmodelled_on(object) {
            return Err(format!("{other} is not modelled, and would be lost"));
        }
        let alteration = Alteration::new(wanted, fact);
        let is_derived = matches!(object.kind(), Kind::Population | Kind::Comment | Kind::Label);
        if !is_derived && !kinds::can_rebuild(&alteration) {
            return Err(format!("{object} depends on it, and cannot be created again"));
        }
        if object.kind() == Kind::Default
            && lacks_sequence(wanted, &self.desired.catalog, self.live)
        {
            return Err(format!("{object} would draw from a sequence that does not exist"));
        }
        // The default of a column of another type has to be another one.
        let is_of_root = object.kind() == Kind::Default && shown(object) == root.fact.object;
        let is_as_declared =
            fact.attributes == wanted.attributes && !self.misnamed.contains(object);
        if is_of_root || is_as_declared || self.permitted.contains(object) {
            return Ok(());
        }
        Err(format!("{object} depends on it, and is not as declared"))
    }

    /// Something that is not modelled, and that belongs to an object which is created again.
    fn unmodelled_on(&self, object: &Object) -> Option<String> {
        let name = object.name()?.as_str();
        let mut all = self.live.unmodelled.iter().map(ToString::to_string);
        all.find(|text| has_word(text, name))
    }

    /// Whether something that depends on what is not declared is changed in place, and will then not depend on it.
    fn is_cut(&self, extra: &Fact, dependent: &Fact) -> bool {
        let Some(wanted) = self.desired_of.get(&dependent.object) else { return false };
        let alteration = Alteration::new(wanted, dependent);
        let is_changed = self.permitted.contains(&dependent.object)
            && kinds::can_alter(&alteration)
            && !self.replaced.contains(&dependent.object);
        let is_part = dependent.object.parent().as_ref() == Some(&extra.object);
        !self.desired_of.contains_key(&extra.object)
            && !is_part
            && is_changed
            && !wanted.dependencies.contains(&extra.object)
    }

    /// What is in the way of dropping an object; with `is_named`, of a statement that names it.
    fn reasons_on(&self, object: &Object, is_named: bool) -> BTreeSet<String> {
        let mut subjects = vec![Subject::Dropped(object.clone())];
        let of = |name: &Ident| name.as_str().to_owned();
        match object.group() {
            _ if !is_named => {}
            Object::Member(kind, name) if kind.is_type() => subjects.push(Subject::Type(of(&name))),
            Object::Member(_, name) => subjects.push(Subject::Relation(of(&name))),
            Object::Routine { name, arguments, .. } => {
                subjects.push(Subject::Function(format!("{}({arguments})", name.as_str())));
            }
            _ => {}
        }
        let met = subjects.iter().filter_map(|subject| self.reasons.get(subject));
        met.flatten().cloned().chain(self.renaming.obstructs(object)).collect()
    }
}
