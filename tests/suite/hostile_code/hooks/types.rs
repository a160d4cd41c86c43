//! What can be hung on a type, and what a column of an own type brings along.

use super::{End, HOOK, Hook};

const CAST: Hook = Hook {
    covers: &["pg_cast.castfunc"],
    code: &[("f({t}.mood) RETURNS text", "'ok'")],
    told: "{h}.f",
    ..HOOK
};

pub const HOOKS: &[Hook] = &[
    Hook {
        name: "enum_implicit",
        sql: "CREATE CAST ({t}.mood AS text) WITH FUNCTION {h}.f AS IMPLICIT",
        ..CAST
    },
    Hook {
        name: "enum_assignment",
        sql: "CREATE CAST ({t}.mood AS text) WITH FUNCTION {h}.f AS ASSIGNMENT",
        ..CAST
    },
    Hook {
        name: "enum_explicit",
        sql: "CREATE CAST ({t}.mood AS text) WITH FUNCTION {h}.f",
        ..CAST
    },
    Hook {
        name: "enum_target",
        code: &[("f(text) RETURNS {t}.mood", "'ok'")],
        sql: "CREATE CAST (text AS {t}.mood) WITH FUNCTION {h}.f AS IMPLICIT",
        ..CAST
    },
    Hook {
        name: "enum_varchar",
        code: &[("f({t}.mood) RETURNS varchar", "'ok'")],
        sql: "CREATE CAST ({t}.mood AS varchar) WITH FUNCTION {h}.f AS IMPLICIT",
        ..CAST
    },
    Hook {
        name: "row_implicit",
        code: &[("f({t}.t) RETURNS text", "'x'")],
        sql: "CREATE CAST ({t}.t AS text) WITH FUNCTION {h}.f AS IMPLICIT",
        told: "",
        end: End::Inert,
        ..CAST
    },
    // A look that compares the key with numbers would call it.
    Hook {
        name: "key_retyped",
        first: "CREATE TYPE {h}.own AS (v int)",
        code: &[("f({h}.own) RETURNS int", "1")],
        sql: "CREATE CAST ({h}.own AS int) WITH FUNCTION {h}.f AS IMPLICIT; \
              ALTER TABLE {t}.t ALTER id TYPE {h}.own USING ROW(id)::{h}.own",
        told: "{h}.own",
        ..CAST
    },
    // So would the cast with which a look compares what should be an enum.
    Hook {
        name: "key_enum",
        first: "CREATE TYPE {h}.own AS ENUM ('sad', 'ok')",
        code: &[("f({h}.own) RETURNS text", "'x'")],
        sql: "CREATE CAST ({h}.own AS text) WITH FUNCTION {h}.f; \
              ALTER TABLE {t}.t ALTER kind TYPE {h}.own USING (kind::text)::{h}.own",
        told: "{h}.own",
        ..CAST
    },
    // Our own CHECK (length(name) > 0) would call it.
    Hook {
        name: "column_composite",
        first: "CREATE TYPE {h}.own AS (v text)",
        code: &[("f({h}.own) RETURNS text", "'x'")],
        sql: "CREATE CAST ({h}.own AS text) WITH FUNCTION {h}.f AS IMPLICIT; \
              ALTER TABLE {t}.t ALTER name TYPE {h}.own USING ROW(name)::{h}.own",
        told: "{h}.own",
        ..CAST
    },
    Hook {
        name: "column_enum",
        first: "CREATE TYPE {h}.own AS ENUM ('a', 'b')",
        code: &[("f({h}.own) RETURNS text", "'x'")],
        sql: "CREATE CAST ({h}.own AS text) WITH FUNCTION {h}.f AS IMPLICIT; \
              ALTER TABLE {t}.t ALTER name TYPE {h}.own USING name::{h}.own",
        told: "{h}.own",
        ..CAST
    },
    Hook {
        name: "domain_check",
        covers: &["pg_constraint.conbin"],
        first: "CREATE DOMAIN {h}.own AS text",
        code: &[("f(text) RETURNS boolean", "true")],
        sql: "ALTER DOMAIN {h}.own ADD CONSTRAINT {t}_x CHECK ({h}.f(VALUE)); \
              ALTER TABLE {t}.t ALTER name TYPE {h}.own",
        told: "{h}.own",
        ..HOOK
    },
    Hook {
        name: "domain_default",
        covers: &["pg_type.typdefaultbin"],
        sql: "CREATE DOMAIN {h}.own AS text DEFAULT {h}.f('a'); \
              ALTER TABLE {t}.t ADD {t}_x {h}.own",
        ..HOOK
    },
    Hook {
        name: "domain_array",
        covers: &["pg_constraint.conbin"],
        first: "CREATE DOMAIN {h}.own AS text",
        code: &[("f(text) RETURNS boolean", "true")],
        sql: "ALTER DOMAIN {h}.own ADD CONSTRAINT {t}_x CHECK ({h}.f(VALUE)); \
              ALTER TABLE {t}.t ADD {t}_x {h}.own[] DEFAULT ARRAY['a']::{h}.own[]",
        ..HOOK
    },
    Hook {
        name: "domain_in_composite",
        covers: &["pg_constraint.conbin"],
        first: "CREATE DOMAIN {h}.inner AS text; CREATE TYPE {h}.own AS (v {h}.inner)",
        code: &[("f(text) RETURNS boolean", "true")],
        sql: "ALTER DOMAIN {h}.inner ADD CONSTRAINT {t}_x CHECK ({h}.f(VALUE)); \
              ALTER TABLE {t}.t ADD {t}_x {h}.own DEFAULT ROW('a')::{h}.own",
        ..HOOK
    },
    Hook {
        name: "domain_implicit",
        first: "CREATE DOMAIN {h}.own AS text",
        code: &[("f({h}.own) RETURNS int", "1")],
        sql: "CREATE CAST ({h}.own AS int) WITH FUNCTION {h}.f AS IMPLICIT; \
              ALTER TABLE {t}.t ALTER name TYPE {h}.own",
        told: "{h}.own",
        ..CAST
    },
    Hook {
        name: "domain_for_enum",
        covers: &["pg_constraint.conbin"],
        code: &[("f(text) RETURNS boolean", "true")],
        sql: "ALTER TABLE {t}.t ALTER kind TYPE text; DROP TYPE {t}.mood; \
              CREATE DOMAIN {t}.mood AS text CHECK ({h}.f(VALUE)); \
              ALTER TABLE {t}.t ALTER kind TYPE {t}.mood",
        told: "enum mood is taken",
        end: End::Refused,
        ..HOOK
    },
    Hook {
        name: "range",
        covers: &["pg_range.rngsubdiff"],
        code: &[("f(int, int) RETURNS float8", "0")],
        sql: "CREATE TYPE {h}.own AS RANGE (subtype = int, subtype_diff = {h}.f); \
              ALTER TABLE {t}.t ADD {t}_x {h}.own DEFAULT '[1,2]'; \
              CREATE INDEX ON {t}.t USING gist ({t}_x)",
        ..HOOK
    },
];
