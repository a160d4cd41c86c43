//! The rows in the way of steps.

use std::fmt::Write as _;

use super::lists::{some, tenants};
use super::style::{CHANGED, FAINT, REMOVED, STRONG, printable, styled};
use crate::fleet::{FleetPlan, RowsInTheWay, RowsNotCounted};
use crate::plan::Plan;
use crate::words::counted;

const IN_THE_WAY: &str = "rows in the way: an apply fails until they are repaired";
const NOT_COUNTED: &str = "not counted: rows could be in the way";

/// Those of one tenant; empty if there are none.
pub(super) fn of_tenant(plan: &Plan) -> String {
    let mut text = String::new();
    if !plan.rows_in_the_way.is_empty() {
        let _ = writeln!(text, "  {}", styled(STRONG, IN_THE_WAY));
        for found in &plan.rows_in_the_way {
            let line = printable(&found.with_keys());
            let _ = writeln!(text, "    {}", styled(REMOVED, &format!("! {line}")));
            if let Some(query) = &found.query {
                let _ = writeln!(text, "        {}", styled(FAINT, &printable(query)));
            }
        }
        text.push('\n');
    }
    if !plan.not_counted.is_empty() {
        let _ = writeln!(text, "  {}", styled(STRONG, NOT_COUNTED));
        for found in &plan.not_counted {
            let line = printable(&found.to_string());
            let _ = writeln!(text, "    {}", styled(CHANGED, &format!("! {line}")));
        }
        text.push('\n');
    }
    text
}

/// Those of many tenants, by step.
pub(super) fn of_fleet(plan: &FleetPlan) -> String {
    let mut text = String::new();
    if !plan.rows_in_the_way.is_empty() {
        let _ = writeln!(text, "{}", styled(STRONG, IN_THE_WAY));
        for way in &plan.rows_in_the_way {
            let _ = writeln!(text, "  {}", styled(REMOVED, &format!("! {}", in_words(way))));
            for line in examples(way) {
                let _ = writeln!(text, "      {line}");
            }
            let query = way.examples.first().and_then(|example| example.query.as_ref());
            if let Some(query) = query {
                let _ = writeln!(text, "      {}", styled(FAINT, &printable(query)));
            }
        }
        text.push('\n');
    }
    if !plan.not_counted.is_empty() {
        let _ = writeln!(text, "{}", styled(STRONG, NOT_COUNTED));
        for what in &plan.not_counted {
            let line = uncounted_in_words(what);
            let _ = writeln!(text, "  {}", styled(CHANGED, &format!("! {line}")));
        }
        text.push('\n');
    }
    text
}

/// Such as "column invoices.day: 17 tenants have 1–40 rows with NULL in invoices.day".
pub(super) fn in_words(way: &RowsInTheWay) -> String {
    let RowsInTheWay { need, tenants: which, fewest, most, .. } = way;
    let has = if which.len() == 1 { "has" } else { "have" };
    let rows = if fewest == most {
        counted(usize::try_from(*most).unwrap_or(usize::MAX), "row")
    } else {
        format!("{fewest}–{most} rows")
    };
    let who = tenants(which.len());
    printable(&format!("{}: {who} {has} {rows} {}", need.object, need.rows))
}

/// The tenants, the first few with their rows.
pub(super) fn examples(way: &RowsInTheWay) -> Vec<String> {
    let lines = way.examples.iter().map(|example| {
        let keys = if example.keys.is_empty() {
            String::new()
        } else {
            let shown = u64::try_from(example.keys.len()).unwrap_or(u64::MAX);
            let more = if example.count > shown { ", …" } else { "" };
            format!(" ({}{more})", example.keys.join("; "))
        };
        printable(&format!("{}: {}{keys}", example.tenant, example.count))
    });
    let mut lines: Vec<String> = lines.collect();
    if way.tenants.len() > way.examples.len() {
        let names: Vec<String> = way.tenants.iter().map(ToString::to_string).collect();
        lines.push(some(&names));
    }
    lines
}

/// Such as "column invoices.day: rows with NULL in invoices.day: it would take longer than 30 s (2 tenants: a, b)".
pub(super) fn uncounted_in_words(what: &RowsNotCounted) -> String {
    let names: Vec<String> = what.tenants.iter().map(ToString::to_string).collect();
    let who = format!("{}: {}", tenants(names.len()), some(&names));
    printable(&format!("{} ({who})", what.what))
}
