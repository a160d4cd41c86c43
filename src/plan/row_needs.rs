//! Which baseline rows are held back.

use std::collections::{BTreeMap, BTreeSet};

use super::comparison::Comparison;
use super::mentions::{namesakes, reasons_met};
use super::misfits::{misfits, misfits_of_values};
use super::needs::Blocked;
use super::structure::other_structure;
use crate::catalog::{Kind, Object};
use crate::kinds;
use crate::manifest::{Cell, Manifest, SCHEMA_PLACEHOLDER, SeedDecl, SeedRow};
use crate::name::Ident;
use crate::obstacle::{Reasons, Subject};
use crate::rows::{self, DifferentRow, Follower};

/// Finds the rows that are held back, in their order.
pub(super) struct HeldRows<'c, 'a> {
    comparison: &'c Comparison<'a>,
    blocked: &'c Blocked<'a>,
    reasons: &'c Reasons,
    namesakes: BTreeSet<Subject>,
    /// Why rows of a table are held back.
    tables: BTreeMap<&'a Ident, BTreeSet<String>>,
}

impl<'c, 'a> HeldRows<'c, 'a> {
    pub(super) fn new(
        comparison: &'c Comparison<'a>,
        blocked: &'c Blocked<'a>,
        reasons: &'c Reasons,
    ) -> Self {
        let namesakes = namesakes(comparison, reasons);
        Self { comparison, blocked, reasons, namesakes, tables: BTreeMap::new() }
    }

    /// Why the row is held back; nothing if it is not.
    pub(super) fn why(&mut self, seed: &'a SeedDecl, row: &'a SeedRow) -> BTreeSet<String> {
        let mut why = self.why_not_write(seed, row);
        why.extend(misfits(self.comparison, self.blocked, seed, row));
        if !why.is_empty() {
            self.tables.entry(&seed.table).or_default().extend(why.iter().cloned());
        }
        why
    }

    /// Why the values of a row are not written.
    fn why_not_write(&self, seed: &SeedDecl, row: &SeedRow) -> BTreeSet<String> {
        let manifest = self.comparison.manifest;
        let mut columns: Vec<(&Ident, &Ident)> = Vec::new();
        for (column, cell) in &row.cells {
            columns.push((&seed.table, column));
            columns.extend(cell.columns_read());
        }
        let tables: BTreeSet<&Ident> =
            columns.iter().map(|(table, _)| *table).chain([&seed.table]).collect();
        let expressions = expressions(manifest, seed, row);
        let mut why = self.obstructed(&tables, &expressions);
        let needed = tables.iter().map(|table| Object::table(table));
        let desired = &self.comparison.desired.catalog;
        let column = |(table, name): &(&Ident, &Ident)| match kinds::column(desired, table, name) {
            Some(fact) => fact.object.clone(),
            None => Object::column(table, name),
        };
        let needed = needed.chain(columns.iter().map(column));
        for object in needed {
            why.extend(self.blocked.get(&object).into_iter().flatten().cloned());
        }
        why.extend(tables.iter().filter_map(|table| other_structure(self.comparison, table)));
        let parents = parents(manifest, &seed.table).chain(tables);
        let needed = parents.filter(|table| **table != seed.table);
        why.extend(needed.filter_map(|table| self.tables.get(table)).flatten().cloned());
        why
    }

    /// Why values of a row are not changed.
    pub(super) fn why_not_update(&mut self, different: &'a DifferentRow<'a>) -> BTreeSet<String> {
        let DifferentRow { seed, row, cells } = different;
        let is_changed = |name: &Ident| cells.iter().any(|cell| cell.column == name.as_str());
        let used = row.cells.iter();
        let used = used.filter(|(name, _)| is_changed(name) || seed.key.contains(name));
        let used = SeedRow { origin: row.origin.clone(), cells: used.cloned().collect() };
        let mut why = self.why_not_write(seed, &used);
        why.extend(misfits_of_values(self.comparison, seed, &used));
        let keys = self.comparison.live.facts().filter(|fact| kinds::follows_updates(fact));
        for key in keys.filter(|key| kinds::refers_to(key, &seed.table)) {
            let columns = kinds::referring_columns(key).unwrap_or_default();
            if columns.is_empty() || columns.iter().any(|(_, to)| is_changed(to)) {
                why.insert(format!("{} would change other rows with it", key.object));
            }
        }
        why
    }

    /// Why rows that are not declared are not deleted.
    pub(super) fn why_not_delete(
        &self,
        seed: &SeedDecl,
        followers: &[Option<Follower>],
    ) -> BTreeSet<String> {
        let others = followers.iter().flatten().map(|follower| &follower.table);
        let tables: BTreeSet<&Ident> = others.chain([&seed.table]).collect();
        let manifest = self.comparison.manifest;
        let compared = seed.key.iter().filter(|key| !is_printed(manifest, &seed.table, key));
        let expressions: Vec<String> = compared.map(|key| key.as_str().to_owned()).collect();
        let mut why = self.obstructed(&tables, &expressions);
        if followers.iter().any(Option::is_none) {
            why.insert(format!("rows of other tables would go with rows of {}", seed.table));
        }
        // A key of another schema, whose rows could go, too.
        let is_key_of_it = |object: &Object| {
            matches!(object.kind(), Kind::Constraint | Kind::Index)
                && object.table_name().as_ref() == Some(&seed.table)
        };
        let dependents = self.reasons.iter().filter(
            |(subject, _)| matches!(subject, Subject::Dropped(object) if is_key_of_it(object)),
        );
        why.extend(dependents.flat_map(|(_, reasons)| reasons).cloned());
        why.extend(other_structure(self.comparison, &seed.table));
        why
    }

    fn obstructed(&self, tables: &BTreeSet<&Ident>, expressions: &[String]) -> BTreeSet<String> {
        let mut subjects: BTreeSet<Subject> = BTreeSet::new();
        for table in tables {
            let name = table.as_str().to_owned();
            subjects.extend([Subject::Relation(name.clone()), Subject::Rows(name)]);
        }
        // Whatever a row makes the server evaluate may call a declared function by its name.
        subjects.extend(self.namesakes.iter().cloned());
        // Only the server knows which of the schema's types an expression names.
        if expressions.iter().any(|text| text.contains(SCHEMA_PLACEHOLDER)) {
            let facts = self.comparison.desired.catalog.facts();
            let types = facts.filter(|fact| fact.object.kind().is_type());
            let names = types.filter_map(|fact| fact.object.name());
            subjects.extend(names.map(|name| Subject::Type(name.as_str().to_owned())));
        }
        reasons_met(self.reasons, &subjects, tables.iter().copied(), expressions)
    }
}

/// The tables that the foreign keys of a table point to.
fn parents<'m>(manifest: &'m Manifest, table: &Ident) -> impl Iterator<Item = &'m Ident> {
    manifest.row_table(table).into_iter().flat_map(|table| &table.parents)
}

/// The expressions that the server evaluates when it inserts the row and in which it could look up casts.
/// A literal that is inserted, or compared with a type of the manifest, takes its type from the other side; other
/// values have a type of their own, and other columns could have been changed to such a type.
fn expressions(manifest: &Manifest, seed: &SeedDecl, row: &SeedRow) -> Vec<String> {
    let mut texts = Vec::new();
    for (column, cell) in &row.cells {
        valued(column, cell, &mut texts);
        compared(manifest, cell, &mut texts);
        if seed.key.contains(column) && !is_printed(manifest, &seed.table, column) {
            texts.push(column.as_str().to_owned());
        }
    }
    texts
}

/// The column with the expression that gives its value, if the value has a type of its own.
fn valued(column: &Ident, cell: &Cell, texts: &mut Vec<String>) {
    match cell {
        Cell::Sql(expression) => {
            texts.push(format!("{} {}", column.as_str(), expression.as_written()));
        }
        Cell::Lookup { column: found, .. } => {
            texts.push(format!("{} {}", column.as_str(), found.as_str()));
        }
        Cell::Null | Cell::Value(_) | Cell::Tenant => {}
    }
}

/// The columns that are compared to find the row that is looked up.
fn compared(manifest: &Manifest, cell: &Cell, texts: &mut Vec<String>) {
    let Cell::Lookup { table, matching, .. } = cell else { return };
    for (column, cell) in matching {
        match cell {
            Cell::Sql(_) | Cell::Lookup { .. } => valued(column, cell, texts),
            Cell::Null | Cell::Value(_) | Cell::Tenant if !is_printed(manifest, table, column) => {
                texts.push(column.as_str().to_owned());
            }
            Cell::Null | Cell::Value(_) | Cell::Tenant => {}
        }
        compared(manifest, cell, texts);
    }
}

/// Whether its printed form is compared, which calls nothing that the type's owner has chosen.
fn is_printed(manifest: &Manifest, table: &Ident, column: &Ident) -> bool {
    matches!(rows::Comparison::of(manifest, table, column), rows::Comparison::Printed { .. })
}
