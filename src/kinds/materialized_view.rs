//! Materialized views. Their indexes, and whether they have been filled, are objects of their own.

use super::attribute::Attribute;
use super::creation::{Creation, Guard};
use super::rules::{
    Needs, OPTIONS, Rules, drop_member, qualified, relation_and_type, relation_exists,
    storage_parameters,
};
use super::view;
use crate::catalog::Fact;
use crate::name::SchemaName;

pub(super) static RULES: Rules = Rules {
    needs: Needs::MaterializedViews,
    source: "c.tableoid::int8, c.oid::int8, 0, NULL, c.relname, c.oid::int8, :attributes \
             FROM path CROSS JOIN pg_class c WHERE c.oid = ANY (:materialized_views)",
    // They are digested as those of views.
    attributes: &[
        Attribute::new("columns", view::COLUMNS).labelled("columns").needed().digested(&[]),
        Attribute::new("options", OPTIONS).labelled("with").digested(&[]),
        Attribute::new("definition", view::DEFINITION).needed().digested(&[]),
    ],
    // Its rows have a type of its name.
    occupies: relation_and_type,
    create,
    drop: |fact, schema| drop_member("MATERIALIZED VIEW", fact, schema),
    ..Rules::NONE
};

/// Without rows: its query is run last, when the tables have theirs; see `population`.
fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let name = qualified(&creation.object, schema);
    guard.unless(&relation_exists(&name), &statement(creation.fact, &name, schema))
}

fn statement(fact: &Fact, name: &str, schema: &SchemaName) -> String {
    let options = storage_parameters(fact, "options");
    let query = fact.sql("definition", schema).unwrap_or_default();
    format!("CREATE MATERIALIZED VIEW {name}{options} AS\n{query}\nWITH NO DATA")
}
