//! How tenants differ, as people read it: what is missing, different or held back by the tenants for which that is so, and
//! what is undeclared by object. Whatever undeclared objects tenants have in whichever combination, each is told once.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::lists::{name, some, tenants};
use super::members::Members;
use crate::checksum;
use crate::fleet::{Class, Difference, Drift, TenantDrift, Undeclared};
use crate::name::TenantId;
use crate::plan::Untouched;

/// Tenants that differ in the same way, undeclared objects apart.
pub(super) struct Group {
    /// Without undeclared objects.
    pub(super) difference: Difference,
    pub(super) count: usize,
    pub(super) members: Members,
}

/// The largest first.
pub(super) fn groups(drift: &Drift) -> Vec<Group> {
    let mut known = IndexMap::new();
    let by_shape: Vec<Option<usize>> = drift
        .shapes
        .iter()
        .map(|shape| {
            let difference = declared(&shape.difference);
            if difference.is_none() {
                return None;
            }
            let group = known.entry(checksum::of("difference", &difference));
            let at = group.index();
            group.or_insert_with(|| Group { difference, count: 0, members: Members::default() });
            Some(at)
        })
        .collect();
    for tenant in &drift.tenants {
        let group = tenant.shape.and_then(|shape| by_shape.get(shape).copied().flatten());
        if let Some((_, group)) = group.and_then(|at| known.get_index_mut(at)) {
            group.count += 1;
            group.members.add(tenant);
        }
    }
    let mut groups: Vec<Group> = known.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}

/// What is declared and missing, different or held back.
fn declared(difference: &Difference) -> Difference {
    let Difference { absent, missing, untouched } = difference;
    let Untouched { changed, held, .. } = untouched;
    let untouched =
        Untouched { changed: changed.clone(), held: held.clone(), ..Untouched::default() };
    Difference { absent: *absent, missing: missing.clone(), untouched }
}

/// Such as "extra view `open_tasks`: in 28 of 30 tenants, not in a, b", for each.
pub(super) fn undeclared(drift: &Drift) -> impl Iterator<Item = (&Undeclared, String)> {
    presence(drift, &drift.undeclared).map(|(one, presence)| {
        let class = match one.class {
            Class::Extra => "extra",
            Class::Unmodelled => "unmodelled",
        };
        (one, format!("{class} {}: {presence}", one.object))
    })
}

/// Such as "view `report_1`: in 2 of 30 tenants: a, b", for each that the manifest ignores; `None` if that was not asked for.
pub(super) fn ignored(drift: &Drift) -> Option<Vec<String>> {
    let ignored = drift.ignored.as_ref()?;
    let lines = presence(drift, ignored);
    Some(lines.map(|(one, presence)| format!("{}: {presence}", one.object)).collect())
}

/// In how many tenants each is, and in which.
fn presence<'d>(
    drift: &'d Drift,
    all: &'d [Undeclared],
) -> impl Iterator<Item = (&'d Undeclared, String)> {
    let by_id: HashMap<&TenantId, &TenantDrift> =
        drift.tenants.iter().map(|tenant| (&tenant.tenant, tenant)).collect();
    all.iter().map(move |one| {
        let of = |ids: &[TenantId]| -> Members {
            let mut members = Members::default();
            let all = ids.iter().filter_map(|id| by_id.get(id));
            all.for_each(|tenant| members.add_with(tenant, &one.object));
            members
        };
        let count = tenants(one.of);
        let text = if one.tenants.is_empty() {
            let lacking = one.missing_in.iter().filter_map(|id| by_id.get(id));
            let lacking: Vec<String> = lacking.map(|tenant| name(tenant)).collect();
            let which = match lacking.as_slice() {
                [] => format!("in all {count}"),
                lacking => format!("in {} of {count}, not in {}", one.present_in, some(lacking)),
            };
            let excepted = of(&one.excepted);
            [which].into_iter().chain(excepted.lines()).collect::<Vec<_>>().join("; ")
        } else {
            format!("in {} of {count}: {}", one.present_in, of(&one.tenants).in_short())
        };
        (one, text)
    })
}
