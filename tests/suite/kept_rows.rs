//! Baseline rows that are kept at their values, rows of tables that have no others, and rows that are written once.

use provision::explain::Explain as _;
use provision::plan::Action;

use crate::fleet::{register, registered};
use crate::support::killing::killed_everywhere;
use crate::support::tool::go;
use crate::support::{self, Database, Folder, context_of, converge, refused, told};

/// Plans, kept at their values.
fn plans(mode: &str, rows: &str) -> String {
    format!(
        "version = 1\n[tables.plans]\nprimary_key = [\"code\"]\nunique = [\"name\"]\n\
         columns = {{ code = \"text\", name = \"text\", price = \"numeric(10,2)\" }}\n\
         [[seeds]]\ntable = \"plans\"\nkey = [\"code\"]\nmode = \"{mode}\"\nrows = [{rows}]\n"
    )
}

const TWO: &str = "{ code = \"free\", name = \"Free\", price = 0 }, { code = \"team\", name = \"Team\", price = 49 }";

const CONTENTS: &str =
    "SELECT string_agg(concat_ws(' ', code, name, price), ', ' ORDER BY code) FROM acme.plans";

#[tokio::test(flavor = "multi_thread")]
async fn values_are_kept_with_consent_and_told_without() {
    let database = Database::new().await;
    let mut context = context_of(&plans("upsert", TWO), &database);
    converge(&context, "acme").await;
    database
        .run(
            "UPDATE acme.plans SET price = 59, name = 'Teams' WHERE code = 'team'; \
             INSERT INTO acme.plans VALUES ('own', 'Own', 1)",
        )
        .await;
    let left = support::apply(&context, "acme").await.unwrap();
    assert!(left.plan.is_empty() && left.left.is_drift());
    let [change] = &left.plan.changed[..] else { panic!("{:?}", left.plan.changed) };
    assert_eq!(change.object.to_string(), "row of plans with code = \"team\"");
    assert_eq!(change.actual, "name = \"Teams\"\nprice = \"59.00\"");
    assert_eq!(change.expected, "name = \"Team\"\nprice = \"49.00\"");
    assert_eq!(change.cells.len(), 2);
    context.consent = "alter:row of plans with code = \"team\"".parse().unwrap();
    let applied = support::apply(&context, "acme").await.unwrap();
    assert_eq!(applied.plan.steps.len(), 1);
    assert!(!applied.left.is_drift());
    assert_eq!(database.ask(CONTENTS).await, "free Free 0.00, own Own 1.00, team Team 49.00");
    assert!(support::plan(&context, "acme").await.unwrap().is_empty());
    // Consent that no row can need is a typing error.
    let mut fresh = context_of(&plans("upsert", TWO), &database);
    fresh.consent = "alter:row of plans with code = \"tema\"".parse().unwrap();
    assert_eq!(refused(support::plan(&fresh, "acme").await).code(), "nothing-allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn surplus_rows_go_one_by_one_and_only_with_consent() {
    let database = Database::new().await;
    let mut context = context_of(&plans("exact", TWO), &database);
    converge(&context, "acme").await;
    database
        .run("INSERT INTO acme.plans VALUES ('x1', 'X1', 1), ('x2', 'X2', 2), (E'y\"\\n', 'Y', 3)")
        .await;
    let plan = support::plan(&context, "acme").await.unwrap();
    assert!(plan.is_empty());
    let extra: Vec<String> = plan.extra.iter().map(ToString::to_string).collect();
    let row = |key: &str| format!("row of plans with code = {key}");
    assert_eq!(extra, [row("\"x1\""), row("\"x2\""), row("\"y\\\"\\n\"")]);
    context.consent = "drop:row of plans with code = \"x*".parse().unwrap();
    let applied = support::apply(&context, "acme").await.unwrap();
    assert_eq!(
        applied.plan.steps.iter().map(|step| step.action).collect::<Vec<_>>(),
        [Action::Delete, Action::Delete]
    );
    assert_eq!(applied.left.untouched.extra.len(), 1);
    context.consent = "drop".parse().unwrap();
    assert!(!support::apply(&context, "acme").await.unwrap().left.is_drift());
    assert_eq!(database.count("acme.plans").await, 2);
}

/// Values of unique keys are exchanged between two, three and new rows, and taken over from one that goes.
#[tokio::test(flavor = "multi_thread")]
async fn unique_values_are_exchanged() {
    for (before, mode) in [
        ("('free', 'Team', 0), ('team', 'Free', 49)", "upsert"),
        ("('free', 'New', 0), ('team', 'Free', 49)", "upsert"),
        ("('team', 'Free', 49)", "upsert"),
        ("('old', 'Free', 0), ('older', 'Team', 0)", "exact"),
        ("('old', 'Team', 0), ('team', 'Free', 0)", "exact"),
    ] {
        let database = Database::new().await;
        database
            .run(&format!(
                "CREATE SCHEMA acme; CREATE TABLE acme.plans (code text PRIMARY KEY, \
                 name text NOT NULL UNIQUE, price numeric(10,2) NOT NULL); \
                 INSERT INTO acme.plans VALUES {before}"
            ))
            .await;
        let mut context = context_of(&plans(mode, TWO), &database);
        context.consent = "alter,drop".parse().unwrap();
        converge(&context, "acme").await;
        assert_eq!(database.ask(CONTENTS).await, "free Free 0.00, team Team 49.00", "{before}");
    }
}

/// A script does the same, and can be run again.
#[tokio::test(flavor = "multi_thread")]
async fn a_script_exchanges_values_too() {
    let database = Database::new().await;
    let mut context = context_of(&plans("exact", TWO), &database);
    converge(&context, "acme").await;
    database
        .run(
            "UPDATE acme.plans SET name = 'x' WHERE code = 'free'; \
             UPDATE acme.plans SET name = 'Free' WHERE code = 'team'; \
             UPDATE acme.plans SET name = 'Team' WHERE code = 'free'; \
             INSERT INTO acme.plans VALUES ('x', 'X', 1)",
        )
        .await;
    context.consent = "alter,drop".parse().unwrap();
    let plan = support::plan(&context, "acme").await.unwrap();
    assert_eq!(plan.steps.len(), 4, "{}", plan.to_sql());
    for _ in 0..2 {
        database.run(&plan.to_sql()).await;
        assert_eq!(database.ask(CONTENTS).await, "free Free 0.00, team Team 49.00");
    }
    assert!(support::plan(&context, "acme").await.unwrap().is_empty());
}

const REFERRED: &str = "[tables.users]\ncolumns = { plan = { type = \"text\", null = true } }\n\
     foreign_keys = [{ columns = [\"plan\"], references = { table = \"plans\", columns = [\"code\"] }";

/// No row goes, or changes, with one that is deleted.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_refer_to_others_stay() {
    for (action, code) in [
        ("", "step-failed"),
        (", on_delete = \"cascade\"", "not-converged"),
        (", on_delete = \"set null\"", "not-converged"),
    ] {
        let database = Database::new().await;
        let manifest =
            plans("exact", TWO).replace("[[seeds]]", &format!("{REFERRED}{action} }}]\n[[seeds]]"));
        let mut context = context_of(&manifest, &database);
        converge(&context, "acme").await;
        database
            .run(
                "INSERT INTO acme.plans VALUES ('x', 'X', 1); \
                 INSERT INTO acme.users VALUES ('x'), ('team'), (NULL)",
            )
            .await;
        context.consent = "drop".parse().unwrap();
        let error = refused(support::apply(&context, "acme").await);
        assert_eq!(error.code(), code, "{}", told(&error));
        assert!(told(&error).contains("row of plans with code = \"x\""), "{}", told(&error));
        assert_eq!(database.count("acme.users WHERE plan = 'x'").await, 1, "{action}");
        database.run("UPDATE acme.users SET plan = 'free' WHERE plan = 'x'").await;
        assert!(!support::apply(&context, "acme").await.unwrap().left.is_drift());
        assert_eq!(database.count("acme.users WHERE plan IS NOT NULL").await, 2);
    }
}

/// Rows of one table that refer to each other go at once, whichever comes first.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_refer_to_each_other_go_together() {
    for action in ["", ", on_delete = \"cascade\""] {
        let database = Database::new().await;
        let manifest = format!(
            "version = 1\n[tables.t]\nprimary_key = [\"id\"]\n\
             columns = {{ id = \"int\", up = {{ type = \"int\", null = true }} }}\n\
             foreign_keys = [{{ columns = [\"up\"], references = {{ table = \"t\", columns = [\"id\"] }}{action} }}]\n\
             [[seeds]]\ntable = \"t\"\nkey = [\"id\"]\nmode = \"exact\"\nrows = [{{ id = 1 }}, {{ id = 8, up = 1 }}, {{ id = 9, up = 8 }}]\n"
        );
        let mut context = context_of(&manifest, &database);
        converge(&context, "acme").await;
        database.run("INSERT INTO acme.t VALUES (2, 1), (3, 2), (4, 3), (5, NULL); UPDATE acme.t SET up = 5 WHERE id = 2").await;
        context.consent = "drop".parse().unwrap();
        let plan = support::plan(&context, "acme").await.unwrap();
        assert_eq!(plan.steps.len(), 4);
        converge(&context, "acme").await;
        assert_eq!(database.count("acme.t").await, 3, "{action}");
    }
}

/// Those of another schema are seen by nobody but the server.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_another_schema_that_refer_to_others_stay() {
    let database = Database::new().await;
    let mut context = context_of(&plans("exact", TWO), &database);
    converge(&context, "acme").await;
    database
        .run(
            "INSERT INTO acme.plans VALUES ('x', 'X', 1); \
             CREATE TABLE public.others (plan text REFERENCES acme.plans ON DELETE CASCADE); \
             INSERT INTO public.others VALUES ('x')",
        )
        .await;
    context.consent = "drop".parse().unwrap();
    let applied = support::apply(&context, "acme").await.unwrap();
    assert_eq!(applied.plan.held.len(), 1, "{:?}", applied.plan.held);
    assert_eq!(database.count("public.others").await, 1);
    assert_eq!(database.count("acme.plans").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_written_once_with_their_table() {
    let manifest = |more: &str| {
        let seed = |table: &str| {
            format!(
                "[tables.{table}]\nprimary_key = [\"id\"]\ncolumns = {{ id = \"int\" }}\n\
                 [[seeds]]\ntable = \"{table}\"\nkey = [\"id\"]\nmode = \"once\"\nrows = [{{ id = 1 }}]\n"
            )
        };
        format!(
            "version = 1\n{}{}",
            seed("a"),
            if more.is_empty() { String::new() } else { seed(more) }
        )
    };
    let database = Database::new().await;
    converge(&context_of(&manifest(""), &database), "acme").await;
    assert_eq!(database.count("acme.a").await, 1);
    database.run("DELETE FROM acme.a").await;
    let applied = converge(&context_of(&manifest("b"), &database), "acme").await;
    assert_eq!(applied.plan.steps.len(), 2);
    assert_eq!((database.count("acme.a").await, database.count("acme.b").await), (0, 1));
    // An adopted tenant has them or not.
    database.run("CREATE SCHEMA globex; CREATE TABLE globex.a (id int PRIMARY KEY)").await;
    let context = context_of(&manifest(""), &database);
    converge(&context, "globex").await;
    assert_eq!(database.count("globex.a").await, 0);
    // In a renamed table they are not written again.
    let renamed = manifest("").replace("[tables.a]", "[tables.c]\nrenamed_from = \"a\"");
    let renamed = renamed.replace("table = \"a\"", "table = \"c\"");
    let mut context = context_of(&renamed, &database);
    context.consent = "alter".parse().unwrap();
    converge(&context, "globex").await;
    assert_eq!(database.count("globex.c").await, 0);
}

/// Hostile code on the table is not run: neither by an UPDATE nor by a DELETE.
#[tokio::test(flavor = "multi_thread")]
async fn code_of_others_on_updates_and_deletes_holds_rows_back() {
    for event in ["UPDATE", "DELETE"] {
        let database = Database::new().await;
        let mut context = context_of(&plans("exact", TWO), &database);
        converge(&context, "acme").await;
        let role = format!("evil_{}_{}", event.to_lowercase(), database.name);
        database
            .run(&format!(
                "CREATE ROLE {role}; GRANT ALL ON SCHEMA acme TO {role}; CREATE TABLE public.traces (x text); \
                 GRANT ALL ON public.traces TO public; \
                 CREATE FUNCTION acme.f() RETURNS trigger LANGUAGE plpgsql AS \
                 $$BEGIN INSERT INTO public.traces VALUES (current_user); RETURN coalesce(new, old); END$$; \
                 ALTER FUNCTION acme.f() OWNER TO {role}; \
                 CREATE TRIGGER t BEFORE {event} ON acme.plans FOR EACH ROW EXECUTE FUNCTION acme.f(); \
                 ALTER TABLE acme.plans DISABLE TRIGGER t; \
                 UPDATE acme.plans SET price = 1; INSERT INTO acme.plans VALUES ('x', 'X', 1); \
                 ALTER TABLE acme.plans ENABLE TRIGGER t"
            ))
            .await;
        context.consent = "alter:row *,drop:row *".parse().unwrap();
        let applied = support::apply(&context, "acme").await.unwrap();
        assert_eq!(database.count("public.traces").await, 0, "{event}");
        assert!(!applied.plan.held.is_empty(), "{event}");
        database
            .run(&format!("DROP TRIGGER t ON acme.plans; DROP FUNCTION acme.f(); DROP OWNED BY {role}; DROP ROLE {role}"))
            .await;
        converge(&context, "acme").await;
        assert_eq!(database.ask(CONTENTS).await, "free Free 0.00, team Team 49.00", "{event}");
    }
}

/// Tenants whose values differ in the same way are told together, others apart, in every format.
#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_is_told_by_its_values() {
    let database = Database::new().await;
    register(&database, (0..5).map(|n| format!("t{n}"))).await;
    let manifest = registered();
    let tenants = manifest.split("[tables").next().unwrap();
    let folder = Folder::new(&plans("exact", TWO).replace("version = 1\n", tenants));
    go(&database, &folder, &["apply", "--all"]).with(0);
    go(&database, &folder, &["drift"]).with(0);
    database
        .run(
            "UPDATE t0.plans SET price = 1 WHERE code = 'free'; UPDATE t1.plans SET price = 1 WHERE code = 'free'; \
             UPDATE t2.plans SET price = 2 WHERE code = 'free'; INSERT INTO t3.plans VALUES ('x', 'X', 3)",
        )
        .await;
    let drift = go(&database, &folder, &["drift"]).with(2);
    for part in [
        "2 tenants: different row of plans with code = \"free\": price \"1.00\" → \"0.00\"",
        "- price = \"2.00\"",
        "extra row of plans with code = \"x\"",
    ] {
        assert!(drift.stdout.contains(part), "{part}: {}", drift.stdout);
    }
    let json: serde_json::Value = serde_json::from_str(
        &go(&database, &folder, &["drift", "--format", "json"]).with(2).stdout,
    )
    .unwrap();
    assert_eq!(json["shapes"].as_array().unwrap().len(), 3, "{json}");
    let cells = &json["shapes"][0]["difference"]["changed"][0]["cells"][0];
    assert_eq!(
        *cells,
        serde_json::json!({ "column": "price", "actual": "1.00", "expected": "0.00" })
    );
    for format in ["markdown", "github", "junit"] {
        let told = go(&database, &folder, &["drift", "--format", format]).with(2).stdout;
        assert!(told.contains("1.00") && told.contains("2.00") && told.contains("0.00"), "{told}");
    }
    // What is not allowed does not keep the rest from being done, and a second pass does nothing.
    go(&database, &folder, &["apply", "--all"]).with(3);
    let plan = go(&database, &folder, &["plan", "--all", "--allow", "alter,drop"]).with(0);
    assert!(plan.stdout.contains("- price = \"2.00\""), "{}", plan.stdout);
    go(&database, &folder, &["apply", "--all", "--allow", "alter,drop"]).with(0);
    go(&database, &folder, &["drift"]).with(0);
    let again = go(&database, &folder, &["apply", "--all", "--allow", "alter,drop"]).with(0);
    assert!(again.stdout.contains("current"), "{}", again.stdout);
}

/// Values are equal as their types say, extensions' types among them; long ones are told cut off, and are still told apart.
#[tokio::test(flavor = "multi_thread")]
async fn values_are_equal_as_their_types_say() {
    let database = Database::new().await;
    database.run(crate::rows::FOLDED).await;
    let manifest = "version = 1\n[tables.t]\nprimary_key = [\"id\"]\n\
         columns = { id = \"int\", a = \"public.folded\", b = \"public.name\", c = \"text\", d = \"interval\", e = \"point\" }\n\
         [[seeds]]\ntable = \"t\"\nkey = [\"id\"]\nmode = \"upsert\"\n\
         rows = [{ id = 1, a = \"Abc\", b = \"Abc\", c = \"x\", d = \"90 min\", e = \"(1.0, 2)\" }]\n";
    let mut context = context_of(manifest, &database);
    converge(&context, "acme").await;
    database.run("UPDATE acme.t SET a = 'ABC', b = 'aBC'").await;
    assert!(!support::apply(&context, "acme").await.unwrap().left.is_drift());
    let mut told = Vec::new();
    for end in ["y", "z"] {
        database
            .run(&format!("UPDATE acme.t SET c = repeat('ã', 5000) || '{end}', e = '(1,3)'"))
            .await;
        let plan = support::plan(&context, "acme").await.unwrap();
        let [change] = &plan.changed[..] else { panic!("{:?}", plan.changed) };
        assert_eq!(change.cells[1].actual.as_deref(), Some("(1,3)"));
        let text = change.cells[0].actual.clone().unwrap();
        assert!(
            text.starts_with("ãã") && text.contains("(5001 characters") && text.len() < 500,
            "{text}"
        );
        told.push((text, plan.live_checksum));
    }
    assert_ne!(told[0], told[1]);
    context.consent = "alter".parse().unwrap();
    converge(&context, "acme").await;
    assert_eq!(
        database.ask("SELECT concat_ws(' ', a, b, c, d, e) FROM acme.t").await,
        "ABC aBC x 01:30:00 (1,2)"
    );
}

/// Killed between any two statements, a tenant is as before or as it is in the end.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_time_rows_are_whole() {
    let database = Database::new().await;
    let folder = Folder::new(&plans("exact", TWO));
    go(&database, &folder, &["apply", "acme"]).with(0);
    database
        .run(
            "UPDATE acme.plans SET price = 1, name = code; INSERT INTO acme.plans VALUES ('x', 'X', 3)",
        )
        .await;
    killed_everywhere(&database, &folder, "alter,drop", CONTENTS).await;
    assert_eq!(database.ask(CONTENTS).await, "free Free 0.00, team Team 49.00");
}
