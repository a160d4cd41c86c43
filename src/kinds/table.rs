//! Ordinary tables.

use super::attribute::Attribute;
use super::creation::{Creation, Guard};
use super::rules::{Needs, OPTIONS, Rules, qualified, relation_and_type, storage_parameters};
use super::{column, constraint};
use crate::catalog::Kind;
use crate::name::SchemaName;

pub(super) static RULES: Rules = Rules {
    needs: Needs::Tables,
    source: "c.tableoid::int8, c.oid::int8, 0, NULL, c.relname, c.oid::int8, :attributes \
             FROM path CROSS JOIN pg_class c WHERE c.oid = ANY (:tables)",
    attributes: &[
        Attribute::new(
            "persistence",
            "CASE c.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'logged' END",
        )
        .needed()
        .digested(&["nullif(r.relpersistence, 'p')"]),
        // Storage parameters; those of relations of all kinds are digested.
        Attribute::new("options", OPTIONS).labelled("with").digested(&[]),
    ],
    // The rows of a table have a type of its name.
    occupies: relation_and_type,
    create,
    ..Rules::NONE
};

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let of_kind = |kind: Kind| {
        let parts = creation.parts.iter();
        parts.filter(move |(object, _)| object.kind() == kind)
    };
    let columns = of_kind(Kind::Column)
        .map(|(object, fact)| column::clause(object, fact, &creation.parts, schema));
    let constraints =
        of_kind(Kind::Constraint).map(|(object, fact)| constraint::clause(object, fact, schema));
    let clauses: Vec<String> = columns.chain(constraints).collect();
    let unlogged = match creation.fact.text("persistence") {
        Some("unlogged") => "UNLOGGED ",
        _ => "",
    };
    format!(
        "CREATE {unlogged}TABLE {}{} (\n    {}\n){}",
        guard.words(),
        qualified(&creation.object, schema),
        clauses.join(",\n    "),
        storage_parameters(creation.fact, "options")
    )
}
