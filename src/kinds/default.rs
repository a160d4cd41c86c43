//! What a column gets when an INSERT gives nothing.

use super::attribute::Attribute;
use super::creation::{Creation, Guard};
use super::rules::{Digest, Needs, Rules, part};
use crate::catalog::{Fact, Object};
use crate::name::SchemaName;

pub(super) static RULES: Rules = Rules {
    needs: Needs::Tables,
    source: "ad.tableoid::int8, ad.oid::int8, 0, c.relname, a.attname, a.attnum, :attributes \
             FROM path CROSS JOIN pg_class c \
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
                 AND a.attgenerated = '' AND (:own_column) \
             JOIN pg_attrdef ad ON ad.adrelid = a.attrelid AND ad.adnum = a.attnum \
             WHERE c.oid = ANY (:tables)",
    // It names no column, so the table need not be opened to deparse it. The expressions of generated columns,
    // which are digested with it, do.
    attributes: &[Attribute::new("default", "pg_get_expr(ad.adbin, 0)")
        .labelled("default")
        .digested(&["CASE WHEN r.is_set \
                          THEN coalesce(pg_get_expr(ad.adbin, \
                                            CASE WHEN ad.adbin::text LIKE '%{VAR %' THEN r.names \
                                                 ELSE 0 END), ad.oid::text) END"])],
    digest: Some(Digest {
        identity: "ad.adnum",
        comment: None,
        also: &[],
        from: "pg_attrdef ad \
               WHERE r.relkind IN ('r', 'p') AND ad.adrelid = r.oid AND (NOT r.is_child OR EXISTS ( \
                   SELECT FROM pg_attribute a \
                   WHERE a.attrelid = r.oid AND a.attnum = ad.adnum AND (:own_column))) \
               ORDER BY ad.adnum",
    }),
    create,
    drop: |fact, schema| {
        let (table, name) = part(&fact.object)?;
        let (table, name) = (schema.qualify(table), name.quoted());
        Some(format!("ALTER TABLE {table} ALTER COLUMN {name} DROP DEFAULT"))
    },
    alter: |alteration, schema| Some(set(alteration.object(), alteration.desired, schema)),
    comes_with: column,
    ..Rules::NONE
};

pub(super) fn column(fact: &Fact) -> Option<Object> {
    part(&fact.object).map(|(table, name)| Object::column(table, name))
}

fn create(creation: &Creation<'_>, schema: &SchemaName, _: Guard) -> String {
    set(&creation.object, creation.fact, schema)
}

fn set(object: &Object, fact: &Fact, schema: &SchemaName) -> String {
    let Some((table, name)) = part(object) else { return String::new() };
    format!(
        "ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {}",
        schema.qualify(table),
        name.quoted(),
        fact.sql("default", schema).unwrap_or_default()
    )
}
