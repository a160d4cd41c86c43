//! CHECK constraints of domains. A NOT NULL is a property of the domain.

use super::attribute::Attribute;
use super::creation::{Creation, Guard};
use super::rules::{Digest, Needs, Rules, part};
use crate::catalog::{Fact, Object, Slot};
use crate::name::{Ident, SchemaName, Text, literal};

pub(super) static RULES: Rules = Rules {
    needs: Needs::Types,
    source: "k.tableoid::int8, k.oid::int8, 0, t.typname, k.conname, k.oid::int8, :attributes \
             FROM path CROSS JOIN pg_type t \
             JOIN pg_constraint k ON k.contypid = t.oid AND k.contype = 'c' \
             WHERE t.oid = ANY (:types) AND t.typtype = 'd'",
    attributes: &[
        Attribute::new(
            "definition",
            "regexp_replace(pg_get_constraintdef(k.oid), '( NOT VALID)?$', '')",
        )
        .needed()
        .digested(&["CASE WHEN m.is_set \
                          THEN coalesce(pg_get_expr(k.conbin, 0), k.oid::text) END"]),
        // Added NOT VALID, existing values were not checked.
        Attribute::new("validity", "CASE WHEN NOT k.convalidated THEN 'NOT VALID' END")
            .digested(&["nullif(k.convalidated, true)"]),
        Attribute::new("role", "'check ' || pg_get_expr(k.conbin, 0)").hidden(),
        Attribute::new("expressions", "pg_get_expr(k.conbin, 0)").hidden(),
    ],
    digest: Some(Digest {
        identity: "k.conname",
        comment: Some("de.objoid = k.oid AND de.classoid = 'pg_constraint'::regclass"),
        also: &[],
        from: "pg_constraint k \
               WHERE t.typtype = 'd' AND k.contypid = t.oid AND k.contype = 'c' \
               ORDER BY k.conname",
    }),
    occupies: |fact| {
        let slot = part(&fact.object).map(|(domain, name)| Slot::Constraint {
            // No table has the name of a type.
            table: domain.clone(),
            name: name.clone(),
        });
        slot.into_iter().collect()
    },
    is_structural: true,
    create,
    drop: |fact, schema| {
        let (of, name) = part(&fact.object)?;
        let domain = schema.qualify(of);
        Some(format!("ALTER DOMAIN {domain} DROP CONSTRAINT IF EXISTS {}", name.quoted()))
    },
    ..Rules::NONE
};

/// The clause `CONSTRAINT "name" CHECK …` of CREATE DOMAIN and ALTER DOMAIN.
pub(super) fn clause(object: &Object, fact: &Fact, schema: &SchemaName) -> String {
    let name = object.name().map(Ident::quoted).unwrap_or_default();
    let words = ["definition", "validity"];
    let words: Vec<String> = words.iter().filter_map(|key| fact.sql(key, schema)).collect();
    format!("CONSTRAINT {name} {}", words.join(" "))
}

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let Some((domain, name)) = part(&creation.object) else { return String::new() };
    let domain = schema.qualify(domain);
    let there = format!(
        "EXISTS (SELECT FROM pg_catalog.pg_constraint \
         WHERE contypid = {}::pg_catalog.regtype AND conname = {})",
        literal(&domain),
        Text::from(name).literal()
    );
    let clause = clause(&creation.object, creation.fact, schema);
    guard.unless(&there, &format!("ALTER DOMAIN {domain} ADD {clause}"))
}
