//! Domains. Their constraints are objects of their own; see `domain_constraint`.

use super::alteration::Alteration;
use super::attribute::Attribute;
use super::creation::{Creation, Guard, together};
use super::domain_constraint;
use super::rules::{Needs, Rules, drop_member, qualified, type_exists};
use crate::catalog::Slot;
use crate::name::SchemaName;

pub(super) static RULES: Rules = Rules {
    needs: Needs::Types,
    source: "t.tableoid::int8, t.oid::int8, 0, NULL, t.typname, t.oid::int8, :attributes \
             FROM path CROSS JOIN pg_type t JOIN pg_type base ON base.oid = t.typbasetype \
             WHERE t.oid = ANY (:types) AND t.typtype = 'd'",
    attributes: &[
        Attribute::new("type", "format_type(t.typbasetype, t.typtypmod)")
            .labelled("type")
            .needed()
            .digested(&["CASE WHEN m.is_set THEN format_type(t.typbasetype, t.typtypmod) END"]),
        Attribute::new(
            "collation",
            "CASE WHEN t.typcollation <> base.typcollation THEN t.typcollation::regcollation END",
        )
        .labelled("collation")
        .needed()
        // Digested with types of all kinds.
        .digested(&[]),
        Attribute::new("nullability", "CASE WHEN t.typnotnull THEN 'not null' ELSE 'null' END")
            .digested(&["nullif(t.typnotnull, false)"]),
        Attribute::new("default", "pg_get_expr(t.typdefaultbin, 0)")
            .labelled("default")
            .digested(&["CASE WHEN m.is_set AND t.typdefaultbin IS NOT NULL \
                              THEN coalesce(pg_get_expr(t.typdefaultbin, 0), t.oid::text) END"]),
    ],
    occupies: |fact| fact.object.name().map(|name| Slot::Type(name.clone())).into_iter().collect(),
    create,
    alter,
    drop: |fact, schema| drop_member("DOMAIN", fact, schema),
    ..Rules::NONE
};

/// The default, and whether values may be NULL; the type stays.
fn alter(alteration: &Alteration<'_>, schema: &SchemaName) -> Option<String> {
    let desired = alteration.desired;
    if !alteration.is_only_in(&["nullability", "default"]) {
        return None;
    }
    let name = qualified(alteration.object(), schema);
    let default = alteration.differs("default").then(|| match desired.sql("default", schema) {
        Some(default) => format!("ALTER DOMAIN {name} SET DEFAULT {default}"),
        None => format!("ALTER DOMAIN {name} DROP DEFAULT"),
    });
    let nullability = alteration.differs("nullability").then(|| {
        let verb = if desired.text("nullability") == Some("not null") { "SET" } else { "DROP" };
        format!("ALTER DOMAIN {name} {verb} NOT NULL")
    });
    match (default, nullability) {
        (Some(default), Some(nullability)) => {
            Some(together(&format!("{default};\n        {nullability}")))
        }
        (one, other) => one.or(other),
    }
}

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let name = qualified(&creation.object, schema);
    let sql = |key: &str| creation.fact.sql(key, schema);
    let mut statement = format!("CREATE DOMAIN {name} AS {}", sql("type").unwrap_or_default());
    if let Some(collation) = sql("collation") {
        statement.push_str(&format!(" COLLATE {collation}"));
    }
    if let Some(default) = sql("default") {
        statement.push_str(&format!(" DEFAULT {default}"));
    }
    if creation.fact.text("nullability") == Some("not null") {
        statement.push_str(" NOT NULL");
    }
    for (object, fact) in &creation.parts {
        statement.push_str(&format!("\n    {}", domain_constraint::clause(object, fact, schema)));
    }
    guard.unless(&type_exists(&name), &statement)
}
