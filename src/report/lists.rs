//! Names and counts of tenants.

use super::style::printable;
use crate::fleet::TenantDrift;
use crate::words::counted;

/// Names that are listed before the rest is counted.
const TENANTS_SHOWN: usize = 10;

/// Ends a part of a report: what follows is separated by one empty line.
pub(super) fn gap(text: &mut String) {
    if !text.is_empty() && !text.ends_with("\n\n") {
        text.push('\n');
    }
}

pub(super) fn tenants(count: usize) -> String {
    counted(count, "tenant")
}

/// The tenant, and its server if that has a name.
pub(super) fn name(tenant: &TenantDrift) -> String {
    match &tenant.server {
        Some(server) => format!("{} on {server}", tenant.tenant),
        None => tenant.tenant.to_string(),
    }
}

/// Some names, and how many more there are.
#[must_use]
pub fn some(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(TENANTS_SHOWN).map(|name| printable(name)).collect();
    let more = names.len().saturating_sub(TENANTS_SHOWN);
    let rest = if more > 0 { format!(", … and {more} more") } else { String::new() };
    shown.join(", ") + &rest
}
