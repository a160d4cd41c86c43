//! Reports on many tenants, for people.

use std::fmt::Write as _;
use std::time::Duration;

use super::causes::{failures, not_looked_at, refused, unreachable};
use super::style::{CHANGED, CREATED, FAINT, REMOVED, STRONG, printable, styled};
use super::text::{body, change_text};
use crate::diff::Object;
use crate::fleet::{Difference, Done, Drift, Ended, Fate, FleetPlan, State, TenantDrift};
use crate::words::counted;

/// Tenants of one shape that are named before the rest is counted.
const TENANTS_SHOWN: usize = 10;
/// Missing objects of one shape that are listed before the rest is counted.
const OBJECTS_SHOWN: usize = 20;

/// How all tenants are: by shape, each told once.
#[must_use]
pub fn drift(drift: &Drift) -> String {
    let mut text = format!("{}\n", styled(STRONG, &headline(drift)));
    for (number, shape) in drift.shapes.iter().enumerate() {
        let title = format!("{}: {}", tenants(shape.count), in_short(&shape.difference));
        let _ = writeln!(text, "\n{}", styled(STRONG, &printable(&title)));
        text.push_str(&difference(&shape.difference));
        let of_shape = drift.tenants.iter().filter(|tenant| tenant.shape == Some(number));
        let names: Vec<String> = of_shape.map(name).collect();
        let _ = writeln!(text, "  {}", styled(FAINT, &some(&names)));
    }
    failures(&mut text, "could not be looked at", not_looked_at(drift));
    unreachable(&mut text, &drift.unreachable);
    refused(&mut text, &drift.refused);
    if !drift.orphans.is_empty() {
        let _ = writeln!(text, "\n{}", styled(STRONG, "orphans: provisioned, but not registered"));
        let names: Vec<String> = drift.orphans.iter().map(|orphan| orphan.schema.clone()).collect();
        let _ = writeln!(text, "  {}", styled(CHANGED, &some(&names)));
    }
    text
}

/// Such as "2000 tenants, 2 shapes of drift: 1940 in sync, 60 drifted".
pub(super) fn headline(drift: &Drift) -> String {
    let words = |state: &State| match state {
        State::InSync => "in sync",
        State::Unprovisioned => "not provisioned",
        State::Drifted => "drifted",
        State::Excepted => "drifted, but excepted",
        State::Unreachable => "could not be looked at",
    };
    let counts: Vec<String> =
        drift.summary.iter().map(|(state, n)| format!("{n} {}", words(state))).collect();
    let mut line = tenants(drift.tenants.len());
    match drift.shapes.len() {
        0 => {}
        n => line.push_str(&format!(", {} of drift", counted(n, "shape"))),
    }
    if !counts.is_empty() {
        line.push_str(&format!(": {}", counts.join(", ")));
    }
    if !drift.orphans.is_empty() {
        line.push_str(&format!("; {}", counted(drift.orphans.len(), "orphan")));
    }
    if !drift.refused.is_empty() {
        line.push_str(&format!("; {} refused", counted(drift.refused.len(), "entry")));
    }
    line
}

pub(super) fn tenants(count: usize) -> String {
    counted(count, "tenant")
}

/// What a shape lacks or has otherwise, in one line.
pub(super) fn in_short(difference: &Difference) -> String {
    if difference.absent {
        return "not provisioned".to_owned();
    }
    let first = |verb: &str, names: Vec<String>| match names.as_slice() {
        [] => None,
        [one] => Some(format!("{verb} {one}")),
        [one, rest @ ..] => Some(format!("{verb} {one} and {} more", rest.len())),
    };
    let names = |objects: &[Object]| objects.iter().map(ToString::to_string).collect();
    let parts = [
        first("blocked:", difference.blocked.clone()),
        first("lacks", difference.missing.iter().map(ToString::to_string).collect()),
        first("has another", difference.changed.iter().map(|c| c.object.to_string()).collect()),
        first("has undeclared", names(&difference.extra)),
        first("has unmodelled", difference.unmodelled.iter().map(ToString::to_string).collect()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn difference(difference: &Difference) -> String {
    let mut text = String::new();
    for reason in &difference.blocked {
        let _ = writeln!(text, "    {}", styled(REMOVED, &format!("! {}", printable(reason))));
    }
    for missing in difference.missing.iter().take(OBJECTS_SHOWN) {
        let line = format!("+ {missing}");
        let _ = writeln!(text, "    {}", styled(CREATED, &printable(&line)));
    }
    if difference.missing.len() > OBJECTS_SHOWN {
        let more = format!("+ … and {} more", difference.missing.len() - OBJECTS_SHOWN);
        let _ = writeln!(text, "    {}", styled(CREATED, &more));
    }
    for change in &difference.changed {
        text.push_str(&change_text(change));
    }
    for object in &difference.extra {
        let _ = writeln!(text, "    ? extra {}", printable(&object.to_string()));
    }
    for other in &difference.unmodelled {
        let _ = writeln!(text, "    . unmodelled {}", printable(&other.to_string()));
    }
    text
}

/// What would be done, by shape; with `sql`, by which statements for the first of each.
#[must_use]
pub fn fleet_plan(plan: &FleetPlan, sql: bool) -> String {
    let mut text = String::new();
    for (number, shape) in plan.shapes.iter().enumerate() {
        let line = format!("{}, such as {}", tenants(shape.count), shape.plan.tenant);
        let _ = writeln!(text, "{}", styled(STRONG, &line));
        text.push_str(&body(&shape.plan, sql));
        let of_shape = plan.tenants.iter().filter(|pinned| pinned.shape == number);
        let names: Vec<String> = of_shape.map(|pinned| pinned.tenant.to_string()).collect();
        let _ = writeln!(text, "  {}\n", styled(FAINT, &some(&names)));
    }
    let failed = plan.failed.iter().map(|at| (&at.tenant, at.server.as_ref(), &at.error));
    failures(&mut text, "cannot be planned", failed);
    unreachable(&mut text, &plan.unreachable);
    refused(&mut text, &plan.refused);
    let line = format!(
        "Plan: {} to bring up to date, {}; {} current{}.",
        tenants(plan.tenants.len()),
        counted(plan.shapes.len(), "plan"),
        plan.current,
        if plan.failed.is_empty() {
            String::new()
        } else {
            format!("; {} cannot be planned", plan.failed.len())
        }
    );
    let _ = writeln!(text, "{}", styled(STRONG, &line));
    text
}

type IsFate = fn(&Fate) -> bool;

/// How a run ended: outcomes and durations, then what failed and why.
#[must_use]
pub fn ended(ended: &Ended) -> String {
    let mut text = String::new();
    let failed = ended.tenants.iter().filter_map(|done| match &done.fate {
        Fate::Failed { error } => Some((&done.tenant, done.server.as_ref(), error)),
        _ => None,
    });
    failures(&mut text, "failed; nothing was changed there", failed);
    unreachable(&mut text, &ended.unreachable);
    refused(&mut text, &ended.refused);
    for reason in &ended.stopped {
        let line = format!("The run ended early: {reason}");
        let _ = writeln!(text, "{}", styled(REMOVED, &printable(&line)));
    }
    let kinds: [(&str, IsFate); 5] = [
        ("created", |fate| matches!(fate, Fate::Created { .. })),
        ("updated", |fate| matches!(fate, Fate::Updated { .. })),
        ("current", |fate| matches!(fate, Fate::Current)),
        ("failed", |fate| matches!(fate, Fate::Failed { .. })),
        ("not reached", |fate| matches!(fate, Fate::Skipped)),
    ];
    let _ = writeln!(text, "{}", styled(STRONG, "outcome      tenants  median ms     max ms"));
    for (word, is) in kinds {
        let mut times: Vec<u64> =
            ended.tenants.iter().filter(|d| is(&d.fate)).map(|d| d.duration_ms).collect();
        times.sort_unstable();
        if let Some(longest) = times.last() {
            let median = times.get(times.len() / 2).copied().unwrap_or_default();
            let _ = writeln!(text, "{word:<12} {:>7} {median:>10} {longest:>10}", times.len());
        }
    }
    let statements: usize = ended.tenants.iter().map(|done: &Done| done.statements).sum();
    let changed = ended.tenants.iter().filter(|done| done.changed > 0).count();
    let seconds = Duration::from_millis(ended.duration_ms).as_secs_f64();
    let mut line = format!(
        "{}, {}, {seconds:.1} s.",
        tenants(ended.tenants.len()),
        counted(statements, "statement")
    );
    if changed > 0 {
        line.push_str(&format!(" Not touched: what is changed in {}.", tenants(changed)));
    }
    let _ = writeln!(text, "{}", styled(STRONG, &line));
    text
}

fn name(tenant: &TenantDrift) -> String {
    match &tenant.server {
        Some(server) => format!("{} on {server}", tenant.tenant),
        None => tenant.tenant.to_string(),
    }
}

/// Some names, and how many more there are.
#[must_use]
pub fn some(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(TENANTS_SHOWN).map(|name| printable(name)).collect();
    let more = names.len().saturating_sub(TENANTS_SHOWN);
    let rest = if more > 0 { format!(", … and {more} more") } else { String::new() };
    shown.join(", ") + &rest
}
