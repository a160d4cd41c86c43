//! How large the tables are that steps are about.

use std::collections::BTreeSet;

use super::PlannedStep;
use super::step::Action;
use crate::catalog::{Kind, Object};
use crate::hazards::{Estimate, LockOn};
use crate::name::TenantId;

/// A table of a tenant, or a materialized view.
#[derive(Debug, Clone, Copy)]
pub struct KnownSize<'a> {
    pub tenant: &'a TenantId,
    pub name: &'a str,
    pub rows: Option<u64>,
    pub bytes: u64,
}

/// The names of the tables that `steps` lock, as they are before the steps.
#[must_use]
pub fn tables_locked(steps: &[PlannedStep]) -> BTreeSet<String> {
    let locks = steps.iter().flat_map(|step| &step.hazards.locks);
    locks.filter_map(|lock| name(lock, steps)).collect()
}

/// Writes into each step how large the largest of the tables is that it locks, in any of the tenants.
pub fn estimate(steps: &mut [PlannedStep], sizes: &[KnownSize<'_>]) {
    let all: &[PlannedStep] = steps;
    let found: Vec<Option<Estimate>> = all
        .iter()
        .map(|step| {
            let of_lock = |lock: &LockOn| {
                let name = name(lock, all)?;
                let of_it = sizes.iter().filter(|size| size.name == name);
                let largest = of_it.max_by_key(|size| size.bytes)?;
                Some((largest, lock.relation.clone()))
            };
            let found = step.hazards.locks.iter().filter_map(of_lock);
            let (largest, relation) = found.max_by_key(|(size, _)| size.bytes)?;
            let (rows, bytes) = (largest.rows, largest.bytes);
            Some(Estimate { tenant: largest.tenant.to_string(), relation, rows, bytes })
        })
        .collect();
    for (step, estimate) in steps.iter_mut().zip(found) {
        step.hazards.estimate = estimate;
    }
}

/// The present name of a table or a materialized view of the schema.
fn name(lock: &LockOn, steps: &[PlannedStep]) -> Option<String> {
    let words = ["table ", "materialized view "];
    let name = words.iter().find_map(|word| lock.relation.strip_prefix(word))?;
    // It may be about to be renamed.
    let renamed = steps.iter().find_map(|step| match &step.object {
        Object::Member(Kind::Table | Kind::MaterializedView, old)
            if step.action == Action::Rename && step.to.as_deref() == Some(name) =>
        {
            Some(old.as_str().to_owned())
        }
        _ => None,
    });
    Some(renamed.unwrap_or_else(|| name.to_owned()))
}
