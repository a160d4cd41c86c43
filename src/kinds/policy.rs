//! Policies of row-level security.

use super::alteration::Alteration;
use super::attribute::Attribute;
use super::creation::{Creation, Guard};
use super::rules::{Digest, Needs, Rules, drop_from_whole, exists_on, whole_of};
use crate::name::{Ident, SchemaName};

pub(super) static RULES: Rules = Rules {
    needs: Needs::Tables,
    source: "po.tableoid::int8, po.oid::int8, 0, c.relname, po.polname, po.oid::int8, :attributes \
             FROM path CROSS JOIN pg_class c JOIN pg_policy po ON po.polrelid = c.oid \
             WHERE c.oid = ANY (:tables)",
    attributes: &[
        Attribute::new("restrictive", "CASE WHEN NOT po.polpermissive THEN 'as restrictive' END")
            .digested(&["nullif(po.polpermissive, true)"]),
        Attribute::new(
            "command",
            "CASE po.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' \
                            WHEN 'd' THEN 'delete' END",
        )
        .labelled("for")
        .digested(&["nullif(po.polcmd, '*')"]),
        // Zero stands for PUBLIC.
        Attribute::new(
            "roles",
            "(SELECT string_agg(quote_ident(o.rolname), ', ' ORDER BY o.rolname) \
              FROM pg_roles o WHERE o.oid = ANY (po.polroles))",
        )
        .labelled("to")
        .digested(&["(SELECT string_agg(quote_ident(o.rolname), ', ' ORDER BY o.rolname) \
                      FROM pg_roles o WHERE o.oid = ANY (po.polroles))"]),
        Attribute::new("using", "pg_get_expr(po.polqual, po.polrelid)")
            .labelled("using")
            .digested(&["CASE WHEN r.is_set AND po.polqual IS NOT NULL \
                    THEN coalesce(pg_get_expr(po.polqual, po.polrelid), po.oid::text) END"]),
        Attribute::new("check", "pg_get_expr(po.polwithcheck, po.polrelid)")
            .labelled("with check")
            .digested(&["CASE WHEN r.is_set AND po.polwithcheck IS NOT NULL \
                              THEN coalesce(pg_get_expr(po.polwithcheck, po.polrelid), \
                                            po.oid::text) END"]),
    ],
    digest: Some(Digest {
        identity: "po.polname",
        comment: Some("de.objoid = po.oid AND de.classoid = 'pg_policy'::regclass"),
        also: &[],
        from: "pg_policy po WHERE r.relkind IN ('r', 'p') AND po.polrelid = r.oid ORDER BY po.polname",
    }),
    create,
    alter,
    drop: |fact, schema| drop_from_whole("POLICY", fact, schema),
    ..Rules::NONE
};

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let (fact, table) = (creation.fact, whole_of(&creation.object, schema));
    let name = creation.object.name();
    let mut statement =
        format!("CREATE POLICY {} ON {table}", name.map(Ident::quoted).unwrap_or_default());
    let sql = |key: &str| fact.sql(key, schema);
    if let Some(words) = fact.text("restrictive") {
        statement.push_str(&format!(" {}", words.to_uppercase()));
    }
    if let Some(command) = fact.text("command") {
        statement.push_str(&format!(" FOR {}", command.to_uppercase()));
    }
    if let Some(roles) = sql("roles") {
        statement.push_str(&format!(" TO {roles}"));
    }
    for (key, words) in [("using", "USING"), ("check", "WITH CHECK")] {
        if let Some(expression) = sql(key) {
            statement.push_str(&format!(" {words} ({expression})"));
        }
    }
    let there = exists_on("pg_policy", ("polrelid", "polname"), &creation.object, schema);
    guard.unless(&there, &statement)
}

/// The command, and whether it is restrictive, stay; an expression can be replaced, and not be taken away.
fn alter(alteration: &Alteration<'_>, schema: &SchemaName) -> Option<String> {
    let (desired, live) = (alteration.desired, alteration.live);
    let is_lost = |key| live.text(key).is_some() && desired.text(key).is_none();
    if !alteration.is_only_in(&["roles", "using", "check"]) || is_lost("using") || is_lost("check")
    {
        return None;
    }
    let (name, table) =
        (alteration.object().name()?.quoted(), whole_of(alteration.object(), schema));
    let mut statement = format!("ALTER POLICY {name} ON {table}");
    if alteration.differs("roles") {
        let roles = desired.sql("roles", schema);
        statement.push_str(&format!(" TO {}", roles.as_deref().unwrap_or("PUBLIC")));
    }
    for (key, words) in [("using", "USING"), ("check", "WITH CHECK")] {
        if alteration.differs(key)
            && let Some(expression) = desired.sql(key, schema)
        {
            statement.push_str(&format!(" {words} ({expression})"));
        }
    }
    Some(statement)
}
