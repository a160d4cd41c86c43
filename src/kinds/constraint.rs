//! Constraints: primary keys, unique, check, exclusion and foreign keys. The server prints the definition of all.

use super::alteration::Alteration;
use super::attribute::Attribute;
use super::creation::{Creation, Guard};
use super::rules::{Digest, Needs, Rules, drop_from_table, exists_on, part, whole_of};
use super::unmodelled;
use crate::catalog::{Fact, Object, Slot};
use crate::name::{Ident, SchemaName};

pub(super) static RULES: Rules = Rules {
    needs: Needs::Tables,
    source: "k.tableoid::int8, k.oid::int8, 0, c.relname, k.conname, \
             array_position('{p,u,c,x,f}'::text[], k.contype::text) * 10000000000 + k.oid::int8, \
             :attributes \
             FROM path CROSS JOIN pg_class c \
             JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('p', 'u', 'c', 'x', 'f') \
             LEFT JOIN pg_index i ON i.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x') \
             WHERE c.oid = ANY (:tables) AND (:own_constraint)",
    attributes: &[
        Attribute::new(
            "definition",
            "regexp_replace(pg_get_constraintdef(k.oid), \
                            '( DEFERRABLE)?( INITIALLY DEFERRED)?( NOT VALID)?$', '')",
        )
        .needed()
        // The columns of keys are those of the index of the same name.
        .digested(&[
            "k.contype",
            "nullif(k.connoinherit, true)",
            "nullif(k.has_period, false)",
            "CASE WHEN k.contype = 'c' AND r.is_set \
                  THEN coalesce(pg_get_expr(k.conbin, r.names), k.oid::text) END",
            "CASE WHEN k.target IS NOT NULL \
                  THEN ROW(k.target, k.conkey, k.confkey, k.confmatchtype, k.confupdtype, \
                           k.confdeltype, k.set_columns) END",
            // Keys to tables elsewhere are digested by their definition.
            "CASE WHEN (k.contype = 'x' OR k.contype = 'f' AND k.target IS NULL) AND r.is_set \
                  THEN coalesce(pg_get_constraintdef(k.oid), k.oid::text) END",
        ]),
        Attribute::new(
            "deferrable",
            "CASE WHEN k.condeferred THEN 'DEFERRABLE INITIALLY DEFERRED' \
                  WHEN k.condeferrable THEN 'DEFERRABLE' END",
        )
        .needed()
        .digested(&["nullif(k.condeferrable, false)", "nullif(k.condeferred, false)"]),
        // Added NOT VALID, existing rows were not checked.
        Attribute::new("validity", "CASE WHEN NOT k.convalidated THEN 'NOT VALID' END")
            .digested(&["nullif(k.convalidated, true)"]),
        Attribute::new("sort", "k.contype").hidden(),
        Attribute::new(
            "role",
            "CASE k.contype \
                 WHEN 'p' THEN 'primary key' \
                 WHEN 'u' THEN 'unique (' || (:columns) || ')' \
                 WHEN 'c' THEN 'check ' || pg_get_expr(k.conbin, k.conrelid) \
                 WHEN 'x' THEN 'exclude ' || ( \
                     SELECT string_agg(pg_get_indexdef(k.conindid, u.n::int, false) || ' ' \
                                       || u.operator::regoperator, ', ' ORDER BY u.n) \
                     FROM unnest(k.conexclop) WITH ORDINALITY AS u(operator, n)) \
                 WHEN 'f' THEN '(' || (:columns) || ') references ' || k.confrelid::regclass || ' (' \
                      || (:referenced_columns) || ')' END",
        )
        .hidden(),
        // What rows are compared by, and how; see `plan/preconditions.rs`. Keys to tables elsewhere are not created in the
        // scratch schema, where this could be read.
        Attribute::new(
            "keys",
            "CASE WHEN k.contype = 'f' AND (:is_within) THEN (:columns) \
                  WHEN k.contype IN ('p', 'u') THEN (:keys) \
                  WHEN k.contype = 'x' THEN ( \
                      SELECT string_agg(pg_get_indexdef(i.indexrelid, u.n, false) || ' AS k' || u.n, \
                                        ', ' ORDER BY u.n) \
                      FROM generate_series(1, i.indnkeyatts) AS u(n)) END",
        )
        .hidden(),
        Attribute::new(
            "matching",
            "CASE WHEN k.contype = 'x' OR k.contype = 'f' AND (:is_within) THEN ( \
                 SELECT string_agg( \
                     CASE k.contype WHEN 'f' THEN format('r.%I OPERATOR(%I.%s) t.%I', \
                              f.attname, n.nspname, o.oprname, a.attname) \
                          ELSE format('a.k%s OPERATOR(%I.%s) b.k%s', \
                              u.n, n.nspname, o.oprname, u.n) END, ' AND ' ORDER BY u.n) \
                 FROM unnest(coalesce(k.conexclop, k.conpfeqop)) WITH ORDINALITY AS u(operator, n) \
                 JOIN pg_operator o ON o.oid = u.operator \
                 JOIN pg_namespace n ON n.oid = o.oprnamespace \
                 LEFT JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[u.n] \
                 LEFT JOIN pg_attribute f \
                   ON f.attrelid = k.confrelid AND f.attnum = k.confkey[u.n]) END",
        )
        .hidden(),
        Attribute::new(
            "where",
            "CASE WHEN k.contype = 'x' THEN pg_get_expr(i.indpred, i.indrelid) END",
        )
        .hidden(),
        // The table that a foreign key points to, if that is outside of the schema.
        Attribute::new(
            "external",
            "(SELECT '\"' || replace(n.nspname, '\"', '\"\"') || '\".\"' \
                     || replace(f.relname, '\"', '\"\"') || '\"' \
              FROM pg_class f JOIN pg_namespace n ON n.oid = f.relnamespace \
              WHERE k.contype = 'f' AND f.oid = k.confrelid AND n.oid <> c.relnamespace)",
        )
        .hidden(),
        // What is evaluated when rows are checked.
        Attribute::new(
            "expressions",
            "nullif(concat_ws(' ', pg_get_expr(k.conbin, k.conrelid), \
                              pg_get_expr(i.indexprs, i.indrelid), \
                              pg_get_expr(i.indpred, i.indrelid)), '')",
        )
        .hidden(),
    ],
    digest: Some(Digest {
        identity: "k.conname",
        comment: Some("de.objoid = k.oid AND de.classoid = 'pg_constraint'::regclass"),
        also: &unmodelled::DIGEST_OF_CONSTRAINT,
        from: DIGESTED,
    }),
    occupies,
    is_structural: true,
    create,
    alter: validate,
    drop: |fact, schema| drop_from_table("CONSTRAINT", fact, schema),
    ..Rules::NONE
};

/// A NOT NULL is digested with its column, unless existing rows were never checked for it. A key to another table
/// of the schema is digested by the name of that table and the numbers of its columns, which is cheaper than what the
/// server would print; which column has which number is digested with that table.
const DIGESTED: &str = "( \
    SELECT k.oid, k.conname, k.contype, k.condeferrable, k.condeferred, k.convalidated, \
           k.connoinherit, /* conperiod */ false AS has_period, k.conbin, k.confrelid, k.conkey, \
           k.confkey, k.confmatchtype, k.confupdtype, k.confdeltype, \
           /* confdelsetcols */ NULL::int2[] AS set_columns, \
           CASE WHEN k.contype = 'f' THEN ( \
               SELECT c.relname FROM pg_class c \
               WHERE c.oid = k.confrelid AND c.relnamespace = n.oid \
                 AND c.relkind IN ('r', 'p') AND c.relname <> '_provision_state') END AS target \
    FROM pg_constraint k \
    WHERE r.relkind IN ('r', 'p') AND k.conrelid = r.oid AND k.contypid = 0 \
      AND (k.contype IN ('p', 'u', 'c', 'x', 'f') OR k.contype = 'n' AND NOT k.convalidated) \
      AND (:own_constraint) \
    ORDER BY k.conname) k";

/// What `:is_within`, `:columns` and `:referenced_columns` stand for in the attributes.
pub(super) const COLUMNS: [(&str, &str); 3] = [
    (
        ":is_within",
        "SELECT f.relnamespace = c.relnamespace FROM pg_class f WHERE f.oid = k.confrelid",
    ),
    (
        ":columns",
        "SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY u.n) \
         FROM unnest(k.conkey) WITH ORDINALITY AS u(attnum, n) \
         JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum",
    ),
    (
        ":referenced_columns",
        "SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY u.n) \
         FROM unnest(k.confkey) WITH ORDINALITY AS u(attnum, n) \
         JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum",
    ),
];

/// Whether it is a foreign key.
#[must_use]
pub fn is_foreign_key(fact: &Fact) -> bool {
    fact.text("sort") == Some("f")
}

/// Whether rows that existed when it was added need not meet it. Only the statement that adds one to a table says so.
#[must_use]
pub fn is_not_valid(fact: &Fact) -> bool {
    fact.text("validity") == Some("NOT VALID")
}

/// Whether it makes the columns of its table NOT NULL.
#[must_use]
pub fn is_primary_key(fact: &Fact) -> bool {
    fact.text("sort") == Some("p")
}

/// A constraint that an index implements takes the index's name, too.
fn occupies(fact: &Fact) -> Vec<Slot> {
    let Some((table, name)) = part(&fact.object) else { return Vec::new() };
    let mut slots = vec![Slot::Constraint { table: table.clone(), name: name.clone() }];
    if matches!(fact.text("sort"), Some("p" | "u" | "x")) {
        slots.push(Slot::Relation(name.clone()));
    }
    slots
}

/// Only that rows which existed before are checked.
fn validate(alteration: &Alteration<'_>, schema: &SchemaName) -> Option<String> {
    let is_checked = alteration.desired.text("validity").is_none();
    let name = alteration.object().name().filter(|_| is_checked)?.quoted();
    let table = whole_of(alteration.object(), schema);
    let is_all = alteration.is_only_in(&["validity"]);
    is_all.then(|| format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name}"))
}

/// The clause `CONSTRAINT "name" …` of CREATE TABLE and ALTER TABLE.
pub(super) fn clause(object: &Object, fact: &Fact, schema: &SchemaName) -> String {
    let name = object.name().map(Ident::quoted).unwrap_or_default();
    let words = ["definition", "deferrable", "validity"];
    let words: Vec<String> = words.iter().filter_map(|key| fact.sql(key, schema)).collect();
    format!("CONSTRAINT {name} {}", words.join(" "))
}

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let table = whole_of(&creation.object, schema);
    let there = exists_on("pg_constraint", ("conrelid", "conname"), &creation.object, schema);
    let clause = clause(&creation.object, creation.fact, schema);
    guard.unless(&there, &format!("ALTER TABLE {table} ADD {clause}"))
}
