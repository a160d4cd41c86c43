//! Whether a row can go into a table whose columns are not all as declared.

use std::collections::BTreeSet;

use super::comparison::Comparison;
use super::needs::Blocked;
use crate::catalog::{Fact, Kind, Object, Part};
use crate::kinds;
use crate::manifest::{Cell, SeedDecl, SeedRow};
use crate::name::Ident;

/// The attributes of a column that decide which values can be written into it.
const WRITTEN: [&str; 4] = ["type", "identity", "stored", "virtual"];

/// Why the row cannot be inserted into the table as it is in this tenant: by itself, whatever the rows that are
/// there.
pub(super) fn misfits(
    comparison: &Comparison<'_>,
    blocked: &Blocked<'_>,
    seed: &SeedDecl,
    row: &SeedRow,
) -> BTreeSet<String> {
    let mut why = misfits_of_values(comparison, seed, row);
    // A trigger may give the value.
    let triggers = comparison.live.unmodelled.iter().filter(|other| other.kind == "trigger");
    let of_table = format!(" on {}", seed.table);
    if triggers.into_iter().any(|trigger| trigger.name.ends_with(&of_table)) {
        return why;
    }
    let columns = comparison.live.of_kind(Kind::Column);
    for live in columns.filter(|fact| fact.object.parent() == Some(Object::table(&seed.table))) {
        let Some(name) = live.object.name() else { continue };
        let is_given = row.cells.iter().any(|(given, _)| given == name);
        let is_changed = comparison.changing.contains_key(&live.object);
        if is_given || is_changed || !needs_value(comparison, live, &seed.table, name) {
            continue;
        }
        // It has gone with something that is created again, or a person allows the column to get it.
        let default = Object::on_table(Kind::Default, &seed.table, name);
        if comparison.added.contains_key(&default) {
            why.extend(blocked.get(&default).into_iter().flatten().cloned());
        } else if comparison.desired.catalog.has(&live.object) {
            why.insert(format!("{} is NOT NULL without a default, unlike declared", live.object));
        } else {
            why.insert(format!("{} is NOT NULL without a default, and not declared", live.object));
        }
    }
    why
}

/// Why the values that are given cannot be written.
pub(super) fn misfits_of_values(
    comparison: &Comparison<'_>,
    seed: &SeedDecl,
    row: &SeedRow,
) -> BTreeSet<String> {
    let mut why = BTreeSet::new();
    for (name, cell) in &row.cells {
        let written = Object::column(&seed.table, name);
        why.extend(misfit(comparison, &written, &WRITTEN, cell));
        read(comparison, cell, &mut why);
        let (desired, live) = both(comparison, &written);
        if *cell == Cell::Null && is_not_null(live) && !is_not_null(desired) {
            why.insert(format!("{written} is NOT NULL, and declared to be nullable"));
        }
    }
    why
}

fn both<'c>(comparison: &Comparison<'c>, object: &Object) -> (Option<&'c Fact>, Option<&'c Fact>) {
    let column = |catalog| match object {
        Object::Part(Part { of, name, .. }) => kinds::column(catalog, of, name),
        _ => None,
    };
    let (desired, live) = (column(&comparison.desired.catalog), column(comparison.live));
    // What is changed is as desired by then.
    let is_changed = desired.is_some_and(|fact| comparison.changing.contains_key(&fact.object));
    (desired, if is_changed { desired } else { live })
}

fn is_not_null(column: Option<&Fact>) -> bool {
    column.is_some_and(|fact| fact.text("nullability") == Some("not null"))
}

/// What is in the way of a lookup.
fn read(comparison: &Comparison<'_>, cell: &Cell, why: &mut BTreeSet<String>) {
    let Cell::Lookup { table, column, matching } = cell else { return };
    why.extend(misfit(comparison, &Object::column(table, column), &["type"], cell));
    for (name, cell) in matching {
        why.extend(misfit(comparison, &Object::column(table, name), &["type"], cell));
        read(comparison, cell, why);
    }
}

/// That the value may not be one for the column, since one of these attributes of the column is not the declared one.
fn misfit(
    comparison: &Comparison<'_>,
    column: &Object,
    keys: &[&'static str],
    cell: &Cell,
) -> Option<String> {
    let (desired, live) = both(comparison, column);
    let (desired, live) = (desired?, live?);
    let differ = |key: &&&str| desired.text(key) != live.text(key);
    let mut differing = keys.iter().filter(differ);
    let is_accepted = match (differing.next(), cell) {
        (None, _) => true,
        (Some(&"type"), Cell::Value(value)) if differing.next().is_none() => {
            let types = desired.text("type").zip(live.text("type"));
            types.is_some_and(|(desired, live)| accepts(desired, live, value.as_str()))
        }
        (Some(_), _) => false,
    };
    (!is_accepted).then(|| format!("{column} is not as declared"))
}

/// Whether a value of one type is certainly one of the other as well: texts of limited length, and integers.
fn accepts(desired: &str, live: &str, value: &str) -> bool {
    let is_text = |name: &str| name == "text" || name.starts_with("character");
    if is_text(desired) && is_text(live) {
        let limit = live.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
        return match limit.map(str::parse) {
            Some(Ok(limit)) => value.chars().count() <= limit,
            Some(Err(_)) => false,
            None => live != "character",
        };
    }
    match live {
        "smallint" => value.parse::<i16>().is_ok(),
        "integer" => value.parse::<i32>().is_ok(),
        "bigint" => value.parse::<i64>().is_ok(),
        _ => false,
    }
}

/// Whether a live column must be given a value, although it need not be according to the manifest.
fn needs_value(comparison: &Comparison<'_>, live: &Fact, table: &Ident, name: &Ident) -> bool {
    let default = Object::on_table(Kind::Default, table, name);
    let needs = |fact: &Fact, has_default: bool| {
        is_not_null(Some(fact)) && !kinds::is_generated(fact) && !has_default
    };
    let desired = comparison.desired.catalog.get(&live.object);
    needs(live, comparison.live.has(&default))
        && !desired.is_some_and(|desired| needs(desired, comparison.desired.catalog.has(&default)))
}

#[cfg(test)]
mod tests {
    use super::accepts;

    #[test]
    fn values_that_fit_are_known() {
        for (desired, live, value, expected) in [
            ("text", "character varying(3)", "one", true),
            ("text", "character varying(3)", "três", false),
            ("character varying(9)", "text", "whatever it is", true),
            ("text", "character(3)", "\u{e9}\u{e9}\u{e9}", true),
            ("text", "date", "2024-01-01", false),
            ("bigint", "integer", "2147483647", true),
            ("bigint", "integer", "2147483648", false),
            ("integer", "bigint", "1", true),
            ("integer", "numeric(3,1)", "1", false),
        ] {
            assert_eq!(accepts(desired, live, value), expected, "{desired} {live} {value}");
        }
    }
}
