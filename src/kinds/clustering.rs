//! The index in whose order CLUSTER stores the rows of a table or a materialized view. Like row-level security, it is an
//! object of its own, which comes after the index.

use super::attribute::Attribute;
use super::creation::{Creation, Guard};
use super::rules::{Needs, Rules, whole_of};
use crate::catalog::{Fact, Kind, Object};
use crate::name::{Ident, SchemaName};

pub(super) static RULES: Rules = Rules {
    needs: Needs::Indexed,
    // No column has this number, so no comment is on it.
    source: "c.tableoid::int8, c.oid::int8, -3, c.relname, c.relname, 0, :attributes \
             FROM path CROSS JOIN pg_class c \
             JOIN pg_index i ON i.indrelid = c.oid AND i.indisclustered \
             JOIN pg_class x ON x.oid = i.indexrelid \
             WHERE c.oid = ANY (:tables || :materialized_views)",
    attributes: &[
        // It is digested with the index.
        Attribute::new("on", "quote_ident(x.relname)").labelled("on index").digested(&[]),
        Attribute::new("index", "x.relname").hidden(),
    ],
    create,
    drop: |fact, schema| {
        Some(format!("ALTER {} SET WITHOUT CLUSTER", relation(&fact.object, schema)))
    },
    alter: |alteration, schema| Some(choose(alteration.object(), alteration.desired, schema)),
    ..Rules::NONE
};

/// The statement may be run again.
fn create(creation: &Creation<'_>, schema: &SchemaName, _: Guard) -> String {
    choose(&creation.object, creation.fact, schema)
}

fn choose(object: &Object, fact: &Fact, schema: &SchemaName) -> String {
    let index = fact.text("index").and_then(|name| Ident::new(name).ok());
    let index = index.map(|name| name.quoted()).unwrap_or_default();
    format!("ALTER {} CLUSTER ON {index}", relation(object, schema))
}

/// The table or materialized view, with its kind.
fn relation(object: &Object, schema: &SchemaName) -> String {
    let kind = match object.group().kind() {
        Kind::MaterializedView => "MATERIALIZED VIEW",
        _ => "TABLE",
    };
    format!("{kind} {}", whole_of(object, schema))
}
