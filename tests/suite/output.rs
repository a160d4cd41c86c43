//! What is printed can do nothing, and tells nothing of tenants' rows unless it is asked to.

use crate::support::service::Service;
use crate::support::tool::{RunReport, on, run};
use crate::support::{Database, Folder};

/// A table's name that is a command to a workflow's runner, turns text around and clears screens.
const NAME: &str = "a\n::error title=x::y\u{202e}##[group]\u{1b}[2J";

/// The same in a TOML string.
const IN_TOML: &str = r"a\n::error title=x::y\u202e##[group]\u001b[2J";

fn manifest() -> String {
    format!(
        r#"
version = 1
[tenants]
list = ["old", "fresh", "taken"]
[types."e\n::error::type"]
enum = ["l\n::error::label"]
[tables."{IN_TOML}"]
primary_key = ["id"]
comment = "c\n::error::comment"
checks = [{{ name = "k\n::error::check", expression = "id <> 'v\n::error::expression'" }}]
[tables."{IN_TOML}".columns]
id = "text"
"n\n::error::column" = {{ type = "text", default = "'d\n::error::default'" }}
[[seeds]]
table = "{IN_TOML}"
key = ["id"]
rows = [{{ id = "r\n::error::row" }}]
"#
    )
}

/// No line is a command but those that begin with one of `known`, and no character does anything.
#[track_caller]
fn check_harmless(text: &str, known: &[&str]) {
    for line in text.lines() {
        let obeyed = line.trim_start().starts_with("::") || line.contains("##[");
        let is_known = known.iter().any(|start| line.starts_with(start));
        assert!(!obeyed || is_known, "{line:?} is a command in {text:?}");
        let bad = line.chars().find(|c| c.is_control() || *c == '\u{202e}');
        assert!(bad.is_none(), "{line:?} does something in {text:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_and_values_do_nothing_to_who_reads_them() {
    let database = Database::new().await;
    let folder = Folder::new(&manifest());
    let dir = folder.dir.path();
    let go = |args: &[&str]| run(on(&database, dir, args));
    let check = |args: &[&str], known: &[&str]| {
        let ended = go(args);
        check_harmless(&ended.stdout, known);
        check_harmless(&ended.stderr, &[]);
        ended
    };
    check(&["apply", "old", "--sql"], &[]).with(0);
    let table = NAME.replace('"', "\"\"");
    database
        .run(&format!(
            "CREATE TABLE old.\"extra{table}\" (); CREATE VIEW old.\"view{table}\" AS SELECT 1; \
             ALTER TABLE old.\"{table}\" ALTER \"n\n::error::column\" SET DEFAULT 'o\n::error::o'; \
             COMMENT ON TABLE old.\"{table}\" IS 'other\n::error::other'; \
             DELETE FROM old.\"{table}\"; \
             CREATE SCHEMA taken; CREATE VIEW taken.\"{table}\" AS SELECT 1"
        ))
        .await;
    check(&["plan", "old", "--sql"], &[]).with(0);
    let plan = check(&["plan", "fresh"], &[]).with(0).stdout;
    let shown = r"create table a\n::error title=x::y\u{202e}#\u{23}[group]\u{1b}[2J";
    assert!(plan.contains(shown), "{plan}");
    let sql = check(&["plan", "fresh", "--sql"], &[]).with(0).stdout;
    assert!(sql.contains("CREATE TABLE"), "{sql}");
    let taken = check(&["plan", "taken"], &[]).with(0).stdout;
    assert!(taken.contains("is taken by a view"), "{taken}");
    check(&["plan", "--all", "--sql"], &[]).with(0);
    check(&["drift"], &[]);
    check(&["drift", "--format", "markdown"], &[]);
    check(&["drift", "--format", "junit"], &[]);
    let ours = ["::error title=tenant drift::", "::error title=tenant not checked::"];
    check(&["drift", "--format", "github"], &ours);
    check(&["status", "old"], &[]).with(0);
    check(&["apply", "old", "--sql"], &[]).with(3);
    check(&["apply", "--all"], &[]).with(3);
    for format in ["--format=json", "--log-format=json"] {
        check(&["drift", format], &[]);
        check(&["plan", "taken", format], &[]).with(0);
    }
    folder.write("schema.toml", &manifest().replace("\"text\"", "\"nonsense\""));
    check(&["plan", "fresh"], &[]).with(1);
    folder.write("schema.toml", &manifest().replace("key = [\"id\"]", "key = [\"x\\n::error::\"]"));
    check(&["validate"], &[]).with(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_holds_names_as_they_are() {
    let database = Database::new().await;
    let folder = Folder::new(&manifest());
    let dir = folder.dir.path();
    let script = run(on(&database, dir, &["plan", "fresh", "--format", "sql"])).with(0).stdout;
    assert!(script.contains(NAME), "{script:?}");
    for _ in 0..2 {
        database.run(&script).await;
    }
    run(on(&database, dir, &["plan", "fresh", "--detailed-exitcode"])).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_makes_the_same_whatever_the_settings_are() {
    let database = Database::new().await;
    let folder = Folder::new(&manifest_with("unique = [[\"name\"]]"));
    let dir = folder.dir.path();
    let script = run(on(&database, dir, &["plan", "acme", "--format", "sql"])).with(0).stdout;
    let name = &database.name;
    database
        .run(&format!(
            "CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler; \
             ALTER DATABASE {name} SET default_table_access_method = other; \
             ALTER DATABASE {name} SET DateStyle = 'SQL, DMY'; \
             ALTER DATABASE {name} SET search_path = nowhere"
        ))
        .await;
    database.run(&script).await;
    let access_method = database
        .ask(
            "SELECT amname FROM pg_class c JOIN pg_am a ON a.oid = c.relam \
             WHERE c.oid = 'acme.t'::regclass",
        )
        .await;
    assert_eq!(access_method, "heap");
    assert!(script.contains("SET LOCAL search_path = 'pg_catalog', 'pg_temp';"), "{script}");
    assert!(script.contains("SET LOCAL default_tablespace = '';"), "{script}");
}

const SECRET: &str = "value-of-a-row";

/// A tenant whose rows are in the way of each of these.
async fn with_rows_in_the_way() -> (Database, Folder) {
    let database = Database::new().await;
    let base = "version = 1\n[tables.t]\ncolumns = { name = \"text\" }\n";
    let folder = Folder::new(base);
    run(on(&database, folder.dir.path(), &["apply", "acme"])).with(0);
    database.run(&format!("INSERT INTO acme.t VALUES ('{SECRET}'), ('{SECRET}')")).await;
    (database, folder)
}

const IN_THE_WAY: [(&str, &str, &str); 3] = [
    ("23505", "unique = [[\"name\"]]", "t_name_key"),
    (
        "22P02",
        "checks = [{ name = \"c\", expression = \"name::int > 0\" }]",
        "add constraint c on t",
    ),
    (
        "22P02",
        "indexes = [{ columns = [{ expression = \"(name::int)\" }] }]",
        "create index t_expr_idx",
    ),
];

fn manifest_with(rule: &str) -> String {
    format!("version = 1\n[tables.t]\n{rule}\ncolumns = {{ name = \"text\" }}\n")
}

fn all_of(ended: &RunReport) -> String {
    format!("{}{}", ended.stdout, ended.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_rows_are_shown_to_who_asks_for_them() {
    let (database, folder) = with_rows_in_the_way().await;
    let dir = folder.dir.path();
    for (sqlstate, rule, what) in IN_THE_WAY {
        folder.write("schema.toml", &manifest_with(rule));
        for args in [
            &["apply", "acme"][..],
            &["apply", "acme", "--log-format", "json", "--log", "debug"],
            &["apply", "--all"],
            &["apply", "--all", "--format", "json"],
        ] {
            let args = &[args, &["--check-rows", "0"]].concat();
            let told = all_of(&run(on(&database, dir, args)).with(1));
            assert!(!told.contains(SECRET), "{args:?}: {told}");
            for part in [sqlstate, what, "--show-values"] {
                assert!(told.contains(part), "{args:?}: no {part} in {told}");
            }
            let shown = [&args[..], &["--show-values"]].concat();
            let told = all_of(&run(on(&database, dir, &shown)).with(1));
            assert!(told.contains(SECRET) && !told.contains("--show-values"), "{shown:?}: {told}");
        }
        let mut command = on(&database, dir, &["apply", "acme", "--check-rows", "0"]);
        command.env("PROVISION_SHOW_VALUES", "1");
        let told = run(command).with(1).stderr;
        assert!(told.contains(SECRET), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_answers_without_values_whatever_it_logs() {
    let (database, _) = with_rows_in_the_way().await;
    // What cannot be counted is tried.
    for (_, rule, _) in IN_THE_WAY.into_iter().filter(|(sqlstate, ..)| *sqlstate == "22P02") {
        for is_shown in [false, true] {
            let args: &[&str] = if is_shown { &["--show-values"] } else { &[] };
            let args = [&["--interval", "0"], args].concat();
            let service = Service::start(&database, &manifest_with(rule), &args);
            let answer = service.post("/ops/provision/acme").await.with(500);
            assert!(!answer.body.contains(SECRET) && !answer.head.contains(SECRET), "{answer:?}");
            service.logs("step-failed").await;
            // The line with the values comes after the one with the code.
            if is_shown {
                service.logs(SECRET).await;
            }
            let log = service.log();
            assert_eq!(log.contains(SECRET), is_shown, "{log}");
        }
    }
}

/// The last line on stderr, as JSON.
#[track_caller]
fn final_error(ended: &RunReport) -> serde_json::Value {
    let line = ended.stderr.lines().last().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {ended:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn where_json_was_asked_for_the_final_error_is_json() {
    let folder = Folder::new("version = 1\n[tables.t]\ncolumns = { name = \"text\" }\n");
    let dir = folder.dir.path();
    let away = |args: &[&str]| {
        let mut command = crate::support::tool::tool(dir, args);
        command.env("DATABASE_URL", "postgres://me@127.0.0.1:1/db");
        run(command).with(1)
    };
    for command in [
        &["drift"][..],
        &["plan", "--all"],
        &["apply", "--all"],
        &["plan", "acme"],
        &["apply", "acme", "--attempts", "1"],
        &["status", "acme"],
    ] {
        for format in ["--log-format=json", "--format=json"] {
            let ended = away(&[command, &[format]].concat());
            assert_eq!(ended.stdout, "", "{command:?} {format}");
            let error = final_error(&ended);
            assert_eq!(error["code"], "connect-failed", "{command:?} {format}: {error}");
            assert!(error["message"].as_str().is_some_and(|text| text.contains("cannot connect")));
            assert!(error["hint"].is_string() && error["sqlstate"].is_null(), "{error}");
        }
        let ended = away(command);
        assert!(ended.stderr.contains("error[connect-failed]"), "{ended:?}");
        assert_eq!(ended.stdout, "");
    }
    for usage in [&["plan", "--format", "json"][..], &["apply", "a\n::b", "--log-format=json"]] {
        let ended = away(usage);
        assert_eq!((&*ended.stdout, ended.stderr.lines().count()), ("", 1), "{ended:?}");
        assert_eq!(final_error(&ended)["code"], "usage", "{ended:?}");
    }
    check_harmless(&away(&["plan", "a\n::error::b"]).stderr, &[]);
    check_harmless(&away(&["plan", "a", "--format=x\n::error::b"]).stderr, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_report_in_json_tells_its_version_first() {
    let (database, folder) = with_rows_in_the_way().await;
    let dir = folder.dir.path();
    let go = |args: &[&str]| run(on(&database, dir, &[args, &["--format", "json"]].concat()));
    let saved = provision::plan::FORMAT_VERSION;
    for (args, version) in [
        (&["plan", "acme"][..], saved),
        (&["plan", "--all"], saved),
        (&["drift"], 1),
        (&["apply", "acme"], 1),
        (&["apply", "--all"], 1),
        (&["status", "acme"], 1),
    ] {
        let stdout = go(args).with(0).stdout;
        let start = format!("{{\n  \"format_version\": {version},\n");
        assert!(stdout.starts_with(&start), "{args:?}: {stdout}");
    }
    folder.write("schema.toml", &manifest_with("unique = [[\"name\"]]"));
    let failed = go(&["apply", "acme", "--check-rows", "0"]).with(1);
    let error = final_error(&failed);
    assert_eq!((&error["code"], &error["sqlstate"]), (&"step-failed".into(), &"23505".into()));
    let failed = go(&["apply", "--all", "--check-rows", "0"]).with(1);
    let report: serde_json::Value = serde_json::from_str(&failed.stdout).expect("JSON alone");
    assert_eq!(report["tenants"][0]["error"]["sqlstate"], "23505");
    let error = final_error(&failed);
    assert_eq!(
        (&error["code"], &error["message"]),
        (&"incomplete".into(), &"1 tenant failed".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_lines_are_the_same_whatever_variables_are_set() {
    let folder = Folder::new(&manifest());
    let variables = [
        ("DATABASE_URL", "postgres://me@127.0.0.1:1/db"),
        ("PROVISION_ELABORATE_URL", "postgres://me@127.0.0.1:1/db"),
        ("PROVISION_MANIFEST", "schema.toml"),
        ("PROVISION_ACTOR", "Ana"),
        ("PROVISION_LOG", "warn"),
        ("PROVISION_SHOW_VALUES", "1"),
        ("PROVISION_LISTEN", "127.0.0.1:0"),
        ("PROVISION_TLS_CERT", "cert"),
        ("PROVISION_TOKEN_FILE", "token"),
    ];
    for (args, usage) in [
        (&["plan"][..], "Usage: provision plan [OPTIONS] <TENANT>\n"),
        (&["apply"], "Usage: provision apply [OPTIONS] <TENANT>\n"),
        (&["status"], "Usage: provision status [OPTIONS] <TENANT>\n"),
        (&["drift", "--jobs", "x", "y"], "Usage: provision drift [OPTIONS]\n"),
        (&["serve"], "Usage: provision serve [OPTIONS]\n"),
        (&["validate", "x"], "Usage: provision validate [OPTIONS]\n"),
        (&["schema", "x"], "Usage: provision schema [OPTIONS]\n"),
        (&["embedded", "status", "x"], "Usage: provision embedded status [OPTIONS]\n"),
        (&["embedded", "nonsense"], "Usage: provision embedded [OPTIONS] <COMMAND>\n"),
        (&["nonsense"], "Usage: provision [OPTIONS] <COMMAND>\n"),
    ] {
        let mut command = crate::support::tool::tool(folder.dir.path(), args);
        command.envs(variables);
        let told = run(command).with(1).stderr;
        assert!(!told.contains("Usage:") || told.contains(usage), "{args:?}: {told}");
        let words = args.iter().take_while(|arg| !["x", "--jobs", "nonsense"].contains(arg));
        let words: Vec<&str> = ["help"].into_iter().chain(words.copied()).collect();
        let help = run(crate::support::tool::tool(folder.dir.path(), &words)).with(0).stdout;
        assert!(help.contains(usage), "{words:?}: {help}");
    }
}
