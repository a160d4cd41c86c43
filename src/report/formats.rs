//! Reports on drift for the programs that run checks: Markdown, `JUnit`, GitHub annotations.

use std::fmt::Write as _;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::accepted::{self, EXCEPTED};
use super::causes::{by_cause, by_reason, server, unchecked};
use super::difference::{difference, in_short};
use super::fleet::{IGNORED, UNDECLARED, UNUSED, headline, unused};
use super::groups::{Group, groups, ignored, undeclared};
use super::holds::{self, HELD};
use super::lists::{some, tenants};
use super::placement;
use super::style::{plain, printable, printable_lines};
use crate::fleet::{Difference, Drift, State};
use crate::manifest::value_text;
use crate::words::counted;

/// A page of Markdown has no further details once it has so many bytes: a comment on GitHub holds
/// 65,536 characters.
pub(super) const PAGE: usize = 60_000;

/// Missing objects of one shape that are listed in its details before the rest is counted.
const OBJECTS_LISTED: usize = 200;

/// A page for a pull request or a job's summary.
#[must_use]
pub fn drift_markdown(drift: &Drift) -> String {
    let mark = if drift.is_drift() || drift.is_incomplete() { "❌" } else { "✅" };
    let mut text = format!("## {mark} Tenant schemas\n\n{}.\n", escaped(&headline(drift)));
    let groups = groups(drift);
    if !groups.is_empty() {
        text.push_str("\n| tenants | difference | which |\n|---:|---|---|\n");
    }
    for (number, group) in groups.iter().enumerate() {
        let what = escaped(&in_short(&group.difference));
        let which = escaped(&group.members.in_short());
        let row = format!("| {} | {what} | {which} |\n", group.count);
        if text.len() + row.len() > PAGE / 3 {
            let more = counted(groups.len() - number, "more difference");
            let _ = writeln!(text, "\n… and {more}: `provision drift` shows all.");
            break;
        }
        text.push_str(&row);
    }
    let undeclared: Vec<String> = undeclared(drift).map(|(_, line)| line).collect();
    text.push_str(&section(&format!("### {UNDECLARED}"), PAGE / 3, undeclared.into_iter()));
    if let Some(ignored) = ignored(drift) {
        let ignored = if ignored.is_empty() { vec!["none".to_owned()] } else { ignored };
        text.push_str(&section(&format!("### {IGNORED}"), PAGE / 6, ignored.into_iter()));
    }
    for (number, group) in groups.iter().enumerate() {
        let folded = folded(&summary(group), &details(&group.difference));
        if text.len() + folded.len() > PAGE {
            let more = groups.len() - number;
            let _ = writeln!(text, "\n… details of {more} more: `provision drift` shows all.");
            break;
        }
        text.push_str(&folded);
    }
    let excepted = accepted::objects(drift);
    text.push_str(&section(&format!("### {EXCEPTED}"), PAGE / 6, excepted.into_iter()));
    let held = holds::of_drift(drift);
    text.push_str(&section(&format!("### {HELD}"), PAGE / 6, held.into_iter()));
    let unused = unused(drift);
    text.push_str(&section(&format!("### {}", escaped(UNUSED)), PAGE / 6, unused.into_iter()));
    let problems = problems(drift);
    if !problems.is_empty() {
        text.push_str("\n### Could not be checked\n\n");
        for problem in problems {
            let _ = writeln!(text, "- {}", escaped(&problem));
        }
    }
    let undistributed: Vec<String> =
        drift.undistributed().map(|tenant| tenant.tenant.to_string()).collect();
    if !undistributed.is_empty() {
        let _ = writeln!(
            text,
            "\n### Not distributed\n\n{} {}: {}",
            tenants(undistributed.len()),
            escaped(placement::in_words()),
            escaped(&some(&undistributed))
        );
    }
    if !drift.orphans.is_empty() {
        text.push_str("\n### Orphans: provisioned, but not registered\n\n");
        for orphan in &drift.orphans {
            let _ = writeln!(text, "- {}", escaped(&orphan.schema));
        }
    }
    text
}

/// One test case per tenant.
#[must_use]
pub fn drift_junit(drift: &Drift) -> String {
    let mut suite = TestSuite::new("tenants");
    for tenant in &drift.tenants {
        let status = match tenant.state {
            State::InSync => TestCaseStatus::success(),
            State::Excepted => {
                let mut skipped = TestCaseStatus::skipped();
                skipped.set_message(printable(tenant.exception.as_deref().unwrap_or_default()));
                skipped
            }
            State::Unprovisioned | State::Drifted => {
                let mut failure = TestCaseStatus::non_success(NonSuccessKind::Failure);
                failure.set_type("drift");
                if let Some(shape) = tenant.shape.and_then(|at| drift.shapes.get(at)) {
                    failure.set_message(printable(&in_short(&shape.difference)));
                    failure.set_description(details(&shape.difference));
                }
                failure
            }
            State::Unreachable => {
                let mut error = TestCaseStatus::non_success(NonSuccessKind::Error);
                let (code, message) = match &tenant.error {
                    Some(failure) => (failure.code, failure.message.clone()),
                    None => ("unreachable", String::new()),
                };
                error.set_type(code).set_message(printable(&message));
                error
            }
        };
        let mut case = TestCase::new(tenant.tenant.to_string(), status);
        let hold = tenant.hold.as_ref().map(ToString::to_string);
        let excepted = tenant.excepted.iter();
        let excepted = excepted.map(|one| printable(&format!("excepted {one}")));
        let remarks: Vec<String> = hold.into_iter().chain(excepted).collect();
        if !remarks.is_empty() {
            case.set_system_out(remarks.join("\n"));
        }
        suite.add_test_case(case);
    }
    for (name, problem) in other_problems(drift) {
        let mut error = TestCaseStatus::non_success(NonSuccessKind::Error);
        error.set_message(printable(problem));
        suite.add_test_case(TestCase::new(printable(&name), error));
    }
    for orphan in &drift.orphans {
        let mut failure = TestCaseStatus::non_success(NonSuccessKind::Failure);
        failure.set_type("orphan").set_message("provisioned, but not registered");
        suite.add_test_case(TestCase::new(printable(&orphan.schema), failure));
    }
    let mut report = Report::new("provision drift");
    report.add_test_suite(suite);
    // Writing to memory does not fail.
    report.to_string().unwrap_or_default()
}

/// Workflow commands that GitHub shows as annotations: one per shape, and one per problem.
#[must_use]
pub fn drift_github(drift: &Drift) -> String {
    let mut text = String::new();
    let level = |is_excepted: bool| if is_excepted { "notice" } else { "error" };
    for group in groups(drift) {
        let level = level(group.members.are_excepted());
        let message = format!("{} ({})", summary(&group), group.members.in_short());
        let cells =
            cells(&group.difference).into_iter().map(|line| format!("%0A{}", command(&line)));
        let cells: String = cells.collect();
        let _ = writeln!(text, "::{level} title=tenant drift::{}{cells}", command(&message));
    }
    for (one, line) in undeclared(drift) {
        let level = level(one.is_excepted());
        let _ = writeln!(text, "::{level} title=tenant drift::{}", command(&line));
    }
    for line in ignored(drift).unwrap_or_default() {
        let _ = writeln!(text, "::notice title=ignored object::{}", command(&line));
    }
    for line in accepted::objects(drift) {
        let _ = writeln!(text, "::notice title=excepted object::{}", command(&line));
    }
    for line in holds::of_drift(drift) {
        let _ = writeln!(text, "::notice title=tenant held::{}", command(&line));
    }
    for problem in problems(drift) {
        let _ = writeln!(text, "::error title=tenant not checked::{}", command(&problem));
    }
    let undistributed: Vec<String> =
        drift.undistributed().map(|tenant| tenant.tenant.to_string()).collect();
    if !undistributed.is_empty() {
        let (count, words) = (tenants(undistributed.len()), placement::in_words());
        let message = format!("{count} {words}: {}", some(&undistributed));
        let _ = writeln!(text, "::notice title=tenant not distributed::{}", command(&message));
    }
    for orphan in &drift.orphans {
        let message = format!("schema {} is provisioned, but not registered", orphan.schema);
        let _ = writeln!(text, "::error title=orphan::{}", command(&message));
    }
    let _ = writeln!(text, "{}", command(&headline(drift)));
    text
}

/// Such as "3 tenants: missing column users.email and 3 more".
fn summary(group: &Group) -> String {
    format!("{}: {}", tenants(group.count), in_short(&group.difference))
}

/// Values of baseline rows that an annotation lists before the rest is counted.
const CELLS_LISTED: usize = 20;

/// The values of baseline rows that are not the declared ones, if there are more than a summary tells.
fn cells(difference: &Difference) -> Vec<String> {
    let changed = difference.untouched.changed.iter();
    let mut lines: Vec<String> = changed
        .flat_map(|change| {
            change.cells.iter().map(|cell| {
                let value = |value: &Option<String>| value_text(value.as_deref());
                let (actual, expected) = (value(&cell.actual), value(&cell.expected));
                format!("{}: {} {actual} → {expected}", change.object, cell.column)
            })
        })
        .collect();
    if lines.len() < 2 {
        return Vec::new();
    }
    if lines.len() > CELLS_LISTED {
        let more = lines.len() - CELLS_LISTED;
        lines.truncate(CELLS_LISTED);
        lines.push(format!("… and {}", counted(more, "more value")));
    }
    lines
}

/// Everything in which tenants differ, one object per line.
fn details(of: &Difference) -> String {
    plain(&difference(of, OBJECTS_LISTED))
}

/// What kept tenants, servers and entries of the registry from being checked, each cause once.
fn problems(drift: &Drift) -> Vec<String> {
    let tenants = by_cause(unchecked(drift)).into_iter().map(|cause| {
        let ids = cause.ids().map(|ids| format!(" ({ids})"));
        format!("{}: {}{}", cause.who(), cause.failure.message, ids.unwrap_or_default())
    });
    let servers = drift.unreachable.iter();
    let servers = servers.map(|at| format!("{}: {}", server(at.server.as_ref()), at.error.message));
    let refused = by_reason(&drift.refused).into_iter();
    let refused = refused.map(|(reason, ids)| format!("{}: {reason}", some(&ids)));
    tenants.chain(servers).chain(refused).collect()
}

fn other_problems(drift: &Drift) -> impl Iterator<Item = (String, &str)> {
    let servers = drift.unreachable.iter();
    let servers = servers.map(|at| (server(at.server.as_ref()), at.error.message.as_str()));
    servers.chain(drift.refused.iter().map(|refused| (refused.id.clone(), refused.reason.as_str())))
}

/// Text that Markdown displays as it is, in one line of a table.
pub(super) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in html(&printable(text)).chars() {
        match c {
            '\n' | '\r' => shown.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '@' => {
                shown.push('\\');
                shown.push(c);
            }
            _ => shown.push(c),
        }
    }
    shown
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A list under a title with its level, in about `room` bytes at most; empty without items.
pub(super) fn section(
    title: &str,
    room: usize,
    items: impl ExactSizeIterator<Item = String>,
) -> String {
    if items.len() == 0 {
        return String::new();
    }
    let mut text = format!("\n{title}\n\n");
    let mut left = items.len();
    for item in items {
        let line = format!("- {}\n", escaped(&item));
        if text.len() + line.len() > room {
            break;
        }
        text.push_str(&line);
        left -= 1;
    }
    if left > 0 {
        let _ = writeln!(text, "- … and {left} more");
    }
    text
}

/// A block of code under a line that unfolds it; nothing without code.
pub(super) fn folded(summary: &str, text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let summary = html(&printable(summary));
    format!("\n<details><summary>{summary}</summary>\n\n{}\n</details>\n", code(text))
}

/// A block of code: indented, so that nothing in it can end it.
pub(super) fn code(text: &str) -> String {
    printable_lines(text).lines().map(|line| format!("    {line}\n")).collect()
}

/// Text in a workflow command.
pub(super) fn command(text: &str) -> String {
    printable(text)
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
        .replace("::", ": :")
}
