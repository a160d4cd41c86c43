//! The order in which rows can be inserted: after those that they reference or look up.

use std::collections::BTreeSet;

use crate::manifest::model::{Cell, ConstraintDef, SeedDecl, SeedRow, TableDecl, TableRef};
use crate::name::Ident;

/// Seeds in an order in which each comes after those of the tables that it depends on, directly or
/// by way of tables without rows. In a circle, and where nothing depends, the file's order stays.
pub(super) fn ordered(seeds: Vec<SeedDecl>, tables: &[TableDecl]) -> Vec<SeedDecl> {
    let needed: Vec<BTreeSet<Ident>> =
        seeds.iter().map(|seed| tables_needed(seed, tables)).collect();
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

/// Rows after those of the same seed that they look up; in a circle the file's order stays.
fn order_rows(seed: &mut SeedDecl) {
    let rows = &seed.rows;
    let needs = |row: &SeedRow| -> Vec<usize> {
        let own = row.cells.iter().filter_map(|(_, cell)| match cell {
            Cell::Lookup { table, matching, .. } if *table == seed.table => Some(matching),
            _ => None,
        });
        let found = |matching: &Vec<(Ident, Cell)>| {
            let is_meant = |row: &SeedRow| matching.iter().all(|cell| row.cells.contains(cell));
            rows.iter().position(is_meant)
        };
        own.filter_map(found).collect()
    };
    let needed: Vec<Vec<usize>> = rows.iter().map(needs).collect();
    if needed.iter().all(Vec::is_empty) {
        return;
    }
    let (mut order, mut visited) = (Vec::new(), BTreeSet::new());
    for first in 0..rows.len() {
        // Each row is met twice: before and after those that it needs.
        let mut open = vec![(first, false)];
        while let Some((at, is_ready)) = open.pop() {
            if is_ready {
                order.push(at);
            } else if visited.insert(at) {
                open.push((at, true));
                let needed = needed.get(at).into_iter().flatten();
                open.extend(needed.filter(|other| !visited.contains(other)).map(|at| (*at, false)));
            }
        }
    }
    seed.rows = order.into_iter().filter_map(|at| rows.get(at).cloned()).collect();
}

/// The tables whose rows must be there first.
fn tables_needed(seed: &SeedDecl, tables: &[TableDecl]) -> BTreeSet<Ident> {
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
        for table in tables.iter().filter(|table| table.name == name) {
            for constraint in &table.constraints {
                if let ConstraintDef::ForeignKey(key) = &constraint.definition
                    && let TableRef::Tenant(target) = &key.references
                {
                    open.push(target.clone());
                    needed.insert(target.clone());
                }
            }
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
