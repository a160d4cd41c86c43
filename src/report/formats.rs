//! Reports on drift for the programs that run checks: Markdown, `JUnit`, GitHub annotations.

use std::fmt::Write as _;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::causes::{by_cause, by_reason, server, unchecked};
use super::difference::{difference, in_short};
use super::fleet::{UNEVEN, UNUSED, headline, uneven, unused};
use super::lists::{some, tenants};
use super::members::Members;
use super::placement;
use super::style::{plain, printable, printable_lines};
use crate::fleet::{Drift, Shape, State};

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
    if !drift.shapes.is_empty() {
        text.push_str("\n| tenants | difference | which |\n|---:|---|---|\n");
    }
    for (number, shape) in drift.shapes.iter().enumerate() {
        let what = escaped(&in_short(&shape.difference));
        let which = escaped(&Members::of(drift, number).in_short());
        let _ = writeln!(text, "| {} | {what} | {which} |", shape.count);
    }
    for (number, shape) in drift.shapes.iter().enumerate() {
        let folded = folded(&summary(shape), &details(shape));
        if text.len() + folded.len() > PAGE {
            let more = drift.shapes.len() - number;
            let _ = writeln!(text, "\n… details of {more} more: `provision drift` shows all.");
            break;
        }
        text.push_str(&folded);
    }
    for (title, lines) in [(UNEVEN, uneven(drift)), (UNUSED, unused(drift))] {
        if !lines.is_empty() {
            let _ = writeln!(text, "\n### {}\n", escaped(title));
        }
        for line in &lines {
            let _ = writeln!(text, "- {}", escaped(line));
        }
    }
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
                    failure.set_description(details(shape));
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
        suite.add_test_case(TestCase::new(tenant.tenant.to_string(), status));
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
    for (number, shape) in drift.shapes.iter().enumerate() {
        let members = Members::of(drift, number);
        let level = if members.are_excepted() { "notice" } else { "error" };
        let message = format!("{} ({})", summary(shape), members.in_short());
        let _ = writeln!(text, "::{level} title=tenant drift::{}", command(&message));
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
fn summary(shape: &Shape) -> String {
    format!("{}: {}", tenants(shape.count), in_short(&shape.difference))
}

/// Everything in which the shape differs, one object per line.
fn details(shape: &Shape) -> String {
    plain(&difference(&shape.difference, OBJECTS_LISTED))
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
fn command(text: &str) -> String {
    printable(text)
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
        .replace("::", ": :")
}
