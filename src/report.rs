//! Outcomes → what people and programs read. Values in, text out; nothing is printed here.

mod causes;
mod fleet;
mod formats;
mod json;
mod style;
mod text;

pub use fleet::{drift, ended, fleet_plan, some};
pub use formats::{drift_github, drift_junit, drift_markdown};
pub use json::{applied_json, to_line, versioned};
pub use text::{applied, plan, status};
