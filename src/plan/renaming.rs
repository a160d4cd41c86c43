//! What is renamed, with consent; and what waits for it, without.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::step::Step;
use super::untouched::Change;
use crate::catalog::{Catalog, Names, Object, Rename};
use crate::consent::{Class, Consent};
use crate::locks::Locks;
use crate::name::Ident;
use crate::obstacle::{Reasons, Subject};

/// What is renamed, and what would be.
#[derive(Debug, Default)]
pub(super) struct Renaming<'a> {
    permitted: Vec<&'a Rename>,
    /// A person has not allowed it.
    withheld: Vec<&'a Rename>,
    /// Something is in the way.
    held: Vec<&'a Rename>,
}

impl<'a> Renaming<'a> {
    /// What follows from another rename needs no consent of its own.
    pub(super) fn of(renames: &'a [Rename], consent: &Consent, reasons: &Reasons) -> Self {
        let is_permitted = |rename: &&Rename| {
            let cause = renames.iter().find(|cause| cause.to == rename.because).unwrap_or(rename);
            consent.allows_any(Class::Alter, [&cause.from, &cause.to])
        };
        let (allowed, withheld): (Vec<_>, Vec<_>) = renames.iter().partition(is_permitted);
        let is_held = |rename: &&Rename| !reasons_not_to(rename, reasons).is_empty();
        let (held, permitted) = allowed.into_iter().partition(is_held);
        Self { permitted, withheld, held }
    }

    /// The statements, with those that are held back; `live` has the new names.
    pub(super) fn steps(&self, live: &'a Catalog) -> impl Iterator<Item = Step<'a>> {
        let allowed = self.permitted.iter().chain(&self.held).copied();
        allowed.filter_map(|rename| Some(Step::Rename { rename, fact: live.get(&rename.to)? }))
    }

    /// What is not as declared, since it has its old name.
    pub(super) fn withheld(&self) -> impl Iterator<Item = Change> {
        let declared = self.withheld.iter().filter(|rename| rename.because == rename.to);
        declared.map(|rename| Change {
            object: rename.from.clone(),
            actual: named(&rename.from),
            expected: named(&rename.to),
            cells: Vec::new(),
            allowed_by: Some(Class::Alter),
        })
    }

    /// Why nothing can be done to an object: it, or what it is a part of, cannot be named by its new name yet.
    pub(super) fn obstructs(&self, object: &Object) -> Option<String> {
        let objects = [object.clone(), object.group()];
        let mut left = self.withheld.iter().chain(&self.held);
        let found = left.find(|rename| objects.contains(&rename.to))?;
        let name = found.to.name().map(Ident::quoted).unwrap_or_default();
        Some(format!("{} is to be renamed to {name}", found.from))
    }

    /// The desired objects that have their old names.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &'a Object> {
        self.withheld.iter().chain(&self.held).map(|rename| &rename.to)
    }
}

/// What is in the way of renaming something, by the names that objects get.
pub(super) fn reasons_not_to(rename: &Rename, reasons: &Reasons) -> BTreeSet<String> {
    let Some(name) = rename.to.group().name().map(|name| name.as_str().to_owned()) else {
        return BTreeSet::new();
    };
    let subjects = [Subject::Relation(name.clone()), Subject::Type(name)];
    subjects.iter().filter_map(|subject| reasons.get(subject)).flatten().cloned().collect()
}

fn named(object: &Object) -> String {
    format!("name {}", object.name().map(Ident::quoted).unwrap_or_default())
}

/// The same, under the names that objects get.
pub(super) fn renamed<'r>(reasons: &'r Reasons, renames: &[Rename]) -> Cow<'r, Reasons> {
    if renames.is_empty() {
        return Cow::Borrowed(reasons);
    }
    let names = Names::of(renames);
    let mut all = Reasons::new();
    for (subject, why) in reasons {
        all.entry(subject_of(subject, renames, &names)).or_default().extend(why.iter().cloned());
    }
    Cow::Owned(all)
}

fn subject_of(subject: &Subject, renames: &[Rename], names: &Names) -> Subject {
    let new = |name: &String| {
        let is_it = |rename: &&Rename| {
            let is_member = matches!(rename.from, Object::Member(..));
            is_member && rename.from.name().is_some_and(|old| old.as_str() == name)
        };
        let found = renames.iter().find(is_it).and_then(|rename| rename.to.name());
        found.map_or_else(|| name.clone(), |name| name.as_str().to_owned())
    };
    match subject {
        Subject::Relation(name) => Subject::Relation(new(name)),
        Subject::Rows(name) => Subject::Rows(new(name)),
        Subject::Type(name) => Subject::Type(new(name)),
        Subject::Column { table, name } => {
            let idents = Ident::new(table.clone()).ok().zip(Ident::new(name.clone()).ok());
            let column = idents.map(|(table, name)| names.new_of(&Object::column(&table, &name)));
            let name = column.and_then(|column| Some(column.name()?.as_str().to_owned()));
            Subject::Column { table: new(table), name: name.unwrap_or_default() }
        }
        Subject::Dropped(object) => Subject::Dropped(names.new_of(object)),
        Subject::Function(_) | Subject::External(_) => subject.clone(),
    }
}

/// The locks on what `renames` rename, which are taken before.
pub(super) fn locks_before(locks: Locks, renames: &[Rename]) -> Locks {
    let old: BTreeMap<&Ident, &Ident> = renames
        .iter()
        .filter(|rename| matches!(rename.to, Object::Member(..)))
        .filter_map(|rename| Some((rename.to.name()?, rename.from.name()?)))
        .collect();
    let before = |name: Ident| old.get(&name).map_or(name, |old| (*old).clone());
    Locks {
        tables: locks.tables.into_iter().map(|(name, lock)| (before(name), lock)).collect(),
        others: locks.others.into_iter().map(|(name, lock)| (before(name), lock)).collect(),
        types: locks.types.into_iter().map(before).collect::<BTreeSet<_>>(),
        ..locks
    }
}
