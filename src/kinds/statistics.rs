//! Extended statistics of tables and materialized views. The server prints the whole statement, with the schema.

use super::attribute::Attribute;
use super::creation::{Creation, Guard};
use super::rules::{Needs, Rules, drop_member, qualified};
use crate::catalog::{Fact, Slot};
use crate::name::{SchemaName, Text, literal};

pub(super) static RULES: Rules = Rules {
    needs: Needs::Indexed,
    source: "e.tableoid::int8, e.oid::int8, 0, c.relname, e.stxname, e.oid::int8, :attributes \
             FROM path CROSS JOIN pg_class c JOIN pg_statistic_ext e ON e.stxrelid = c.oid \
             JOIN pg_namespace n ON n.oid = e.stxnamespace \
             WHERE c.oid = ANY (:tables || :materialized_views) \
               AND e.stxnamespace = c.relnamespace",
    attributes: &[
        // What comes after the name.
        Attribute::new(
            "definition",
            "substr(pg_get_statisticsobjdef(e.oid), \
                    1 + length(format('CREATE STATISTICS %I.%I ', n.nspname, e.stxname)))",
        )
        .digested(&["CASE WHEN o.is_set THEN coalesce( \
                         substr(pg_get_statisticsobjdef(e.oid), 1 + length( \
                             format('CREATE STATISTICS %I.%I ', n.nspname, e.stxname))), \
                         e.oid::text) END"]),
        // NULL since PostgreSQL 17.
        Attribute::new("target", "nullif(coalesce(e.stxstattarget, -1), -1)")
            .labelled("statistics target"),
    ],
    occupies: |fact| fact.object.name().map(|n| Slot::Statistics(n.clone())).into_iter().collect(),
    create,
    alter: |alteration, schema| {
        let name = qualified(alteration.object(), schema);
        let target = alteration.desired.text("target").unwrap_or("-1");
        let is_all = alteration.is_only_in(&["target"]);
        is_all.then(|| format!("ALTER STATISTICS {name} SET STATISTICS {target}"))
    },
    drop: |fact, schema| drop_member("STATISTICS", fact, schema),
    ..Rules::NONE
};

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let (fact, name) = (creation.fact, qualified(&creation.object, schema));
    let create = |words: &str| {
        let definition = fact.sql("definition", schema).unwrap_or_default();
        format!("CREATE STATISTICS {words}{name} {definition}")
    };
    match fact.text("target") {
        None => create(guard.words()),
        // Both statements are one step, whatever the guard.
        Some(target) => {
            let alter = format!("ALTER STATISTICS {name} SET STATISTICS {target}");
            let statement = format!("{};\n        {alter}", create(""));
            Guard::IfNotExists.unless(&exists(fact, schema), &statement)
        }
    }
}

fn exists(fact: &Fact, schema: &SchemaName) -> String {
    let name = fact.object.name().map(|name| Text::from(name).literal()).unwrap_or_default();
    format!(
        "EXISTS (SELECT FROM pg_catalog.pg_statistic_ext WHERE stxname = {name} \
         AND stxnamespace = {}::pg_catalog.regnamespace)",
        literal(&schema.quoted())
    )
}
