//! The order in which rows of one table are inserted and changed: a value of a unique key is given up by one row before
//! another one takes it, and a row comes before those that name its key.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Desired, Object};
use crate::kinds;
use crate::manifest::{Cell, SeedDecl, SeedRow};
use crate::name::Ident;
use crate::rows::{CellDifference, DifferentRow};

/// What is done to a declared row.
#[derive(Debug, Clone)]
pub(super) enum RowStep<'a> {
    Insert(&'a SeedDecl, &'a SeedRow),
    Update(&'a DifferentRow<'a>),
    /// It gets another value for as long as another row needs the one that it has.
    Free {
        different: &'a DifferentRow<'a>,
        column: Ident,
        value: Interim,
    },
}

/// Puts steps in an order in which they can be run, one after the other. Where rows exchange values, one of them gets another
/// value in between, if there is one of its type that no row has.
pub(super) fn ordered<'a>(
    seed: &SeedDecl,
    steps: Vec<RowStep<'a>>,
    desired: &Desired,
) -> Vec<RowStep<'a>> {
    let unique = unique_columns(seed, desired);
    let mut waits: Vec<Waits> = waits(seed, &steps, &unique);
    let mut left: Vec<Option<RowStep<'a>>> = steps.into_iter().map(Some).collect();
    let mut ordered = Vec::new();
    loop {
        let mut open = left.iter().enumerate().filter(|(_, step)| step.is_some()).map(|(at, _)| at);
        let Some(first) = open.next() else { return ordered };
        let is_free = |at: &usize| waits.get(*at).is_none_or(Waits::is_over);
        let next = std::iter::once(first).chain(open).find(is_free);
        if next.is_none()
            && let Some((holder, column, value)) = exchanged(&waits, &left, seed, desired)
        {
            if let Some(Some(RowStep::Update(different))) = left.get(holder) {
                let different = *different;
                ordered.push(RowStep::Free { different, column: column.clone(), value });
            }
            for waits in &mut waits {
                waits.holders.retain(|(at, held)| *at != holder || *held != column);
            }
            continue;
        }
        // What waits for itself in another way is left to the server.
        let next = next.unwrap_or(first);
        ordered.extend(left.get_mut(next).and_then(Option::take));
        for waits in &mut waits {
            waits.holders.retain(|(at, _)| *at != next);
            waits.rows.remove(&next);
        }
    }
}

/// What a step waits for, by the numbers of other steps.
#[derive(Default)]
struct Waits {
    /// Those that give up a value which it takes, with the column.
    holders: BTreeSet<(usize, Ident)>,
    /// Those that insert a row which it may refer to.
    rows: BTreeSet<usize>,
}

impl Waits {
    fn is_over(&self) -> bool {
        self.holders.is_empty() && self.rows.is_empty()
    }
}

fn waits(seed: &SeedDecl, steps: &[RowStep<'_>], unique: &BTreeSet<&Ident>) -> Vec<Waits> {
    let mut holders: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    let mut inserted: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, step) in steps.iter().enumerate() {
        match step {
            RowStep::Update(different) => {
                for CellDifference { column, actual, .. } in &different.cells {
                    if let Some(actual) = actual {
                        holders.entry((column.as_str(), actual.as_str())).or_default().push(at);
                    }
                }
            }
            RowStep::Insert(_, row) => {
                for (_, cell) in row.cells.iter().filter(|(name, _)| seed.key.contains(name)) {
                    if let Cell::Value(text) = cell {
                        inserted.entry(text.as_str()).or_default().push(at);
                    }
                }
            }
            RowStep::Free { .. } => {}
        }
    }
    let of = |(at, step): (usize, &RowStep<'_>)| {
        let mut waits = Waits::default();
        let mut takes = |column: &Ident, value: &str| {
            if unique.contains(column) {
                let others = holders.get(&(column.as_str(), value)).into_iter().flatten();
                let others = others.filter(|other| **other != at);
                waits.holders.extend(others.map(|other| (*other, column.clone())));
            }
        };
        let names: Vec<&str> = match step {
            RowStep::Update(different) => {
                for cell in &different.cells {
                    if let (Ok(column), Some(value)) = (Ident::new(&cell.column), &cell.expected) {
                        takes(&column, value);
                    }
                }
                let row = different.row.cells.iter();
                let changed = row.filter(|(name, _)| {
                    different.cells.iter().any(|cell| cell.column == name.as_str())
                });
                changed.flat_map(|(_, cell)| values(cell)).collect()
            }
            RowStep::Insert(_, row) => {
                for (name, cell) in &row.cells {
                    if let Cell::Value(value) = cell {
                        takes(name, value.as_str());
                    }
                }
                Vec::new()
            }
            RowStep::Free { .. } => Vec::new(),
        };
        let rows = names.iter().filter_map(|name| inserted.get(name)).flatten();
        waits.rows.extend(rows.filter(|other| **other != at));
        waits
    };
    steps.iter().enumerate().map(of).collect()
}

/// The literals in a cell, by which it can refer to a row.
fn values(cell: &Cell) -> Vec<&str> {
    match cell {
        Cell::Value(text) => vec![text.as_str()],
        Cell::Lookup { matching, .. } => {
            matching.iter().flat_map(|(_, cell)| values(cell)).collect()
        }
        Cell::Null | Cell::Sql(_) | Cell::Tenant => Vec::new(),
    }
}

/// A step that holds a value which others wait for, with its column and a value to have in between.
fn exchanged(
    waits: &[Waits],
    left: &[Option<RowStep<'_>>],
    seed: &SeedDecl,
    desired: &Desired,
) -> Option<(usize, Ident, Interim)> {
    let waiting = waits.iter().zip(left).filter(|(_, step)| step.is_some());
    let holders = waiting.flat_map(|(waits, _)| &waits.holders);
    let mut holders = holders.filter_map(|(at, column)| {
        Some((*at, column.clone(), Interim::of(desired, &seed.table, column)?))
    });
    holders.next()
}

fn unique_columns<'s>(seed: &'s SeedDecl, desired: &Desired) -> BTreeSet<&'s Ident> {
    let names: BTreeSet<&Ident> =
        seed.rows.iter().flat_map(|row| &row.cells).map(|(name, _)| name).collect();
    let keys: Vec<_> = desired.catalog.facts().filter(|fact| kinds::is_unique(fact)).collect();
    let is_unique = |name: &&Ident| {
        let column = Object::column(&seed.table, name);
        keys.iter().any(|key| key.dependencies.contains(&column))
    };
    names.into_iter().filter(is_unique).collect()
}

/// A value that no row has, to make room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interim {
    Null,
    /// A random text with so many characters at most.
    Text(Option<usize>),
    /// More than the highest.
    Number,
    /// After the latest.
    Time,
    Uuid,
}

impl Interim {
    fn of(desired: &Desired, table: &Ident, column: &Ident) -> Option<Self> {
        let fact = kinds::column(&desired.catalog, table, column)?;
        if fact.text("nullability") != Some("not null") {
            return Some(Self::Null);
        }
        let name = fact.text("type")?;
        let (base, length) = match name.split_once('(') {
            Some((base, rest)) => (base, rest.split([',', ')']).next()?.parse().ok()),
            None => (name, None),
        };
        match base {
            "text" | "character varying" | "character" => Some(Self::Text(length)),
            "smallint" | "integer" | "bigint" | "numeric" => Some(Self::Number),
            "uuid" => Some(Self::Uuid),
            _ if base.starts_with("timestamp") || base == "date" => Some(Self::Time),
            _ => None,
        }
    }

    /// As an SQL expression, for a column of `relation`.
    #[must_use]
    pub fn sql(self, relation: &str, column: &Ident) -> String {
        let column = column.quoted();
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Text(None) => "gen_random_uuid()::text".to_owned(),
            Self::Text(Some(length)) => format!("left(gen_random_uuid()::text, {length})"),
            Self::Number => format!("(SELECT max(m.{column}) + 1 FROM {relation} AS m)"),
            Self::Time => {
                format!("(SELECT max(m.{column}) + interval '1 day' FROM {relation} AS m)")
            }
            Self::Uuid => "gen_random_uuid()".to_owned(),
        }
    }
}
