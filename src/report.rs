//! Outcomes → what people and programs read. Values in, text out; nothing is printed here.

mod accepted;
mod causes;
mod difference;
mod fleet;
mod fleet_plan;
mod formats;
mod groups;
mod hold;
mod holds;
mod json;
mod lists;
mod members;
mod placement;
mod plan_github;
mod plan_markdown;
mod renames;
mod rows;
mod status;
mod style;
mod text;

pub use fleet::{drift, ended};
pub use fleet_plan::fleet_plan;
pub use formats::{drift_github, drift_junit, drift_markdown};
pub use hold::{held, released};
pub use json::{applied_json, to_line, versioned};
pub use lists::some;
pub use plan_github::fleet_plan_github;
pub use plan_markdown::fleet_plan_markdown;
pub use renames::renames;
pub use status::status;
pub use text::{applied, plan};
