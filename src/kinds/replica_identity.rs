//! What identifies a row of a table for logical replication, if it is not the primary key. Like row-level security, it is
//! an object of its own with the name of the table: one that is an index comes after the index.

use super::attribute::Attribute;
use super::creation::{Creation, Guard};
use super::rules::{Needs, Rules, whole_of};
use crate::catalog::{Fact, Object};
use crate::name::{Ident, SchemaName};

pub(super) static RULES: Rules = Rules {
    needs: Needs::Tables,
    // No column has this number, so no comment is on it.
    source: "c.tableoid::int8, c.oid::int8, -2, c.relname, c.relname, 0, :attributes \
             FROM path CROSS JOIN pg_class c \
             LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisreplident \
                 AND c.relreplident = 'i' \
             LEFT JOIN pg_class x ON x.oid = i.indexrelid \
             WHERE c.oid = ANY (:tables) AND c.relreplident <> 'd'",
    attributes: &[
        // An index that was dropped leaves nothing. It is digested with the relation and its indexes.
        Attribute::new(
            "identity",
            "CASE c.relreplident WHEN 'f' THEN 'full' WHEN 'n' THEN 'nothing' \
                 ELSE coalesce('index ' || quote_ident(x.relname), 'an index that was dropped') END",
        )
        .digested(&[]),
        Attribute::new("index", "x.relname").hidden(),
    ],
    create,
    drop: |fact, schema| {
        Some(format!("ALTER TABLE {} REPLICA IDENTITY DEFAULT", whole_of(&fact.object, schema)))
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
    let identity = match (index, fact.text("identity")) {
        (Some(index), _) => format!("USING INDEX {}", index.quoted()),
        (None, Some("full")) => "FULL".to_owned(),
        (None, _) => "NOTHING".to_owned(),
    };
    format!("ALTER TABLE {} REPLICA IDENTITY {identity}", whole_of(object, schema))
}
