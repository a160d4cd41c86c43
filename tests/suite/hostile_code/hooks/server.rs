//! Functions of the server's own, and of somebody trusted, that run what they are given: no dependency tells
//! of it.

use super::{By, HOOK, Hook};

pub const HOOKS: &[Hook] = &[
    Hook {
        name: "default_input_of_a_type",
        covers: &["pg_attrdef.adbin"],
        sql: "CREATE DOMAIN {h}.own AS text CHECK ({h}.f(VALUE) = 'x'); DO $do$ BEGIN EXECUTE format(\
              'ALTER TABLE {t}.t ADD {t}_x boolean; ALTER TABLE {t}.t ALTER {t}_x SET DEFAULT \
              array_in(''{a}'', %s, -1) IS NULL', '{h}.own'::regtype::oid); END $do$",
        ..HOOK
    },
    // What is folded away when the index is made, and computed later.
    Hook {
        name: "index_expression_folded",
        covers: &["pg_index.indexprs"],
        sql: "CREATE TEXT SEARCH CONFIGURATION {h}.words (PARSER = pg_catalog.\"default\"); \
              CREATE INDEX {t}_x ON {t}.t ((CASE WHEN \
              to_tsvector('{h}.words'::regconfig, 'go') @@ 'go'::tsquery THEN \
              query_to_xml('SELECT {h}.f(''a'')', true, true, '') IS NULL ELSE name IS NULL END)); \
              ALTER TEXT SEARCH CONFIGURATION {h}.words ADD MAPPING FOR asciiword \
              WITH pg_catalog.simple",
        ..HOOK
    },
    Hook {
        name: "index_predicate_folded",
        covers: &["pg_index.indpred"],
        sql: "CREATE TEXT SEARCH CONFIGURATION {h}.words (PARSER = pg_catalog.\"default\"); \
              CREATE INDEX {t}_x ON {t}.t (id) WHERE (CASE WHEN \
              to_tsvector('{h}.words'::regconfig, 'go') @@ 'go'::tsquery THEN \
              query_to_xml('SELECT {h}.f(''a'')', true, true, '') IS NULL ELSE name IS NULL END); \
              ALTER TEXT SEARCH CONFIGURATION {h}.words ADD MAPPING FOR asciiword \
              WITH pg_catalog.simple",
        ..HOOK
    },
    // A virtual column is computed by whoever reads it.
    Hook {
        name: "generated_when_read",
        covers: &["pg_attrdef.adbin"],
        since: 18,
        sql: "CREATE TEXT SEARCH CONFIGURATION {h}.words (PARSER = pg_catalog.\"default\"); \
              ALTER TABLE {t}.t DROP id; ALTER TABLE {t}.t ADD id int NOT NULL GENERATED ALWAYS AS (\
              CASE WHEN to_tsvector('{h}.words'::regconfig, 'go') @@ 'go'::tsquery THEN \
              length(query_to_xml('SELECT {h}.f(''a'')', true, true, '')::text) ELSE 1 END) VIRTUAL; \
              ALTER TEXT SEARCH CONFIGURATION {h}.words ADD MAPPING FOR asciiword \
              WITH pg_catalog.simple",
        told: "t.id",
        ..HOOK
    },
    Hook {
        name: "cast_of_rows",
        covers: &["pg_constraint.conbin"],
        code: &[("f({t}.t) RETURNS text", "'x'")],
        sql: "CREATE CAST ({t}.t AS text) WITH FUNCTION {h}.f({t}.t); \
              ALTER TABLE {t}.t ADD CONSTRAINT {t}_x CHECK (quote_literal(t) <> '') NOT VALID",
        ..HOOK
    },
    Hook {
        name: "cast_looked_for_when_run",
        covers: &["pg_attrdef.adbin"],
        code: &[("f({t}.mood) RETURNS json", "'null'")],
        sql: "ALTER TABLE {t}.t ADD {t}_x json; \
              ALTER TABLE {t}.t ALTER {t}_x SET DEFAULT to_json('ok'::{t}.mood); \
              CREATE CAST ({t}.mood AS json) WITH FUNCTION {h}.f({t}.mood)",
        ..HOOK
    },
    // Whoever may make triggers on somebody else's table writes their conditions.
    Hook {
        name: "trigger_by_privilege",
        covers: &["pg_trigger.tgqual"],
        sql: "ALTER TABLE {t}.t OWNER TO CURRENT_USER; GRANT ALL ON {t}.t TO PUBLIC; \
              CREATE TRIGGER {t}_x BEFORE INSERT ON {t}.t FOR EACH ROW WHEN \
              (query_to_xml('SELECT {h}.f(''a'')', true, false, '') IS NOT NULL) \
              EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        by: By::Superuser,
        ..HOOK
    },
    Hook {
        name: "trigger_arguments",
        covers: &["pg_trigger.tgfoid"],
        sql: "CREATE FUNCTION {h}.runs() RETURNS trigger LANGUAGE plpgsql AS $x$ BEGIN \
              EXECUTE TG_ARGV[0]; RETURN NEW; END $x$; \
              CREATE TRIGGER {t}_x BEFORE INSERT ON {t}.t FOR EACH ROW \
              EXECUTE FUNCTION {h}.runs('SELECT {h}.f(''a'')')",
        by: By::Superuser,
        ..HOOK
    },
    Hook {
        name: "default_of_trusted_function",
        covers: &["pg_attrdef.adbin"],
        sql: "CREATE FUNCTION {h}.runs(text[]) RETURNS boolean LANGUAGE plpgsql AS $x$ BEGIN \
              EXECUTE $1[1]; RETURN true; END $x$; ALTER TABLE {t}.t ADD {t}_x boolean; \
              ALTER TABLE {t}.t ALTER {t}_x SET DEFAULT {h}.runs(ARRAY['SELECT {h}.f(''a'')'])",
        by: By::Superuser,
        ..HOOK
    },
];
