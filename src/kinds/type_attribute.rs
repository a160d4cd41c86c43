//! Attributes of composite types, which are ordered.

use super::attribute::Attribute;
use super::creation::{Creation, Guard};
use super::rules::{Digest, Needs, Rules, part};
use crate::catalog::{Fact, Object};
use crate::name::{Ident, SchemaName, Text, literal};

pub(super) static RULES: Rules = Rules {
    needs: Needs::Types,
    source: "'pg_class'::regclass::oid::int8, a.attrelid::int8, a.attnum, t.typname, a.attname, \
             a.attnum, :attributes \
             FROM path CROSS JOIN pg_type t \
             JOIN pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped \
             JOIN pg_type ty ON ty.oid = a.atttypid \
             WHERE t.oid = ANY (:types) AND t.typtype = 'c'",
    attributes: &[
        Attribute::new("type", "format_type(a.atttypid, a.atttypmod)")
            .labelled("type")
            .needed()
            .digested(&["CASE WHEN m.is_set THEN format_type(a.atttypid, a.atttypmod) END"]),
        Attribute::new(
            "collation",
            "CASE WHEN a.attcollation <> ty.typcollation THEN a.attcollation::regcollation END",
        )
        .labelled("collation")
        .needed()
        .digested(&["CASE WHEN a.attcollation NOT IN (0, 100) AND m.is_set \
                          THEN a.attcollation::regcollation END"]),
    ],
    digest: Some(Digest {
        identity: "a.attnum, a.attname",
        comment: Some(
            "de.objoid = a.attrelid AND de.classoid = 'pg_class'::regclass \
             AND de.objsubid = a.attnum",
        ),
        also: &[],
        from: "pg_attribute a \
               WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 \
                 AND NOT a.attisdropped \
               ORDER BY a.attnum",
    }),
    create,
    drop: |fact, schema| {
        let (of, name) = part(&fact.object)?;
        Some(format!(
            "ALTER TYPE {} DROP ATTRIBUTE IF EXISTS {}",
            schema.qualify(of),
            name.quoted()
        ))
    },
    ..Rules::NONE
};

/// One of the list of CREATE TYPE, and what ALTER TYPE adds.
pub(super) fn clause(object: &Object, fact: &Fact, schema: &SchemaName) -> String {
    let name = object.name().map(Ident::quoted).unwrap_or_default();
    let collation = fact.sql("collation", schema).map(|collation| format!(" COLLATE {collation}"));
    format!(
        "{name} {}{}",
        fact.sql("type", schema).unwrap_or_default(),
        collation.unwrap_or_default()
    )
}

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let Some((of, name)) = part(&creation.object) else { return String::new() };
    let of = schema.qualify(of);
    let there = format!(
        "EXISTS (SELECT FROM pg_catalog.pg_attribute \
         WHERE attrelid = {}::pg_catalog.regclass AND attname = {} AND NOT attisdropped)",
        literal(&of),
        Text::from(name).literal()
    );
    let clause = clause(&creation.object, creation.fact, schema);
    guard.unless(&there, &format!("ALTER TYPE {of} ADD ATTRIBUTE {clause}"))
}
