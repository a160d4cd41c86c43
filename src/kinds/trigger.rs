//! Triggers of tables and views. The server prints the whole statement.

use super::alteration::Alteration;
use super::attribute::Attribute;
use super::creation::{Creation, Guard};
use super::enabled;
use super::rules::{Digest, Needs, Rules, drop_from_whole, exists_on, whole_of};
use crate::catalog::{Fact, Object};
use crate::name::{Ident, SchemaName};

pub(super) static RULES: Rules = Rules {
    needs: Needs::Triggered,
    // Those of a partitioned table come with clones on its partitions.
    source: "tg.tableoid::int8, tg.oid::int8, 0, c.relname, tg.tgname, tg.oid::int8, :attributes \
             FROM path CROSS JOIN pg_class c JOIN pg_trigger tg ON tg.tgrelid = c.oid \
             WHERE c.oid = ANY (:tables || :views) AND NOT tg.tgisinternal AND tg.tgparentid = 0",
    attributes: &[
        Attribute::new(
            "constraint",
            "CASE WHEN tg.tgconstraint <> 0 THEN 'constraint trigger' END",
        )
        .digested(&["tg.tgconstraint <> 0"]),
        // What comes after the name. Only in this form does the server leave out the schema of the table.
        Attribute::new(
            "definition",
            "substr(pg_get_triggerdef(tg.oid, true), 1 + length( \
                 'CREATE ' || CASE WHEN tg.tgconstraint <> 0 THEN 'CONSTRAINT ' ELSE '' END \
                 || 'TRIGGER ' || quote_ident(tg.tgname) || ' '))",
        )
        .digested(&["CASE WHEN r.is_set \
                          THEN coalesce(pg_get_triggerdef(tg.oid, true), tg.oid::text) END"]),
        Attribute::new(
            "enabled",
            "CASE tg.tgenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled on replicas' \
                               WHEN 'A' THEN 'enabled always' END",
        )
        .digested(&["nullif(tg.tgenabled, 'O')"]),
    ],
    digest: Some(Digest {
        identity: "tg.tgname",
        comment: Some("de.objoid = tg.oid AND de.classoid = 'pg_trigger'::regclass"),
        also: &[],
        from: "pg_trigger tg \
               WHERE r.relkind IN ('r', 'p', 'v') AND r.relhastriggers AND tg.tgrelid = r.oid \
                 AND NOT tg.tgisinternal AND tg.tgparentid = 0 ORDER BY tg.tgname",
    }),
    create,
    alter,
    drop: |fact, schema| drop_from_whole("TRIGGER", fact, schema),
    ..Rules::NONE
};

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let (fact, table) = (creation.fact, whole_of(&creation.object, schema));
    let statement = statement(&creation.object, fact, schema);
    let there = exists_on("pg_trigger", ("tgrelid", "tgname"), &creation.object, schema);
    enabled::create(fact, guard, &there, &statement, (&table, &named(&creation.object)))
}

/// No constraint trigger can be replaced.
fn alter(alteration: &Alteration<'_>, schema: &SchemaName) -> Option<String> {
    let (object, fact) = (alteration.object(), alteration.desired);
    let table = whole_of(object, schema);
    if !alteration.differs("definition") && !alteration.differs("constraint") {
        let can_be = enabled::can_be_disabled(object);
        return can_be.then(|| enabled::alter(fact, (&table, &named(object))));
    }
    let is_constraint = [fact, alteration.live].iter().any(|f| f.text("constraint").is_some());
    let statement = statement(object, fact, schema);
    (!is_constraint).then(|| enabled::replace(object, fact, &statement, (&table, &named(object))))
}

fn named(object: &Object) -> String {
    format!("TRIGGER {}", object.name().map(Ident::quoted).unwrap_or_default())
}

fn statement(object: &Object, fact: &Fact, schema: &SchemaName) -> String {
    let quoted = object.name().map(Ident::quoted).unwrap_or_default();
    format!(
        "CREATE {}TRIGGER {quoted} {}",
        if fact.text("constraint").is_some() { "CONSTRAINT " } else { "" },
        fact.sql("definition", schema).unwrap_or_default()
    )
}
