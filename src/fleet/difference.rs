//! How what was found differs from the manifest: computed once per shape, not once per tenant.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use serde::Serialize;

use super::{Fleet, Member, Seen, Survey};
use crate::catalog::Object;
use crate::checksum::{self, Checksum};
use crate::grants::{AbsentGrant, Whose};
use crate::hold::Hold;
use crate::obstacle::{Obstacle, Reasons};
use crate::pg::{self, Observed, Placement, Row, TenantSnapshot};
use crate::plan::{Action, Untouched};
use crate::reconcile::{Room, compare, live_checksum};

/// How a tenant differs from the manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// There is no such schema; then everything is missing, and the rest is empty.
    pub absent: bool,
    /// What an apply would create, in that order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// What an apply would leave as it is.
    #[serde(flatten)]
    pub untouched: Untouched,
}

/// Something that is missing, or is changed since that is allowed, and what an apply would do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    pub action: Action,
    pub object: Object,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What is not missing is changed, which the manifest allows.
        if self.is_change() {
            write!(f, "{} ", self.action)?;
        }
        self.object.fmt(f)
    }
}

impl Missing {
    /// Whether it changes what exists.
    #[must_use]
    pub fn is_change(&self) -> bool {
        self.action.is_change()
    }
}

impl Difference {
    /// Whether an apply has something to do, or would have if nothing were held back.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.absent || !self.missing.is_empty() || !self.untouched.held.is_empty()
    }

    /// Whether there is no difference at all.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// All objects that differ, by kind and name; `None`: there is no such schema.
    pub(super) fn objects(&self) -> Option<Vec<String>> {
        let missing = self.missing.iter().map(ToString::to_string);
        (!self.absent).then(|| missing.chain(self.untouched.objects()).collect())
    }

    /// Whether the record may say that the tenant is complete.
    pub(super) fn is_complete(&self) -> bool {
        !self.is_behind() && self.untouched.is_empty()
    }
}

/// A tenant that could be compared.
#[derive(Debug, Clone)]
pub(super) struct Compared {
    pub(super) difference: Arc<Difference>,
    pub(super) is_present: bool,
    /// The fingerprint, if neither a declared row nor a privilege is absent.
    pub(super) rows_found: Option<Checksum>,
    /// Identifies what was found, as [`Plan::live_checksum`](crate::plan::Plan::live_checksum).
    pub(super) seen: Checksum,
    /// Whether the record says that the manifest, as it is now, was applied.
    pub(super) is_recorded: bool,
    /// Where Citus keeps the schema; `None` if it is on the server itself, and should be.
    pub(super) placement: Option<Placement>,
    /// The hold that is in force.
    pub(super) hold: Option<Hold>,
}

/// Identifies tenants that differ in the same way.
#[derive(PartialEq, Eq, Hash)]
struct Shape<'f> {
    server: usize,
    fingerprint: Option<Checksum>,
    rows: Vec<(usize, usize)>,
    /// Of other values, and of rows that are not declared.
    other_rows: Option<Checksum>,
    grants: Vec<AbsentGrant<'f>>,
    reasons: Reasons,
}

/// How each member differs, in their order; `None` for those that could not be compared.
pub(super) fn compare_all(
    fleet: &Fleet,
    members: &[Member],
    survey: &Survey<'_>,
) -> Vec<Option<Compared>> {
    let mut known: HashMap<Shape<'_>, (Arc<Difference>, Checksum)> = HashMap::new();
    let compared = members.iter().zip(&survey.seen).map(|(member, seen)| {
        let Seen::At(snapshot) = seen else {
            return None;
        };
        let server = fleet.servers.get(member.server)?;
        let fingerprint = snapshot.present.as_ref().map(|present| present.fingerprint);
        let rows = snapshot.absent.rows.iter().map(address).collect();
        let absent = &snapshot.absent;
        let other_rows = (&absent.different, &absent.surplus);
        let shape = Shape {
            server: member.server,
            fingerprint,
            rows,
            other_rows: absent.has_other_rows().then(|| checksum::of("rows", &other_rows)),
            grants: absent.grants.clone(),
            reasons: server.context.reasons(&snapshot.obstacles, Obstacle::in_general),
        };
        let (difference, seen) = match known.entry(shape) {
            Entry::Occupied(entry) => entry.get().clone(),
            Entry::Vacant(entry) => {
                let found = difference(server, snapshot, &entry.key().reasons)?;
                let seen = live_checksum(fingerprint, &snapshot.absent);
                entry.insert((Arc::new(found), seen)).clone()
            }
        };
        let expected = pg::note(server.context.manifest_checksum(), difference.is_complete());
        let note = snapshot.present.as_ref().and_then(|present| present.note.as_ref());
        Some(Compared {
            is_recorded: note == Some(&expected),
            is_present: snapshot.present.is_some(),
            hold: snapshot.present.as_ref().and_then(|present| present.hold.clone()),
            placement: snapshot.present.as_ref().and_then(|present| present.placement.clone()),
            seen,
            rows_found: fingerprint.filter(|_| snapshot.absent.is_empty()),
            difference,
        })
    });
    compared.collect()
}

/// A declared row, by where it is declared: cheaper to compare than its contents.
fn address((seed, row): &Row<'_>) -> (usize, usize) {
    (std::ptr::from_ref(*seed).addr(), std::ptr::from_ref(*row).addr())
}

fn difference(
    server: &super::Server,
    snapshot: &TenantSnapshot<'_>,
    reasons: &Reasons,
) -> Option<Difference> {
    let context = &server.context;
    let Some(present) = &snapshot.present else {
        return Some(Difference { absent: true, ..Difference::default() });
    };
    let observed = Observed {
        schema: Some(Arc::clone(&present.schema)),
        fingerprint: Some(present.fingerprint),
        absent: snapshot.absent.clone(),
        state: Vec::new(),
    };
    let room = Room::default();
    let desired = context.known_desired()?;
    let found = compare(context, desired, &observed, (reasons, Whose::All), &room);
    let missing = found.steps.iter();
    let missing =
        missing.map(|step| Missing { action: step.action(), object: step.object() }).collect();
    Some(Difference { absent: false, missing, untouched: found.untouched })
}
