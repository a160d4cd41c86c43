//! What may be dropped, or dropped and created again, and why something stays.

use std::collections::{BTreeMap, BTreeSet};

use super::consent::{
    alteration, class, counterpart_class, drop_class, is_allowed, is_of_parent, lacks_sequence,
    remade, shown,
};
use super::drop_order::{is_of_others, needed, wholes};
use super::mentions::has_word;
use super::removed::Intent;
use super::renaming::Renaming;
use crate::catalog::{Altered, Catalog, Delta, Desired, Fact, Kind, Matching, Object};
use crate::consent::Consent;
use crate::kinds::{self, Alteration, Remade};
use crate::manifest::Manifest;
use crate::name::Ident;
use crate::obstacle::{Reasons, Subject};

/// What all decisions are made from.
pub(super) struct Scene<'a> {
    manifest: &'a Manifest,
    desired: &'a Desired,
    pub(super) live: &'a Catalog,
    reasons: &'a Reasons,
    renaming: &'a Renaming<'a>,
    consent: &'a Consent,
    /// By the name that each has in the tenant; that of something unnamed may exist in another form.
    pub(super) desired_of: BTreeMap<Object, &'a Fact>,
    /// What is not as declared, and may be changed.
    pub(super) permitted: BTreeSet<Object>,
    /// What is declared under another name.
    misnamed: BTreeSet<Object>,
    /// What exists in the place of something that the manifest leaves unnamed.
    pub(super) replaced: BTreeSet<Object>,
    /// The enum types that may be made anew.
    pub(super) remade: BTreeMap<&'a Object, Remade<'a>>,
    /// What goes when an object goes: its parts, and what depends on it.
    pub(super) dependents: BTreeMap<Object, Vec<&'a Fact>>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
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
            remade: remade((&desired.catalog, live), consent, &BTreeSet::new()),
            dependents,
        }
    }

    /// What a person has allowed to be dropped, to be dropped and created again, or to be changed although something may
    /// depend on it.
    pub(super) fn roots(&self, found: &Delta<'a>) -> Vec<(&'a Fact, Intent)> {
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
        let types = self.remade.keys().filter_map(|object| self.live.get(object));
        roots.extend(types.map(|fact| (fact, Intent::Remake)));
        roots
    }

    pub(super) fn may_drop(&self, fact: &Fact) -> bool {
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

    /// Whether it is a part of something that is not declared and that goes.
    pub(super) fn is_implied(&self, fact: &Fact, gone: &BTreeSet<Object>) -> bool {
        let is_gone =
            |whole: Object| gone.contains(&whole) && !self.desired_of.contains_key(&whole);
        wholes(fact).any(is_gone) && !is_of_others(self.live, fact)
    }

    /// Whether what goes with a root may be dropped, or can be created again.
    ///
    /// # Errors
    /// What it is that stays.
    pub(super) fn may_go(&self, fact: &Fact, root: &Fact) -> Result<(), String> {
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
        let is_of_root = object.kind() == Kind::Default && shown(object) == root.object;
        let is_as_declared =
            fact.attributes == wanted.attributes && !self.misnamed.contains(object);
        if is_of_root || is_as_declared || self.permitted.contains(object) {
            return Ok(());
        }
        Err(format!("{object} depends on it, and is not as declared"))
    }

    /// Something that is not modelled, and that belongs to an object which is created again.
    pub(super) fn unmodelled_on(&self, object: &Object) -> Option<String> {
        let name = object.name()?.as_str();
        let mut all = self.live.unmodelled.iter().map(ToString::to_string);
        all.find(|text| has_word(text, name))
    }

    /// What is in the way of dropping an object; with `is_named`, of a statement that names it.
    pub(super) fn reasons_on(&self, object: &Object, is_named: bool) -> BTreeSet<String> {
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
