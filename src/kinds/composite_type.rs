//! Composite types. What they consist of are objects of their own; see `type_attribute`.

use super::creation::{Creation, Guard};
use super::rules::{Needs, Rules, drop_member, qualified, relation_and_type, type_exists};
use super::type_attribute;
use crate::name::SchemaName;

pub(super) static RULES: Rules = Rules {
    needs: Needs::Types,
    source: "t.tableoid::int8, t.oid::int8, 0, NULL, t.typname, t.oid::int8, :attributes \
             FROM path CROSS JOIN pg_type t WHERE t.oid = ANY (:types) AND t.typtype = 'c'",
    occupies: relation_and_type,
    create,
    drop: |fact, schema| drop_member("TYPE", fact, schema),
    ..Rules::NONE
};

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let name = qualified(&creation.object, schema);
    let attributes = creation.parts.iter();
    let attributes: Vec<String> =
        attributes.map(|(object, fact)| type_attribute::clause(object, fact, schema)).collect();
    guard.unless(&type_exists(&name), &format!("CREATE TYPE {name} AS ({})", attributes.join(", ")))
}
