//! What tables inherit from, as far as the file says.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::raw::{Name, Table};

/// The names of the tables that a table inherits from, directly or not, and what it inherits from itself.
pub(super) fn ancestors<'r>(
    tables: &'r IndexMap<Name, Table>,
    table: &'r Table,
) -> BTreeSet<&'r str> {
    let mut found = BTreeSet::new();
    let mut left: Vec<&Name> = table.inherits.iter().collect();
    while let Some(name) = left.pop() {
        if found.insert(name.value.as_str())
            && let Some(parent) = tables.get(name)
        {
            left.extend(&parent.inherits);
        }
    }
    found
}
