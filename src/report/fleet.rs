//! Reports on many tenants, for people.

use std::fmt::Write as _;
use std::time::Duration;

use super::accepted::{self, EXCEPTED};
use super::causes::{failures, refused, unchecked, unreachable};
use super::difference::{self, difference, in_short};
use super::groups::{groups, ignored, undeclared};
use super::holds::{self, HELD};
use super::lists::{gap, name, some, tenants};
use super::placement;
use super::style::{CHANGED, FAINT, REMOVED, STRONG, printable, styled};
use crate::fleet::{Class, Drift, LeftIn, RunReport, State, TenantOutcome, TenantReport};
use crate::pg::Placement;
use crate::words::counted;

/// Missing objects of one shape that are listed before the rest is counted.
const OBJECTS_SHOWN: usize = 20;
/// Shapes of what a run left that are listed before the rest is counted.
const SHAPES_SHOWN: usize = 20;

/// Title of what is extra or unmodelled.
pub(super) const UNDECLARED: &str = "Undeclared objects";

/// Title of what the manifest ignores.
pub(super) const IGNORED: &str = "Ignored objects";

/// Title of the list made by [`unused`].
pub(super) const UNUSED: &str = "Rules of [drift] that have no effect";

/// The state of all tenants: each difference once.
#[must_use]
pub fn drift(drift: &Drift) -> String {
    let mut text = format!("{}\n", styled(STRONG, &headline(drift)));
    for group in groups(drift) {
        let title = format!("{}: {}", tenants(group.count), in_short(&group.difference));
        gap(&mut text);
        let _ = writeln!(text, "{}", styled(STRONG, &printable(&title)));
        text.push_str(&difference(&group.difference, OBJECTS_SHOWN));
        for line in group.members.lines() {
            let _ = writeln!(text, "  {}", styled(FAINT, &line));
        }
    }
    let undeclared = undeclared(drift).map(|(one, line)| match one.class {
        Class::Extra => format!("? {line}"),
        Class::Unmodelled => format!(". {line}"),
    });
    list(&mut text, UNDECLARED, undeclared);
    if let Some(ignored) = ignored(drift) {
        let none = ignored.is_empty().then(|| "none".to_owned());
        list(&mut text, IGNORED, ignored.into_iter().chain(none));
    }
    list(&mut text, EXCEPTED, accepted::objects(drift).into_iter());
    list(&mut text, HELD, holds::of_drift(drift).into_iter());
    list(&mut text, UNUSED, unused(drift).into_iter());
    failures(&mut text, "could not be checked", unchecked(drift));
    unreachable(&mut text, &drift.unreachable);
    refused(&mut text, &drift.refused);
    let undistributed: Vec<String> = drift.undistributed().map(name).collect();
    text.push_str(&placement::section(undistributed.len(), &some(&undistributed)));
    if !drift.orphans.is_empty() {
        gap(&mut text);
        let _ = writeln!(text, "{}", styled(STRONG, "orphans: provisioned, but not registered"));
        let names: Vec<String> = drift.orphans.iter().map(|orphan| orphan.schema.clone()).collect();
        let _ = writeln!(text, "  {}", styled(CHANGED, &some(&names)));
    }
    text
}

/// Lines under a title; nothing without lines.
fn list(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        gap(text);
        let _ = writeln!(text, "{}", styled(STRONG, title));
    }
    for line in lines {
        let _ = writeln!(text, "  {}", printable(&line));
    }
}

/// Such as "2000 tenants, 2 shapes of drift: 1940 in sync, 60 drifted".
pub(super) fn headline(drift: &Drift) -> String {
    let words = |state: &State| match state {
        State::InSync => "in sync",
        State::Unprovisioned => "not provisioned",
        State::Drifted => "drifted",
        State::Excepted => "drifted, but excepted",
        State::Unreachable => "could not be checked",
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
    match drift.held().count() {
        0 => {}
        held => line.push_str(&format!("; {held} held")),
    }
    if !drift.orphans.is_empty() {
        line.push_str(&format!("; {}", counted(drift.orphans.len(), "orphan")));
    }
    if !drift.refused.is_empty() {
        line.push_str(&format!("; {} refused", counted(drift.refused.len(), "entry")));
    }
    line
}

/// What a run left as it is, by shape: which objects in which tenants.
fn left(text: &mut String, shapes: &[LeftIn]) {
    if shapes.is_empty() {
        return;
    }
    gap(text);
    let _ = writeln!(text, "{}", styled(STRONG, "not touched"));
    for shape in shapes.iter().take(SHAPES_SHOWN) {
        let accepted = accepted::of_left(&shape.left).map(|why| format!(", accepted: {why}"));
        let line = format!("{}{}", tenants(shape.tenants.len()), accepted.unwrap_or_default());
        let _ = writeln!(text, "  {}", printable(&line));
        let untouched = &shape.left.untouched;
        let changed = untouched.changed.iter().map(|change| format!("~ changed {}", change.object));
        let held = untouched.held.iter().map(|held| format!("| held back: {held}"));
        for line in changed.chain(difference::undeclared(untouched)).chain(held).take(OBJECTS_SHOWN)
        {
            let _ = writeln!(text, "    {}", styled(CHANGED, &printable(&line)));
        }
        if untouched.len() > OBJECTS_SHOWN {
            let _ = writeln!(text, "    … and {} more", untouched.len() - OBJECTS_SHOWN);
        }
        let names: Vec<String> = shape.tenants.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "    {}", styled(FAINT, &some(&names)));
    }
    if shapes.len() > SHAPES_SHOWN {
        let _ = writeln!(text, "  … and {} more shapes", shapes.len() - SHAPES_SHOWN);
    }
    text.push('\n');
}

/// The rules of `[drift]` that have no effect, one per line.
pub(super) fn unused(drift: &Drift) -> Vec<String> {
    let rules = drift.unused_rules.iter();
    let mut lines: Vec<String> = rules.take(OBJECTS_SHOWN).map(ToString::to_string).collect();
    if drift.unused_rules.len() > OBJECTS_SHOWN {
        lines.push(format!("… and {} more", drift.unused_rules.len() - OBJECTS_SHOWN));
    }
    lines
}

type IsFate = fn(&TenantOutcome) -> bool;

/// How a run ended: outcomes and durations, then what failed and why.
#[must_use]
pub fn ended(ended: &RunReport) -> String {
    let mut text = String::new();
    let failed = |committed: bool| {
        ended.tenants.iter().filter_map(move |done| match &done.outcome {
            TenantOutcome::Failed { error } if (done.statements > 0) == committed => {
                Some((&done.tenant, done.server.as_ref(), error))
            }
            _ => None,
        })
    };
    failures(&mut text, "failed; nothing was changed there", failed(false));
    failures(&mut text, "failed; labels of enums were added there, and nothing else", failed(true));
    unreachable(&mut text, &ended.unreachable);
    refused(&mut text, &ended.refused);
    left(&mut text, &ended.left);
    let undistributed: Vec<String> = ended
        .tenants
        .iter()
        .filter(|done| done.placement == Some(Placement::Undistributed))
        .map(|done| done.tenant.to_string())
        .collect();
    text.push_str(&placement::section(undistributed.len(), &some(&undistributed)));
    let held = holds::of_run(ended);
    if !held.is_empty() {
        list(&mut text, "held: left alone until they are released", held.into_iter());
        text.push('\n');
    }
    for reason in &ended.stopped {
        let line = format!("The run ended early: {reason}");
        let _ = writeln!(text, "{}", styled(REMOVED, &printable(&line)));
    }
    let kinds: [(&str, IsFate); 7] = [
        ("created", |outcome| matches!(outcome, TenantOutcome::Created { .. })),
        ("updated", |outcome| matches!(outcome, TenantOutcome::Updated { .. })),
        ("recorded", |outcome| matches!(outcome, TenantOutcome::Recorded { .. })),
        ("current", |outcome| matches!(outcome, TenantOutcome::Current)),
        ("failed", |outcome| matches!(outcome, TenantOutcome::Failed { .. })),
        ("held", |outcome| matches!(outcome, TenantOutcome::Held { .. })),
        ("not reached", |outcome| matches!(outcome, TenantOutcome::Skipped)),
    ];
    let _ = writeln!(text, "{}", styled(STRONG, "outcome      tenants  median ms     max ms"));
    for (word, is) in kinds {
        let mut times: Vec<u64> =
            ended.tenants.iter().filter(|d| is(&d.outcome)).map(|d| d.duration_ms).collect();
        times.sort_unstable();
        if let Some(longest) = times.last() {
            let median = times.get(times.len() / 2).copied().unwrap_or_default();
            let _ = writeln!(text, "{word:<12} {:>7} {median:>10} {longest:>10}", times.len());
        }
    }
    let statements: usize = ended.tenants.iter().map(|done: &TenantReport| done.statements).sum();
    let left: usize = ended.left.iter().map(|shape| shape.tenants.len()).sum();
    let seconds = Duration::from_millis(ended.duration_ms).as_secs_f64();
    let mut line = format!(
        "{}, {}, {seconds:.1} s.",
        tenants(ended.tenants.len()),
        counted(statements, "statement")
    );
    if left > 0 {
        let left = tenants(left);
        line.push_str(&format!(" Not touched: what is changed or undeclared in {left}."));
    }
    let _ = writeln!(text, "{}", styled(STRONG, &line));
    text
}
