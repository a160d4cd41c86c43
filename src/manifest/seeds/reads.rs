//! What is read to find out whether baseline rows are there.

use std::collections::BTreeSet;

use crate::manifest::model::{Cell, Manifest, SeedDecl, SeedRow};
use crate::name::Ident;

impl Manifest {
    /// The tables that are read to find the declared rows.
    #[must_use]
    pub fn tables_read(&self) -> BTreeSet<&Ident> {
        self.seeds.iter().flat_map(SeedDecl::columns_read).map(|(table, _)| table).collect()
    }
}

impl SeedDecl {
    /// The columns, with their tables, that are read to find its rows: the key, and what it looks up.
    #[must_use]
    pub fn columns_read(&self) -> BTreeSet<(&Ident, &Ident)> {
        self.columns_read_for(&self.rows)
    }

    /// The same for some of the rows.
    #[must_use]
    pub fn columns_read_for<'m>(&'m self, rows: &'m [SeedRow]) -> BTreeSet<(&'m Ident, &'m Ident)> {
        let mut columns: BTreeSet<(&Ident, &Ident)> =
            self.key.iter().map(|key| (&self.table, key)).collect();
        let cells = rows.iter().flat_map(|row| &row.cells);
        for (_, cell) in cells.filter(|(name, _)| self.key.contains(name)) {
            looked_up(cell, &mut columns);
        }
        columns
    }
}

fn looked_up<'m>(cell: &'m Cell, columns: &mut BTreeSet<(&'m Ident, &'m Ident)>) {
    if let Cell::Lookup { table, column, matching } = cell {
        columns.insert((table, column));
        for (name, cell) in matching {
            columns.insert((table, name));
            looked_up(cell, columns);
        }
    }
}
