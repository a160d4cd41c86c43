//! What can be hung on a table.

use super::{By, End, HOOK, Hook};

pub const HOOKS: &[Hook] = &[
    Hook {
        name: "trigger_row",
        covers: &["pg_trigger.tgfoid"],
        code: &[("f() RETURNS trigger", "NEW")],
        sql: "CREATE TRIGGER {t}_x BEFORE INSERT OR UPDATE ON {t}.t \
              FOR EACH ROW EXECUTE FUNCTION {h}.f()",
        ..HOOK
    },
    Hook {
        name: "trigger_statement",
        covers: &["pg_trigger.tgfoid"],
        code: &[("f() RETURNS trigger", "NULL")],
        sql: "CREATE TRIGGER {t}_x AFTER INSERT ON {t}.t \
              FOR EACH STATEMENT EXECUTE FUNCTION {h}.f()",
        ..HOOK
    },
    Hook {
        name: "trigger_constraint",
        covers: &["pg_trigger.tgfoid"],
        code: &[("f() RETURNS trigger", "NULL")],
        sql: "CREATE CONSTRAINT TRIGGER {t}_x AFTER INSERT ON {t}.t \
              DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {h}.f()",
        ..HOOK
    },
    Hook {
        name: "trigger_condition",
        covers: &["pg_trigger.tgqual"],
        code: &[("f(text) RETURNS text", "'x'"), ("g() RETURNS trigger", "NEW")],
        sql: "CREATE TRIGGER {t}_x BEFORE INSERT ON {t}.t FOR EACH ROW \
              WHEN ({h}.f(NEW.name) = 'y') EXECUTE FUNCTION {h}.g()",
        ..HOOK
    },
    Hook {
        name: "rule",
        covers: &["pg_rewrite.ev_action"],
        sql: "CREATE RULE {t}_x AS ON INSERT TO {t}.t DO ALSO SELECT {h}.f('a')",
        ..HOOK
    },
    Hook {
        name: "rule_condition",
        covers: &["pg_rewrite.ev_qual"],
        sql: "CREATE RULE {t}_x AS ON INSERT TO {t}.t \
              WHERE {h}.f(NEW.name) = 'y' DO INSTEAD NOTHING",
        ..HOOK
    },
    Hook {
        name: "rule_view",
        covers: &["pg_rewrite.ev_action"],
        sql: "CREATE VIEW {h}.v AS SELECT {h}.f('a') AS a; \
              CREATE RULE {t}_x AS ON INSERT TO {t}.t DO ALSO SELECT * FROM {h}.v",
        ..HOOK
    },
    Hook {
        name: "aggregate",
        covers: &[
            "pg_aggregate.aggfnoid",
            "pg_aggregate.aggtransfn",
            "pg_aggregate.aggfinalfn",
            "pg_aggregate.aggcombinefn",
            "pg_aggregate.aggmtransfn",
            "pg_aggregate.aggminvtransfn",
            "pg_aggregate.aggmfinalfn",
        ],
        code: &[("f(text, text) RETURNS text", "'x'"), ("g(text) RETURNS text", "'x'")],
        sql: "CREATE AGGREGATE {h}.total (text) (sfunc = {h}.f, stype = text, finalfunc = {h}.g, \
              combinefunc = {h}.f, msfunc = {h}.f, minvfunc = {h}.f, mstype = text, \
              mfinalfunc = {h}.g); \
              CREATE RULE {t}_x AS ON INSERT TO {t}.t DO ALSO \
              SELECT {h}.total(a) FROM (VALUES ('a')) AS v (a)",
        ..HOOK
    },
    // Whom a policy binds, the server does not let read past it without asking it.
    Hook {
        name: "row_security",
        covers: &["pg_policy.polqual", "pg_policy.polwithcheck"],
        sql: "ALTER TABLE {t}.t ENABLE ROW LEVEL SECURITY; \
              ALTER TABLE {t}.t FORCE ROW LEVEL SECURITY; \
              CREATE POLICY {t}_x ON {t}.t USING ({h}.f(name) = 'x') \
              WITH CHECK ({h}.f(name) = 'x')",
        told: "policy",
        end: End::Refused,
        ..HOOK
    },
    Hook {
        name: "default_undeclared",
        covers: &["pg_attrdef.adbin"],
        sql: "ALTER TABLE {t}.t ADD {t}_x text DEFAULT {h}.f('a')",
        ..HOOK
    },
    Hook {
        name: "default_declared",
        covers: &["pg_attrdef.adbin"],
        sql: "ALTER TABLE {t}.t ALTER name SET DEFAULT {h}.f('a')",
        told: "{h}.f",
        ..HOOK
    },
    // Functions of the server's own that run SQL text, which no dependency tells of.
    Hook {
        name: "default_of_the_server",
        covers: &["pg_attrdef.adbin"],
        sql: "ALTER TABLE {t}.t ADD {t}_x text; ALTER TABLE {t}.t ALTER {t}_x \
              SET DEFAULT query_to_xml('SELECT {h}.f(''a'')', true, false, '')::text",
        ..HOOK
    },
    Hook {
        name: "check_of_the_server",
        covers: &["pg_constraint.conbin"],
        sql: "ALTER TABLE {t}.t ADD CONSTRAINT {t}_x CHECK \
              (query_to_xml('SELECT {h}.f(''a'')', true, false, '') IS NOT NULL) NOT VALID",
        ..HOOK
    },
    Hook {
        name: "trigger_of_the_server",
        covers: &["pg_trigger.tgqual"],
        sql: "CREATE TRIGGER {t}_x BEFORE INSERT ON {t}.t FOR EACH ROW WHEN \
              (query_to_xml('SELECT {h}.f(''a'')', true, false, '') IS NOT NULL) \
              EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        ..HOOK
    },
    Hook {
        name: "generated",
        covers: &["pg_attrdef.adbin"],
        sql: "ALTER TABLE {t}.t ADD {t}_x text GENERATED ALWAYS AS ({h}.f(name)) STORED",
        ..HOOK
    },
    Hook {
        name: "check_validated",
        covers: &["pg_constraint.conbin"],
        sql: "ALTER TABLE {t}.t ADD CONSTRAINT {t}_x CHECK ({h}.f(name) = 'x')",
        ..HOOK
    },
    Hook {
        name: "check_not_valid",
        covers: &["pg_constraint.conbin"],
        sql: "ALTER TABLE {t}.t ADD CONSTRAINT {t}_x CHECK ({h}.f(name) = 'x') NOT VALID",
        ..HOOK
    },
    Hook {
        name: "index_expression",
        covers: &["pg_index.indexprs"],
        sql: "CREATE INDEX {t}_x ON {t}.t ({h}.f(name))",
        ..HOOK
    },
    Hook {
        name: "index_predicate",
        covers: &["pg_index.indpred"],
        sql: "CREATE INDEX {t}_x ON {t}.t (id) WHERE {h}.f(name) = 'x'",
        ..HOOK
    },
    // An immutable function of constants is computed by the planner, for the mere SELECT of a look.
    Hook {
        name: "index_expression_constant",
        covers: &["pg_index.indexprs"],
        sql: "CREATE INDEX {t}_x ON {t}.t ({h}.f('a'))",
        ..HOOK
    },
    Hook {
        name: "index_predicate_constant",
        covers: &["pg_index.indpred"],
        sql: "CREATE INDEX {t}_x ON {t}.t (id) WHERE {h}.f('a') = 'x'",
        ..HOOK
    },
    Hook {
        name: "statistics_constant",
        covers: &["pg_statistic_ext.stxexprs"],
        sql: "CREATE STATISTICS {t}.{t}_x ON ({h}.f('a')), name FROM {t}.t",
        ..HOOK
    },
    Hook {
        name: "statistics",
        covers: &["pg_statistic_ext.stxexprs"],
        sql: "CREATE STATISTICS {t}.{t}_x ON ({h}.f(name)), id FROM {t}.t",
        ..HOOK
    },
    Hook {
        name: "default_argument",
        covers: &["pg_proc.proargdefaults"],
        sql: "CREATE FUNCTION {h}.body(text, text DEFAULT {h}.f('a')) RETURNS text \
              LANGUAGE sql IMMUTABLE AS 'SELECT $1'; \
              CREATE INDEX {t}_x ON {t}.t ({h}.body(name))",
        by: By::Superuser,
        ..HOOK
    },
    Hook {
        name: "sql_body",
        covers: &["pg_proc.prosqlbody"],
        sql: "CREATE FUNCTION {h}.body(text) RETURNS text LANGUAGE sql IMMUTABLE \
              RETURN {h}.f($1); \
              CREATE INDEX {t}_x ON {t}.t ({h}.body(name))",
        by: By::Superuser,
        ..HOOK
    },
    Hook {
        name: "child",
        covers: &["pg_index.indexprs"],
        sql: "CREATE TABLE {h}.child () INHERITS ({t}.t); \
              CREATE INDEX {t}_x ON {h}.child ({h}.f(name)); \
              CREATE INDEX {t}_y ON {h}.child ({h}.f('a')); \
              INSERT INTO {h}.child (id, kind, name) VALUES (2, 'sad', 'b')",
        told: "{h}.child",
        ..HOOK
    },
    Hook {
        name: "partition",
        covers: &["pg_partitioned_table.partexprs", "pg_class.relpartbound"],
        sql: "CREATE TABLE {h}.parent (LIKE {t}.t) PARTITION BY LIST ({h}.f(name)); \
              ALTER TABLE {h}.parent ATTACH PARTITION {t}.t FOR VALUES IN ('x')",
        told: "{h}",
        ..HOOK
    },
    // The server reads the other table as its owner, in the middle of a statement of ours, and what
    // runs then may change the settings of the session.
    Hook {
        name: "foreign_key",
        covers: &["pg_index.indexprs"],
        sql: "CREATE TABLE {h}.other (id int PRIMARY KEY); \
              INSERT INTO {h}.other VALUES (1), (2); \
              CREATE INDEX {t}_y ON {h}.other ({h}.f('a')); \
              ALTER TABLE {t}.t ADD CONSTRAINT {t}_x FOREIGN KEY (id) REFERENCES {h}.other",
        ..HOOK
    },
    Hook {
        name: "operator",
        covers: &["pg_operator.oprcode"],
        code: &[("f(text, text) RETURNS boolean", "true")],
        sql: "CREATE OPERATOR {h}.=== (leftarg = text, rightarg = text, function = {h}.f); \
              ALTER TABLE {t}.t ADD CONSTRAINT {t}_x CHECK (name OPERATOR({h}.===) 'a')",
        ..HOOK
    },
    Hook {
        name: "exclusion",
        covers: &["pg_operator.oprcode", "pg_amproc.amproc"],
        code: &[("f(text, text) RETURNS boolean", "true"), ("g(text, text) RETURNS integer", "0")],
        sql: "CREATE OPERATOR {h}.=== (leftarg = text, rightarg = text, function = {h}.f, \
              commutator = OPERATOR({h}.===)); \
              CREATE OPERATOR CLASS {h}.ops FOR TYPE text USING btree AS \
              OPERATOR 3 {h}.===, FUNCTION 1 {h}.g(text, text); \
              ALTER TABLE {t}.t ADD CONSTRAINT {t}_x \
              EXCLUDE USING btree (name {h}.ops WITH OPERATOR({h}.===))",
        by: By::Superuser,
        ..HOOK
    },
];
