//! Ordinary and partitioned tables, and partitions.

use super::attribute::Attribute;
use super::creation::{Creation, Guard, together};
use super::rules::{
    Needs, OPTIONS, Rules, drop_member, parameter_actions, qualified, relation_and_type,
    relation_exists, storage_parameters,
};
use super::{column, constraint};
use crate::catalog::Kind;
use crate::name::{Ident, SchemaName};

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
        Attribute::new("partition_by", "CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END")
            .labelled("partition by")
            .needed()
            .digested(&["CASE WHEN r.relkind = 'p' AND r.is_set \
                              THEN coalesce(pg_get_partkeydef(r.oid), r.oid::text) END"]),
        Attribute::new(
            "partition_of",
            "CASE WHEN c.relispartition THEN ( \
                 SELECT h.inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = c.oid) END",
        )
        .labelled("partition of")
        .needed()
        .digested(&[PARENTS]),
        Attribute::new("bound", "pg_get_expr(c.relpartbound, c.oid)").needed().digested(&[
            "CASE WHEN r.relispartition AND r.is_set \
                  THEN coalesce(pg_get_expr(r.relpartbound, r.oid), r.oid::text) END",
        ]),
        // It is one with the parent of a partition in the digest.
        Attribute::new(
            "inherits",
            "CASE WHEN NOT c.relispartition THEN ( \
                 SELECT string_agg(h.inhparent::regclass::text, ', ' ORDER BY h.inhseqno) \
                 FROM pg_inherits h WHERE h.inhrelid = c.oid) END",
        )
        .labelled("inherits")
        .needed()
        .digested(&[]),
        // Storage parameters; those of relations of all kinds are digested.
        Attribute::new("options", OPTIONS).labelled("with").digested(&[]),
        // 2 is heap in all versions.
        Attribute::new(
            "method",
            "CASE WHEN c.relam NOT IN (0, 2) \
                  THEN (SELECT am.amname FROM pg_am am WHERE am.oid = c.relam) END",
        )
        .labelled("using")
        .digested(&["CASE WHEN r.relam NOT IN (0, 2) \
                          THEN (SELECT am.amname FROM pg_am am WHERE am.oid = r.relam) END"]),
    ],
    // The rows of a table have a type of its name.
    occupies: relation_and_type,
    create,
    drop: |fact, schema| drop_member("TABLE", fact, schema),
    alter: |alteration, schema| {
        let name = qualified(alteration.object(), schema);
        let actions = parameter_actions(alteration, "options");
        let is_all = alteration.is_only_in(&["options"]);
        is_all.then(|| format!("ALTER TABLE {name} {}", actions.join(", ")))
    },
    ..Rules::NONE
};

/// What is digested of the parents of the table `r`.
const PARENTS: &str = "CASE WHEN r.is_child AND r.is_set THEN ( \
                           SELECT string_agg(h.inhparent::regclass::text, ',' ORDER BY h.inhseqno) \
                           FROM pg_inherits h WHERE h.inhrelid = r.oid) END";

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
    // What a column clause cannot say.
    let actions: Vec<String> =
        of_kind(Kind::Column).flat_map(|(object, fact)| column::actions(object, fact)).collect();
    let indent = if actions.is_empty() { "" } else { "        " };
    let clauses = match clauses.as_slice() {
        [] => String::new(),
        clauses => {
            let between = format!(",\n    {indent}");
            format!("\n    {indent}{}\n{indent}", clauses.join(&between))
        }
    };
    let unlogged = match creation.fact.text("persistence") {
        Some("unlogged") => "UNLOGGED ",
        _ => "",
    };
    let method = creation.fact.text("method").and_then(|name| Ident::new(name).ok());
    let method = method.map(|name| format!(" USING {}", name.quoted()));
    let name = qualified(&creation.object, schema);
    let of = |words: &str, key| creation.fact.sql(key, schema).map(|sql| format!("{words}{sql}"));
    // A partition has all from its parent.
    let has_elements = !clauses.is_empty() || creation.fact.text("partition_of").is_none();
    let parts = [
        of(" PARTITION OF ", "partition_of"),
        has_elements.then(|| format!(" ({clauses})")),
        of(" ", "bound"),
        of(" INHERITS (", "inherits").map(|clause| clause + ")"),
        of(" PARTITION BY ", "partition_by"),
        method,
        Some(storage_parameters(creation.fact, "options")),
    ];
    let parts: String = parts.into_iter().flatten().collect();
    let statement = |words: &str| format!("CREATE {unlogged}TABLE {words}{name}{parts}");
    if actions.is_empty() {
        return statement(guard.words());
    }
    let alter = format!("ALTER TABLE {name}\n            {}", actions.join(",\n            "));
    let both = format!("{};\n        {alter}", statement(""));
    match guard {
        Guard::IfNotExists => guard.unless(&relation_exists(&name), &both),
        Guard::Exclusive => together(&both),
    }
}
