//! The schema itself.

use super::creation::{Creation, Guard};
use super::rules::Rules;
use crate::name::SchemaName;

pub(super) static RULES: Rules = Rules { create, ..Rules::NONE };

fn create(_: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    format!("CREATE SCHEMA {}{}", guard.words(), schema.quoted())
}
