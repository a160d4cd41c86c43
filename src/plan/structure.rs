//! Tables that inherit other tables than declared, or are partitioned otherwise.

use super::comparison::Comparison;
use crate::catalog::{Fact, Kind, Object};
use crate::kinds;
use crate::name::Ident;

/// Why there is no partition beside another one for the same rows, and nothing is added to a table that inherits other tables
/// than declared, or is partitioned otherwise.
pub(super) fn misplaced(comparison: &Comparison<'_>, fact: &Fact) -> Option<String> {
    if let Some(other) = kinds::same_bound(comparison.live, fact) {
        return Some(format!("{other} is the partition for these rows"));
    }
    let table = fact.object.table_name().filter(|_| fact.object.kind() != Kind::Table)?;
    other_structure(comparison, &table)
}

/// That a table inherits other tables than declared, or is partitioned otherwise.
pub(super) fn other_structure(comparison: &Comparison<'_>, table: &Ident) -> Option<String> {
    let table = Object::table(table);
    let desired = comparison.desired.catalog.get(&table)?;
    let live = comparison.live.get(&table)?;
    kinds::differ_in_structure(desired, live).then(|| format!("{table} is not as declared"))
}
