//! Tenants that are held: who wants them to be left alone, why, and until when.

use super::lists::name;
use crate::fleet::{Drift, FleetPlan, HeldTenant, RunReport, TenantOutcome};
use crate::hold::Hold;

/// Title of a list of them.
pub(super) const HELD: &str = "Held";

/// Tenants of a list before the rest is counted.
const SHOWN: usize = 50;

/// Such as "acme on us: held by ana since 2026-11-28T09:30:00Z until 2026-12-01: migration", for each.
pub(super) fn of_drift(drift: &Drift) -> Vec<String> {
    lines(drift.held().map(|(tenant, hold)| (name(tenant), hold)))
}

/// The same, of tenants for which nothing is planned.
pub(super) fn of_plan(plan: &FleetPlan) -> Vec<String> {
    lines(plan.held.iter().map(|HeldTenant { tenant, server, hold }| {
        let name = match server {
            Some(server) => format!("{tenant} on {server}"),
            None => tenant.to_string(),
        };
        (name, hold)
    }))
}

/// The same, of tenants that a run left alone.
pub(super) fn of_run(ended: &RunReport) -> Vec<String> {
    lines(ended.tenants.iter().filter_map(|done| {
        let TenantOutcome::Held { hold } = &done.outcome else { return None };
        let name = match &done.server {
            Some(server) => format!("{} on {server}", done.tenant),
            None => done.tenant.to_string(),
        };
        Some((name, hold))
    }))
}

fn lines<'h>(held: impl Iterator<Item = (String, &'h Hold)>) -> Vec<String> {
    let mut lines: Vec<String> = held.map(|(name, hold)| format!("{name}: {hold}")).collect();
    if lines.len() > SHOWN {
        let more = format!("… and {} more", lines.len() - SHOWN);
        lines.truncate(SHOWN);
        lines.push(more);
    }
    lines
}
