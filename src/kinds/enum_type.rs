//! Enum types. Their labels are objects of their own; see `label`.

use super::creation::{Creation, Guard};
use super::rules::{Needs, Rules, drop_member, qualified, type_exists};
use crate::catalog::Slot;
use crate::name::{SchemaName, Text};

pub(super) static RULES: Rules = Rules {
    needs: Needs::Types,
    source: "t.tableoid::int8, t.oid::int8, 0, NULL, t.typname, t.oid::int8, :attributes \
             FROM path CROSS JOIN pg_type t WHERE t.oid = ANY (:types) AND t.typtype = 'e'",
    occupies: |fact| fact.object.name().map(|name| Slot::Type(name.clone())).into_iter().collect(),
    create,
    drop: |fact, schema| drop_member("TYPE", fact, schema),
    ..Rules::NONE
};

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let labels = creation.parts.iter().filter_map(|(label, _)| label.name());
    let labels: Vec<String> = labels.map(|label| Text::from(label).literal()).collect();
    let name = qualified(&creation.object, schema);
    guard
        .unless(&type_exists(&name), &format!("CREATE TYPE {name} AS ENUM ({})", labels.join(", ")))
}
