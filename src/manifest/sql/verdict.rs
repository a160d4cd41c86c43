//! What a statement of a file is: a declaration, something that does not apply to a tenant, or something that cannot be
//! part of one. Decided by its first words (PostgreSQL manual, reference I); what it means is left to the server.

use super::declaration::{SHOWN, Verdict, declaration, refused};
use super::split::{Kind, Token};
use crate::name::Ident;

/// The verdict on a statement. `schema` is the name that stands for the tenant's schema.
pub(super) fn verdict(tokens: &[Token<'_>], schema: Option<&Ident>) -> Verdict {
    let word = |at: usize| tokens.get(at).map(|t| t.text.to_ascii_uppercase()).unwrap_or_default();
    if tokens.iter().any(|token| token.kind == Kind::Unicode) {
        return refused("write the name in double quotes, without U& and escapes");
    }
    match (word(0).as_str(), word(1).as_str()) {
        ("SET", _) if let Some(reason) = default_of_tables(tokens) => refused(reason),
        ("SET" | "RESET", _) => Verdict::PassedOver("SET"),
        ("SELECT", _) if is_set_config(tokens) => Verdict::PassedOver("SELECT set_config"),
        ("CREATE", "SCHEMA") if !has_elements(tokens) => Verdict::PassedOver("CREATE SCHEMA"),
        ("CREATE", "SCHEMA") => {
            refused("write CREATE SCHEMA and what is in it as statements of their own")
        }
        ("COMMENT", "ON") if word(2) == "SCHEMA" => Verdict::PassedOver("COMMENT ON SCHEMA"),
        ("ALTER", "SCHEMA") => Verdict::PassedOver("ALTER SCHEMA"),
        ("CREATE", "EXTENSION") => refused(
            "an extension belongs to the database, not to a tenant; create it there once, and name it under requires",
        ),
        ("COMMENT", "ON") if word(2) == "EXTENSION" => Verdict::PassedOver("COMMENT ON EXTENSION"),
        ("CREATE", "TEMP" | "TEMPORARY" | "LOCAL" | "GLOBAL") => {
            refused("a temporary object is not part of a tenant")
        }
        ("ALTER", "DEFAULT") | ("GRANT" | "REVOKE", _) => refused(
            "privileges are declared under [[grants]]; leave them out here (pg_dump --no-privileges)",
        ),
        ("CREATE" | "ALTER", _) | ("COMMENT", "ON") => declaration(tokens, schema),
        ("DROP", _) => {
            refused("the files say what there is; leave the object out instead of dropping it")
        }
        (
            "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "TRUNCATE" | "COPY" | "SELECT" | "WITH"
            | "VALUES",
            _,
        ) => {
            refused("rows are declared under [[seeds]]; a dump without them: pg_dump --schema-only")
        }
        ("REFRESH", _) => {
            refused("populate = true under [sql] fills all materialized views; leave REFRESH out")
        }
        ("DO" | "CALL", _) => refused("code that is run once declares nothing"),
        (
            "BEGIN" | "START" | "COMMIT" | "END" | "ROLLBACK" | "ABORT" | "SAVEPOINT" | "RELEASE"
            | "PREPARE",
            _,
        ) => refused(
            "a tenant is changed in one transaction anyway; leave the control of transactions out",
        ),
        (first, _) => {
            let first: String = first.chars().take(SHOWN).collect();
            refused(&format!("{first} is no statement that declares something"))
        }
    }
}

/// Why a setting that new tables follow cannot be passed over; `pg_dump` writes some.
fn default_of_tables(tokens: &[Token<'_>]) -> Option<&'static str> {
    let [_, name, _, value] = tokens else { return None };
    if name.is("DEFAULT_TABLE_ACCESS_METHOD") && !value.is("HEAP") {
        return Some("name the access method where the table is created: CREATE TABLE … USING …");
    }
    (name.is("DEFAULT_TABLESPACE") && !matches!(value.text, "''" | "\"\""))
        .then_some("tablespaces cannot be declared; leave it out (pg_dump --no-tablespaces)")
}

fn is_set_config(tokens: &[Token<'_>]) -> bool {
    let name = tokens.get(1..4).unwrap_or_default();
    match name {
        [a, dot, b] if a.is("PG_CATALOG") && dot.is_symbol(".") => b.is("SET_CONFIG"),
        [a, ..] => a.is("SET_CONFIG"),
        [] => false,
    }
}

/// Whether more stands after the name of a schema and its owner.
fn has_elements(tokens: &[Token<'_>]) -> bool {
    tokens.iter().skip(2).any(|token| token.is("CREATE") || token.is("GRANT"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::sql::declaration::Declaration;
    use crate::manifest::sql::split::tokens;

    fn of(sql: &str) -> Verdict {
        verdict(&tokens(sql).unwrap(), Some(&Ident::new("app".to_owned()).unwrap()))
    }

    #[test]
    fn declarations_are_known_with_what_they_name() {
        for (sql, words, name, lenient) in [
            ("create table if not exists app.T (a int)", "CREATE TABLE", "t", vec![2, 3, 4]),
            ("CREATE UNLOGGED TABLE {schema}.\"T\" ()", "CREATE TABLE", "T", vec![]),
            (
                "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY app.t (a)",
                "CREATE INDEX … ON",
                "t",
                vec![3, 4, 5, 6],
            ),
            ("CREATE INDEX ON t (a)", "CREATE INDEX … ON", "t", vec![]),
            (
                "CREATE OR REPLACE FUNCTION f() RETURNS int AS ''",
                "CREATE FUNCTION",
                "f",
                vec![1, 2],
            ),
            (
                "CREATE CONSTRAINT TRIGGER x AFTER INSERT ON app.t EXECUTE FUNCTION f()",
                "CREATE TRIGGER … ON",
                "t",
                vec![],
            ),
            (
                "CREATE OR REPLACE RULE r AS ON UPDATE TO app.t DO ALSO SELECT 1",
                "CREATE RULE … ON",
                "t",
                vec![1, 2],
            ),
            ("COMMENT ON RULE r ON app.t IS 'x'", "COMMENT ON RULE … ON", "t", vec![]),
            ("CREATE POLICY p ON t USING (true)", "CREATE POLICY … ON", "t", vec![]),
            (
                "ALTER TABLE IF EXISTS ONLY app.t ADD CONSTRAINT x CHECK (true)",
                "ALTER TABLE",
                "t",
                vec![2, 3],
            ),
            (
                "CREATE MATERIALIZED VIEW IF NOT EXISTS app.m AS SELECT 1 AS data WITH NO DATA",
                "CREATE MATERIALIZED VIEW",
                "m",
                vec![3, 4, 5, 14, 15, 16],
            ),
            ("COMMENT ON MATERIALIZED VIEW m IS 'x'", "COMMENT ON MATERIALIZED VIEW", "m", vec![]),
            ("CREATE DOMAIN app.d AS int", "CREATE DOMAIN", "d", vec![]),
            (
                "CREATE OR REPLACE AGGREGATE app.a(int) (sfunc = int4pl, stype = int)",
                "CREATE AGGREGATE",
                "a",
                vec![1, 2],
            ),
            ("COMMENT ON AGGREGATE app.a(*) IS 'x'", "COMMENT ON AGGREGATE", "a", vec![]),
            ("ALTER DOMAIN d SET NOT NULL", "ALTER DOMAIN", "d", vec![]),
            (
                "COMMENT ON CONSTRAINT c ON DOMAIN app.d IS 'x'",
                "COMMENT ON CONSTRAINT … ON",
                "d",
                vec![],
            ),
            (
                "COMMENT ON CONSTRAINT c ON domain IS 'x'",
                "COMMENT ON CONSTRAINT … ON",
                "domain",
                vec![],
            ),
            ("COMMENT ON COLUMN app.t.c IS 'x'", "COMMENT ON COLUMN", "t", vec![]),
            ("COMMENT ON COLUMN t.c IS 'x'", "COMMENT ON COLUMN", "t", vec![]),
            ("COMMENT ON CONSTRAINT c ON app.t IS 'x'", "COMMENT ON CONSTRAINT … ON", "t", vec![]),
        ] {
            let Verdict::Declares(found) = of(sql) else { panic!("{sql}: {:?}", of(sql)) };
            let named = found.name.as_ref().map(Ident::as_str);
            assert_eq!(
                (found.words.as_str(), named, found.lenient),
                (words, Some(name), lenient),
                "{sql}"
            );
        }
    }

    #[test]
    fn what_only_looks_like_it_is_a_declaration() {
        for sql in [
            "ALTER TABLE t RENAME COLUMN owner TO holder",
            "ALTER TABLE t ADD CHECK (valid IS NOT NULL)",
            "ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID",
            "CREATE VIEW v AS SELECT NULL AS a FROM t",
            "CREATE TABLE t (restart int, cluster int)",
        ] {
            let Verdict::Declares(found) = of(sql) else { panic!("{sql}: {:?}", of(sql)) };
            assert!(!found.is_forerunner, "{sql}");
        }
        let sql = "CREATE VIEW app.v AS SELECT NULL::integer AS id, NULL::numeric AS \"A, b\"";
        assert!(matches!(of(sql), Verdict::Declares(Declaration { is_forerunner: true, .. })));
        let sql = "ALTER TABLE t ADD COLUMN IF NOT EXISTS a int, ADD IF NOT EXISTS b int";
        let Verdict::Declares(found) = of(sql) else { panic!("{sql}") };
        assert_eq!(found.lenient, [5, 6, 7, 12, 13, 14]);
    }

    #[test]
    fn what_does_not_apply_is_passed_over() {
        for sql in [
            "SET statement_timeout = 0",
            "SET default_table_access_method = heap",
            "SET default_tablespace = ''",
            "SELECT pg_catalog.set_config('search_path', '', false)",
            "CREATE SCHEMA app",
            "CREATE SCHEMA IF NOT EXISTS \"app\" AUTHORIZATION x",
            "ALTER TABLE app.t OWNER TO postgres",
            "ALTER FUNCTION app.f(integer) OWNER TO \"me\"",
            "ALTER AGGREGATE app.a(numeric ORDER BY numeric) OWNER TO me",
            "COMMENT ON SCHEMA app IS 'x'",
            "CREATE TABLE app._provision_state (apply_id uuid)",
            "COMMENT ON TABLE app._provision_state IS 'x'",
        ] {
            assert!(matches!(of(sql), Verdict::PassedOver(_)), "{sql}: {:?}", of(sql));
        }
    }

    #[test]
    fn what_cannot_be_part_of_a_tenant_is_refused() {
        for sql in [
            "DROP TABLE t",
            "INSERT INTO t VALUES (1)",
            "COPY t FROM stdin",
            "DO $$ BEGIN END $$",
            "COMMIT",
            "BEGIN",
            "CREATE ROLE x",
            "CREATE DATABASE x",
            "CREATE EXTENSION citext",
            "CREATE EVENT TRIGGER x ON ddl_command_start EXECUTE FUNCTION f()",
            "CREATE FOREIGN TABLE t () SERVER x",
            "CREATE TEMP TABLE t ()",
            "CREATE TABLE public.t ()",
            "CREATE TABLE U&\"public\".t ()",
            "CREATE TABLE x.app.t ()",
            "CREATE RULE r AS ON INSERT TO public.t DO NOTHING",
            "CREATE RULE \"_RETURN\" AS ON SELECT TO t DO INSTEAD SELECT 1",
            "ALTER RULE r ON public.t RENAME TO x",
            "COMMENT ON CONSTRAINT c ON DOMAIN public.d IS 'x'",
            "ALTER TABLE t ADD COLUMN b int, OWNER TO x",
            "ALTER TABLE t OWNER TO x, ADD COLUMN b int",
            "ALTER TABLE t ADD CONSTRAINT c NOT NULL a NOT VALID",
            "SET default_table_access_method = columnar",
            "SET default_tablespace = 'fast'",
            "ALTER TABLE t RENAME TO _provision_state",
            "ALTER INDEX i ALTER COLUMN 1 SET STATISTICS 7",
            "ALTER TABLE ALL IN TABLESPACE x SET TABLESPACE y",
            "ALTER SEQUENCE s RESTART",
            "ALTER TABLE",
            "CREATE TABLE _provision_more ()",
            "CREATE TABLE t AS SELECT 1",
            "CREATE TABLE t (a) AS TABLE x",
            "CREATE TABLE \"App\".t ()",
            "CREATE TRIGGER x AFTER INSERT ON public.t EXECUTE FUNCTION f()",
            "ALTER TABLE app.t SET SCHEMA public",
            "ALTER MATERIALIZED VIEW m ALTER COLUMN a SET STORAGE EXTERNAL",
            "ALTER SYSTEM SET x = 1",
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO x",
            "GRANT SELECT ON t TO x",
            "SELECT 1",
            "SELECT setval('s', 1)",
            "CREATE SCHEMA app CREATE TABLE t ()",
            "COMMENT ON DATABASE x IS 'y'",
            "VACUUM",
            "CREATE",
            "'x'",
        ] {
            assert!(matches!(of(sql), Verdict::Refused(_)), "{sql}: {:?}", of(sql));
        }
    }
}
