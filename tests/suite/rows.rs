//! Which baseline rows are there: the server's types decide what is equal.

use provision::explain::Explain as _;

use crate::support::{self, Database, context_of, converge, refused, told};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_label_in_a_key_is_no_error_wherever_it_stands() {
    let database = Database::new().await;
    let manifest = |labels: &str, rows: [&str; 3]| {
        format!(
            "version = 1\n[types.st]\nenum = [{labels}]\n\
             [tables.v]\nprimary_key = [\"id\"]\ncolumns = {{ id = \"int\", k = \"st\" }}\n\
             [tables.a]\ncolumns = {{ k = \"st[]\" }}\n[tables.q]\ncolumns = {{ k = \"{{schema}}.st\" }}\n\
             [tables.l]\ncolumns = {{ k = \"int\" }}\n\
             [[seeds]]\ntable = \"v\"\nkey = [\"id\"]\nrows = [{}]\n\
             [[seeds]]\ntable = \"a\"\nkey = [\"k\"]\nrows = [{}]\n\
             [[seeds]]\ntable = \"q\"\nkey = [\"k\"]\nrows = [{}]\n\
             [[seeds]]\ntable = \"l\"\nkey = [\"k\"]\n\
             rows = [{{ k = {{ lookup = \"v\", where = {{ k = {} }}, column = \"id\" }} }}]\n",
            rows[0],
            rows[1],
            rows[2],
            if labels.contains('b') { "\"b\"" } else { "\"a\"" },
        )
    };
    let old = manifest("\"a\"", ["{ id = 1, k = \"a\" }", "{ k = [\"a\"] }", "{ k = \"a\" }"]);
    converge(&context_of(&old, &database), "acme").await;
    let rows = [
        "{ id = 1, k = \"a\" }, { id = 2, k = \"b\" }",
        "{ k = [\"a\"] }, { k = [\"b\", \"a\"] }",
        "{ k = \"a\" }, { k = \"b\" }",
    ];
    converge(&context_of(&manifest("\"a\", \"b\"", rows), &database), "acme").await;
    for (table, rows) in [("v", 2), ("a", 2), ("q", 2), ("l", 2)] {
        assert_eq!(database.count(&format!("acme.{table}")).await, rows, "{table}");
    }
}

/// A type with an equality of its own, as extensions have: text that does not heed case.
pub const FOLDED: &str = "
CREATE TYPE public.folded;
CREATE FUNCTION public.folded_in(cstring) RETURNS public.folded LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION public.folded_out(public.folded) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE public.folded (INPUT = public.folded_in, OUTPUT = public.folded_out, LIKE = text, CATEGORY = 'S', COLLATABLE = true);
CREATE CAST (public.folded AS text) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (text AS public.folded) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE FUNCTION public.folded_cmp(a public.folded, b public.folded) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
  SELECT pg_catalog.bttextcmp(lower(a::text), lower(b::text)) $$;
CREATE FUNCTION public.folded_eq(a public.folded, b public.folded) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT lower(a::text) = lower(b::text) $$;
CREATE FUNCTION public.folded_lt(a public.folded, b public.folded) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT lower(a::text) < lower(b::text) $$;
CREATE FUNCTION public.folded_gt(a public.folded, b public.folded) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT lower(a::text) > lower(b::text) $$;
CREATE FUNCTION public.folded_le(a public.folded, b public.folded) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT lower(a::text) <= lower(b::text) $$;
CREATE FUNCTION public.folded_ge(a public.folded, b public.folded) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT lower(a::text) >= lower(b::text) $$;
CREATE OPERATOR public.= (LEFTARG = public.folded, RIGHTARG = public.folded, FUNCTION = public.folded_eq);
CREATE OPERATOR public.< (LEFTARG = public.folded, RIGHTARG = public.folded, FUNCTION = public.folded_lt);
CREATE OPERATOR public.> (LEFTARG = public.folded, RIGHTARG = public.folded, FUNCTION = public.folded_gt);
CREATE OPERATOR public.<= (LEFTARG = public.folded, RIGHTARG = public.folded, FUNCTION = public.folded_le);
CREATE OPERATOR public.>= (LEFTARG = public.folded, RIGHTARG = public.folded, FUNCTION = public.folded_ge);
CREATE OPERATOR CLASS public.folded_ops DEFAULT FOR TYPE public.folded USING btree AS
  OPERATOR 1 public.<, OPERATOR 2 public.<=, OPERATOR 3 public.=, OPERATOR 4 public.>=, OPERATOR 5 public.>,
  FUNCTION 1 public.folded_cmp(public.folded, public.folded);
CREATE DOMAIN public.name AS public.folded;
";

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_equal_as_their_types_say() {
    for data_type in ["public.folded", "public.name"] {
        let database = Database::new().await;
        database.run(FOLDED).await;
        let manifest = format!(
            "version = 1\n[tables.t]\ncolumns = {{ k = \"{data_type}\", n = \"int\" }}\n\
             [tables.l]\ncolumns = {{ n = \"int\" }}\n\
             [[seeds]]\ntable = \"t\"\nkey = [\"k\"]\nrows = [{{ k = \"Abc\", n = 1 }}, {{ k = \"D\", n = 2 }}]\n\
             [[seeds]]\ntable = \"l\"\nkey = [\"n\"]\n\
             rows = [{{ n = {{ lookup = \"t\", where = {{ k = \"aBC\" }}, column = \"n\" }} }}]\n"
        );
        database
            .run(&format!(
                "CREATE SCHEMA acme; CREATE TABLE acme.t (k {data_type} NOT NULL, n int NOT NULL); \
                 INSERT INTO acme.t VALUES ('ABC', 1)"
            ))
            .await;
        let context = context_of(&manifest, &database);
        converge(&context, "acme").await;
        assert_eq!(
            database.ask("SELECT string_agg(k::text, ' ' ORDER BY n) FROM acme.t").await,
            "ABC D"
        );
        assert_eq!(database.ask("SELECT n::text FROM acme.l").await, "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schemas_name_in_a_text_is_refused() {
    let database = Database::new().await;
    for column in [
        "x = { type = \"text\", default = \"'{schema}'\" }",
        "x = { type = \"bigint\", default = \"nextval('{schema}.s'::text)\" }",
    ] {
        let manifest =
            format!("version = 1\n[sequences.s]\n[tables.t]\ncolumns = {{ {column} }}\n");
        let error = refused(support::apply(&context_of(&manifest, &database), "acme").await);
        assert_eq!(error.code(), "manifest-refused");
        assert!(told(&error).contains("column t.x"), "{}", told(&error));
    }
    let manifest = "version = 1\n[sequences.s]\n[tables.t]\n\
                    columns = { x = { type = \"bigint\", default = \"nextval('{schema}.s')\" } }\n";
    converge(&context_of(manifest, &database), "acme").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_one_table_that_look_up_each_other_come_in_order() {
    let database = Database::new().await;
    let parent = |name: &str| {
        format!(
            "parent = {{ lookup = \"node\", where = {{ name = \"{name}\" }}, column = \"id\" }}"
        )
    };
    let manifest = format!(
        "version = 1\n[tables.node]\nprimary_key = [\"id\"]\nunique = [[\"name\"]]\n\
         foreign_keys = [{{ columns = [\"parent\"], references = {{ table = \"node\", columns = [\"id\"] }} }}]\n\
         columns = {{ id = {{ type = \"int\", identity = \"always\" }}, name = \"text\", \
         parent = {{ type = \"int\", null = true }} }}\n\
         [[seeds]]\ntable = \"node\"\nkey = [\"name\"]\n\
         rows = [{{ name = \"leaf\", {} }}, {{ name = \"mid\", {} }}, {{ name = \"root\" }}, {{ name = \"other\" }}]\n",
        parent("mid"),
        parent("root"),
    );
    converge(&context_of(&manifest, &database), "acme").await;
    let names = "SELECT string_agg(name, ' ' ORDER BY id) FROM acme.node";
    assert_eq!(database.ask(names).await, "root mid leaf other");
}
