//! Composite types. What they consist of are objects of their own; see `type_attribute`.

use super::creation::{Creation, Guard};
use super::rules::{Needs, Rules, qualified};
use super::type_attribute;
use crate::catalog::Slot;
use crate::name::{SchemaName, literal};

pub(super) static RULES: Rules = Rules {
    needs: Needs::Types,
    source: "t.tableoid::int8, t.oid::int8, 0, NULL, t.typname, t.oid::int8, :attributes \
             FROM path CROSS JOIN pg_type t WHERE t.oid = ANY (:types) AND t.typtype = 'c'",
    occupies: |fact| {
        let name = fact.object.name().into_iter();
        name.flat_map(|n| [Slot::Relation(n.clone()), Slot::Type(n.clone())]).collect()
    },
    create,
    ..Rules::NONE
};

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let name = qualified(&creation.object, schema);
    let attributes = creation.parts.iter();
    let attributes: Vec<String> =
        attributes.map(|(object, fact)| type_attribute::clause(object, fact, schema)).collect();
    let there = format!("pg_catalog.to_regtype({}) IS NOT NULL", literal(&name));
    guard.unless(&there, &format!("CREATE TYPE {name} AS ({})", attributes.join(", ")))
}
