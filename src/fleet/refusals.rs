//! Tenants that are refused beforehand, since their plans take stronger locks than may be taken.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::difference::Compared;
use super::planned::plan_of;
use super::{Event, Fleet, Member};
use crate::explain::Failure;
use crate::pg::TenantSnapshot;
use crate::reconcile::ReconcileError;

/// Which shapes of tenants are refused before anything is done to any tenant, since their plans take stronger locks than may be
/// taken.
#[derive(Default)]
pub(super) struct Refusals {
    /// By the address of the shape's difference, with the number of its tenants; `None`: it is not refused.
    shapes: HashMap<usize, (usize, Option<Failure>)>,
}

impl Refusals {
    /// Why the tenant is refused, if it is.
    pub(super) fn of(
        &mut self,
        fleet: &Fleet,
        member: &Member,
        snapshot: &TenantSnapshot<'_>,
        found: &Compared,
    ) -> Option<Failure> {
        fleet.servers.get(member.server)?.context.max_lock?;
        let shape = Arc::as_ptr(&found.difference).addr();
        let error = || match plan_of(fleet, member, &member.tenant, snapshot) {
            Err(error @ ReconcileError::LockTooStrong { .. }) => Some(error),
            _ => None,
        };
        let (count, first) = match self.shapes.entry(shape) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert((0, error().as_ref().map(Failure::from))),
        };
        *count += 1;
        // The schema is named in the message.
        first.as_ref()?;
        error().as_ref().map(Failure::from)
    }

    /// Tells which shapes are, and how many tenants that concerns.
    pub(super) fn tell(&self, on_event: &(dyn Fn(Event<'_>) + Sync)) {
        for (tenants, error) in self.shapes.values() {
            if let Some(error) = error {
                on_event(Event::Refused { tenants: *tenants, error });
            }
        }
    }
}
