//! How tenants differ from the manifest, in one line or in full.

use std::fmt::Write as _;

use super::accepted;
use super::lists::{some, tenants};
use super::style::{CHANGED, CREATED, REMOVED, printable, styled};
use super::text::{change_text, held_text};
use crate::fleet::{Difference, LeftIn};
use crate::manifest::value_text;
use crate::plan::{Action, Change, Untouched};

/// What is missing or different in a shape, in one line.
pub(super) fn in_short(difference: &Difference) -> String {
    if difference.absent {
        return "not provisioned".to_owned();
    }
    let (pending, missing): (Vec<_>, Vec<_>) =
        difference.missing.iter().partition(|step| step.is_change());
    let parts = [
        first("missing", &missing),
        first("allowed:", &pending),
        untouched_in_short(&difference.untouched),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn untouched_in_short(untouched: &Untouched) -> Option<String> {
    let changed: Vec<String> = untouched.changed.iter().map(changed_in_short).collect();
    let parts = [
        first("different", &changed),
        first("undeclared", &untouched.extra),
        first("unmodelled", &untouched.unmodelled),
        first("held back:", &untouched.held),
    ];
    parts.into_iter().flatten().reduce(|line, part| format!("{line}; {part}"))
}

/// The object; of a row, also the first of the values that are not the declared ones.
fn changed_in_short(change: &Change) -> String {
    let Some(cell) = change.cells.first() else { return change.object.to_string() };
    let more = match change.cells.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (actual, expected) =
        (value_text(cell.actual.as_deref()), value_text(cell.expected.as_deref()));
    format!("{}: {} {actual} → {expected}{more}", change.object, cell.column)
}

fn first(word: &str, names: &[impl ToString]) -> Option<String> {
    match names {
        [] => None,
        [one] => Some(format!("{word} {}", one.to_string())),
        [one, rest @ ..] => Some(format!("{word} {} and {} more", one.to_string(), rest.len())),
    }
}

/// Such as "2 tenants (a, b): different column t.x".
pub(super) fn shape_in_short(shape: &LeftIn) -> String {
    let names: Vec<String> = shape.tenants.iter().map(ToString::to_string).collect();
    let accepted = accepted::of_left(&shape.left).map(|why| format!("; accepted: {why}"));
    format!(
        "{} ({}): {}{}",
        tenants(shape.tenants.len()),
        some(&names),
        untouched_in_short(&shape.left.untouched).unwrap_or_default(),
        accepted.unwrap_or_default()
    )
}

/// Every object, but only so many of the missing ones, and how changed ones differ.
pub(super) fn difference(difference: &Difference, most: usize) -> String {
    let mut text = String::new();
    for missing in difference.missing.iter().take(most) {
        let (style, line) = match missing.action {
            Action::Drop | Action::Delete => (REMOVED, format!("- allowed: {missing}")),
            _ if missing.is_change() => (CHANGED, format!("~ allowed: {missing}")),
            _ => (CREATED, format!("+ {missing}")),
        };
        let _ = writeln!(text, "    {}", styled(style, &printable(&line)));
    }
    if difference.missing.len() > most {
        let more = format!("+ … and {} more", difference.missing.len() - most);
        let _ = writeln!(text, "    {}", styled(CREATED, &more));
    }
    text + &untouched(&difference.untouched)
}

/// Every object, and how changed ones differ.
pub(super) fn untouched(untouched: &Untouched) -> String {
    let mut text: String = untouched.changed.iter().map(change_text).collect();
    for line in undeclared(untouched) {
        let _ = writeln!(text, "    {}", printable(&line));
    }
    text.extend(untouched.held.iter().map(held_text));
    text
}

pub(super) fn undeclared(untouched: &Untouched) -> impl Iterator<Item = String> {
    let extra = untouched.extra.iter().map(|object| format!("? extra {object}"));
    extra.chain(untouched.unmodelled.iter().map(|other| format!(". unmodelled {other}")))
}
