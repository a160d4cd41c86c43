//! What would be done to many tenants, for people.

use std::fmt::Write as _;

use super::causes::{failures, refused, unreachable};
use super::difference::{shape_in_short, untouched};
use super::holds;
use super::lists::{some, tenants};
use super::rows;
use super::style::{FAINT, STRONG, printable, styled};
use super::text::{StepLines, steps_and_changes};
use crate::fleet::FleetPlan;
use crate::plan::Untouched;
use crate::words::counted;

/// What would be done: each plan once, with the tenants that it is for; with `sql`, also the
/// statements for the first of them.
#[must_use]
pub fn fleet_plan(plan: &FleetPlan, sql: bool) -> String {
    let mut text = String::new();
    for (number, shared) in plan.plans.iter().enumerate() {
        let line = match shared.count {
            1 => format!("tenant {}", shared.tenant),
            count => format!("{}, such as {}", tenants(count), shared.tenant),
        };
        let _ = writeln!(text, "{}", styled(STRONG, &line));
        text.push_str(&steps_and_changes(&shared.steps, &[], StepLines { sql, hazards: true }));
        let names: Vec<String> = plan.tenants_of(number).map(ToString::to_string).collect();
        if names.len() > 1 {
            let _ = writeln!(text, "\n  {}", styled(FAINT, &some(&names)));
        }
        for shape in &shared.left {
            let line = format!("not touched in {}", shape_in_short(shape));
            let _ = writeln!(text, "  {}", printable(&line));
        }
        text.push('\n');
    }
    text.push_str(&rows::of_fleet(plan));
    if !plan.left.is_empty() {
        let _ = writeln!(text, "{}", styled(STRONG, "nothing to do, but not as declared"));
        for shape in &plan.left {
            let _ = writeln!(text, "  {}", printable(&shape_in_short(shape)));
            text.push_str(&untouched(&shape.left.untouched));
        }
        text.push('\n');
    }
    let held = holds::of_plan(plan);
    if !held.is_empty() {
        let _ = writeln!(text, "{}", styled(STRONG, "held: an apply leaves them alone"));
        for line in held {
            let _ = writeln!(text, "  {}", printable(&line));
        }
        text.push('\n');
    }
    let failed = plan.failed.iter().map(|at| (&at.tenant, at.server.as_ref(), &at.error));
    failures(&mut text, "cannot be planned", failed);
    unreachable(&mut text, &plan.unreachable);
    refused(&mut text, &plan.refused);
    let _ = writeln!(text, "{}", styled(STRONG, &format!("Plan: {}.", headline(plan))));
    text
}

/// Such as "6 tenants to bring up to date, 2 plans; 3 current; 1 with changed objects". What is not
/// touched is counted in all tenants, also where something else is to be done; a tenant counts for each of them.
pub(super) fn headline(plan: &FleetPlan) -> String {
    let excepted = plan.count_left(|left| !left.is_drift());
    let count = |has: &dyn Fn(&Untouched) -> bool| {
        plan.count_left(|left| left.is_drift() && has(&left.untouched))
    };
    let held = count(&|left| !left.held.is_empty());
    let changed = count(&|left| !left.changed.is_empty());
    let extra = count(&|left| !left.extra.is_empty());
    let unmodelled = count(&|left| !left.unmodelled.is_empty());
    let plans = counted(plan.plans.len(), "plan");
    let mut line = format!("{} to bring up to date, {plans}", tenants(plan.tenants.len()));
    line.push_str(&format!("; {} current", plan.current));
    let in_the_way = plan.tenants_in_the_way();
    for (n, what) in [
        (in_the_way, "with rows in the way"),
        (held, "with steps held back"),
        (changed, "with changed objects"),
        (extra, "with undeclared objects"),
        (unmodelled, "with objects of kinds that are not compared"),
        (excepted, "different, but excepted"),
        (plan.held.len(), "held"),
        (plan.failed.len(), "cannot be planned"),
    ] {
        if n > 0 {
            line.push_str(&format!("; {n} {what}"));
        }
    }
    if !plan.refused.is_empty() {
        line.push_str(&format!("; {} refused", counted(plan.refused.len(), "entry")));
    }
    if !plan.unreachable.is_empty() {
        line.push_str(&format!("; {} not queried", counted(plan.unreachable.len(), "server")));
    }
    line
}
