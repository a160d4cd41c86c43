//! Which declared renames tenants still need: a tenant needs one while it has the old name, and not the new one.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use super::plan::unplanned;
use super::roster::{PassedOver, Refused, Unreachable};
use super::{Fleet, Member, Roster, Seen, Survey, Unplanned};
use crate::checksum::{self, Checksum};
use crate::manifest::{Manifest, Position};
use crate::name::{Ident, TenantId};

/// The declared renames, and which tenants need them.
#[derive(Debug, Serialize)]
pub struct Renames {
    pub manifest_checksum: Checksum,
    /// In the order of the manifest.
    pub renames: Vec<DeclaredRename>,
    /// How many tenants were read.
    pub checked: usize,
    /// How many tenants are not provisioned yet: they need no rename.
    pub unprovisioned: usize,
    /// Those that could not be read, or have objects under both names.
    pub failed: Vec<Unplanned>,
    pub refused: Vec<Refused>,
    pub unreachable: Vec<Unreachable>,
    /// Schemas that are no tenant's, since the owner of their record is not trusted.
    pub passed_over: Vec<PassedOver>,
}

/// A declared rename, and which tenants need it.
#[derive(Debug, Serialize)]
pub struct DeclaredRename {
    /// Its kind and name.
    pub object: String,
    pub from: Ident,
    pub file: String,
    /// From one.
    pub line: usize,
    /// From one, in characters.
    pub column: usize,
    pub need: Need,
    /// Those that need it, in the order of the roster.
    pub tenants: Vec<TenantId>,
}

/// Whether a declared rename is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// By some tenant.
    Needed,
    /// By none of all tenants.
    Unneeded,
    /// By none of those that were read, which are not all.
    Unknown,
}

impl Renames {
    /// How many are needed, or not, or nobody knows.
    #[must_use]
    pub fn count(&self, need: Need) -> usize {
        self.renames.iter().filter(|rename| rename.need == need).count()
    }

    /// Whether something could not be read.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        !self.failed.is_empty() || !self.refused.is_empty() || !self.unreachable.is_empty()
    }
}

/// Which of the declared renames the tenants of a roster need. Only of a whole roster, all of whose tenants could be
/// read, it is said that none needs one.
#[must_use]
pub fn renames(fleet: &Fleet, roster: Roster, survey: &Survey<'_>) -> Renames {
    let Roster { is_whole, members, refused, unreachable, passed_over, .. } = roster;
    let declared = in_order(&fleet.manifest);
    let mut tenants: Vec<Vec<TenantId>> = vec![Vec::new(); declared.len()];
    // Those that are alike need the same.
    let mut known: HashMap<(usize, Checksum), BTreeSet<usize>> = HashMap::new();
    let (mut failed, mut checked, mut unprovisioned) = (Vec::new(), 0, 0);
    for (member, seen) in members.iter().zip(&survey.seen) {
        let snapshot = match seen {
            Seen::At(snapshot) => snapshot,
            Seen::Failed(error) => {
                failed.push(unplanned(fleet, member, error.clone()));
                continue;
            }
        };
        checked += 1;
        let Some(present) = &snapshot.present else {
            unprovisioned += 1;
            continue;
        };
        let shape = known.entry((member.server, present.fingerprint));
        let needed = shape.or_insert_with(|| needed(fleet, member, present.fingerprint, &declared));
        for at in needed.iter() {
            if let Some(tenants) = tenants.get_mut(*at) {
                tenants.push(member.tenant.id.clone());
            }
        }
    }
    let are_all = is_whole && failed.is_empty() && refused.is_empty() && unreachable.is_empty();
    let renames = declared.into_iter().zip(tenants).map(|(decl, tenants)| {
        let need = match (tenants.is_empty(), are_all) {
            (false, _) => Need::Needed,
            (true, true) => Need::Unneeded,
            (true, false) => Need::Unknown,
        };
        let Position { file, line, column } = decl.position;
        DeclaredRename {
            object: decl.object,
            from: decl.from.clone(),
            file: file.to_string(),
            line: *line,
            column: *column,
            need,
            tenants,
        }
    });
    Renames {
        manifest_checksum: checksum::of("manifest", &*fleet.manifest),
        renames: renames.collect(),
        checked,
        unprovisioned,
        failed,
        refused,
        unreachable,
        passed_over,
    }
}

/// A rename as the manifest says it.
struct Declared<'m> {
    object: String,
    from: &'m Ident,
    position: &'m Position,
}

/// All that are declared, in the order of the file.
fn in_order(manifest: &Manifest) -> Vec<Declared<'_>> {
    let in_toml = manifest.renames.iter().map(|decl| Declared {
        object: decl.what(),
        from: &decl.from,
        position: &decl.position,
    });
    let in_sql = manifest.sql.renames.iter().map(|decl| Declared {
        object: decl.object.clone(),
        from: &decl.from,
        position: &decl.position,
    });
    let mut all: Vec<Declared<'_>> = in_toml.chain(in_sql).collect();
    all.sort_by_key(|decl| (decl.position.line, decl.position.column));
    all
}

/// The positions in `declared` of what tenants like the member need. One declaration may be of several functions.
fn needed(
    fleet: &Fleet,
    member: &Member,
    fingerprint: Checksum,
    declared: &[Declared<'_>],
) -> BTreeSet<usize> {
    let server = fleet.servers.get(member.server);
    let needed = server.map(|server| server.context.renames_needed(fingerprint));
    let places = needed
        .unwrap_or_default()
        .into_iter()
        .filter_map(|needed| declared.iter().position(|decl| *decl.position == needed.position));
    places.collect()
}
