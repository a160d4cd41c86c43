//! Rules in tenants whose owners are not trusted: none of what they would do is done.

use crate::untrusted_types_and_views::{Stage, traitor};

const MANIFEST: &str = r#"
version = 1

[tenants]
list = ["acme"]

[tables.t]
primary_key = ["id"]
columns = { id = "integer" }
rules = [{ name = "logged", event = "insert", do = "INSERT INTO log VALUES (f(new.id))" }]

[tables.log]
columns = { id = "integer" }

[functions.f]
arguments = "a integer"
returns = "integer"
language = "sql"
body = "SELECT 1"

[[seeds]]
table = "t"
key = ["id"]
rows = [{ id = 1 }, { id = 2 }]
"#;

/// A tenant that lacks a row.
const TENANT: &str = "
    CREATE TABLE public.marks (who text);
    GRANT INSERT ON public.marks TO PUBLIC;
    CREATE SCHEMA acme; SET search_path = acme;
    CREATE FUNCTION f(a integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
    CREATE TABLE t (id integer PRIMARY KEY);
    CREATE TABLE log (id integer NOT NULL);
    INSERT INTO t VALUES (1);
    CREATE RULE logged AS ON INSERT TO t DO ALSO INSERT INTO log VALUES (f(new.id));";

async fn stage(sql: impl Fn(&str) -> String) -> Stage {
    Stage::of(MANIFEST, TENANT, sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_go_through_a_rule_where_all_is_trusted() {
    let stage = stage(|_| String::new()).await;
    stage.run(&["apply", "acme"]).with(0);
    assert_eq!(stage.database.count("acme.t").await, 2);
    // What a rule does in addition to the INSERT looks for the missing row again, which is there by then.
    assert_eq!(stage.database.count("acme.log").await, 0);
    stage.run(&["drift"]).with(0);
    stage.database.run("INSERT INTO acme.t VALUES (3)").await;
    assert_eq!(stage.database.count("acme.log").await, 1);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_was_planted_under_a_declared_name_is_not_run() {
    let stage = stage(|eve| {
        format!(
            "ALTER TABLE acme.t OWNER TO {eve}; SET ROLE {eve}; {}
             CREATE OR REPLACE RULE logged AS ON INSERT TO acme.t DO INSTEAD SELECT acme.hers(new.id)",
            traitor("hers", "integer")
        )
    })
    .await;
    stage.holds_back("insert 1 row into table t").await;
    assert_eq!(stage.database.count("acme.t").await, 1);
    stage.strike().await;
}

/// Its owner could replace it at any moment.
#[tokio::test(flavor = "multi_thread")]
async fn nor_is_one_that_looks_as_declared() {
    let stage = stage(|eve| {
        format!(
            "ALTER TABLE acme.t OWNER TO {eve}; ALTER FUNCTION acme.f OWNER TO {eve};
             SET ROLE {eve}; {}",
            traitor("f", "integer")
        )
    })
    .await;
    stage.holds_back("insert 1 row into table t").await;
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_by_a_rule_into_a_table_of_others() {
    let stage = stage(|eve| {
        format!(
            "ALTER TABLE acme.log OWNER TO {eve}; SET ROLE {eve};
             CREATE FUNCTION acme.spy() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN INSERT INTO public.marks VALUES (current_user); RETURN new; END$$;
             CREATE TRIGGER spy BEFORE INSERT ON acme.log FOR EACH ROW EXECUTE FUNCTION acme.spy()"
        )
    })
    .await;
    stage.holds_back("insert 1 row into table t").await;
    assert_eq!(stage.database.count("acme.log").await, 0);
    stage.strike().await;
}

/// Not even in the order in which an apply would create the rule and insert the row.
#[tokio::test(flavor = "multi_thread")]
async fn nor_by_one_that_is_still_to_be_created() {
    let stage = stage(|eve| {
        format!(
            "DROP RULE logged ON acme.t; ALTER TABLE acme.log OWNER TO {eve}; SET ROLE {eve};
             CREATE FUNCTION acme.spy() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN INSERT INTO public.marks VALUES (current_user); RETURN new; END$$;
             CREATE TRIGGER spy BEFORE INSERT ON acme.log FOR EACH ROW EXECUTE FUNCTION acme.spy()"
        )
    })
    .await;
    stage.holds_back("create rule logged on t").await;
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_calls_a_function_of_others_is_not_created() {
    let stage = stage(|eve| {
        format!(
            "DROP RULE logged ON acme.t; ALTER FUNCTION acme.f OWNER TO {eve}; SET ROLE {eve}; {}",
            traitor("f", "integer")
        )
    })
    .await;
    stage.holds_back("create rule logged on t").await;
    stage.strike().await;
}
