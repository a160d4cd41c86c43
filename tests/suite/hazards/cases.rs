//! For each rule a step that it applies to.

/// A tenant before and after, and what shows that the rules hold.
pub struct Case {
    /// The rules.
    pub proves: &'static [&'static str],
    /// Statements that create what there is, in the tenant's schema; `{role}` is a role.
    pub before: &'static str,
    /// What is desired, as SQL file.
    pub sql: &'static str,
    /// The same, or more, in the manifest; `{role}` as before.
    pub toml: &'static str,
    /// Statements that insert what the steps can be run on.
    pub rows: &'static str,
    /// The same on which they fail, where a rule says that they can.
    pub bad: &'static str,
    /// A statement of an application that succeeds only before or only after, where a rule says that there can be such.
    pub client: &'static str,
    /// The first major version of PostgreSQL that has it.
    pub since: u32,
}

impl Case {
    pub const NONE: Self = Self {
        proves: &[],
        before: "",
        sql: "",
        toml: "",
        rows: "SELECT",
        bad: "",
        client: "",
        since: 14,
    };
}

const ONE: &str = "INSERT INTO t VALUES (1)";

pub const CASES: &[Case] = &[
    Case {
        proves: &["drop-table"],
        before: "CREATE TABLE u (a int PRIMARY KEY); CREATE TABLE t (a int REFERENCES u)",
        sql: "CREATE TABLE u (a int PRIMARY KEY)",
        rows: "INSERT INTO u VALUES (1); INSERT INTO t VALUES (1)",
        client: "SELECT a FROM t",
        ..Case::NONE
    },
    Case {
        proves: &["rename-table"],
        before: "CREATE TABLE t (a int)",
        toml: "[tables.n]\nrenamed_from = \"t\"\ncolumns = { a = { type = \"integer\", null = true } }",
        rows: ONE,
        client: "SELECT a FROM t",
        ..Case::NONE
    },
    Case {
        proves: &["set-table-parameters"],
        before: "CREATE TABLE t (a int) WITH (fillfactor = 80, autovacuum_enabled = false)",
        sql: "CREATE TABLE t (a int) WITH (fillfactor = 70)",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["set-user-catalog-table"],
        before: "CREATE TABLE t (a int)",
        sql: "CREATE TABLE t (a int) WITH (user_catalog_table = true)",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["create-partition"],
        before: "CREATE TABLE p (a int) PARTITION BY RANGE (a)",
        sql: "CREATE TABLE p (a int) PARTITION BY RANGE (a); \
              CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)",
        ..Case::NONE
    },
    Case {
        proves: &["create-partition-beside-default"],
        before: "CREATE TABLE p (a int) PARTITION BY RANGE (a); CREATE TABLE d PARTITION OF p DEFAULT",
        sql: "CREATE TABLE p (a int) PARTITION BY RANGE (a); CREATE TABLE d PARTITION OF p DEFAULT; \
              CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)",
        rows: "INSERT INTO p VALUES (100)",
        bad: "INSERT INTO p VALUES (5)",
        ..Case::NONE
    },
    Case {
        proves: &["drop-partition"],
        before: "CREATE TABLE p (a int) PARTITION BY RANGE (a); CREATE TABLE d PARTITION OF p DEFAULT; \
                 CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)",
        sql: "CREATE TABLE p (a int) PARTITION BY RANGE (a); CREATE TABLE d PARTITION OF p DEFAULT",
        client: "SELECT a FROM p1",
        ..Case::NONE
    },
    Case {
        proves: &["create-child-table"],
        before: "CREATE TABLE b (a int)",
        sql: "CREATE TABLE b (a int); CREATE TABLE c (x int) INHERITS (b)",
        rows: "INSERT INTO b VALUES (100)",
        ..Case::NONE
    },
    Case {
        proves: &["add-column"],
        before: "CREATE TABLE t (a int)",
        sql: "CREATE TABLE t (a int, b text DEFAULT 'x', c timestamptz DEFAULT now())",
        rows: ONE,
        ..Case::NONE
    },
    // With partitions, and with children that inherit.
    Case {
        proves: &["add-column"],
        before: "CREATE TABLE t (a int) PARTITION BY RANGE (a); CREATE TABLE d PARTITION OF t DEFAULT; \
                 CREATE TABLE b (a int); CREATE TABLE c () INHERITS (b)",
        sql: "CREATE TABLE t (a int, b int) PARTITION BY RANGE (a); CREATE TABLE d PARTITION OF t DEFAULT; \
              CREATE TABLE b (a int, x int); CREATE TABLE c () INHERITS (b)",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["add-column-volatile-default"],
        before: "CREATE TABLE t (a int)",
        sql: "CREATE TABLE t (a int, b float8 DEFAULT random())",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["add-column-volatile-default"],
        before: "CREATE TABLE t (a int)",
        sql: "CREATE TABLE t (a int, b serial)",
        rows: ONE,
        ..Case::NONE
    },
    // An operator calls a function, too.
    Case {
        proves: &["add-column-volatile-default"],
        before: "CREATE TABLE t (a int)",
        sql: "CREATE TABLE t (a int, b text DEFAULT 'x' || clock_timestamp())",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["add-column-identity"],
        before: "CREATE TABLE t (a int)",
        sql: "CREATE TABLE t (a int, b int GENERATED ALWAYS AS IDENTITY)",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["add-column-stored"],
        before: "CREATE TABLE t (a int)",
        sql: "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (10 / a) STORED)",
        rows: ONE,
        bad: "INSERT INTO t VALUES (0)",
        ..Case::NONE
    },
    Case {
        proves: &["add-column-of-constrained-domain"],
        before: "CREATE DOMAIN d AS int NOT NULL; CREATE DOMAIN e AS d; CREATE TABLE t (a int)",
        sql: "CREATE DOMAIN d AS int NOT NULL; CREATE DOMAIN e AS d; CREATE TABLE t (a int, b e)",
        bad: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["add-column"],
        before: "CREATE TABLE t (a int)",
        sql: "CREATE TABLE t (a int, b int NOT NULL DEFAULT 5)",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["add-column-required"],
        before: "CREATE TABLE t (a int)",
        sql: "CREATE TABLE t (a int, b int NOT NULL)",
        bad: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["add-column-virtual-not-null"],
        before: "CREATE TABLE t (a int)",
        sql: "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a) VIRTUAL NOT NULL)",
        rows: ONE,
        bad: "INSERT INTO t VALUES (NULL)",
        since: 18,
        ..Case::NONE
    },
    Case {
        proves: &["add-column-json"],
        before: "CREATE TABLE t (a int)",
        sql: "CREATE TABLE t (a int, b json)",
        rows: ONE,
        client: "SELECT DISTINCT * FROM t",
        ..Case::NONE
    },
    Case {
        proves: &["drop-column", "drop-column-with-data", "drop-constraint"],
        before: "CREATE TABLE u (a int PRIMARY KEY); CREATE TABLE t (a int, b int REFERENCES u)",
        sql: "CREATE TABLE u (a int PRIMARY KEY); CREATE TABLE t (a int)",
        rows: "INSERT INTO u VALUES (2); INSERT INTO t VALUES (1, 2)",
        client: "SELECT b FROM t",
        ..Case::NONE
    },
    Case {
        proves: &["drop-column"],
        before: "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 1) STORED)",
        sql: "CREATE TABLE t (a int)",
        rows: ONE,
        client: "SELECT b FROM t",
        ..Case::NONE
    },
    Case {
        proves: &["rename-column"],
        before: "CREATE TABLE t (a int)",
        toml: "[tables.t]\ncolumns = { b = { type = \"integer\", null = true, renamed_from = \"a\" } }",
        rows: ONE,
        client: "SELECT a FROM t",
        ..Case::NONE
    },
    Case {
        proves: &["change-type"],
        before: "CREATE TABLE t (a varchar(10)); CREATE INDEX i ON t (a)",
        sql: "CREATE TABLE t (a varchar(20)); CREATE INDEX i ON t (a)",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["change-type", "change-type-indexed"],
        before: "CREATE TABLE t (a timestamp(3)); CREATE INDEX i ON t (a)",
        sql: "CREATE TABLE t (a timestamptz); CREATE INDEX i ON t (a)",
        ..Case::NONE
    },
    Case {
        proves: &["change-type-rewriting"],
        before: "CREATE TABLE t (a int); CREATE INDEX i ON t (a)",
        sql: "CREATE TABLE t (a bigint); CREATE INDEX i ON t (a)",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["change-type-rewriting"],
        before: "CREATE TABLE t (a timestamp(3))",
        sql: "CREATE TABLE t (a timestamptz(3))",
        ..Case::NONE
    },
    Case {
        proves: &["change-type-rewriting"],
        before: "CREATE TABLE t (a varchar(3))",
        toml: "[tables.t]\ncolumns = { a = { type = \"text\", null = true, using = \"(10 / length(a))::text\" } }",
        bad: "INSERT INTO t VALUES ('')",
        rows: "INSERT INTO t VALUES ('x')",
        ..Case::NONE
    },
    Case {
        proves: &["change-type-narrowing"],
        before: "CREATE TABLE t (a bigint)",
        sql: "CREATE TABLE t (a int)",
        rows: ONE,
        bad: "INSERT INTO t VALUES (5000000000)",
        ..Case::NONE
    },
    Case {
        proves: &["change-type-rounding"],
        before: "CREATE TABLE t (a numeric(5,2))",
        sql: "CREATE TABLE t (a numeric(4,1))",
        rows: "INSERT INTO t VALUES (1.25)",
        bad: "INSERT INTO t VALUES (999.99)",
        ..Case::NONE
    },
    Case {
        proves: &["change-type-checked"],
        before: "CREATE TABLE t (a varchar(10) CONSTRAINT c CHECK (length(a) > 0))",
        sql: "CREATE TABLE t (a varchar(20) CONSTRAINT c CHECK (length(a) > 0))",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["change-type-indexed"],
        before: "CREATE TABLE t (a varchar(10)); CREATE INDEX i ON t (lower(a))",
        sql: "CREATE TABLE t (a varchar(20)); CREATE INDEX i ON t (lower(a))",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["change-type-indexed"],
        before: "CREATE TABLE t (a text CONSTRAINT one UNIQUE, b text)",
        sql: "CREATE TABLE t (a text COLLATE \"C\" CONSTRAINT one UNIQUE, b text)",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["change-type-keyed"],
        before: "CREATE TABLE u (a int PRIMARY KEY); CREATE TABLE t (a int REFERENCES u)",
        sql: "CREATE TABLE u (a int PRIMARY KEY); CREATE TABLE t (a bigint REFERENCES u)",
        rows: "INSERT INTO u VALUES (1); INSERT INTO t VALUES (1)",
        ..Case::NONE
    },
    Case {
        proves: &["set-not-null", "set-not-null-unproven"],
        before: "CREATE TABLE t (a int)",
        sql: "CREATE TABLE t (a int NOT NULL)",
        rows: ONE,
        bad: "INSERT INTO t VALUES (NULL)",
        ..Case::NONE
    },
    Case {
        proves: &["set-not-null"],
        before: "CREATE TABLE t (a int, \"B\" int, CONSTRAINT c CHECK (a IS NOT NULL), \
                                 CONSTRAINT d CHECK (\"B\" IS NOT NULL))",
        sql: "CREATE TABLE t (a int NOT NULL, \"B\" int NOT NULL, CONSTRAINT c CHECK (a IS NOT NULL), \
                              CONSTRAINT d CHECK (\"B\" IS NOT NULL))",
        rows: "INSERT INTO t VALUES (1, 1)",
        ..Case::NONE
    },
    Case {
        proves: &["drop-not-null"],
        before: "CREATE TABLE t (a int NOT NULL)",
        sql: "CREATE TABLE t (a int)",
        rows: ONE,
        client: "INSERT INTO t VALUES (NULL)",
        ..Case::NONE
    },
    Case {
        proves: &["set-column-statistics"],
        before: "CREATE TABLE t (a int)",
        toml: "[tables.t]\ncolumns = { a = { type = \"integer\", null = true, statistics_target = 500 } }",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["set-column-properties"],
        before: "CREATE TABLE t (a text)",
        sql: "CREATE TABLE t (a text COMPRESSION pglz)",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["set-column-properties"],
        before: "CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY)",
        sql: "CREATE TABLE t (a int GENERATED BY DEFAULT AS IDENTITY (INCREMENT 5))",
        ..Case::NONE
    },
    Case {
        proves: &["set-default"],
        before: "CREATE TABLE t (a int, b int DEFAULT 2)",
        sql: "CREATE TABLE t (a int DEFAULT 3, b int)",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["add-primary-key"],
        before: "CREATE TABLE t (a int NOT NULL)",
        sql: "CREATE TABLE t (a int PRIMARY KEY)",
        rows: ONE,
        bad: "INSERT INTO t VALUES (1), (1)",
        ..Case::NONE
    },
    Case {
        proves: &["add-unique"],
        before: "CREATE TABLE t (a int)",
        sql: "CREATE TABLE t (a int UNIQUE)",
        rows: ONE,
        bad: "INSERT INTO t VALUES (1), (1)",
        ..Case::NONE
    },
    Case {
        proves: &["add-exclusion"],
        before: "CREATE TABLE t (a int4range)",
        sql: "CREATE TABLE t (a int4range, EXCLUDE USING gist (a WITH &&))",
        rows: "INSERT INTO t VALUES ('[1,2]')",
        bad: "INSERT INTO t VALUES ('[1,2]'), ('[2,3]')",
        ..Case::NONE
    },
    Case {
        proves: &["add-check"],
        before: "CREATE TABLE t (a int)",
        sql: "CREATE TABLE t (a int CHECK (a > 0))",
        rows: ONE,
        bad: "INSERT INTO t VALUES (-1)",
        ..Case::NONE
    },
    Case {
        proves: &["add-check-not-valid"],
        before: "CREATE TABLE t (a int)",
        toml: "[tables.t]\ncolumns = { a = { type = \"integer\", null = true } }\n\
               checks = [{ name = \"c\", expression = \"a > 0\", not_valid = true }]",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["add-foreign-key"],
        before: "CREATE TABLE u (a int PRIMARY KEY); CREATE TABLE t (a int)",
        sql: "CREATE TABLE u (a int PRIMARY KEY); CREATE TABLE t (a int REFERENCES u)",
        rows: "INSERT INTO u VALUES (1); INSERT INTO t VALUES (1)",
        bad: "INSERT INTO t VALUES (2)",
        ..Case::NONE
    },
    // Of a new table.
    Case {
        proves: &["add-foreign-key"],
        before: "CREATE TABLE u (a int PRIMARY KEY)",
        sql: "CREATE TABLE u (a int PRIMARY KEY); CREATE TABLE t (a int REFERENCES u)",
        rows: "INSERT INTO u VALUES (1)",
        ..Case::NONE
    },
    Case {
        proves: &["add-foreign-key-not-valid"],
        before: "CREATE TABLE u (a int PRIMARY KEY); CREATE TABLE t (a int)",
        toml: "[tables.u]\nprimary_key = [\"a\"]\ncolumns = { a = \"integer\" }\n\
               [tables.t]\ncolumns = { a = { type = \"integer\", null = true } }\n\
               foreign_keys = [{ columns = [\"a\"], references = { table = \"u\", columns = [\"a\"] }, not_valid = true }]",
        rows: "INSERT INTO t VALUES (2)",
        ..Case::NONE
    },
    Case {
        proves: &["validate-constraint"],
        before: "CREATE TABLE t (a int); ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
        sql: "CREATE TABLE t (a int CONSTRAINT c CHECK (a > 0))",
        rows: ONE,
        bad: "ALTER TABLE t DROP CONSTRAINT c; INSERT INTO t VALUES (-1); \
              ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
        ..Case::NONE
    },
    Case {
        proves: &["drop-constraint-with-index"],
        before: "CREATE TABLE t (a int UNIQUE)",
        sql: "CREATE TABLE t (a int)",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["rename-constraint", "rename-index"],
        before: "CREATE TABLE t (a int CONSTRAINT x CHECK (a > 0)); CREATE INDEX y ON t (a)",
        sql: "CREATE TABLE t (a int CONSTRAINT c CHECK (a > 0)); CREATE INDEX i ON t (a)",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["create-index"],
        before: "CREATE TABLE t (a int)",
        sql: "CREATE TABLE t (a int); CREATE INDEX i ON t (a)",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["create-unique-index"],
        before: "CREATE TABLE t (a int)",
        sql: "CREATE TABLE t (a int); CREATE UNIQUE INDEX i ON t (a)",
        rows: ONE,
        bad: "INSERT INTO t VALUES (1), (1)",
        ..Case::NONE
    },
    Case {
        proves: &["create-index-on-expression"],
        before: "CREATE TABLE t (a int)",
        sql: "CREATE TABLE t (a int); CREATE INDEX i ON t ((10 / a))",
        rows: ONE,
        bad: "INSERT INTO t VALUES (0)",
        ..Case::NONE
    },
    Case {
        proves: &["drop-index"],
        before: "CREATE TABLE t (a int, b int); CREATE INDEX i ON t (a)",
        sql: "CREATE TABLE t (a int, b int); CREATE INDEX i ON t (b)",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["drop-index-for-good"],
        before: "CREATE TABLE t (a int, b int); CREATE INDEX i ON t (a)",
        sql: "CREATE TABLE t (a int, b int)",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["create-statistics"],
        before: "CREATE TABLE t (a int, b int)",
        sql: "CREATE TABLE t (a int, b int); CREATE STATISTICS s ON a, b FROM t",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["drop-statistics"],
        before: "CREATE TABLE t (a int, b int); CREATE STATISTICS s ON a, b FROM t",
        sql: "CREATE TABLE t (a int, b int)",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["choose-clustering"],
        before: "CREATE TABLE t (a int); CREATE INDEX i ON t (a)",
        toml: "[tables.t]\ncluster_on = \"i\"\ncolumns = { a = { type = \"integer\", null = true } }\n\
               indexes = [{ name = \"i\", columns = [\"a\"] }]",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["choose-replica-identity"],
        before: "CREATE TABLE t (a int)",
        toml: "[tables.t]\nreplica_identity = \"full\"\ncolumns = { a = { type = \"integer\", null = true } }",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["row-security", "policy"],
        before: "CREATE TABLE t (a int)",
        toml: "[tables.t]\nrow_security = \"enabled\"\ncolumns = { a = { type = \"integer\", null = true } }\n\
               [[tables.t.policies]]\nname = \"po\"\nusing = \"a > 0\"",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["policy"],
        before: "CREATE TABLE t (a int); ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY po ON t USING (a > 1)",
        toml: "[tables.t]\nrow_security = \"enabled\"\ncolumns = { a = { type = \"integer\", null = true } }\n\
               [[tables.t.policies]]\nname = \"po\"\nusing = \"a > 0\"",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["rename-policy"],
        before: "CREATE TABLE t (a int); ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY x ON t USING (a > 0)",
        toml: "[tables.t]\nrow_security = \"enabled\"\ncolumns = { a = { type = \"integer\", null = true } }\n\
               [[tables.t.policies]]\nname = \"po\"\nrenamed_from = \"x\"\nusing = \"a > 0\"",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["create-trigger"],
        before: "CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
                 CREATE TRIGGER u AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION f()",
        sql: "CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
              CREATE TRIGGER u AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f(); \
              CREATE TRIGGER v AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["create-trigger"],
        before: "CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
                 CREATE TRIGGER u AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE t DISABLE TRIGGER u",
        sql: "CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
              CREATE TRIGGER u AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION f()",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["drop-trigger"],
        before: "CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
                 CREATE TRIGGER u AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION f()",
        sql: "CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["rule"],
        before: "CREATE TABLE t (a int); CREATE RULE q AS ON DELETE TO t DO ALSO NOTIFY gone",
        sql: "CREATE TABLE t (a int); CREATE RULE r AS ON DELETE TO t DO ALSO NOTIFY gone",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["replace-view"],
        before: "CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t",
        sql: "CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t WHERE a > 0",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["drop-view"],
        before: "CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t",
        sql: "CREATE TABLE t (a int); CREATE VIEW v AS SELECT a::text AS a FROM t",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["drop-view-for-good"],
        before: "CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t; CREATE MATERIALIZED VIEW m AS SELECT a FROM t",
        sql: "CREATE TABLE t (a int)",
        rows: ONE,
        client: "SELECT a FROM v",
        ..Case::NONE
    },
    Case {
        proves: &["rename-view"],
        before: "CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t",
        toml: "[tables.t]\ncolumns = { a = { type = \"integer\", null = true } }\n\
               [views.w]\nrenamed_from = \"v\"\nquery = \"SELECT a FROM t\"",
        rows: ONE,
        client: "SELECT a FROM v",
        ..Case::NONE
    },
    Case {
        proves: &["refresh"],
        before: "CREATE TABLE t (a int); CREATE MATERIALIZED VIEW m AS SELECT a FROM t WITH NO DATA",
        sql: "CREATE TABLE t (a int); CREATE MATERIALIZED VIEW m AS SELECT a FROM t",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["alter-sequence"],
        before: "CREATE SEQUENCE s",
        sql: "CREATE SEQUENCE s INCREMENT BY 5",
        ..Case::NONE
    },
    Case {
        proves: &["drop-sequence"],
        before: "CREATE SEQUENCE s; CREATE TABLE t (a int)",
        sql: "CREATE TABLE t (a int)",
        client: "SELECT nextval('s')",
        ..Case::NONE
    },
    Case {
        proves: &["rename-sequence"],
        before: "CREATE SEQUENCE s",
        toml: "[sequences.n]\nrenamed_from = \"s\"",
        client: "SELECT nextval('s')",
        ..Case::NONE
    },
    Case {
        proves: &["domain-constraint"],
        before: "CREATE DOMAIN d AS int; CREATE DOMAIN e AS d; CREATE TABLE t (a d); CREATE TABLE u (a e); CREATE TABLE v (a int)",
        sql: "CREATE DOMAIN d AS int CONSTRAINT c CHECK (VALUE > 0); CREATE DOMAIN e AS d; \
              CREATE TABLE t (a d); CREATE TABLE u (a e); CREATE TABLE v (a int)",
        rows: ONE,
        bad: "INSERT INTO t VALUES (-1)",
        ..Case::NONE
    },
    Case {
        proves: &["domain-not-null"],
        before: "CREATE DOMAIN d AS int; CREATE TABLE t (a d)",
        sql: "CREATE DOMAIN d AS int NOT NULL; CREATE TABLE t (a d)",
        rows: ONE,
        bad: "INSERT INTO t VALUES (NULL)",
        ..Case::NONE
    },
    Case {
        proves: &["remake-enum"],
        before: "CREATE TYPE e AS ENUM ('x', 'y'); CREATE TABLE t (a e); CREATE TABLE u (a e[])",
        sql: "CREATE TYPE e AS ENUM ('x'); CREATE TABLE t (a e); CREATE TABLE u (a e[])",
        rows: "INSERT INTO t VALUES ('x')",
        bad: "INSERT INTO t VALUES ('y')",
        client: "SELECT 'y'::e",
        ..Case::NONE
    },
    Case {
        proves: &["rename-type"],
        before: "CREATE TYPE e AS ENUM ('x')",
        toml: "[types.n]\nrenamed_from = \"e\"\nenum = [\"x\"]",
        client: "SELECT 'x'::e",
        ..Case::NONE
    },
    Case {
        proves: &["drop-type"],
        before: "CREATE TYPE e AS ENUM ('x'); CREATE TABLE t (a int)",
        sql: "CREATE TABLE t (a int)",
        client: "SELECT 'x'::e",
        ..Case::NONE
    },
    Case {
        proves: &["drop-attribute"],
        before: "CREATE TYPE c AS (a int, b int); CREATE TABLE t (x c)",
        sql: "CREATE TYPE c AS (a int); CREATE TABLE t (x c)",
        rows: "INSERT INTO t VALUES (ROW(1, 2))",
        client: "SELECT (x).b FROM t",
        ..Case::NONE
    },
    Case {
        proves: &["drop-routine"],
        before: "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE t (a int)",
        sql: "CREATE TABLE t (a int)",
        client: "SELECT f()",
        ..Case::NONE
    },
    Case {
        proves: &["comment"],
        before: "CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t; CREATE SEQUENCE s",
        toml: "[tables.t]\ncomment = \"x\"\ncolumns = { a = { type = \"integer\", null = true, comment = \"x\" } }\n\
               [views.v]\nquery = \"SELECT a FROM t\"\ncomment = \"x\"\n\
               [sequences.s]\ncomment = \"x\"",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["insert-row"],
        before: "CREATE TABLE t (a int PRIMARY KEY)",
        toml: "[tables.t]\nprimary_key = [\"a\"]\ncolumns = { a = \"integer\" }\n\
               [[seeds]]\ntable = \"t\"\nkey = [\"a\"]\nrows = [{ a = 2 }]",
        ..Case::NONE
    },
    Case {
        proves: &["update-row"],
        before: "CREATE TABLE t (a int PRIMARY KEY, b text NOT NULL)",
        toml: "[tables.t]\nprimary_key = [\"a\"]\ncolumns = { a = \"integer\", b = \"text\" }\n\
               [[seeds]]\ntable = \"t\"\nkey = [\"a\"]\nmode = \"upsert\"\nrows = [{ a = 2, b = \"new\" }]",
        rows: "INSERT INTO t VALUES (2, 'old')",
        ..Case::NONE
    },
    Case {
        proves: &["delete-row"],
        before: "CREATE TABLE t (a int PRIMARY KEY)",
        toml: "[tables.t]\nprimary_key = [\"a\"]\ncolumns = { a = \"integer\" }\n\
               [[seeds]]\ntable = \"t\"\nkey = [\"a\"]\nmode = \"exact\"\nrows = [{ a = 2 }]",
        rows: "INSERT INTO t VALUES (2), (3)",
        ..Case::NONE
    },
    Case {
        proves: &["fill-column"],
        before: "CREATE TABLE t (a int)",
        toml: "[tables.t.columns]\na = { type = \"integer\", null = true }\n\
               b = { type = \"integer\", null = true, backfill = \"a + 1\" }",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["grant"],
        before: "CREATE TABLE t (a int)",
        toml: "[tables.t]\ncolumns = { a = { type = \"integer\", null = true } }\n\
               [[grants]]\nto = \"{role}\"\nprivileges = \"select\"\non = \"tables\"",
        rows: ONE,
        ..Case::NONE
    },
    Case {
        proves: &["set-owner"],
        before: "CREATE TABLE t (a int); GRANT ALL ON SCHEMA acme TO \"{role}\"",
        toml: "[tables.t]\ncolumns = { a = { type = \"integer\", null = true } }\n\
               [[owners]]\nrole = \"{role}\"\non = \"tables\"",
        rows: ONE,
        ..Case::NONE
    },
];
