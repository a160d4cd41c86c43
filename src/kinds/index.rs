//! Indexes of tables, but for those that stand behind a constraint.

use super::{Attribute, Creation, Guard, Needs, Rules, table_of};
use crate::catalog::Slot;
use crate::locks::TableLock;
use crate::name::{Ident, SchemaName, Text};

pub(super) static RULES: Rules = Rules {
    needs: Needs::Tables,
    source: "x.tableoid::int8, x.oid::int8, 0, c.relname, x.relname, x.oid::int8, :attributes \
             FROM path CROSS JOIN pg_class c \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_index i ON i.indrelid = c.oid \
             JOIN pg_class x ON x.oid = i.indexrelid \
             WHERE c.oid = ANY (:tables) AND NOT EXISTS ( \
                 SELECT FROM pg_constraint k \
                 WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid \
                   AND k.contype IN ('p', 'u', 'x'))",
    attributes: &[
        Attribute::new("unique", "CASE WHEN i.indisunique THEN 'UNIQUE' END").needed(),
        // Access method and columns, between what else the server prints.
        Attribute::new(
            "using",
            "regexp_replace( \
                 CASE WHEN i.indpred IS NULL THEN :tail \
                      ELSE left(:tail, \
                                - length(' WHERE ' || pg_get_expr(i.indpred, i.indrelid))) END, \
                 CASE WHEN x.reloptions IS NULL THEN '^$' ELSE ' WITH [(][^()]*[)]$' END, '')",
        )
        .labelled("USING")
        .needed(),
        Attribute::new("where", "pg_get_expr(i.indpred, i.indrelid)").labelled("WHERE").needed(),
        // Storage parameters.
        Attribute::new(
            "with",
            "(SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(x.reloptions) o)",
        )
        .labelled("WITH"),
        // No query uses it, but it may be kept up to date, and then enforces uniqueness.
        Attribute::new(
            "validity",
            "CASE WHEN NOT (i.indisvalid AND i.indisready) THEN \
                 'INVALID: not used by queries; a failed CREATE INDEX CONCURRENTLY leaves it so' END",
        )
        .needed(),
        // A unique constraint on the same columns enforces the same.
        Attribute::new(
            "role",
            "CASE WHEN i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL THEN ( \
                 SELECT 'unique (' || string_agg(quote_ident(a.attname), ', ' ORDER BY u.n) || ')' \
                 FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u(attnum, n) \
                 JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum \
                 WHERE u.n <= i.indnkeyatts) END",
        )
        .hidden(),
        // What is evaluated when rows are indexed.
        Attribute::new(
            "expressions",
            "nullif(concat_ws(' ', pg_get_expr(i.indexprs, i.indrelid), \
                              pg_get_expr(i.indpred, i.indrelid)), '')",
        )
        .hidden(),
    ],
    occupies: |fact| fact.object.name().map(|n| Slot::Relation(n.clone())).into_iter().collect(),
    is_structural: true,
    create,
    lock: |_| Some(TableLock::Share),
    ..Rules::NONE
};

/// What `:tail` stands for in the attributes: what the server prints after USING.
pub(super) const TAIL: &str = "substr(pg_get_indexdef(i.indexrelid), 1 + length(format( \
                                   'CREATE %sINDEX %I ON %I.%I USING ', \
                                   CASE WHEN i.indisunique THEN 'UNIQUE ' END, \
                                   x.relname, n.nspname, c.relname)))";

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let fact = creation.fact;
    let mut sql = format!(
        "CREATE {}INDEX {}{} ON {} USING {}",
        if fact.text("unique").is_some() { "UNIQUE " } else { "" },
        guard.words(),
        creation.object.name().map(Ident::quoted).unwrap_or_default(),
        table_of(&creation.object, schema),
        fact.sql("using", schema).unwrap_or_default()
    );
    if let Some(parameters) = fact.text("with") {
        sql.push_str(&format!(" WITH ({})", self::parameters(parameters)));
    }
    if let Some(predicate) = fact.sql("where", schema) {
        sql.push_str(&format!(" WHERE {predicate}"));
    }
    sql
}

/// `name=value, …` with quotes.
fn parameters(text: &str) -> String {
    let quoted = text.split(", ").filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let (name, value) = (Ident::new(name).ok()?, Text::new(value).ok()?);
        Some(format!("{} = {}", name.quoted(), value.literal()))
    });
    quoted.collect::<Vec<_>>().join(", ")
}
