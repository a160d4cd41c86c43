//! Each attribute of each kind of object: a change by hand is seen by the digest and told by the diff. An attribute
//! without a case here fails the test.

use std::collections::BTreeSet;

use provision::catalog::Kind;
use provision::consent::Class;
use provision::kinds;

use crate::fingerprint::{read, read_on};
use crate::support::{self, Connection, Database, context_of, converge};

const MANIFEST: &str = r#"
version = 1

[types.cor]
enum = ["azul", "roxo"]

[types.short]
domain = "text"
default = "'x'"
checks = [{ name = "is_short", expression = "length(VALUE) < 9" }]

[types.pair]
attributes = { a = "integer", b = "text" }

[types.span]
range = "float8"
subtype_diff = "float8mi"

[sequences.counter]

[tables.parts]
partition_by = "range (a)"
columns = { a = "integer" }
partitions = { parts_1 = "from (0) to (10)" }

[tables.base]
columns = { b = "integer" }

[tables.child]
inherits = ["base"]
columns = { c = "integer" }

[tables.t]
primary_key = { name = "t_pkey", columns = ["id"] }
cluster_on = "t_pkey"
replica_identity = "full"
checks = [{ name = "short", expression = "length(name) < 9" }]
statistics = [{ name = "st", columns = ["id", "name"] }]
unique = [{ name = "one", columns = ["name"] }]
indexes = [
  { name = "by_name", columns = ["name"], where = "id > 0" },
  { name = "by_words", columns = ["twice"] },
]
comment = "all"
row_security = "enabled"

[[tables.t.policies]]
name = "po"
using = "id > 0"

[[tables.t.triggers]]
name = "tr"
timing = "after"
events = ["delete"]
for_each = "row"
function = "fired"

[[tables.t.rules]]
name = "ru"
event = "update"
do = "NOTIFY changed"

[functions.fired]
returns = "trigger"
language = "plpgsql"
body = "BEGIN RETURN NULL; END"

[functions.f]
arguments = "a integer"
returns = "integer"
language = "sql"
body = "SELECT 1"

[functions.g]
returns = "integer"
sql_body = "RETURN 1"

[functions.h]
returns = "SETOF integer"
language = "sql"
body = "SELECT 1"

[procedures.p]
language = "sql"
body = "SELECT 1"

[aggregates.total]
arguments = "integer"
sfunc = "int4pl"
stype = "integer"
initcond = "0"
msfunc = "int4pl"
minvfunc = "int4mi"
mstype = "integer"
minitcond = "0"

[aggregates.mean]
arguments = "bigint"
sfunc = "int8_avg_accum"
stype = "internal"
finalfunc = "numeric_poly_avg"
serialfunc = "int8_avg_serialize"
deserialfunc = "int8_avg_deserialize"
combinefunc = "int8_avg_combine"

[aggregates.place]
arguments = 'VARIADIC "any" ORDER BY VARIADIC "any"'
sfunc = "ordered_set_transition_multi"
stype = "internal"
finalfunc = "rank_final"
finalfunc_extra = true
hypothetical = true

[views.named]
query = "SELECT id, no FROM t"

[materialized_views.kept]
query = "SELECT id, no FROM t"

[tables.t.columns]
id = "integer"
no = { type = "bigint", identity = "by default" }
name = { type = "text", default = "'x'" }
twice = { type = "integer", null = true, generated = "id * 2" }
"#;

/// Replaces the aggregate `total`: of parameters that are given twice, the second counts.
macro_rules! total {
    ($parameters:literal) => {
        concat!(
            "CREATE OR REPLACE AGGREGATE acme.total(integer) (SFUNC = int4pl, STYPE = integer, ",
            "INITCOND = '0', MSFUNC = int4pl, MINVFUNC = int4mi, MSTYPE = integer, ",
            "MINITCOND = '0', ",
            $parameters,
            ")"
        )
    };
}

/// The same for `mean`.
macro_rules! mean {
    ($parameters:literal) => {
        concat!(
            "CREATE OR REPLACE AGGREGATE acme.mean(bigint) (SFUNC = int8_avg_accum, ",
            "STYPE = internal, FINALFUNC = numeric_poly_avg, SERIALFUNC = int8_avg_serialize, ",
            "DESERIALFUNC = int8_avg_deserialize, COMBINEFUNC = int8_avg_combine, ",
            $parameters,
            ")"
        )
    };
}

/// Kind, attribute, the change, and the object that is told as changed by it.
const CASES: &[(Kind, &str, &str, &str)] = {
    use Kind::{
        Aggregate, Attribute, Clustering, Column, Comment, Constraint, Default, Domain,
        DomainConstraint, Function, Index, MaterializedView, Policy, Procedure, RangeType,
        ReplicaIdentity, RowSecurity, Rule, Sequence, Statistics, Table, Trigger, View,
    };
    &[
        (Table, "persistence", "ALTER TABLE acme.t SET UNLOGGED", "table t"),
        (
            Table,
            "partition_by",
            "DROP TABLE acme.parts;
             CREATE TABLE acme.parts (a integer NOT NULL) PARTITION BY LIST (a)",
            "table parts",
        ),
        (
            Table,
            "partition_of",
            "ALTER TABLE acme.parts DETACH PARTITION acme.parts_1",
            "table parts_1",
        ),
        (
            Table,
            "bound",
            "ALTER TABLE acme.parts DETACH PARTITION acme.parts_1;
             ALTER TABLE acme.parts ATTACH PARTITION acme.parts_1 FOR VALUES FROM (0) TO (11)",
            "table parts_1",
        ),
        (Table, "inherits", "ALTER TABLE acme.child NO INHERIT acme.base", "table child"),
        (Table, "options", "ALTER TABLE acme.t SET (fillfactor = 50)", "table t"),
        (
            Table,
            "method",
            "CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler; \
             UPDATE pg_class SET relam = (SELECT oid FROM pg_am WHERE amname = 'other') \
             WHERE oid = 'acme.t'::regclass",
            "table t",
        ),
        (Column, "type", "ALTER TABLE acme.t ALTER name TYPE varchar(30)", "column t.name"),
        (Column, "nullability", "ALTER TABLE acme.t ALTER name DROP NOT NULL", "column t.name"),
        (
            Column,
            "collation",
            "ALTER TABLE acme.t ALTER name TYPE text COLLATE \"C\"",
            "column t.name",
        ),
        (Column, "identity", "ALTER TABLE acme.t ALTER no SET GENERATED ALWAYS", "column t.no"),
        (Column, "start", "ALTER TABLE acme.t ALTER no SET START 2", "column t.no"),
        (Column, "increment", "ALTER TABLE acme.t ALTER no SET INCREMENT 2", "column t.no"),
        (Column, "minimum", "ALTER TABLE acme.t ALTER no SET MINVALUE -2", "column t.no"),
        (Column, "maximum", "ALTER TABLE acme.t ALTER no SET MAXVALUE 99", "column t.no"),
        (Column, "cache", "ALTER TABLE acme.t ALTER no SET CACHE 2", "column t.no"),
        (Column, "cycle", "ALTER TABLE acme.t ALTER no SET CYCLE", "column t.no"),
        (
            Column,
            "stored",
            "ALTER TABLE acme.t DROP twice;
             ALTER TABLE acme.t ADD twice integer GENERATED ALWAYS AS (id * 3) STORED;
             CREATE INDEX by_words ON acme.t (twice)",
            "column t.twice",
        ),
        (
            Column,
            "virtual",
            "ALTER TABLE acme.t DROP twice;
             ALTER TABLE acme.t ADD twice integer GENERATED ALWAYS AS (id * 2) VIRTUAL",
            "column t.twice",
        ),
        (Column, "storage", "ALTER TABLE acme.t ALTER name SET STORAGE EXTERNAL", "column t.name"),
        (
            Column,
            "compression",
            "ALTER TABLE acme.t ALTER name SET COMPRESSION pglz",
            "column t.name",
        ),
        (
            Column,
            "statistics_target",
            "ALTER TABLE acme.t ALTER name SET STATISTICS 7",
            "column t.name",
        ),
        (Column, "options", "ALTER TABLE acme.t ALTER name SET (n_distinct = 7)", "column t.name"),
        (
            ReplicaIdentity,
            "identity",
            "ALTER TABLE acme.t REPLICA IDENTITY USING INDEX t_pkey",
            "replica identity of table t",
        ),
        (Clustering, "on", "ALTER TABLE acme.t CLUSTER ON one", "clustering of table t"),
        (Default, "default", "ALTER TABLE acme.t ALTER name SET DEFAULT 'y'", "column t.name"),
        (
            Constraint,
            "definition",
            "ALTER TABLE acme.t DROP CONSTRAINT short,
                 ADD CONSTRAINT short CHECK (length(name) < 8)",
            "constraint short on t",
        ),
        (
            Constraint,
            "deferrable",
            "ALTER TABLE acme.t DROP CONSTRAINT one,
                 ADD CONSTRAINT one UNIQUE (name) DEFERRABLE",
            "constraint one on t",
        ),
        (
            Constraint,
            "validity",
            "ALTER TABLE acme.t DROP CONSTRAINT short,
                 ADD CONSTRAINT short CHECK (length(name) < 9) NOT VALID",
            "constraint short on t",
        ),
        (
            Index,
            "unique",
            "DROP INDEX acme.by_name; CREATE UNIQUE INDEX by_name ON acme.t (name) WHERE id > 0",
            "index by_name on t",
        ),
        (
            Index,
            "using",
            "DROP INDEX acme.by_name; CREATE INDEX by_name ON acme.t (name DESC) WHERE id > 0",
            "index by_name on t",
        ),
        (
            Index,
            "where",
            "DROP INDEX acme.by_name; CREATE INDEX by_name ON acme.t (name) WHERE id > 1",
            "index by_name on t",
        ),
        (Index, "with", "ALTER INDEX acme.by_name SET (fillfactor = 50)", "index by_name on t"),
        (
            Index,
            "validity",
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'acme.by_name'::regclass",
            "index by_name on t",
        ),
        (
            Statistics,
            "definition",
            "DROP STATISTICS acme.st; CREATE STATISTICS acme.st (mcv) ON id, name FROM acme.t",
            "statistics st on t",
        ),
        (Statistics, "target", "ALTER STATISTICS acme.st SET STATISTICS 7", "statistics st on t"),
        (
            RowSecurity,
            "security",
            "ALTER TABLE acme.t FORCE ROW LEVEL SECURITY",
            "row security of table t",
        ),
        (
            Policy,
            "restrictive",
            "DROP POLICY po ON acme.t; CREATE POLICY po ON acme.t AS RESTRICTIVE USING (id > 0)",
            "policy po on t",
        ),
        (
            Policy,
            "command",
            "DROP POLICY po ON acme.t; CREATE POLICY po ON acme.t FOR SELECT USING (id > 0)",
            "policy po on t",
        ),
        (Policy, "roles", "ALTER POLICY po ON acme.t TO pg_monitor", "policy po on t"),
        (Policy, "using", "ALTER POLICY po ON acme.t USING (id > 1)", "policy po on t"),
        (Policy, "check", "ALTER POLICY po ON acme.t WITH CHECK (id > 0)", "policy po on t"),
        (
            Trigger,
            "constraint",
            "DROP TRIGGER tr ON acme.t; CREATE CONSTRAINT TRIGGER tr AFTER DELETE ON acme.t \
             FOR EACH ROW EXECUTE FUNCTION acme.fired()",
            "trigger tr on t",
        ),
        (
            Trigger,
            "definition",
            "CREATE OR REPLACE TRIGGER tr AFTER INSERT ON acme.t \
             FOR EACH ROW EXECUTE FUNCTION acme.fired()",
            "trigger tr on t",
        ),
        (Trigger, "enabled", "ALTER TABLE acme.t DISABLE TRIGGER tr", "trigger tr on t"),
        (
            Rule,
            "event",
            "CREATE OR REPLACE RULE ru AS ON DELETE TO acme.t DO ALSO NOTIFY changed",
            "rule ru on t",
        ),
        (
            Rule,
            "definition",
            "CREATE OR REPLACE RULE ru AS ON UPDATE TO acme.t DO INSTEAD NOTIFY changed",
            "rule ru on t",
        ),
        (Rule, "enabled", "ALTER TABLE acme.t DISABLE RULE ru", "rule ru on t"),
        (
            Function,
            "arguments",
            "CREATE OR REPLACE FUNCTION acme.f(a integer = 1) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
            "function f(integer)",
        ),
        (
            Function,
            "returns",
            "DROP FUNCTION acme.f; \
             CREATE FUNCTION acme.f(a integer) RETURNS bigint LANGUAGE sql AS 'SELECT 1'",
            "function f(integer)",
        ),
        (
            Function,
            "language",
            "CREATE OR REPLACE FUNCTION acme.f(a integer) RETURNS integer LANGUAGE plpgsql \
             AS 'BEGIN RETURN 1; END'",
            "function f(integer)",
        ),
        (Function, "volatility", "ALTER FUNCTION acme.f STABLE", "function f(integer)"),
        (Function, "strict", "ALTER FUNCTION acme.f STRICT", "function f(integer)"),
        (Function, "security", "ALTER FUNCTION acme.f SECURITY DEFINER", "function f(integer)"),
        (Function, "leakproof", "ALTER FUNCTION acme.f LEAKPROOF", "function f(integer)"),
        (Function, "parallel", "ALTER FUNCTION acme.f PARALLEL SAFE", "function f(integer)"),
        (Function, "cost", "ALTER FUNCTION acme.f COST 7", "function f(integer)"),
        (Function, "rows", "ALTER FUNCTION acme.h ROWS 7", "function h()"),
        (
            Function,
            "transforms",
            "CREATE TRANSFORM FOR integer LANGUAGE sql ( \
                 FROM SQL WITH FUNCTION prsd_lextype(internal), TO SQL WITH FUNCTION int4recv(internal)); \
             CREATE OR REPLACE FUNCTION acme.f(a integer) RETURNS integer TRANSFORM FOR TYPE integer \
             LANGUAGE sql AS 'SELECT 1'",
            "function f(integer)",
        ),
        (
            Function,
            "window",
            "DROP FUNCTION acme.f; CREATE FUNCTION acme.f(a integer) RETURNS integer WINDOW \
             LANGUAGE internal AS 'window_row_number'",
            "function f(integer)",
        ),
        (
            Function,
            "support",
            "ALTER FUNCTION acme.h SUPPORT pg_catalog.generate_series_int4_support",
            "function h()",
        ),
        (
            Function,
            "library",
            "SET check_function_bodies = off; \
             CREATE OR REPLACE FUNCTION acme.f(a integer) RETURNS integer LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler'",
            "function f(integer)",
        ),
        (
            Function,
            "settings",
            "ALTER FUNCTION acme.f SET search_path = acme",
            "function f(integer)",
        ),
        (
            Function,
            "body",
            "CREATE OR REPLACE FUNCTION acme.f(a integer) RETURNS integer LANGUAGE sql AS 'SELECT 2'",
            "function f(integer)",
        ),
        (
            Function,
            "sql_body",
            "CREATE OR REPLACE FUNCTION acme.g() RETURNS integer RETURN 2",
            "function g()",
        ),
        (Procedure, "security", "ALTER PROCEDURE acme.p SECURITY DEFINER", "procedure p()"),
        (View, "columns", "ALTER VIEW acme.named RENAME COLUMN no TO number", "view named"),
        (View, "options", "ALTER VIEW acme.named SET (security_barrier = true)", "view named"),
        (
            View,
            "definition",
            "CREATE OR REPLACE VIEW acme.named AS SELECT id, no FROM acme.t WHERE id > 0",
            "view named",
        ),
        (
            MaterializedView,
            "columns",
            "ALTER MATERIALIZED VIEW acme.kept RENAME COLUMN no TO number",
            "materialized view kept",
        ),
        (
            MaterializedView,
            "options",
            "ALTER MATERIALIZED VIEW acme.kept SET (fillfactor = 50)",
            "materialized view kept",
        ),
        (
            MaterializedView,
            "definition",
            "DROP MATERIALIZED VIEW acme.kept; \
             CREATE MATERIALIZED VIEW acme.kept AS SELECT id, no FROM acme.t WHERE id > 0",
            "materialized view kept",
        ),
        (Sequence, "type", "ALTER SEQUENCE acme.counter AS integer", "sequence counter"),
        (Sequence, "start", "ALTER SEQUENCE acme.counter START 2", "sequence counter"),
        (Sequence, "increment", "ALTER SEQUENCE acme.counter INCREMENT 2", "sequence counter"),
        (Sequence, "minimum", "ALTER SEQUENCE acme.counter MINVALUE -2", "sequence counter"),
        (Sequence, "maximum", "ALTER SEQUENCE acme.counter MAXVALUE 99", "sequence counter"),
        (Sequence, "cache", "ALTER SEQUENCE acme.counter CACHE 2", "sequence counter"),
        (Sequence, "cycle", "ALTER SEQUENCE acme.counter CYCLE", "sequence counter"),
        (Sequence, "role", "ALTER SEQUENCE acme.counter OWNED BY acme.t.id", "sequence counter"),
        (Sequence, "persistence", "ALTER SEQUENCE acme.counter SET UNLOGGED", "sequence counter"),
        (
            Domain,
            "type",
            "DROP DOMAIN acme.short; CREATE DOMAIN acme.short AS varchar(9) DEFAULT 'x'",
            "domain short",
        ),
        (
            Domain,
            "collation",
            "DROP DOMAIN acme.short; CREATE DOMAIN acme.short AS text COLLATE \"C\" DEFAULT 'x'",
            "domain short",
        ),
        (Domain, "nullability", "ALTER DOMAIN acme.short SET NOT NULL", "domain short"),
        (Domain, "default", "ALTER DOMAIN acme.short SET DEFAULT 'y'", "domain short"),
        (
            DomainConstraint,
            "definition",
            "ALTER DOMAIN acme.short DROP CONSTRAINT is_short;
             ALTER DOMAIN acme.short ADD CONSTRAINT is_short CHECK (length(VALUE) < 8)",
            "constraint is_short on domain short",
        ),
        (
            DomainConstraint,
            "validity",
            "ALTER DOMAIN acme.short DROP CONSTRAINT is_short;
             ALTER DOMAIN acme.short ADD CONSTRAINT is_short CHECK (length(VALUE) < 9) NOT VALID",
            "constraint is_short on domain short",
        ),
        (
            Attribute,
            "type",
            "ALTER TYPE acme.pair ALTER ATTRIBUTE a TYPE bigint",
            "attribute pair.a",
        ),
        (
            Attribute,
            "collation",
            "ALTER TYPE acme.pair ALTER ATTRIBUTE b TYPE text COLLATE \"C\"",
            "attribute pair.b",
        ),
        (
            RangeType,
            "subtype",
            "DROP TYPE acme.span; CREATE TYPE acme.span AS RANGE (SUBTYPE = integer)",
            "range type span",
        ),
        (
            RangeType,
            "operator_class",
            "DROP TYPE acme.span; CREATE TYPE acme.span AS RANGE \
             (SUBTYPE = text, SUBTYPE_OPCLASS = text_pattern_ops)",
            "range type span",
        ),
        (
            RangeType,
            "collation",
            "DROP TYPE acme.span; CREATE TYPE acme.span AS RANGE \
             (SUBTYPE = text, COLLATION = \"C\")",
            "range type span",
        ),
        (
            RangeType,
            "subtype_diff",
            "DROP TYPE acme.span; CREATE TYPE acme.span AS RANGE (SUBTYPE = float8)",
            "range type span",
        ),
        (
            RangeType,
            "multirange",
            "ALTER TYPE acme.span_multirange RENAME TO spans",
            "range type span",
        ),
        (
            Aggregate,
            "arguments",
            "CREATE OR REPLACE AGGREGATE acme.total(n integer) (SFUNC = int4pl, STYPE = integer, \
             INITCOND = '0', MSFUNC = int4pl, MINVFUNC = int4mi, MSTYPE = integer, MINITCOND = '0')",
            "aggregate total(integer)",
        ),
        (
            Aggregate,
            "hypothetical",
            "DROP AGGREGATE acme.place(VARIADIC \"any\" ORDER BY VARIADIC \"any\");
             CREATE AGGREGATE acme.place(VARIADIC \"any\" ORDER BY VARIADIC \"any\") \
             (SFUNC = ordered_set_transition_multi, STYPE = internal, FINALFUNC = rank_final, \
              FINALFUNC_EXTRA)",
            "aggregate place(\"any\")",
        ),
        (Aggregate, "sfunc", total!("SFUNC = int4mi"), "aggregate total(integer)"),
        (
            Aggregate,
            "stype",
            total!("STYPE = bigint, SFUNC = int84pl, FINALFUNC = int4"),
            "aggregate total(integer)",
        ),
        (Aggregate, "sspace", total!("SSPACE = 100"), "aggregate total(integer)"),
        (Aggregate, "finalfunc", total!("FINALFUNC = int4abs"), "aggregate total(integer)"),
        (
            Aggregate,
            "finalfunc_extra",
            concat!(
                "CREATE FUNCTION acme.fin(integer, integer) RETURNS integer LANGUAGE sql RETURN 1;",
                total!("FINALFUNC = acme.fin, FINALFUNC_EXTRA")
            ),
            "aggregate total(integer)",
        ),
        (
            Aggregate,
            "finalfunc_modify",
            mean!("FINALFUNC_MODIFY = SHAREABLE"),
            "aggregate mean(bigint)",
        ),
        (
            Aggregate,
            "combinefunc",
            mean!("COMBINEFUNC = numeric_avg_combine"),
            "aggregate mean(bigint)",
        ),
        (
            Aggregate,
            "serialfunc",
            mean!("SERIALFUNC = numeric_avg_serialize"),
            "aggregate mean(bigint)",
        ),
        (
            Aggregate,
            "deserialfunc",
            mean!("DESERIALFUNC = numeric_avg_deserialize"),
            "aggregate mean(bigint)",
        ),
        (Aggregate, "initcond", total!("INITCOND = '1'"), "aggregate total(integer)"),
        (Aggregate, "msfunc", total!("MSFUNC = int4mi"), "aggregate total(integer)"),
        (Aggregate, "minvfunc", total!("MINVFUNC = int4pl"), "aggregate total(integer)"),
        (
            Aggregate,
            "mstype",
            total!("MSTYPE = bigint, MSFUNC = int84pl, MINVFUNC = int84mi, MFINALFUNC = int4"),
            "aggregate total(integer)",
        ),
        (Aggregate, "msspace", total!("MSSPACE = 100"), "aggregate total(integer)"),
        (Aggregate, "mfinalfunc", total!("MFINALFUNC = int4abs"), "aggregate total(integer)"),
        (
            Aggregate,
            "mfinalfunc_extra",
            concat!(
                "CREATE FUNCTION acme.fin(integer, integer) RETURNS integer LANGUAGE sql RETURN 1;",
                total!("MFINALFUNC = acme.fin, MFINALFUNC_EXTRA")
            ),
            "aggregate total(integer)",
        ),
        (
            Aggregate,
            "mfinalfunc_modify",
            total!("MFINALFUNC = int4abs, MFINALFUNC_MODIFY = READ_WRITE"),
            "aggregate total(integer)",
        ),
        (Aggregate, "minitcond", total!("MINITCOND = '1'"), "aggregate total(integer)"),
        (Aggregate, "sortop", total!("SORTOP = <"), "aggregate total(integer)"),
        (Aggregate, "parallel", total!("PARALLEL = SAFE"), "aggregate total(integer)"),
        (Comment, "comment", "COMMENT ON TABLE acme.t IS 'none'", "table t"),
    ]
};

/// The version of the server that brought an attribute along.
fn since(kind: Kind, attribute: &str) -> i32 {
    match (kind, attribute) {
        (Kind::Column, "virtual") => 180_000,
        (Kind::Sequence, "persistence") => 150_000,
        _ => 0,
    }
}

#[test]
fn every_attribute_has_a_case() {
    // Procedures have the attributes of functions.
    let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Procedure);
    let attributes = kinds.flat_map(|kind| {
        let compared =
            kinds::rules(kind).attributes.iter().filter(|attribute| attribute.is_shown());
        compared.map(move |attribute| (kind.name(), attribute.key))
    });
    let cases = CASES.iter().filter(|(kind, ..)| *kind != Kind::Procedure);
    let cases = cases.map(|(kind, attribute, ..)| (kind.name(), *attribute));
    assert_eq!(attributes.collect::<BTreeSet<_>>(), cases.collect::<BTreeSet<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_any_attribute_is_digested_and_told() {
    let database = Database::new().await;
    let mut original = context_of(MANIFEST, &database);
    converge(&original, "acme").await;
    let (unchanged, _) = read(&database, "acme").await;
    let version: i32 =
        database.ask("SHOW server_version_num").await.parse().expect("a version number");
    let mut out_of_place: Vec<(Kind, &str, Option<Class>)> = Vec::new();
    for (kind, attribute, change, object) in CASES {
        if version < since(*kind, attribute) {
            continue;
        }
        let copy = Database::copy_of(&database).await;
        copy.run(change).await;
        let mut connection = Connection::default();
        let (fingerprint, _) = read_on(connection.session(&copy).await, "acme").await;
        assert_ne!(fingerprint, unchanged, "{kind:?}.{attribute} is not digested");
        // What the manifest declares is the same in all databases.
        original.target = copy.target();
        let plan = connection.plan(&original, "acme").await.expect("a plan");
        let changed: Vec<String> =
            plan.changed.iter().map(|change| change.object.to_string()).collect();
        let is_told = changed.iter().any(|changed| changed == object);
        assert!(is_told, "{kind:?}.{attribute}: {changed:?}");
        let of_it = plan.changed.iter().find(|change| change.object.to_string() == *object);
        let class = of_it.and_then(|change| change.allowed_by);
        if class != Some(Class::Alter) {
            out_of_place.push((*kind, *attribute, class));
        }
        if let Some(class) = class {
            let mut context = context_of(MANIFEST, &copy);
            context.consent = format!("{}:{object}", class.word()).parse().expect("consent");
            connection.apply(&context, "acme").await.unwrap_or_else(|error| {
                panic!("{kind:?}.{attribute}: {}", support::told(&error));
            });
            let left = connection.plan(&context, "acme").await.expect("a plan");
            let is_left = left.changed.iter().any(|change| change.object.to_string() == *object);
            assert!(left.is_empty() && !is_left, "{kind:?}.{attribute}: {:?}", left.changed);
        }
    }
    let known =
        OUT_OF_PLACE.iter().filter(|(kind, attribute, _)| version >= since(*kind, attribute));
    assert_eq!(out_of_place, known.copied().collect::<Vec<_>>());
}

/// What takes more than a change in place, in the direction in which the cases change it back, and whether consent can do
/// it.
const OUT_OF_PLACE: &[(Kind, &str, Option<Class>)] = {
    use Kind::*;
    &[
        (Table, "persistence", None),
        (Table, "partition_by", None),
        (Table, "partition_of", None),
        (Table, "bound", None),
        (Table, "inherits", None),
        (Table, "method", None),
        (Column, "collation", Some(Class::Rebuild)),
        (Column, "stored", None),
        (Column, "virtual", None),
        (Column, "storage", None),
        (Constraint, "definition", Some(Class::Rebuild)),
        (Constraint, "deferrable", Some(Class::Rebuild)),
        (Index, "unique", Some(Class::Rebuild)),
        (Index, "using", Some(Class::Rebuild)),
        (Index, "where", Some(Class::Rebuild)),
        (Index, "with", Some(Class::Rebuild)),
        (Index, "validity", Some(Class::Rebuild)),
        (Statistics, "definition", Some(Class::Rebuild)),
        (Policy, "restrictive", Some(Class::Rebuild)),
        (Policy, "command", Some(Class::Rebuild)),
        (Policy, "check", Some(Class::Rebuild)),
        (Trigger, "constraint", Some(Class::Rebuild)),
        (Function, "arguments", Some(Class::Rebuild)),
        (Function, "returns", Some(Class::Rebuild)),
        (Function, "window", Some(Class::Rebuild)),
        (View, "columns", Some(Class::Rebuild)),
        (MaterializedView, "columns", Some(Class::Rebuild)),
        (MaterializedView, "options", Some(Class::Rebuild)),
        (MaterializedView, "definition", Some(Class::Rebuild)),
        (Sequence, "persistence", None),
        (Domain, "type", Some(Class::Rebuild)),
        (Domain, "collation", Some(Class::Rebuild)),
        (DomainConstraint, "definition", Some(Class::Rebuild)),
        (DomainConstraint, "validity", Some(Class::Rebuild)),
        (Attribute, "type", None),
        (Attribute, "collation", None),
        (RangeType, "subtype", Some(Class::Rebuild)),
        (RangeType, "operator_class", Some(Class::Rebuild)),
        (RangeType, "collation", Some(Class::Rebuild)),
        (RangeType, "subtype_diff", Some(Class::Rebuild)),
        (RangeType, "multirange", Some(Class::Rebuild)),
        (Aggregate, "arguments", Some(Class::Rebuild)),
        (Aggregate, "hypothetical", Some(Class::Rebuild)),
        (Aggregate, "sfunc", Some(Class::Rebuild)),
        (Aggregate, "stype", Some(Class::Rebuild)),
        (Aggregate, "sspace", Some(Class::Rebuild)),
        (Aggregate, "finalfunc", Some(Class::Rebuild)),
        (Aggregate, "finalfunc_extra", Some(Class::Rebuild)),
        (Aggregate, "finalfunc_modify", Some(Class::Rebuild)),
        (Aggregate, "combinefunc", Some(Class::Rebuild)),
        (Aggregate, "serialfunc", Some(Class::Rebuild)),
        (Aggregate, "deserialfunc", Some(Class::Rebuild)),
        (Aggregate, "initcond", Some(Class::Rebuild)),
        (Aggregate, "msfunc", Some(Class::Rebuild)),
        (Aggregate, "minvfunc", Some(Class::Rebuild)),
        (Aggregate, "mstype", Some(Class::Rebuild)),
        (Aggregate, "msspace", Some(Class::Rebuild)),
        (Aggregate, "mfinalfunc", Some(Class::Rebuild)),
        (Aggregate, "mfinalfunc_extra", Some(Class::Rebuild)),
        (Aggregate, "mfinalfunc_modify", Some(Class::Rebuild)),
        (Aggregate, "minitcond", Some(Class::Rebuild)),
        (Aggregate, "sortop", Some(Class::Rebuild)),
        (Aggregate, "parallel", Some(Class::Rebuild)),
    ]
};
