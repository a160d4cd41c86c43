//! Reports for programs. The names of keys are part of the interface: keys are only ever added.

use serde::Serialize;
use serde_json::{Value, json};

use crate::name::printable_json;
use crate::reconcile::{Applied, Outcome};

/// The result of an apply.
#[must_use]
pub fn applied_json(applied: &Applied) -> Value {
    let apply_id = match applied.outcome {
        Outcome::Current => None,
        Outcome::Done { apply_id, .. } => Some(apply_id),
    };
    let mut value = json!({
        "tenant": applied.tenant.id,
        "schema": applied.tenant.schema,
        "outcome": if applied.is_record_only() { "recorded" } else { applied.outcome.name() },
        "apply_id": apply_id,
        "statements": applied.plan.steps.len(),
        "manifest_checksum": applied.plan.manifest_checksum,
        "plan_digest": applied.plan.digest(),
        "duration_ms": u64::try_from(applied.duration.as_millis()).unwrap_or(u64::MAX),
        "attempts": applied.attempts,
        "steps": applied.plan.steps,
        "changed": applied.plan.changed,
        "extra": applied.left.untouched.extra,
        "unmodelled": applied.left.untouched.unmodelled,
        "held": applied.plan.held,
        "drifted": applied.left.is_drift(),
        "exception": applied.left.exception,
        "excepted": applied.left.excepted,
    });
    // Its keys are beside the others, as elsewhere.
    if let (Some(all), Ok(Value::Object(placement))) =
        (value.as_object_mut(), serde_json::to_value(&applied.placement))
    {
        all.extend(placement);
    }
    value
}

/// Version of what commands report as JSON, saved plans apart. It changes when keys are removed or
/// change their meaning.
const FORMAT_VERSION: u32 = 1;

#[derive(Serialize)]
struct Versioned<'a, T> {
    format_version: u32,
    #[serde(flatten)]
    report: &'a T,
}

/// A report as indented JSON, with the version of its format first.
#[must_use]
pub fn versioned(report: &impl Serialize) -> String {
    to_line(&Versioned { format_version: FORMAT_VERSION, report })
}

/// A value as indented JSON with a line break at its end.
#[must_use]
pub fn to_line(value: &impl Serialize) -> String {
    // Our values have string keys only, so writing them cannot fail.
    printable_json(&serde_json::to_string_pretty(value).unwrap_or_default()) + "\n"
}
