//! The order in which rows can be inserted: after those that they reference or look up.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use crate::manifest::model::{Cell, RowTable, SeedDecl, SeedRow};
use crate::name::Ident;

/// Seeds in an order in which each comes after those of the tables that it depends on, directly or
/// by way of tables without rows. In a cycle, and where nothing depends, the order of the file is kept.
pub(super) fn ordered(seeds: Vec<SeedDecl>, tables: &[RowTable]) -> Vec<SeedDecl> {
    let by_name = tables.iter().map(|table| (&table.name, table)).collect();
    let needed: Vec<BTreeSet<Ident>> =
        seeds.iter().map(|seed| tables_needed(seed, &by_name)).collect();
    let mut waiting: Vec<(SeedDecl, BTreeSet<Ident>)> = seeds.into_iter().zip(needed).collect();
    for (seed, _) in &mut waiting {
        order_rows(seed);
    }
    let mut done = Vec::new();
    while !waiting.is_empty() {
        let is_free = |(seed, needs): &(SeedDecl, BTreeSet<Ident>)| {
            waiting
                .iter()
                .all(|(other, _)| other.table == seed.table || !needs.contains(&other.table))
        };
        let next = waiting.iter().position(is_free).unwrap_or(0);
        done.push(waiting.remove(next).0);
    }
    done
}

/// Rows after those of the same seed that they look up; in a cycle the order of the file is kept.
fn order_rows(seed: &mut SeedDecl) {
    let needed = rows_needed(seed);
    if needed.iter().all(Vec::is_empty) {
        return;
    }
    let (mut order, mut visited) = (Vec::new(), vec![false; needed.len()]);
    for first in 0..needed.len() {
        // Each row is visited twice: before and after those that it needs.
        let mut open = vec![(first, false)];
        while let Some((at, is_ready)) = open.pop() {
            if is_ready {
                order.push(at);
            } else if let Some(visited) = visited.get_mut(at)
                && !std::mem::replace(visited, true)
            {
                open.push((at, true));
                open.extend(needed.get(at).into_iter().flatten().map(|other| (*other, false)));
            }
        }
    }
    let mut rows: Vec<Option<SeedRow>> =
        std::mem::take(&mut seed.rows).into_iter().map(Some).collect();
    seed.rows = order.into_iter().filter_map(|at| rows.get_mut(at)?.take()).collect();
}

/// For each row, those of the same seed that it looks up.
fn rows_needed(seed: &SeedDecl) -> Vec<Vec<usize>> {
    let mut by_columns: HashMap<Vec<&Ident>, HashMap<Vec<&Cell>, usize>> = HashMap::new();
    let mut needed = Vec::with_capacity(seed.rows.len());
    for row in &seed.rows {
        let mut needs = Vec::new();
        for (_, cell) in &row.cells {
            let Cell::Lookup { table, matching, .. } = cell else {
                continue;
            };
            if *table != seed.table {
                continue;
            }
            let mut matching: Vec<&(Ident, Cell)> = matching.iter().collect();
            matching.sort_by_key(|(column, _)| column);
            let (columns, cells): (Vec<&Ident>, Vec<&Cell>) =
                matching.into_iter().map(|(column, cell)| (column, cell)).unzip();
            let known = match by_columns.entry(columns) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(free) => {
                    let rows = index(&seed.rows, free.key());
                    free.insert(rows)
                }
            };
            needs.extend(known.get(&cells));
        }
        needed.push(needs);
    }
    needed
}

/// The first row with each combination of cells in these columns.
fn index<'s>(rows: &'s [SeedRow], columns: &[&Ident]) -> HashMap<Vec<&'s Cell>, usize> {
    let mut index = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        let cell = |column: &&Ident| row.cells.iter().find(|(name, _)| name == *column);
        let cells = columns.iter().map(|column| cell(column).map(|(_, cell)| cell));
        if let Some(cells) = cells.collect() {
            index.entry(cells).or_insert(at);
        }
    }
    index
}

/// The tables whose rows must be inserted first.
fn tables_needed(seed: &SeedDecl, tables: &HashMap<&Ident, &RowTable>) -> BTreeSet<Ident> {
    let mut needed = BTreeSet::new();
    for (_, cell) in seed.rows.iter().flat_map(|row| &row.cells) {
        looked_up(cell, &mut needed);
    }
    let mut open: Vec<Ident> = vec![seed.table.clone()];
    let mut visited: BTreeSet<Ident> = BTreeSet::new();
    while let Some(name) = open.pop() {
        if !visited.insert(name.clone()) {
            continue;
        }
        for target in tables.get(&name).into_iter().flat_map(|table| &table.parents) {
            open.push(target.clone());
            needed.insert(target.clone());
        }
    }
    needed
}

fn looked_up(cell: &Cell, needed: &mut BTreeSet<Ident>) {
    if let Cell::Lookup { table, matching, .. } = cell {
        needed.insert(table.clone());
        for (_, cell) in matching {
            looked_up(cell, needed);
        }
    }
}
