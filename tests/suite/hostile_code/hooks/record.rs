//! The record of a tenant, forged by the schema's owner, who may drop it and make another; and what
//! concerns all tenants of a database.

use super::{By, End, HOOK, Hook};

/// `{record}`: a copy of the record that belongs to the schema's owner.
pub const FORGED: &str = "\
    CREATE TABLE {h}.kept AS SELECT * FROM {t}._provision_state; \
    CREATE TABLE {h}.note AS SELECT obj_description('{t}._provision_state'::regclass) AS text; \
    DROP TABLE {t}._provision_state; \
    CREATE TABLE {t}._provision_state (\
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, apply_id uuid NOT NULL, \
    manifest_checksum text NOT NULL, fingerprint text NOT NULL, plan_digest text NOT NULL, \
    statements integer NOT NULL, complete boolean NOT NULL, tool_version text NOT NULL, \
    actor text NOT NULL, applied_at timestamptz NOT NULL, duration_ms bigint NOT NULL); \
    INSERT INTO {t}._provision_state OVERRIDING SYSTEM VALUE SELECT * FROM {h}.kept; \
    DO $$ BEGIN EXECUTE format('COMMENT ON TABLE {t}._provision_state IS %L', \
    (SELECT text FROM {h}.note)); END $$; \
    SELECT setval(pg_get_serial_sequence('{t}._provision_state', 'seq'), 100);";

const RECORD: Hook =
    Hook { told: "_provision_state", end: End::Refused, is_of_record: true, ..HOOK };

pub const HOOKS: &[Hook] = &[
    // Nothing but the fingerprint and `complete`, which say that all is as declared.
    Hook {
        name: "record_updated",
        sql: "UPDATE {t}._provision_state SET complete = true",
        told: "",
        end: End::Restored,
        ..RECORD
    },
    Hook { name: "record_replaced", sql: "{record}", ..RECORD },
    Hook {
        name: "record_view",
        sql: "{record} DROP TABLE {t}._provision_state; CREATE VIEW {t}._provision_state AS \
              SELECT seq, apply_id, manifest_checksum, fingerprint, plan_digest, statements, \
              complete, tool_version, {h}.f(actor) AS actor, applied_at, duration_ms FROM {h}.kept",
        ..RECORD
    },
    Hook {
        name: "record_index",
        sql: "{record} CREATE INDEX ON {t}._provision_state ({h}.f(actor))",
        ..RECORD
    },
    Hook {
        name: "record_index_predicate",
        sql: "{record} CREATE INDEX ON {t}._provision_state (seq) WHERE {h}.f(actor) = 'x'",
        ..RECORD
    },
    Hook {
        name: "record_index_constant",
        sql: "{record} CREATE INDEX ON {t}._provision_state ({h}.f('a'))",
        ..RECORD
    },
    Hook {
        name: "record_statistics",
        sql: "{record} CREATE STATISTICS {h}.s ON ({h}.f('a')), actor FROM {t}._provision_state",
        ..RECORD
    },
    Hook {
        name: "record_default",
        code: &[("f() RETURNS bigint", "1")],
        sql: "{record} ALTER TABLE {t}._provision_state ALTER seq DROP IDENTITY; \
              ALTER TABLE {t}._provision_state ALTER seq SET DEFAULT {h}.f()",
        ..RECORD
    },
    Hook {
        name: "record_check",
        sql: "{record} ALTER TABLE {t}._provision_state ADD CHECK ({h}.f(actor) = 'x')",
        ..RECORD
    },
    Hook {
        name: "record_column",
        sql: "{record} ALTER TABLE {t}._provision_state ADD more text DEFAULT {h}.f('a')",
        ..RECORD
    },
    Hook {
        name: "record_retyped",
        first: "CREATE DOMAIN {h}.own AS text",
        code: &[("f(text) RETURNS boolean", "true")],
        sql: "{record} ALTER DOMAIN {h}.own ADD CHECK ({h}.f(VALUE)); \
              ALTER TABLE {t}._provision_state ALTER actor TYPE {h}.own",
        ..RECORD
    },
    Hook {
        name: "record_trigger",
        code: &[("f() RETURNS trigger", "NEW")],
        sql: "{record} CREATE TRIGGER x BEFORE INSERT OR UPDATE ON {t}._provision_state \
              FOR EACH ROW EXECUTE FUNCTION {h}.f()",
        ..RECORD
    },
    // On the tool's own table, by the privilege that GRANT ALL includes.
    Hook {
        name: "record_trigger_granted",
        code: &[("f() RETURNS trigger", "NEW")],
        sql: "CREATE TRIGGER x BEFORE INSERT OR UPDATE ON {t}._provision_state \
              FOR EACH ROW EXECUTE FUNCTION {h}.f()",
        ..RECORD
    },
    Hook {
        name: "record_rule",
        sql: "{record} CREATE RULE x AS ON INSERT TO {t}._provision_state \
              DO ALSO SELECT {h}.f('a')",
        ..RECORD
    },
    Hook {
        name: "record_policy",
        sql: "{record} ALTER TABLE {t}._provision_state ENABLE ROW LEVEL SECURITY; \
              ALTER TABLE {t}._provision_state FORCE ROW LEVEL SECURITY; \
              CREATE POLICY x ON {t}._provision_state USING ({h}.f(actor) = 'x')",
        ..RECORD
    },
    Hook {
        name: "record_child",
        sql: "{record} CREATE TABLE {h}.child () INHERITS ({t}._provision_state); \
              CREATE INDEX ON {h}.child ({h}.f('a'))",
        ..RECORD
    },
];

const EVENT: Hook = Hook {
    covers: &["pg_event_trigger.evtfoid"],
    code: &[("f() RETURNS event_trigger", "")],
    by: By::SuperuserAtLast,
    end: End::Refused,
    ..HOOK
};

/// To be planted in databases of their own.
pub const ALONE: &[Hook] = &[
    Hook {
        name: "event_start",
        sql: "CREATE EVENT TRIGGER {t}_x ON ddl_command_start EXECUTE FUNCTION {h}.f()",
        ..EVENT
    },
    Hook {
        name: "event_end",
        sql: "CREATE EVENT TRIGGER {t}_x ON ddl_command_end EXECUTE FUNCTION {h}.f()",
        ..EVENT
    },
    Hook {
        name: "event_drop",
        sql: "CREATE EVENT TRIGGER {t}_x ON sql_drop EXECUTE FUNCTION {h}.f()",
        ..EVENT
    },
];
