//! Outcomes → what people and programs read. Values in, text out; nothing is printed here.

mod json;
mod style;
mod text;

pub use json::{applied_json, to_line};
pub use style::printable;
pub use text::{applied, plan, status};
