//! The statements that change and remove baseline rows. They are guarded, so that each may be run again.

use std::collections::BTreeSet;

use super::{Columns, SurplusRow, cell};
use crate::manifest::{Cell, Manifest, SeedDecl, SeedRow};
use crate::name::{Ident, SchemaName, TenantId, Text};

/// For which tenant a statement is.
#[derive(Debug, Clone, Copy)]
pub struct Site<'s> {
    pub manifest: &'s Manifest,
    pub schema: &'s SchemaName,
    pub tenant: &'s TenantId,
}

/// Rows of another table that would go, or change, with rows that are deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follower {
    /// The table that they are in.
    pub table: Ident,
    /// The columns that refer to others, with these.
    pub columns: Vec<(Ident, Ident)>,
}

/// Sets columns of a declared row to the declared values. A lookup that finds nothing changes nothing, which the
/// verification after the last statement reports.
#[must_use]
pub fn update(site: Site<'_>, seed: &SeedDecl, row: &SeedRow, changed: &BTreeSet<&str>) -> String {
    let mut found = Found::default();
    let cells = row.cells.iter().filter(|(name, _)| changed.contains(name.as_str()));
    let set: Vec<String> = cells
        .map(|(name, value)| format!("{} = {}", name.quoted(), found.value(site, value)))
        .collect();
    changing(site, seed, row, &set.join(", "), found)
}

/// Gives a column of a declared row a value that no other row has, so that another row can have its present one.
#[must_use]
pub fn free(site: Site<'_>, seed: &SeedDecl, row: &SeedRow, column: &Ident, value: &str) -> String {
    let set = format!("{} = {value}", column.quoted());
    changing(site, seed, row, &set, Found::default())
}

fn changing(site: Site<'_>, seed: &SeedDecl, row: &SeedRow, set: &str, found: Found) -> String {
    let columns = Columns::of_manifest(site.manifest);
    let mut found = found;
    let mut conditions: Vec<String> = Vec::new();
    for (name, value) in row.cells.iter().filter(|(name, _)| seed.key.contains(name)) {
        let comparison = columns.comparison(&seed.table, name);
        let sql = found.value(site, value);
        let value = comparison.value(&columns, value, &sql);
        conditions.push(comparison.equal(&format!("t.{}", name.quoted()), &value));
    }
    conditions.extend((0..found.lookups.len()).map(|at| format!("f.v{at} IS NOT NULL")));
    format!(
        "UPDATE {} AS t SET {set}{} WHERE {}",
        columns.relation(site.schema, &seed.table),
        found.from(),
        conditions.join(" AND ")
    )
}

/// What is looked up for a statement.
#[derive(Default)]
struct Found {
    lookups: Vec<String>,
}

impl Found {
    fn value(&mut self, site: Site<'_>, value: &Cell) -> String {
        let columns = Columns::of_manifest(site.manifest);
        let sql = cell(&columns, value, site.schema, site.tenant);
        if !matches!(value, Cell::Lookup { .. }) {
            return sql;
        }
        self.lookups.push(sql);
        format!("f.v{}", self.lookups.len() - 1)
    }

    fn from(&self) -> String {
        if self.lookups.is_empty() {
            return String::new();
        }
        let lookups = self.lookups.iter().enumerate();
        let lookups: Vec<String> = lookups.map(|(at, sql)| format!("{sql} AS v{at}")).collect();
        format!(" FROM (SELECT {}) AS f", lookups.join(", "))
    }
}

/// Deletes rows that are not declared, unless rows that are not among them would go with them.
#[must_use]
pub fn delete(
    site: Site<'_>,
    seed: &SeedDecl,
    rows: &[&SurplusRow],
    followers: &[Follower],
) -> String {
    let followed = followers.iter().map(|follower| {
        let same = follower
            .columns
            .iter()
            .map(|(of, to)| format!("concat(r.{}) = concat(t.{})", of.quoted(), to.quoted()));
        let there = follower.columns.iter().map(|(of, _)| format!("r.{} IS NOT NULL", of.quoted()));
        let is_other = (follower.table == seed.table)
            .then(|| format!("({}) IS NOT TRUE", are(site, seed, rows, "r")));
        format!(
            "NOT EXISTS (SELECT 1 FROM {} AS r WHERE {})",
            site.schema.qualify(&follower.table),
            there.chain(same).chain(is_other).collect::<Vec<_>>().join(" AND ")
        )
    });
    let are = match rows {
        [_] => are(site, seed, rows, "t"),
        _ => format!("({})", are(site, seed, rows, "t")),
    };
    format!(
        "DELETE FROM {} AS t WHERE {}",
        Columns::of_manifest(site.manifest).relation(site.schema, &seed.table),
        std::iter::once(are).chain(followed).collect::<Vec<_>>().join(" AND ")
    )
}

/// A condition: row `alias` is one of these.
fn are(site: Site<'_>, seed: &SeedDecl, rows: &[&SurplusRow], alias: &str) -> String {
    let columns = Columns::of_manifest(site.manifest);
    let is = |row: &&SurplusRow| {
        let of_key = seed.key.iter().zip(&row.key).map(|(name, value)| {
            let column = format!("{alias}.{}", name.quoted());
            match value.as_deref().map(Text::new) {
                Some(Ok(value)) => {
                    columns.comparison(&seed.table, name).equal(&column, &value.literal())
                }
                // A row's text holds no zero bytes.
                Some(Err(_)) => "false".to_owned(),
                None => format!("{column} IS NULL"),
            }
        });
        of_key.collect::<Vec<_>>().join(" AND ")
    };
    rows.iter().map(is).collect::<Vec<_>>().join(" OR ")
}
