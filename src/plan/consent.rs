//! What of a difference may be done, and what a person would have to consent to.

use std::collections::BTreeSet;

use crate::catalog::{Altered, Delta, Fact, Kind, Object};
use crate::consent::{Class, Consent};
use crate::kinds::{self, Alteration};

/// Separates what may be done from what is withheld. Additions need no consent. Changes in place, and that a column
/// loses its default, need it; other changes of what exists, and other removals, are withheld from everybody.
pub(super) fn part<'a>(delta: Delta<'a>, consent: &Consent) -> (Delta<'a>, Delta<'a>) {
    let Delta { added, removed, altered } = delta;
    if consent.is_empty() {
        let permitted = Delta { added, ..Delta::default() };
        return (permitted, Delta { removed, altered, ..Delta::default() });
    }
    let may_be = |one: &Altered<'_>| {
        consent.allows(Class::Alter, &shown(&one.live.object)) && is_in_place(one)
    };
    let (mut altered, mut left): (Vec<_>, Vec<_>) = altered.into_iter().partition(may_be);
    let columns: BTreeSet<&Object> = left
        .iter()
        .map(|one| &one.desired.object)
        .filter(|object| object.kind() == Kind::Column)
        .collect();
    // The default of a column that stays as it is may not even be of its type.
    let is_of_left =
        |fact: &Fact| fact.object.kind() == Kind::Default && columns.contains(&shown(&fact.object));
    let (stay, change): (Vec<_>, Vec<_>) =
        altered.into_iter().partition(|one| is_of_left(one.desired));
    let (dropped, removed): (Vec<_>, Vec<_>) = removed.into_iter().partition(|fact| {
        fact.object.kind() == Kind::Default
            && consent.allows(Class::Alter, &shown(&fact.object))
            && !is_of_left(fact)
    });
    drop(columns);
    altered = change;
    left.extend(stay);
    let permitted = Delta { added, removed: dropped, altered };
    (permitted, Delta { removed, altered: left, ..Delta::default() })
}

/// Whether there is a statement that changes it in place.
pub(super) fn is_in_place(altered: &Altered<'_>) -> bool {
    kinds::can_alter(&Alteration { desired: altered.desired, live: altered.live })
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
        let parted = |consent: &Consent| {
            let (permitted, withheld) = part(delta(), consent);
            (counts(&permitted), counts(&withheld))
        };
        assert_eq!(parted(&Consent::default()), ((1, 0, 0), (0, 2, 1)));
        assert_eq!(parted(&"alter:column t.d".parse().unwrap()), ((1, 0, 0), (0, 2, 1)));
        for consent in ["alter", "alter:column t.c"] {
            assert_eq!(parted(&consent.parse().unwrap()), ((1, 1, 1), (0, 1, 0)), "{consent}");
        }
    }
}
