//! What the exceptions of the manifest accept.

use indexmap::IndexMap;

use super::lists::{name, some, tenants};
use crate::fleet::Drift;
use crate::plan::Excepted;
use crate::reconcile::Left;

/// Title of a list of objects.
pub(super) const EXCEPTED: &str = "Excepted objects";

/// Objects that are listed before the rest is counted.
const SHOWN: usize = 20;

/// Why what is left is accepted; if only a part of it is, which.
pub(super) fn of_left(left: &Left) -> Option<String> {
    if left.exception.is_some() || left.excepted.is_empty() {
        return left.exception.clone();
    }
    let shown: Vec<String> = left.excepted.iter().map(ToString::to_string).collect();
    Some(format!("only {}", some(&shown)))
}

/// Such as "column t.x: ticket 417 (until 2027-01-31): in 2 tenants: a, b", for each object with an exception of its own.
pub(super) fn objects(drift: &Drift) -> Vec<String> {
    let mut found: IndexMap<&Excepted, Vec<String>> = IndexMap::new();
    for tenant in &drift.tenants {
        for excepted in &tenant.excepted {
            found.entry(excepted).or_default().push(name(tenant));
        }
    }
    let more = found.len().saturating_sub(SHOWN);
    let lines = found.iter().take(SHOWN);
    let lines = lines.map(|(excepted, names)| {
        format!("{excepted}: in {}: {}", tenants(names.len()), some(names))
    });
    lines.chain((more > 0).then(|| format!("… and {more} more"))).collect()
}
