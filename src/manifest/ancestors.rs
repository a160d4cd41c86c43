//! What tables inherit from, as far as the file says.

use indexmap::IndexMap;

use super::raw::{Name, Table};

/// The names of the tables that a table inherits from, directly or not, and what it inherits from itself.
pub(super) fn ancestors<'r>(tables: &'r IndexMap<Name, Table>, table: &'r Table) -> Vec<&'r Name> {
    let mut found: Vec<&Name> = Vec::new();
    let mut left: Vec<&Name> = table.inherits.iter().collect();
    while let Some(name) = left.pop() {
        if !found.contains(&name) {
            found.push(name);
            left.extend(tables.get(name).into_iter().flat_map(|parent| &parent.inherits));
        }
    }
    found
}
