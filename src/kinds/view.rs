//! Views. The server prints the query; the names of the columns are in it.

use super::alteration::Alteration;
use super::attribute::Attribute;
use super::creation::{Creation, Guard, or_replace};
use super::rules::{
    Needs, OPTIONS, Rules, drop_member, qualified, relation_and_type, relation_exists,
};
use crate::catalog::Fact;
use crate::name::SchemaName;

/// The attributes of views of both kinds.
pub(super) const COLUMNS: &str = "(SELECT string_agg(concat_ws(' ', quote_ident(a.attname), \
                                                         format_type(a.atttypid, a.atttypmod)), \
                                                     ', ' ORDER BY a.attnum) \
                                   FROM pg_attribute a \
                                   WHERE a.attrelid = c.oid AND a.attnum > 0)";
pub(super) const DEFINITION: &str = "btrim(pg_get_viewdef(c.oid), ' ;')";

pub(super) static RULES: Rules = Rules {
    needs: Needs::Views,
    source: "c.tableoid::int8, c.oid::int8, 0, NULL, c.relname, c.oid::int8, :attributes \
             FROM path CROSS JOIN pg_class c WHERE c.oid = ANY (:views)",
    attributes: &[
        // Their types follow from the query, and from those of the tables' columns, which may differ.
        Attribute::new("columns", COLUMNS).labelled("columns").needed().digested(&["CASE WHEN r.is_set THEN ( \
                         SELECT string_agg(ROW(a.attname, format_type(a.atttypid, a.atttypmod))::text, \
                                           '' ORDER BY a.attnum) \
                         FROM pg_attribute a WHERE a.attrelid = r.oid AND a.attnum > 0) END"]),
        // `security_barrier`, `security_invoker`, and `check_option`, which WITH CHECK OPTION sets.
        Attribute::new("options", OPTIONS).labelled("with").digested(&[]),
        Attribute::new("definition", DEFINITION)
            .needed()
            .digested(&["CASE WHEN r.is_set \
                              THEN coalesce(pg_get_viewdef(r.oid), r.oid::text) END"]),
    ],
    // Its rows have a type of its name.
    occupies: relation_and_type,
    create,
    drop: |fact, schema| drop_member("VIEW", fact, schema),
    alter: replace,
    ..Rules::NONE
};

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let name = qualified(&creation.object, schema);
    guard.unless(&relation_exists(&name), &statement(creation.fact, &name, schema))
}

/// A view keeps the columns that it has, and may get more after them (PostgreSQL manual, CREATE VIEW).
fn replace(alteration: &Alteration<'_>, schema: &SchemaName) -> Option<String> {
    let columns = |fact: &Fact| fact.text("columns").unwrap_or_default().to_owned();
    let (live, desired) = (columns(alteration.live), columns(alteration.desired));
    let is_kept = desired
        .strip_prefix(&live)
        .is_some_and(|more| more.is_empty() || more.starts_with(", ") || live.is_empty());
    let statement = statement(alteration.desired, &qualified(alteration.object(), schema), schema);
    is_kept.then(|| or_replace(&statement))
}

fn statement(fact: &Fact, name: &str, schema: &SchemaName) -> String {
    let options = match fact.text("options") {
        Some(options) => format!(" WITH ({options})"),
        None => String::new(),
    };
    let query = fact.sql("definition", schema).unwrap_or_default();
    format!("CREATE VIEW {name}{options} AS\n{query}")
}
