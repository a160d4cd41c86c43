//! Indexes of tables and materialized views, except those that implement a constraint.

use super::attribute::Attribute;
use super::creation::{Creation, Guard};
use super::rules::{Digest, Needs, Rules, drop_member, storage_parameters, whole_of};
use super::unmodelled;
use crate::catalog::Slot;
use crate::name::{Ident, SchemaName};

pub(super) static RULES: Rules = Rules {
    needs: Needs::Indexed,
    source: "x.tableoid::int8, x.oid::int8, 0, c.relname, x.relname, x.oid::int8, :attributes \
             FROM path CROSS JOIN pg_class c \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_index i ON i.indrelid = c.oid \
             JOIN pg_class x ON x.oid = i.indexrelid \
             WHERE c.oid = ANY (:tables || :materialized_views) AND NOT x.relispartition \
               AND NOT EXISTS ( \
                 SELECT FROM pg_constraint k \
                 WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid \
                   AND k.contype IN ('p', 'u', 'x'))",
    attributes: &[
        Attribute::new("unique", "CASE WHEN i.indisunique THEN 'UNIQUE' END")
            .needed()
            .digested(&["nullif(i.indisunique, false)"]),
        // Access method and columns, from the middle of what the server prints.
        Attribute::new(
            "using",
            "regexp_replace( \
                 CASE WHEN i.indpred IS NULL THEN :tail \
                      ELSE left(:tail, \
                                - length(' WHERE ' || pg_get_expr(i.indpred, i.indrelid))) END, \
                 CASE WHEN x.reloptions IS NULL THEN '^$' ELSE ' WITH [(][^()]*[)]$' END, '')",
        )
        .labelled("USING")
        .needed()
        .digested(&[
            "nullif(x.relam, 403)",
            "nullif(/* indnullsnotdistinct */ false, false)",
            "nullif(i.indnkeyatts, 1)",
            "i.indkey",
            "i.indoption",
            "CASE WHEN NOT 16384 <= ANY (i.indclass::oid[]) THEN i.indclass END",
            "CASE WHEN NOT 16384 <= ANY (i.indcollation::oid[]) THEN i.indcollation END",
            "CASE WHEN i.indexprs IS NOT NULL AND r.is_set \
                  THEN coalesce(pg_get_expr(i.indexprs, r.names), i.indexrelid::text) END",
            // The rest as text, with the parameters of operator classes, which the built-in ones for
            // B-trees do not take. A default operator class is not named: it follows from the type.
            "CASE WHEN (x.relam <> 403 OR 16384 <= ANY (i.indclass::oid[]) \
                        OR 16384 <= ANY (i.indcollation::oid[])) AND r.is_set \
                  THEN pg_get_indexdef(i.indexrelid, 0, true) END",
        ]),
        Attribute::new("where", "pg_get_expr(i.indpred, i.indrelid)")
            .labelled("WHERE")
            .needed()
            .digested(&["CASE WHEN i.indpred IS NOT NULL AND r.is_set \
                              THEN coalesce(pg_get_expr(i.indpred, r.names), i.indexrelid::text) END"]),
        // Storage parameters.
        Attribute::new(
            "with",
            "(SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(x.reloptions) o)",
        )
        .labelled("WITH")
        .digested(&["x.reloptions"]),
        // No query uses it, but it may be kept up to date, and then enforces uniqueness.
        Attribute::new(
            "validity",
            "CASE WHEN NOT (i.indisvalid AND i.indisready) THEN \
                 'INVALID: not used by queries; a failed CREATE INDEX CONCURRENTLY leaves it so' END",
        )
        .needed()
        .digested(&["nullif(i.indisvalid AND i.indisready, true)"]),
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
        // What no two rows may have in common.
        Attribute::new("keys", "CASE WHEN i.indisunique THEN (:keys) END").hidden(),
        // What is evaluated when rows are indexed.
        Attribute::new(
            "expressions",
            "nullif(concat_ws(' ', pg_get_expr(i.indexprs, i.indrelid), \
                              pg_get_expr(i.indpred, i.indrelid)), '')",
        )
        .hidden(),
    ],
    // Including those that implement constraints.
    digest: Some(Digest {
        identity: "x.relname",
        comment: Some(
            "de.objoid = x.oid AND de.classoid = 'pg_class'::regclass AND de.objsubid = 0",
        ),
        also: &unmodelled::DIGEST_OF_INDEX,
        from: "pg_index i JOIN pg_class x ON x.oid = i.indexrelid \
               WHERE r.relkind IN ('r', 'p', 'm') AND i.indrelid = r.oid AND NOT x.relispartition \
               ORDER BY x.relname",
    }),
    occupies: |fact| fact.object.name().map(|n| Slot::Relation(n.clone())).into_iter().collect(),
    is_structural: true,
    create,
    drop: |fact, schema| drop_member("INDEX", fact, schema),
    ..Rules::NONE
};

/// What `:tail` stands for in the attributes: what the server prints after USING.
pub(super) const TAIL: &str = "substr(pg_get_indexdef(i.indexrelid), 1 + length(format( \
                                   'CREATE %sINDEX %I ON %s%I.%I USING ', \
                                   CASE WHEN i.indisunique THEN 'UNIQUE ' END, x.relname, \
                                   CASE WHEN c.relkind = 'p' THEN 'ONLY ' END, \
                                   n.nspname, c.relname)))";

/// What `:keys` stands for in the attributes: what the index `i` is on, without its operator classes. A collation is named
/// where it is not that of the column, so that the text only changes with what the index is compared by.
pub(super) const KEYS: &str = "SELECT string_agg( \
         pg_get_indexdef(i.indexrelid, u.n, false) \
         || CASE WHEN a.attcollation <> i.indcollation[u.n - 1] \
                 THEN ' COLLATE ' || i.indcollation[u.n - 1]::regcollation ELSE '' END, \
         ', ' ORDER BY u.n) \
     FROM generate_series(1, i.indnkeyatts) AS u(n) \
     LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[u.n - 1]";

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let fact = creation.fact;
    let mut sql = format!(
        "CREATE {}INDEX {}{} ON {} USING {}",
        if fact.text("unique").is_some() { "UNIQUE " } else { "" },
        guard.words(),
        creation.object.name().map(Ident::quoted).unwrap_or_default(),
        whole_of(&creation.object, schema),
        fact.sql("using", schema).unwrap_or_default()
    );
    sql.push_str(&storage_parameters(fact, "with"));
    if let Some(predicate) = fact.sql("where", schema) {
        sql.push_str(&format!(" WHERE {predicate}"));
    }
    sql
}
