//! What of a difference may be done, and what a person would have to consent to.

use crate::catalog::Delta;

/// Separates what may be done from what is withheld. Additions need no consent; consent cannot be given yet, so
/// all changes of what exists, and all removals, are withheld.
pub(super) fn part(delta: Delta<'_>) -> (Delta<'_>, Delta<'_>) {
    let Delta { added, removed, altered } = delta;
    let permitted = Delta { added, ..Delta::default() };
    (permitted, Delta { removed, altered, ..Delta::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Altered, Fact, Object};
    use crate::name::Ident;

    #[test]
    fn only_additions_need_no_consent() {
        let table = |name| Fact::new(Object::table(&Ident::new(name).unwrap()), []);
        let (new, old, desired, live) = (table("new"), table("old"), table("t"), table("t"));
        let altered = vec![Altered { desired: &desired, live: &live }];
        let delta = Delta { added: vec![&new], removed: vec![&old], altered };
        let (permitted, withheld) = part(delta);
        assert_eq!((permitted.added.len(), withheld.added.len()), (1, 0));
        assert_eq!((permitted.removed.len(), withheld.removed.len()), (0, 1));
        assert_eq!((permitted.altered.len(), withheld.altered.len()), (0, 1));
    }
}
