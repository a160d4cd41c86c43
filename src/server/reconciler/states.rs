//! What is known of all tenants, also while a server cannot be queried for its tenants.

use std::collections::BTreeMap;

use crate::fleet::State;
use crate::name::TenantId;

/// The state of each tenant after the passes so far; `None` before the first.
#[derive(Debug, Default)]
pub(super) struct TenantStates(Option<BTreeMap<TenantId, State>>);

impl TenantStates {
    /// The states after a pass over all tenants. Unless it `is_whole`, a server was unavailable: tenants of
    /// earlier passes may be on it, and count as unreachable.
    pub(super) fn passed(&mut self, states: &BTreeMap<TenantId, State>, is_whole: bool) {
        if is_whole {
            self.0 = Some(states.clone());
        } else if self.0.is_some() || !states.is_empty() {
            let known = self.0.get_or_insert_default();
            for state in known.values_mut() {
                *state = State::Unreachable;
            }
            known.extend(states.iter().map(|(id, state)| (id.clone(), *state)));
        }
    }

    /// How many tenants are in each state; `None` before the first pass.
    pub(super) fn counts(&self) -> Option<BTreeMap<State, usize>> {
        self.0.as_ref().map(|states| counted(states.values()))
    }

    /// Another replica leads and counts.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

/// How many tenants are in each.
pub(super) fn counted<'s>(states: impl Iterator<Item = &'s State>) -> BTreeMap<State, usize> {
    let mut counts = BTreeMap::new();
    for state in states {
        *counts.entry(*state).or_default() += 1;
    }
    counts
}

pub(super) fn count(counts: &BTreeMap<State, usize>, state: State) -> usize {
    counts.get(&state).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_of_a_server_that_cannot_be_queried_are_not_forgotten() {
        let id = |id: &str| TenantId::new(id).unwrap();
        let states = |all: &[(&str, State)]| all.iter().map(|(of, at)| (id(of), *at)).collect();
        let mut known = TenantStates::default();
        known.passed(&BTreeMap::new(), false);
        assert_eq!(known.counts(), None, "nothing is known");
        known.passed(&states(&[("a", State::InSync), ("b", State::Drifted)]), true);
        known.passed(&states(&[("b", State::InSync)]), false);
        let expected = BTreeMap::from([(State::InSync, 1), (State::Unreachable, 1)]);
        assert_eq!(known.counts(), Some(expected));
        known.passed(&states(&[("c", State::InSync)]), true);
        assert_eq!(known.counts(), Some(BTreeMap::from([(State::InSync, 1)])));
        known.passed(&BTreeMap::new(), true);
        assert_eq!(known.counts(), Some(BTreeMap::new()), "it is known that there are none");
        known.forget();
        assert_eq!(known.counts(), None);
    }
}
