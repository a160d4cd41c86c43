//! What would be done to many tenants, as a page that a comment on a pull request can hold.

use std::fmt::Write as _;

use super::causes::{by_cause, by_reason, server};
use super::difference::{shape_in_short, untouched};
use super::fleet_plan::headline;
use super::formats::{PAGE, code, escaped, folded, section};
use super::holds::{self, HELD};
use super::lists::{some, tenants};
use super::rows;
use super::style::plain;
use crate::explain::Failure;
use crate::fleet::{FleetPlan, LeftIn, SharedPlan};

/// Bytes of a page for what is not touched, and as many for what cannot be planned.
const SECTION: usize = 10_000;
/// Steps of a plan that are listed before the rest is counted.
const STEPS_SHOWN: usize = 20;

/// The page: each plan with its steps and, folded, its statements for the first of its tenants; what
/// is not touched; what cannot be planned. What does not fit is counted.
#[must_use]
pub fn fleet_plan_markdown(plan: &FleetPlan) -> String {
    let mark = if plan.is_incomplete() || !plan.rows_in_the_way.is_empty() { "❌ " } else { "" };
    let mut text = format!("## {mark}Plan for tenant schemas\n\n{}.\n", escaped(&headline(plan)));
    let in_the_way = plan.rows_in_the_way.iter().map(|way| {
        let examples = rows::examples(way).join("; ");
        cut(&format!("{} ({examples})", rows::in_words(way)))
    });
    let title = "### Rows in the way: an apply fails until they are repaired";
    text.push_str(&section(title, SECTION, in_the_way.collect::<Vec<_>>().into_iter()));
    let uncounted = plan.not_counted.iter().map(|what| cut(&rows::uncounted_in_words(what)));
    let title = "### Not counted: rows could be in the way";
    text.push_str(&section(title, SECTION / 2, uncounted));
    let end = left("### Nothing to do, but not as declared", &plan.left)
        + &section(&format!("### {HELD}"), SECTION / 2, holds::of_plan(plan).into_iter())
        + &section("### Cannot be planned", SECTION, problems(plan).into_iter());
    for (number, shared) in plan.plans.iter().enumerate() {
        let more = plan.plans.len() - number;
        let room = PAGE.saturating_sub(text.len() + end.len());
        let names: Vec<String> = plan.tenants_of(number).map(ToString::to_string).collect();
        let head = head(number, shared, &names);
        if head.len() > room {
            let _ = writeln!(text, "\n… and {more} more plans: `provision plan --all` shows all.");
            break;
        }
        text.push_str(&head);
        // Room that one plan does not use is available to those after it.
        text.push_str(&statements(shared, (room - head.len()) / more));
    }
    text + &end
}

fn head(number: usize, shared: &SharedPlan, names: &[String]) -> String {
    let mut text = format!("\n### Plan {}: {}\n\n", number + 1, tenants(shared.count));
    let _ = writeln!(text, "{}\n", escaped(&some(names)));
    for step in shared.steps.iter().take(STEPS_SHOWN) {
        let hazards = step.hazards.in_short().map(|told| format!(" — {told}"));
        let line = step.describe() + &hazards.unwrap_or_default();
        let _ = writeln!(text, "- {}", escaped(&cut(&line)));
    }
    if shared.steps.len() > STEPS_SHOWN {
        let _ = writeln!(text, "- … and {} more", shared.steps.len() - STEPS_SHOWN);
    }
    text + &left("#### Not touched", &shared.left)
}

/// The statements, in about `room` bytes at most.
fn statements(shared: &SharedPlan, room: usize) -> String {
    let mut text = format!("\n<details><summary>SQL for tenant {}</summary>\n\n", shared.tenant);
    let mut left = shared.steps.len();
    for step in &shared.steps {
        let statement = code(&format!("{};", step.sql));
        if text.len() + statement.len() + 200 > room {
            break;
        }
        text.push_str(&statement);
        left -= 1;
    }
    if left > 0 {
        let _ = writeln!(text, "\n… and {left} more: `provision plan --all --sql` shows all.");
    }
    text + "\n</details>\n"
}

/// Why some tenants have no plan, each reason once.
pub(super) fn problems(plan: &FleetPlan) -> Vec<String> {
    let failed = plan.failed.iter().map(|at| (&at.tenant, at.server.as_ref(), &at.error));
    let failed = by_cause(failed).into_iter().map(|cause| {
        let ids = cause.ids().map(|ids| format!(" ({ids})")).unwrap_or_default();
        format!("{}{ids}: {}", cause.who(), failure(cause.failure))
    });
    let away = plan.unreachable.iter();
    let away =
        away.map(|away| format!("{}: {}", server(away.server.as_ref()), failure(&away.error)));
    let refused = by_reason(&plan.refused);
    let refused = refused.iter().map(|(reason, ids)| format!("{}: {}", some(ids), cut(reason)));
    failed.chain(away).chain(refused).collect()
}

/// Such as "[no-privilege] role app may not create schemas; hint: GRANT …".
fn failure(failure: &Failure) -> String {
    let hint = failure.hint.as_ref().map(|hint| format!("; hint: {}", cut(hint)));
    format!("[{}] {}{}", failure.code, cut(&failure.message), hint.unwrap_or_default())
}

/// What is left as it is, by shape: a line each, and folded, what is actual and what is expected.
fn left(title: &str, shapes: &[LeftIn]) -> String {
    let room = SECTION / 2;
    let mut text = section(title, room, shapes.iter().map(|shape| cut(&shape_in_short(shape))));
    let end = text.len() + room;
    for (number, shape) in shapes.iter().enumerate() {
        let names: Vec<String> = shape.tenants.iter().map(ToString::to_string).collect();
        let summary = format!("{} ({})", tenants(names.len()), some(&names));
        let details = folded(&cut(&summary), &plain(&untouched(&shape.left.untouched)));
        if text.len() + details.len() > end {
            let more = shapes.len() - number;
            let _ = writeln!(text, "\n… details of {more} more: `provision plan --all` shows all.");
            break;
        }
        text.push_str(&details);
    }
    text
}

/// At most 300 characters.
fn cut(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(300).collect();
    if chars.next().is_some() { start + " …" } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Object;
    use crate::checksum;
    use crate::consent::Consent;
    use crate::explain::Failure;
    use crate::fleet::{LeftIn, Pinned, Unplanned};
    use crate::hazards::Hazards;
    use crate::name::{Ident, TenantId};
    use crate::plan::{Action, PlannedStep};
    use crate::plan::{Change, Untouched};
    use crate::reconcile::Left;

    /// So many plans, each with so many statements, and as many tenants that are left as they are.
    fn plan(plans: usize, statements: usize) -> FleetPlan {
        let id = |n: usize| TenantId::new(&format!("t{n}")).unwrap();
        let table = |n: usize| Object::table(&Ident::new(format!("<{n}>")).unwrap());
        let step = |n| PlannedStep {
            cells: Vec::new(),
            for_exchange: false,
            for_rebuild: false,
            to: None,
            hazards: Hazards::default(),
            action: Action::Create,
            object: table(n),
            sql: format!("CREATE TABLE \"<{n}>\" (\n    note text DEFAULT '```'\n)"),
            origin: None,
            exclusive: None,
        };
        let left = |n: usize| {
            let object = table(n);
            let (actual, expected) = ("```\n".repeat(n % 20), "<b>\n".repeat(n % 20));
            let changed =
                vec![Change { object, actual, expected, cells: Vec::new(), allowed_by: None }];
            let untouched = Untouched { changed, extra: vec![table(n)], ..Untouched::default() };
            LeftIn { tenants: vec![id(n)], left: Left { untouched, ..Left::default() } }
        };
        let pin = |n: usize| Pinned {
            tenant: id(n),
            server: None,
            live_checksum: checksum::of("live", &n),
            digest: checksum::of("plan", &n),
            plan: n,
        };
        let shared = |n: usize| SharedPlan {
            count: 1,
            tenant: id(n),
            schema: id(n).to_string(),
            steps: (0..statements).map(step).collect(),
            left: (0..plans).map(left).collect(),
        };
        let failed = |n: usize| Unplanned {
            tenant: id(n),
            server: None,
            error: Failure {
                code: "step-failed",
                message: "é|".repeat(4_000) + &n.to_string(),
                hint: None,
                sqlstate: None,
            },
        };
        FleetPlan {
            consent: Consent::default(),
            format_version: 2,
            tool_version: String::new(),
            manifest_checksum: checksum::of("manifest", &0),
            plans: (0..plans).map(shared).collect(),
            tenants: (0..plans).map(pin).collect(),
            rows_in_the_way: Vec::new(),
            not_counted: Vec::new(),
            held: Vec::new(),
            current: 0,
            left: (0..plans).map(left).collect(),
            failed: (0..plans).map(failed).collect(),
            refused: Vec::new(),
            unreachable: Vec::new(),
            passed_over: Vec::new(),
        }
    }

    #[test]
    fn a_page_fits_into_a_comment_and_counts_what_does_not() {
        for (plans, statements) in [(1, 1), (1, 10_000), (3, 400), (40, 30), (2_000, 2)] {
            let page = fleet_plan_markdown(&plan(plans, statements));
            assert!(page.len() < 65_536, "{} bytes for {plans} × {statements}", page.len());
            assert!(page.contains("### Plan 1: 1 tenant\n"), "{page}");
            assert!(page.contains("### Cannot be planned\n"), "{page}");
            let folds = page.matches("<details>").count();
            assert_eq!(folds, page.matches("</details>").count());
            let is_cut = page.contains(" more plans: ")
                || page.contains(" more: `provision plan --all --sql");
            assert_eq!(is_cut, plans * statements > 100, "{plans} × {statements}\n{page}");
            assert!(!page.contains("\n```"), "{page}");
        }
    }
}
