//! What would be done to many tenants, as workflow commands that GitHub shows as annotations.

use std::fmt::Write as _;

use super::difference::shape_in_short;
use super::fleet_plan::headline;
use super::formats::command;
use super::lists::{some, tenants};
use super::plan_markdown::problems;
use super::rows;
use crate::fleet::FleetPlan;
use crate::plan::PlannedStep;

/// Steps of a plan that are named before the rest is counted.
const STEPS_SHOWN: usize = 10;

/// One annotation per plan, per step that rows are in the way of, and per problem.
#[must_use]
pub fn fleet_plan_github(plan: &FleetPlan) -> String {
    let mut text = String::new();
    let mut annotate = |level: &str, title: &str, message: &str| {
        let _ = writeln!(text, "::{level} title={title}::{}", command(message));
    };
    for (number, shared) in plan.plans.iter().enumerate() {
        let names: Vec<String> = plan.tenants_of(number).map(ToString::to_string).collect();
        let steps = shared.steps.iter().take(STEPS_SHOWN).map(PlannedStep::describe);
        let mut steps: Vec<String> = steps.collect();
        let more = shared.steps.len().saturating_sub(STEPS_SHOWN);
        if more > 0 {
            steps.push(format!("… and {more} more"));
        }
        let message = format!("{} ({}): {}", tenants(shared.count), some(&names), steps.join("; "));
        annotate("notice", "tenant plan", &message);
    }
    for way in &plan.rows_in_the_way {
        let message = format!("{} ({})", rows::in_words(way), rows::examples(way).join("; "));
        annotate("error", "rows in the way", &message);
    }
    for what in &plan.not_counted {
        annotate("warning", "rows not counted", &rows::uncounted_in_words(what));
    }
    for shape in &plan.left {
        annotate("warning", "nothing to do, but not as declared", &shape_in_short(shape));
    }
    for problem in problems(plan) {
        annotate("error", "tenant not planned", &problem);
    }
    let _ = writeln!(text, "{}", command(&headline(plan)));
    text
}
