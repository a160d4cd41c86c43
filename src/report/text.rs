//! Reports for people.

use std::fmt::Write as _;

use indexmap::IndexMap;
use similar::{ChangeTag, TextDiff};

use super::accepted;
use super::placement;
use super::rows;
use super::style::{CHANGED, CREATED, FAINT, REMOVED, STRONG, printable, printable_lines, styled};
use crate::catalog::{Kind, Object};
use crate::manifest::value_text;
use crate::plan::{Action, Plan, PlannedStep};
use crate::plan::{Change, Held, Untouched};
use crate::reconcile::{Applied, Left, Outcome};
use crate::rows::CellDifference;
use crate::words::counted;

/// Rows of one table that are listed before the rest is counted.
const ROWS_SHOWN: usize = 10;

/// What would be done, and what would remain; with `sql`, also the statements.
#[must_use]
pub fn plan(plan: &Plan, remains: &Left, sql: bool) -> String {
    let mut text = heading(plan);
    text.push_str(&body(plan, &remains.untouched, StepLines { sql, hazards: true }));
    text.push_str(&rows::of_tenant(plan));
    text.push_str(&would_do(plan));
    text.push_str(&left(plan, remains));
    text
}

/// What was done, and what remains.
#[must_use]
pub fn applied(applied: &Applied, sql: bool) -> String {
    let plan = &applied.plan;
    let mut text = heading(plan);
    text.push_str(&body(plan, &applied.left.untouched, StepLines { sql, hazards: false }));
    let took = format!("{} ms", applied.duration.as_millis());
    let line = match applied.outcome {
        Outcome::Current if applied.left.untouched.is_empty() => {
            format!("Nothing to do: schema {} is as declared ({took}).", plan.schema)
        }
        Outcome::Current if !plan.held.is_empty() => {
            format!("Nothing could be added to schema {} ({took}).", plan.schema)
        }
        Outcome::Current => format!(
            "Nothing to add to schema {}; what is different there is not touched ({took}).",
            plan.schema
        ),
        Outcome::Done { apply_id, .. } if applied.is_record_only() => {
            format!(
                "Recorded schema {}: nothing was added ({took}, apply {apply_id}).",
                plan.schema
            )
        }
        Outcome::Done { apply_id, created } => {
            let verb = if created { "Created" } else { "Updated" };
            let counts = counts(plan, Action::done);
            format!("{verb} schema {}: {counts} ({took}, apply {apply_id}).", plan.schema)
        }
    };
    let _ = writeln!(text, "{}", styled(STRONG, &line));
    text.push_str(&left(plan, &applied.left));
    text.push_str(&placement::line(&applied.tenant.schema, applied.placement.as_ref()));
    text
}

fn heading(plan: &Plan) -> String {
    let line = format!("tenant {}, schema {}", plan.tenant, plan.schema);
    format!("{}\n", styled(STRONG, &line))
}

fn body(plan: &Plan, left: &Untouched, lines: StepLines) -> String {
    let mut text = steps_and_changes(&plan.steps, &left.changed, lines);
    if !left.extra.is_empty() {
        let title = "extra: not declared, left alone (--allow drop drops it)";
        let _ = writeln!(text, "\n  {}", styled(STRONG, title));
        for object in &left.extra {
            let how = match object.kind() {
                Kind::Label => " (--allow rebuild makes the type anew without it)",
                _ => "",
            };
            let _ = writeln!(text, "    ? {}{how}", printable(&object.to_string()));
        }
    }
    for hint in &left.perhaps_renamed {
        let _ = writeln!(text, "    {}", printable(&hint.to_string()));
    }
    if !left.unmodelled.is_empty() {
        let _ =
            writeln!(text, "\n  {}", styled(STRONG, "unmodelled: of a kind that is not compared"));
        for other in &left.unmodelled {
            let _ = writeln!(text, "    . {}", printable(&other.to_string()));
        }
    }
    if !left.held.is_empty() {
        let title = "held back: an apply does it once the reason is gone";
        let _ = writeln!(text, "\n  {}", styled(STRONG, title));
        for held in &left.held {
            text.push_str(&held_text(held));
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// The steps, and why they are held back.
pub(super) fn held_text(held: &Held) -> String {
    let mut text = String::new();
    for step in &held.steps {
        let _ = writeln!(text, "    {}", styled(CHANGED, &printable(&format!("| {step}"))));
    }
    for reason in &held.reasons {
        let _ = writeln!(text, "        {}", printable(reason));
    }
    text
}

/// What is written beneath each step.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepLines {
    pub(super) sql: bool,
    pub(super) hazards: bool,
}

/// By table, type or sequence.
pub(super) fn steps_and_changes(
    steps: &[PlannedStep],
    changed: &[Change],
    lines: StepLines,
) -> String {
    let mut groups: IndexMap<String, (Vec<&PlannedStep>, Vec<&Change>)> = IndexMap::new();
    for step in steps {
        groups.entry(group_of(&step.object)).or_default().0.push(step);
    }
    for change in changed {
        groups.entry(group_of(&change.object)).or_default().1.push(change);
    }
    let mut text = String::new();
    for (group, (steps, changes)) in &groups {
        let _ = writeln!(text, "\n  {}", styled(STRONG, group));
        steps_of_group(&mut text, steps, lines);
        for change in changes {
            text.push_str(&change_text(change));
        }
    }
    text
}

/// The table, type or sequence under which people look for the object.
fn group_of(object: &Object) -> String {
    printable(&object.group().to_string())
}

fn steps_of_group(text: &mut String, steps: &[&PlannedStep], lines: StepLines) {
    let StepLines { sql, hazards } = lines;
    let mut rows = 0;
    for step in steps {
        // What is changed and removed is always told.
        if step.action == Action::Insert {
            rows += 1;
            if rows > ROWS_SHOWN && !sql {
                continue;
            }
        }
        let line = printable(&step.describe());
        let (style, mark) = match step.action {
            _ if step.for_rebuild => (CHANGED, '~'),
            Action::Alter | Action::Rename | Action::Rebuild | Action::Update => (CHANGED, '~'),
            Action::Drop | Action::Delete => (REMOVED, '-'),
            _ => (CREATED, '+'),
        };
        let _ = writeln!(text, "    {}", styled(style, &format!("{mark} {line}")));
        for cell in &step.cells {
            let (actual, expected) = cell_lines(cell);
            let _ = writeln!(text, "        {}", styled(REMOVED, &format!("- {actual}")));
            let _ = writeln!(text, "        {}", styled(CREATED, &format!("+ {expected}")));
        }
        if let Some(hazards) = step.hazards.in_short().filter(|_| hazards) {
            let _ =
                writeln!(text, "      {}", styled(CHANGED, &format!("! {}", printable(&hazards))));
        }
        if sql {
            for line in printable_lines(&step.sql).lines() {
                let _ = writeln!(text, "        {}", styled(FAINT, line));
            }
        }
    }
    if rows > ROWS_SHOWN && !sql {
        let more = format!("+ … and {}", counted(rows - ROWS_SHOWN, "more row"));
        let _ = writeln!(text, "    {}", styled(CREATED, &more));
    }
}

/// Such as `price = "49.00"`, before and after.
fn cell_lines(cell: &CellDifference) -> (String, String) {
    let line = |value: &Option<String>| {
        printable(&format!("{} = {}", cell.column, value_text(value.as_deref())))
    };
    (line(&cell.actual), line(&cell.expected))
}

pub(super) fn change_text(change: &Change) -> String {
    let mut text = String::new();
    let name = printable(&change.object.to_string());
    let how = change.allowed_by.map(|class| format!(" (--allow {} changes it)", class.word()));
    let line = format!("~ changed {name}{}", how.unwrap_or_default());
    let _ = writeln!(text, "    {}", styled(CHANGED, &line));
    // The last line ends with a line break, too: otherwise it would differ from the same line elsewhere.
    let side = |text: &str| printable_lines(text) + "\n";
    let (actual, expected) = (side(&change.actual), side(&change.expected));
    for line in TextDiff::from_lines(actual.as_str(), expected.as_str()).iter_all_changes() {
        let content = line.value().trim_end_matches('\n');
        let shown = match line.tag() {
            ChangeTag::Equal => styled(FAINT, &format!("  {content}")),
            ChangeTag::Delete => styled(REMOVED, &format!("- {content}")),
            ChangeTag::Insert => styled(CREATED, &format!("+ {content}")),
        };
        let _ = writeln!(text, "        {shown}");
    }
    text
}

fn would_do(plan: &Plan) -> String {
    let counts = counts(plan, Action::planned);
    let line = if counts.is_empty() && !plan.held.is_empty() {
        format!("Nothing can be added to schema {} now.", plan.schema)
    } else if counts.is_empty() {
        format!("Nothing to do in schema {}.", plan.schema)
    } else {
        format!("Plan: {counts}.")
    };
    format!("{}\n", styled(STRONG, &line))
}

/// Such as "7 to create, 2 to add, 21 rows to insert".
fn counts(plan: &Plan, word: fn(Action) -> &'static str) -> String {
    // What is dropped to be created again is counted once.
    let steps = || plan.steps.iter().filter(|step| !step.for_rebuild && !step.for_exchange);
    let count = |action| steps().filter(|step| step.action == action).count();
    Action::ALL
        .into_iter()
        .map(|action| (action, count(action)))
        .filter(|(_, n)| *n > 0)
        .map(|(action, n)| match action {
            action if action.is_of_row() => format!("{} {}", counted(n, "row"), word(action)),
            _ => format!("{n} {}", word(action)),
        })
        .collect::<Vec<_>>()
        .join(", ")
}

/// What an apply leaves: first what is drift.
fn left(plan: &Plan, left: &Left) -> String {
    let untouched = &left.untouched;
    let ignored = plan.untouched().len() - untouched.len();
    let mut parts = vec![counts_of(untouched)];
    if ignored > 0 {
        parts.push(format!("{ignored} ignored by the manifest"));
    }
    parts.retain(|part| !part.is_empty());
    if parts.is_empty() {
        return String::new();
    }
    let accepted = accepted::of_left(left);
    let accepted = accepted.map(|why| format!(" Accepted: {}.", printable(&why)));
    format!("Not touched: {}.{}\n", parts.join("; "), accepted.unwrap_or_default())
}

/// Such as "1 changed (present, but not as declared), 2 extra".
fn counts_of(untouched: &Untouched) -> String {
    [
        (untouched.changed.len(), "changed (present, but not as declared)"),
        (untouched.extra.len(), "extra"),
        (untouched.unmodelled.len(), "unmodelled"),
        (untouched.held.iter().map(|held| held.steps.len()).sum(), "held back"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, what)| format!("{n} {what}"))
    .collect::<Vec<_>>()
    .join(", ")
}
