//! What of a difference may be done, and what a person would have to consent to.

use std::collections::BTreeSet;

use crate::catalog::{Altered, Catalog, Counterpart, Delta, Fact, Kind, Object};
use crate::consent::{Class, Consent};
use crate::kinds::{self, Alteration};

/// A difference, by what may be done.
#[derive(Debug, Default)]
pub(super) struct Parted<'a> {
    /// With what is changed in place.
    pub(super) permitted: Delta<'a>,
    /// What is dropped and created again.
    pub(super) rebuilt: Vec<Altered<'a>>,
    /// What a person would have to consent to, or nobody can.
    pub(super) withheld: Delta<'a>,
}

/// Separates what may be done from what is withheld. Additions need no consent. Changes need it, and that a column loses its
/// default; other removals are withheld from everybody.
pub(super) fn part<'a>(
    delta: Delta<'a>,
    counterparts: &[Counterpart<'a>],
    (desired, live): (&'a Catalog, &'a Catalog),
    consent: &Consent,
) -> Parted<'a> {
    let Delta { mut added, removed, altered } = delta;
    if consent.is_empty() {
        let permitted = Delta { added, ..Delta::default() };
        let withheld = Delta { removed, altered, ..Delta::default() };
        return Parted { permitted, withheld, ..Parted::default() };
    }
    let class_of = |one: &Altered<'_>| class(one, desired, live);
    let may_be = |class: Class, one: &Altered<'_>| {
        class_of(one) == Some(class) && is_allowed(consent, class, one.desired, one.live)
    };
    let (changed, left): (Vec<_>, Vec<_>) =
        altered.into_iter().partition(|one| may_be(Class::Alter, one));
    let (mut rebuilt, mut left): (Vec<_>, Vec<_>) =
        left.into_iter().partition(|one| may_be(Class::Rebuild, one));
    let columns: BTreeSet<Object> = left
        .iter()
        .map(|one| one.desired.object.clone())
        .filter(|object| object.kind() == Kind::Column)
        .collect();
    // The default of a column that stays as it is may not even be of its type.
    let is_of_left =
        |fact: &Fact| fact.object.kind() == Kind::Default && columns.contains(&shown(&fact.object));
    let (stay, altered): (Vec<_>, Vec<_>) =
        changed.into_iter().partition(|one| is_of_left(one.desired));
    left.extend(stay);
    let (dropped, removed): (Vec<_>, Vec<_>) = removed.into_iter().partition(|fact| {
        let column = shown(&fact.object);
        fact.object.kind() == Kind::Default
            && desired.has(&column)
            && consent.allows(Class::Alter, &column)
            && !is_of_parent(&column, live)
            && !is_of_left(fact)
    });
    let others = counterparts.iter().filter(|one| {
        counterpart_class(one, desired, live)
            .is_some_and(|class| is_allowed(consent, class, one.desired, one.live))
    });
    rebuilt.extend(others.map(|one| Altered { desired: one.desired, live: one.live }));
    // A comment goes with what it is on.
    let is_known = |object: &Object| {
        let of_altered = altered.iter().map(|one| &one.desired.object);
        added.iter().map(|fact| &fact.object).chain(of_altered).any(|known| known == object)
    };
    let comments = rebuilt.iter().filter_map(|one| desired.get(&one.desired.object.comment()));
    let comments: Vec<&Fact> = comments.filter(|fact| !is_known(&fact.object)).collect();
    added.extend(comments);
    let permitted = Delta { added, removed: dropped, altered };
    Parted { permitted, rebuilt, withheld: Delta { removed, altered: left, ..Delta::default() } }
}

/// Under the name that it has in the tenant, or the one that it has in the manifest.
fn is_allowed(consent: &Consent, class: Class, desired: &Fact, live: &Fact) -> bool {
    [live, desired].iter().any(|fact| consent.allows(class, &shown(&fact.object)))
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
pub(super) fn class(altered: &Altered<'_>, desired: &Catalog, live: &Catalog) -> Option<Class> {
    if is_of_parent(&altered.live.object, live)
        || altered.desired.object.kind() == Kind::Default
            && lacks_sequence(altered.desired, desired, live)
    {
        return None;
    }
    let alteration = Alteration { desired: altered.desired, live: altered.live };
    if kinds::can_alter(&alteration) {
        return Some(Class::Alter);
    }
    let loses_comment =
        live.has(&altered.live.object.comment()) && !desired.has(&altered.desired.object.comment());
    let is_whole = !loses_comment && !is_marked(&altered.live.object, live);
    (is_whole && kinds::can_rebuild(&alteration)).then_some(Class::Rebuild)
}

/// The same for something unnamed that exists in another form.
pub(super) fn counterpart_class(
    counterpart: &Counterpart<'_>,
    desired: &Catalog,
    live: &Catalog,
) -> Option<Class> {
    let Counterpart { desired: wanted, live: there, is_named } = counterpart;
    let has_comment = desired.has(&wanted.object.comment()) || live.has(&there.object.comment());
    let is_same_kind =
        wanted.object.kind() == there.object.kind() && wanted.text("sort") == there.text("sort");
    let is_shared = is_marked(&there.object, live) || is_of_parent(&there.object, live);
    if *is_named || has_comment || !is_same_kind || is_shared {
        return None;
    }
    let alteration = Alteration { desired: wanted, live: there };
    kinds::can_rebuild(&alteration).then_some(Class::Rebuild)
}

/// Whether something else says that an index is its own, which would be lost with the index: a table that is clustered on it or
/// identified by it, or a statistics target of an expression, which is not modelled.
fn is_marked(object: &Object, live: &Catalog) -> bool {
    let Some(name) = object.name().filter(|_| object.kind() == Kind::Index) else {
        return false;
    };
    let mut marks = live.of_kind(Kind::Clustering).chain(live.of_kind(Kind::ReplicaIdentity));
    marks.any(|fact| fact.text("index") == Some(name.as_str()))
        || live.unmodelled.iter().any(|unmodelled| unmodelled.name.contains(name.as_str()))
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
    use crate::name::Ident;

    fn counts(delta: &Delta<'_>) -> (usize, usize, usize) {
        (delta.added.len(), delta.removed.len(), delta.altered.len())
    }

    #[test]
    fn only_additions_need_no_consent() {
        let ident = |name| Ident::new(name).unwrap();
        let table = |name| Fact::new(Object::table(&ident(name)), []);
        let column = |is: &str| {
            let object = Object::column(&ident("t"), &ident("c"));
            Fact::new(object, [("nullability", is.to_owned())])
        };
        let default = Fact::new(Object::on_table(Kind::Default, &ident("t"), &ident("c")), []);
        let (new, old, desired, live) =
            (table("new"), table("old"), column("null"), column("not null"));
        let delta = || Delta {
            added: vec![&new],
            removed: vec![&old, &default],
            altered: vec![Altered { desired: &desired, live: &live }],
        };
        let (mut declared, live) = (Catalog::default(), Catalog::default());
        declared.insert(column("null"));
        let parted = |consent: &Consent| {
            let parted = part(delta(), &[], (&declared, &live), consent);
            assert!(parted.rebuilt.is_empty());
            (counts(&parted.permitted), counts(&parted.withheld))
        };
        assert_eq!(parted(&Consent::default()), ((1, 0, 0), (0, 2, 1)));
        assert_eq!(parted(&"alter:column t.d".parse().unwrap()), ((1, 0, 0), (0, 2, 1)));
        assert_eq!(parted(&"rebuild".parse().unwrap()), ((1, 0, 0), (0, 2, 1)));
        for consent in ["alter", "alter:column t.c"] {
            assert_eq!(parted(&consent.parse().unwrap()), ((1, 1, 1), (0, 1, 0)), "{consent}");
        }
    }
}
