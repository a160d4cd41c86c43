//! What of a difference may be done, and what a person would have to consent to.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Altered, Catalog, Counterpart, Delta, Fact, Kind, Object};
use crate::consent::{Class, Consent};
use crate::kinds::{self, Alteration, Remade};
use crate::manifest::{ColumnDecl, Manifest};

/// A difference, by what may be done.
#[derive(Debug, Default)]
pub(super) struct Parted<'a> {
    /// With what is changed in place.
    pub(super) permitted: Delta<'a>,
    /// What a person would have to consent to, or nobody can.
    pub(super) withheld: Delta<'a>,
}

/// Separates what may be done from what is withheld. Additions need no consent, and changes in place do; what is dropped, or
/// dropped and created again, is not a part of this difference. What is `refused`, by its name in the tenant, stays as it is.
pub(super) fn part<'a>(
    delta: Delta<'a>,
    (manifest, (desired, live)): (&'a Manifest, (&'a Catalog, &'a Catalog)),
    consent: &Consent,
    refused: &BTreeSet<Object>,
) -> Parted<'a> {
    let Delta { added, removed, altered } = delta;
    let may_change = |one: &Altered<'a>| {
        let alteration = alteration(manifest, one);
        let class = class(&alteration, desired, live).filter(|_| kinds::can_alter(&alteration));
        let is_allowed = class.is_some_and(|c| is_allowed(consent, c, one.desired, one.live));
        is_allowed && !refused.contains(&one.live.object)
    };
    let (changed, mut left): (Vec<_>, Vec<_>) =
        altered.into_iter().partition(|one| !consent.is_empty() && may_change(one));
    // The default of a column that stays as it is may not even be of its type.
    let columns: BTreeSet<Object> = left.iter().map(|one| one.desired.object.clone()).collect();
    let (stay, altered): (Vec<_>, Vec<_>) = changed.into_iter().partition(|one| {
        let object = &one.desired.object;
        object.kind() == Kind::Default && columns.contains(&shown(object))
    });
    left.extend(stay);
    let permitted = Delta { added, altered, ..Delta::default() };
    Parted { permitted, withheld: Delta { removed, altered: left, ..Delta::default() } }
}

/// The enum types that may be made anew, since labels go or are in another order; those that are `refused` stay as they are.
pub(super) fn remade<'a>(
    (desired, live): (&'a Catalog, &'a Catalog),
    consent: &Consent,
    refused: &BTreeSet<Object>,
) -> BTreeMap<&'a Object, Remade<'a>> {
    let allowed = desired.of_kind(Kind::Enum).filter(|fact| {
        live.has(&fact.object)
            && consent.allows(Class::Rebuild, &fact.object)
            && !refused.contains(&fact.object)
    });
    let remade = allowed.filter_map(|fact| {
        Some((&fact.object, kinds::remade(fact.object.name()?, desired, live)?))
    });
    remade.collect()
}

/// What would change an object in place, with what the manifest says of how.
pub(super) fn alteration<'a>(manifest: &'a Manifest, altered: &Altered<'a>) -> Alteration<'a> {
    let column = column(manifest, &altered.desired.object);
    let using = column.and_then(|column| column.using.as_ref());
    let backfill = column.and_then(|column| column.backfill.as_ref());
    Alteration { using, backfill, ..Alteration::new(altered.desired, altered.live) }
}

/// The declaration of a column of a table.
pub(super) fn column<'m>(manifest: &'m Manifest, desired: &Object) -> Option<&'m ColumnDecl> {
    let Object::Part(part) = desired else { return None };
    if part.kind != Kind::Column || part.whole != Kind::Table {
        return None;
    }
    let table = manifest.tables.iter().find(|table| table.name == part.of)?;
    table.columns.iter().find(|column| column.name == part.name)
}

/// Under the name that it has in the tenant, or the one that it has in the manifest.
pub(super) fn is_allowed(consent: &Consent, class: Class, desired: &Fact, live: &Fact) -> bool {
    consent.allows_any(class, [&shown(&live.object), &shown(&desired.object)])
}

/// Whether the server would change children of the table as well, which may have something of their own there.
pub(super) fn is_of_parent(object: &Object, live: &Catalog) -> bool {
    let is_inherited = matches!(
        object.kind(),
        Kind::Column | Kind::Default | Kind::Trigger | Kind::Constraint | Kind::Index
    );
    is_inherited && object.table_name().is_some_and(|table| kinds::has_children(live, &table))
}

/// Whether a default draws from a sequence that does not exist under its name, and that comes with the column.
pub(super) fn lacks_sequence(default: &Fact, desired: &Catalog, live: &Catalog) -> bool {
    let mut sequences = default.dependencies.iter().filter(|one| one.kind() == Kind::Sequence);
    sequences.any(|sequence| {
        let column = desired.get(sequence).and_then(kinds::comes_with);
        !live.has(sequence) && column.is_some_and(|column| live.has(&column))
    })
}

/// The consent with which an object can be changed, if it can be.
pub(super) fn class(
    alteration: &Alteration<'_>,
    desired: &Catalog,
    live: &Catalog,
) -> Option<Class> {
    if is_of_parent(&alteration.live.object, live)
        || alteration.desired.object.kind() == Kind::Default
            && lacks_sequence(alteration.desired, desired, live)
    {
        return None;
    }
    if kinds::can_alter(alteration) {
        return Some(if kinds::rewrites(alteration) { Class::Rebuild } else { Class::Alter });
    }
    kinds::can_rebuild(alteration).then_some(Class::Rebuild)
}

/// The same for something that exists in another form, or under another name.
pub(super) fn counterpart_class(counterpart: &Counterpart<'_>, live: &Catalog) -> Option<Class> {
    if counterpart.is_only_misnamed() {
        return Some(Class::Alter);
    }
    let Counterpart { desired, live: there, is_named } = counterpart;
    let is_left = *is_named || is_of_parent(&there.object, live);
    let alteration = Alteration::new(desired, there);
    (!is_left && kinds::can_rebuild(&alteration)).then_some(Class::Rebuild)
}

/// The consent with which something that is not declared is dropped, if it can be: that a column loses its default is a change
/// of the column.
pub(super) fn drop_class(extra: &Fact, desired: &Catalog) -> Option<Class> {
    if extra.object.kind() == Kind::Default && desired.has(&shown(&extra.object)) {
        return Some(Class::Alter);
    }
    kinds::can_drop(extra).then_some(Class::Drop)
}

/// What people see changed when this does: a default is a part of its column, and a comment of what it is on.
pub(super) fn shown(object: &Object) -> Object {
    match object {
        Object::Comment(on) => (**on).clone(),
        object if object.kind() == Kind::Default => {
            object.parent().unwrap_or_else(|| object.clone())
        }
        object => object.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest;
    use crate::name::Ident;

    #[test]
    fn only_additions_need_no_consent() {
        let ident = |name| Ident::new(name).unwrap();
        let table = |name| Fact::new(Object::table(&ident(name)), []);
        let column = |is: &str| {
            let object = Object::column(&ident("t"), &ident("c"));
            Fact::new(object, [("nullability", is.to_owned())])
        };
        let (new, old) = (table("new"), table("old"));
        let (wanted, there) = (column("null"), column("not null"));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("schema.toml");
        std::fs::write(&file, "version = 1\n").unwrap();
        let (manifest, catalog) = (manifest::load(&file).unwrap(), Catalog::default());
        let parted = |consent: &str, refused: &BTreeSet<Object>| {
            let delta = Delta {
                added: vec![&new],
                removed: vec![&old],
                altered: vec![Altered { desired: &wanted, live: &there }],
            };
            let consent = if consent.is_empty() { Ok(Consent::default()) } else { consent.parse() };
            let catalogs = (&manifest, (&catalog, &catalog));
            let Parted { permitted, withheld } = part(delta, catalogs, &consent.unwrap(), refused);
            assert_eq!((permitted.added.len(), withheld.removed.len()), (1, 1));
            (permitted.altered.len(), withheld.altered.len())
        };
        let none = BTreeSet::new();
        for consent in ["", "alter:column t.d", "rebuild", "drop"] {
            assert_eq!(parted(consent, &none), (0, 1), "{consent}");
        }
        for consent in ["alter", "alter:column t.c"] {
            assert_eq!(parted(consent, &none), (1, 0), "{consent}");
        }
        assert_eq!(parted("alter", &BTreeSet::from([there.object.clone()])), (0, 1));
    }

    #[test]
    fn a_default_is_a_part_of_its_column() {
        let ident = |name| Ident::new(name).unwrap();
        let column = Fact::new(Object::column(&ident("t"), &ident("c")), []);
        let default = Fact::new(Object::on_table(Kind::Default, &ident("t"), &ident("c")), []);
        let mut desired = Catalog::default();
        assert_eq!(drop_class(&default, &desired), Some(Class::Drop));
        desired.insert(column);
        assert_eq!(drop_class(&default, &desired), Some(Class::Alter));
    }
}
