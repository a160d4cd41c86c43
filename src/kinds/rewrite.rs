//! Rules of tables and views, except for those that are the queries of views. The server prints the whole statement.

use super::alteration::Alteration;
use super::attribute::Attribute;
use super::creation::{Creation, Guard};
use super::enabled;
use super::rules::{Digest, Needs, Rules, drop_from_whole, exists_on, whole_of};
use crate::catalog::{Fact, Object};
use crate::name::{Ident, SchemaName};

pub(super) static RULES: Rules = Rules {
    needs: Needs::Triggered,
    // Only the query of a view is a rule for SELECT.
    source: "ru.tableoid::int8, ru.oid::int8, 0, c.relname, ru.rulename, ru.oid::int8, :attributes \
             FROM path CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_rewrite ru ON ru.ev_class = c.oid \
             WHERE c.oid = ANY (:tables || :views) AND ru.ev_type <> '1'",
    attributes: &[
        Attribute::new(
            "event",
            "CASE ru.ev_type WHEN '2' THEN 'update' WHEN '3' THEN 'insert' ELSE 'delete' END",
        )
        .labelled("on")
        .digested(&["ru.ev_type"]),
        // What comes after the table, whose schema the server prints, and one semicolon. All events have as many letters.
        Attribute::new(
            "definition",
            "btrim(substr(pg_get_ruledef(ru.oid), 1 + length( \
                 'CREATE RULE ' || quote_ident(ru.rulename) || E' AS\\n    ON UPDATE TO ' \
                 || quote_ident(n.nspname) || '.' || quote_ident(c.relname))), E' \\n;')",
        )
        .digested(&["CASE WHEN r.is_set \
                          THEN coalesce(substr(pg_get_ruledef(ru.oid), 1 + length( \
                                   'CREATE RULE ' || quote_ident(ru.rulename) || E' AS\\n    ON UPDATE TO ' \
                                   || quote_ident(n.nspname) || '.' || quote_ident(r.name))), \
                               ru.oid::text) END"]),
        Attribute::new(
            "enabled",
            "CASE ru.ev_enabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled on replicas' \
                                WHEN 'A' THEN 'enabled always' END",
        )
        .digested(&["nullif(ru.ev_enabled, 'O')"]),
    ],
    digest: Some(Digest {
        identity: "ru.rulename",
        comment: Some("de.objoid = ru.oid AND de.classoid = 'pg_rewrite'::regclass"),
        also: &[],
        from: "pg_rewrite ru \
               WHERE r.relkind IN ('r', 'p', 'v') AND r.relhasrules AND ru.ev_class = r.oid \
                 AND ru.ev_type <> '1' ORDER BY ru.rulename",
    }),
    create,
    alter,
    drop: |fact, schema| drop_from_whole("RULE", fact, schema),
    ..Rules::NONE
};

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let (fact, on) = (creation.fact, whole_of(&creation.object, schema));
    let statement = statement(&creation.object, fact, schema);
    let there = exists_on("pg_rewrite", ("ev_class", "rulename"), &creation.object, schema);
    enabled::create(fact, guard, &there, &statement, (&on, &named(&creation.object)))
}

fn alter(alteration: &Alteration<'_>, schema: &SchemaName) -> Option<String> {
    let (object, fact) = (alteration.object(), alteration.desired);
    let (on, named) = (whole_of(object, schema), named(object));
    if alteration.is_only_in(&["enabled"]) {
        let can_be = enabled::can_be_disabled(object);
        return can_be.then(|| enabled::alter(fact, (&on, &named)));
    }
    Some(enabled::replace(object, fact, &statement(object, fact, schema), (&on, &named)))
}

fn named(object: &Object) -> String {
    format!("RULE {}", object.name().map(Ident::quoted).unwrap_or_default())
}

fn statement(object: &Object, fact: &Fact, schema: &SchemaName) -> String {
    let quoted = object.name().map(Ident::quoted).unwrap_or_default();
    let on = whole_of(object, schema);
    format!(
        "CREATE RULE {quoted} AS ON {} TO {on} {}",
        fact.text("event").unwrap_or_default().to_uppercase(),
        fact.sql("definition", schema).unwrap_or_default()
    )
}
