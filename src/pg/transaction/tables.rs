//! The tables of a manifest.

use crate::manifest::Manifest;
use crate::name::Ident;
use crate::pg::state;

/// The names of the tables of a manifest, with that of the record.
#[derive(Debug)]
pub struct Tables {
    /// All of them.
    pub(super) all: Vec<String>,
    /// Those that are read.
    pub(super) read: Vec<String>,
}

impl Tables {
    /// Those of `manifest`.
    #[must_use]
    pub fn of(manifest: &Manifest) -> Self {
        let name = |table: &Ident| table.as_str().to_owned();
        let record = std::iter::once(state::TABLE.to_owned());
        let in_sql = manifest.sql.tables().map(name);
        let all = manifest.tables.iter().map(|decl| name(&decl.name));
        let all = all.chain(manifest.partitions.iter().map(|decl| name(&decl.name)));
        let all = all.chain(in_sql).chain(record.clone());
        let read = manifest.tables_read().into_iter().map(name).chain(record);
        Self { all: all.collect(), read: read.collect() }
    }
}
