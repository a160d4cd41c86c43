//! Functions of owners who are not trusted, which a call of a declared function could mean, and types that no dependency
//! names.

use crate::untrusted_types_and_views::Stage;

const FUNCTION: &str = r#"
version = 1

[tenants]
list = ["acme"]

[functions.code]
arguments = "prefix anyelement"
returns = "anyelement"
language = "sql"
body = "SELECT prefix"
"#;

const TENANT: &str = "
    CREATE TABLE public.marks (who text);
    GRANT INSERT ON public.marks TO PUBLIC;
    CREATE SCHEMA acme; SET search_path = acme;
    CREATE FUNCTION code(prefix anyelement) RETURNS anyelement LANGUAGE sql AS 'SELECT prefix';";

async fn stage(manifest: &str, sql: impl Fn(&str) -> String) -> Stage {
    Stage::of(&format!("{FUNCTION}{manifest}"), TENANT, sql).await
}

/// A function of hers that fits better than the declared one.
fn better(eve: &str) -> String {
    format!(
        "SET ROLE {eve}; CREATE FUNCTION acme.code(v text) RETURNS text LANGUAGE plpgsql AS \
         $$BEGIN INSERT INTO public.marks VALUES (current_user); RETURN 'eve'; END$$"
    )
}

const TABLE: &str = r#"
[tables.t]
primary_key = ["id"]
columns = { id = "integer", v = { type = "text", default = "{schema}.code('R'::text)" } }

[[seeds]]
table = "t"
key = ["id"]
rows = [{ id = 1 }]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_default_calls_what_is_declared() {
    let stage = stage(TABLE, |_| String::new()).await;
    stage.run(&["apply", "acme"]).with(0);
    assert_eq!(stage.database.ask("SELECT v FROM acme.t").await, "R");
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_default_calls_another_function_of_the_name() {
    let stage = stage(TABLE, better).await;
    stage.holds_back("create table t").await;
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_a_row_of_a_table_that_is_there() {
    let rows = TABLE.replace("default = \"{schema}.code('R'::text)\"", "null = true");
    let rows = rows.replace("{ id = 1 }", "{ id = 1, v = { sql = \"{schema}.code('R'::text)\" } }");
    let stage = stage(&rows, |eve| {
        format!("CREATE TABLE acme.t (id integer PRIMARY KEY, v text); {}", better(eve))
    })
    .await;
    stage.holds_back("insert 1 row into table t").await;
    assert_eq!(stage.database.count("acme.t").await, 0);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_aggregate_is_made_of_another_function_of_the_name() {
    let aggregate = r#"
[aggregates.last]
arguments = "v text"
sfunc = "add"
stype = "text"
[functions.add]
arguments = "s anyelement, v text"
returns = "anyelement"
language = "sql"
body = "SELECT s"
"#;
    let stage = stage(aggregate, |eve| {
        format!(
            "CREATE FUNCTION acme.add(s anyelement, v text) RETURNS anyelement LANGUAGE sql AS \
             'SELECT s'; SET ROLE {eve}; CREATE FUNCTION acme.add(s text, v text) RETURNS text \
             LANGUAGE sql AS 'SELECT s'"
        )
    })
    .await;
    stage.holds_back("create aggregate last(text)").await;
    stage.strike().await;
}

/// That an aggregate has such a state is in none of the server's dependencies.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_state_of_an_aggregate_is_no_value_of_a_type_of_others() {
    for parameters in [
        "sfunc = \"trim_array\"\nstype = \"positive[]\"\nfinalfunc = \"cardinality\"\ninitcond = \"{1,2}\"",
        "sfunc = \"int4pl\"\nstype = \"integer\"\nmsfunc = \"trim_array\"\nminvfunc = \"trim_array\"\n\
         mstype = \"positive[]\"\nmfinalfunc = \"cardinality\"\nminitcond = \"{1,2}\"",
    ] {
        let manifest = format!(
            "[types.positive]\ndomain = \"integer\"\n\
             [aggregates.kept]\narguments = \"n integer\"\n{parameters}\n"
        );
        let stage = stage(&manifest, |eve| {
            format!(
                "SET ROLE {eve}; CREATE FUNCTION acme.ok(v integer) RETURNS boolean \
                 LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.marks VALUES (current_user); \
                 RETURN true; END$$; CREATE DOMAIN acme.positive AS integer CHECK (acme.ok(VALUE))"
            )
        })
        .await;
        stage.holds_back("create aggregate kept(integer)").await;
        stage.strike().await;
    }
}

/// Nor is what it is made of there, before that is created.
#[tokio::test(flavor = "multi_thread")]
async fn an_aggregate_is_created_after_the_types_of_its_states() {
    let manifest = "[tables.items]\ncolumns = { id = \"integer\" }\n\
                    [aggregates.kept]\narguments = \"n integer\"\nsfunc = \"trim_array\"\n\
                    stype = \"items[]\"\nfinalfunc = \"cardinality\"\ninitcond = \"{}\"\n";
    let stage = stage(manifest, |_| String::new()).await;
    stage.run(&["apply", "acme"]).with(0);
    stage.run(&["drift"]).with(0);
    stage.strike().await;
}
