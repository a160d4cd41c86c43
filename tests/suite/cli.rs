//! What the binary prints, and how it ends.

use std::path::Path;

use crate::support::tool::{on, run, tool};
use crate::support::{Database, Folder};

const MANIFEST: &str = r#"
version = 1
[tables.t]
primary_key = ["id"]
columns = { id = "int", name = { type = "text", null = true } }
[[seeds]]
table = "t"
key = ["id"]
rows = [{ id = 1, name = "one" }]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes() {
    let database = Database::new().await;
    let folder = Folder::new(MANIFEST);
    let dir = folder.dir.path();
    let end = |args: &[&str]| run(on(&database, dir, args)).code.expect("a code");
    assert_eq!(end(&["plan", "acme"]), 0);
    assert_eq!(end(&["plan", "acme", "--detailed-exitcode"]), 2);
    assert_eq!(end(&["apply", "acme"]), 0);
    assert_eq!(end(&["apply", "acme"]), 0);
    assert_eq!(end(&["plan", "acme", "--detailed-exitcode"]), 0);
    database.run("ALTER TABLE acme.t ALTER name TYPE varchar(3)").await;
    assert_eq!(end(&["plan", "acme"]), 0);
    assert_eq!(end(&["plan", "acme", "--detailed-exitcode"]), 3);
    assert_eq!(end(&["apply", "acme"]), 3);
    assert_eq!(end(&["apply", "acme"]), 3, "and again: what is open stays open");
    database.run("ALTER TABLE acme.t ADD extra int; DELETE FROM acme.t").await;
    assert_eq!(end(&["plan", "acme", "--detailed-exitcode"]), 2);
    assert_eq!(end(&["apply", "acme"]), 3);
    database.run("ALTER TABLE acme.t ALTER name TYPE text").await;
    assert_eq!(end(&["apply", "acme"]), 3, "an extra column is drift");
    assert_eq!(end(&["plan", "acme", "--detailed-exitcode"]), 3);
    database.run("ALTER TABLE acme.t DROP extra").await;
    assert_eq!(end(&["apply", "acme"]), 0);
    for usage in [
        &["apply"][..],
        &["plan"],
        &["nonsense"],
        &["plan", "acme", "--nonsense"],
        &["plan", "public"],
        &["plan", "a b"],
        &["plan", "pg_x"],
        &["plan", "acme", "--format", "x"],
        &["apply", "acme", "--ask"],
        &["plan", "acme", "-f", "absent.toml"],
        &["plan", "acme", "--attempts", "0"],
        &["plan", "acme", "--lock-timeout", "-1"],
        &["plan", "acme", "--lock-timeout", "0"],
        &["plan", "acme", "--lock-timeout", "0.0009"],
        &["apply", "--plan", "absent.json"],
        &[],
    ] {
        assert_eq!(end(usage), 1, "{usage:?}");
    }
    for good in [&["--help"][..], &["--version"], &["plan", "--help"], &["validate"], &["schema"]] {
        assert_eq!(end(good), 0, "{good:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn saved_plans_run_exactly_or_not_at_all() {
    let database = Database::new().await;
    let folder = Folder::new(MANIFEST);
    let dir = folder.dir.path();
    let go = |args: &[&str]| run(on(&database, dir, args));
    go(&["plan", "acme", "--out", "plan.json"]).with(0);
    go(&["apply", "other", "--plan", "plan.json"]).with(1);
    go(&["apply", "--plan", "plan.json"]).with(0);
    assert_eq!(database.count("acme.t").await, 1);
    let stale = go(&["apply", "--plan", "plan.json"]).with(1);
    assert!(stale.stderr.contains("error[stale-plan]"), "{}", stale.stderr);

    database.run("DELETE FROM acme.t").await;
    go(&["plan", "acme", "--out", "rows.json"]).with(0);
    database.run("INSERT INTO acme.t VALUES (1, 'by hand')").await;
    let stale = go(&["apply", "--plan", "rows.json"]).with(1);
    assert!(stale.stderr.contains("the tenant's schema has changed"), "{}", stale.stderr);
    database.run("DELETE FROM acme.t").await;
    go(&["apply", "--plan", "rows.json"]).with(0);

    database.run("DROP TABLE acme.t").await;
    go(&["plan", "acme", "--out", "table.json"]).with(0);
    folder.write("schema.toml", &MANIFEST.replace("name = \"one\"", "name = \"two\""));
    let stale = go(&["apply", "--plan", "table.json"]).with(1);
    assert!(stale.stderr.contains("the manifest has changed"), "{}", stale.stderr);
    folder.write("schema.toml", &format!("# A comment is no change.\n{MANIFEST}"));
    let text = std::fs::read_to_string(dir.join("table.json")).expect("the plan");
    folder.write("forged.json", &text.replace("CREATE TABLE", "DROP SCHEMA acme; CREATE TABLE"));
    let forged = go(&["apply", "--plan", "forged.json"]).with(1);
    assert!(forged.stderr.contains("error[stale-plan]"), "{}", forged.stderr);
    folder.write("version.json", &text.replace("\"format_version\": 2", "\"format_version\": 1"));
    let other = go(&["apply", "--plan", "version.json"]).with(1);
    assert!(other.stderr.contains("format version 2"), "{}", other.stderr);
    for garbage in ["", "{}", "[1]", "\u{0}"] {
        folder.write("garbage.json", garbage);
        go(&["apply", "--plan", "garbage.json"]).with(1);
    }
    go(&["apply", "--plan", "table.json"]).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_json_and_sql_is_sql() {
    let database = Database::new().await;
    let folder = Folder::new(MANIFEST);
    let dir = folder.dir.path();
    let json = |args: &[&str]| -> serde_json::Value {
        serde_json::from_str(&run(on(&database, dir, args)).with(0).stdout).expect("JSON alone")
    };
    let plan = json(&["plan", "acme", "--format", "json"]);
    assert_eq!(plan["format_version"], 2);
    assert_eq!(plan["tenant"], "acme");
    assert_eq!(plan["steps"][0]["action"], "create");
    assert_eq!(plan["steps"][0]["object"]["kind"], "schema");
    let sql = run(on(&database, dir, &["plan", "acme", "--format", "sql"])).with(0).stdout;
    for _ in 0..2 {
        database.run(&sql).await;
    }
    let applied = json(&["apply", "acme", "--format", "json"]);
    assert_eq!(applied["outcome"], "recorded", "what psql made is adopted: {applied}");
    assert_eq!(applied["statements"], 0);
    let status = json(&["status", "acme", "--format", "json"]);
    assert_eq!(status["history"][0]["apply_id"], applied["apply_id"]);
    assert_eq!(status["live_is_recorded"], true);
    let schema = run(tool(dir, &["schema"])).with(0).stdout;
    assert!(serde_json::from_str::<serde_json::Value>(&schema).expect("JSON").is_object());
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_what_holds() {
    let database = Database::new().await;
    let folder = Folder::new(MANIFEST);
    let dir = folder.dir.path();
    let status = || run(on(&database, dir, &["status", "acme"])).with(0).stdout;
    assert!(status().contains("conforms now: no (not provisioned"));
    database.run("CREATE SCHEMA acme").await;
    let shown = status();
    assert!(shown.contains("never provisioned by this tool"), "{shown}");
    assert!(shown.contains("conforms now: no (1 missing, 1 baseline row missing)"), "{shown}");
    run(on(&database, dir, &["apply", "acme", "--actor", "Ana"])).with(0);
    let shown = status();
    assert!(shown.contains("conforms now: yes") && shown.contains("by Ana"), "{shown}");
    assert!(shown.contains("the schema is as the last apply left it"), "{shown}");
    database.run("ALTER TABLE acme.t ADD x int; DELETE FROM acme.t").await;
    folder.write("schema.toml", &format!("{MANIFEST}\n[types.e]\nenum = [\"x\"]\n"));
    let shown = status();
    assert!(shown.contains("the schema has changed since"), "{shown}");
    assert!(shown.contains("the manifest has changed since"), "{shown}");
    assert!(shown.contains("no (1 missing, 1 baseline row missing, 1 extra)"), "{shown}");
    let json = || -> serde_json::Value {
        let ended = run(on(&database, dir, &["status", "acme", "--format", "json"])).with(0);
        serde_json::from_str(&ended.stdout).expect("JSON alone")
    };
    assert_eq!(json()["conforms"], false);
    assert_eq!(json()["differences"]["extra"], 1);
    database.run("ALTER TABLE acme.t ALTER name TYPE varchar(9)").await;
    assert!(status().contains("1 changed"), "{}", status());

    // Repaired by hand: the record is history, and the tenant conforms.
    folder.write("schema.toml", &format!("{MANIFEST}\n[drift]\nignore = [\"column *.x\"]\n"));
    database
        .run("ALTER TABLE acme.t ALTER name TYPE text; INSERT INTO acme.t VALUES (1, 'one')")
        .await;
    let shown = status();
    assert!(shown.contains("conforms now: yes"), "{shown}");
    assert!(shown.contains("the schema has changed since the last apply"), "{shown}");
    assert_eq!(json()["conforms"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_of_an_id_that_is_not_registered() {
    let database = Database::new().await;
    let listed = format!("{MANIFEST}\n[tenants]\nlist = [\"acme\"]\n");
    let folder = Folder::new(&listed);
    let status =
        |id: &str| run(on(&database, folder.dir.path(), &["status", id, "--format", "json"]));
    let ended = status("acmee").with(1);
    assert!(ended.stderr.contains("unregistered"), "{}", ended.stderr);
    let json: serde_json::Value =
        serde_json::from_str(&status("acme").with(0).stdout).expect("JSON");
    assert_eq!((&json["tenant"], &json["schema"]), (&"acme".into(), &"acme".into()), "{json:#}");
    assert_eq!(
        (&json["is_registered"], &json["exists"]),
        (&true.into(), &false.into()),
        "{json:#}"
    );
    run(on(&database, folder.dir.path(), &["apply", "old", "--unregistered"])).with(0);
    let json: serde_json::Value =
        serde_json::from_str(&status("old").with(0).stdout).expect("JSON");
    assert_eq!(json["is_registered"], false, "{json:#}");
    let ended = run(on(&database, folder.dir.path(), &["status", "old"])).with(0);
    assert!(ended.stdout.contains("an orphan: the registry does not list it"), "{}", ended.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn results_go_to_stdout_and_colours_to_terminals_only() {
    let database = Database::new().await;
    let folder = Folder::new(MANIFEST);
    let dir = folder.dir.path();
    let plain = run(on(&database, dir, &["plan", "acme"])).with(0);
    assert!(!plain.stdout.contains('\u{1b}'), "no colours into a pipe");
    assert!(plain.stdout.starts_with("tenant acme, schema acme"), "{}", plain.stdout);
    let coloured = run(on(&database, dir, &["plan", "acme", "--color", "always"])).with(0);
    assert!(coloured.stdout.contains("\u{1b}[32m"));
    let log = run(on(&database, dir, &["apply", "acme", "--log-format", "json"])).with(0).stderr;
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
    let messages: Vec<&str> = lines.iter().filter_map(|line| line["message"].as_str()).collect();
    assert_eq!(messages, ["provisioning started", "provisioning ended"]);
    for key in ["tenant", "schema", "apply_id", "duration_ms", "statements"] {
        assert!(!lines[1][key].is_null(), "{key} in {}", lines[1]);
    }
    let failed = run(on(&database, dir, &["apply", "public", "--log-format", "json"]));
    assert_eq!(failed.code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_output_shows_a_secret() {
    let folder = Folder::new(MANIFEST);
    let secret = "s3cr3t-canary";
    for url in [
        format!("postgres://me:{secret}@127.0.0.1:1/db"),
        format!("postgres://me:{secret}@[bad/db"),
        format!("postgres://me:{secret}@127.0.0.1:1/db?sslmode={secret}"),
        format!("postgres://me@127.0.0.1:1/db?password={secret}&nonsense={secret}"),
        format!("host=127.0.0.1 password={secret}"),
    ] {
        for command in [
            &["plan", "acme"][..],
            &["apply", "acme"],
            &["plan", "--help"],
            &["plan", "acme", "--elaborate-url", &url],
        ] {
            for log in ["info", "trace"] {
                let mut tool = tool(folder.dir.path(), command);
                tool.env("DATABASE_URL", &url).env("PGPASSWORD", secret).env("PROVISION_LOG", log);
                tool.env("PROVISION_ELABORATE_URL", &url);
                let ended = run(tool);
                let all = format!("{}{}", ended.stdout, ended.stderr);
                assert!(!all.contains(secret), "{command:?} shows it: {all}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registry_decides_who_is_a_tenant() {
    let database = Database::new().await;
    let query = "SELECT id FROM public.tenants WHERE active";
    let folder = Folder::new(&format!(
        "{MANIFEST}\n[tenants]\nquery = \"{query}\"\nschema = \"tenant_{{tenant_id}}\"\n"
    ));
    let dir = folder.dir.path();
    let failed = run(on(&database, dir, &["apply", "acme"])).with(1);
    assert!(failed.stderr.contains("tenants"), "{}", failed.stderr);
    database
        .run(
            "CREATE TABLE public.tenants (id text, active boolean); \
              INSERT INTO public.tenants VALUES ('acme', true), ('gone', false), \
              ('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', true), ('ACME2', true)",
        )
        .await;
    for id in ["gone", "nobody", "acme2"] {
        let refused = run(on(&database, dir, &["plan", id])).with(1);
        assert!(refused.stderr.contains("error[unregistered]"), "{}", refused.stderr);
        run(on(&database, dir, &["apply", id])).with(1);
    }
    run(on(&database, dir, &["apply", "acme"])).with(0);
    run(on(&database, dir, &["apply", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"])).with(0);
    run(on(&database, dir, &["apply", "nobody", "--unregistered"])).with(0);
    assert_eq!(database.count("pg_namespace WHERE nspname LIKE 'tenant\\_%'").await, 3);
    let list = Folder::new(&format!("{MANIFEST}\n[tenants]\nlist = [\"acme\"]\n"));
    run(on(&database, list.dir.path(), &["plan", "acme"])).with(0);
    run(on(&database, list.dir.path(), &["plan", "nobody"])).with(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_is_no_error() {
    let database = Database::new().await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = on(&database, root, &["plan", "acme", "--format", "json"]);
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the binary starts");
    drop(child.stdout.take());
    let ended = child.wait_with_output().expect("an end");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_see_a_table_is_told_the_grant() {
    let database = Database::new().await;
    let folder = Folder::new(MANIFEST);
    let dir = folder.dir.path();
    run(on(&database, dir, &["apply", "acme"])).with(0);
    let role = format!("reader_{}", database.name);
    database.run(&format!("CREATE ROLE {role}")).await;
    let plan = || {
        let mut command = on(&database, dir, &["plan", "acme", "--elaborate-url", &database.url]);
        command.env("PGOPTIONS", format!("-c role={role}"));
        run(command)
    };
    // The elaborating session has the same role by PGOPTIONS, so let it create schemas.
    database.run(&format!("GRANT CREATE ON DATABASE {} TO {role}", database.name)).await;
    let hidden = plan().with(1);
    assert!(hidden.stderr.contains("may not read schema acme"), "{}", hidden.stderr);
    assert!(
        hidden.stderr.contains(&format!("GRANT USAGE ON SCHEMA \"acme\" TO \"{role}\"")),
        "{}",
        hidden.stderr
    );
    database.run(&format!("GRANT USAGE ON SCHEMA acme TO {role}")).await;
    let hidden = plan().with(1);
    assert!(hidden.stderr.contains("may not read table acme.t"), "{}", hidden.stderr);
    database.run(&format!("GRANT SELECT ON ALL TABLES IN SCHEMA acme TO {role}")).await;
    let seen = plan().with(0);
    assert!(seen.stdout.contains("Nothing to do"), "{}", seen.stdout);
    let as_reader = |args: &[&str]| {
        let mut command = on(&database, dir, &[args, &["--elaborate-url", &database.url]].concat());
        command.env("PGOPTIONS", format!("-c role={role}"));
        run(command)
    };
    assert!(as_reader(&["status", "acme"]).with(0).stdout.contains("conforms now: yes"));
    as_reader(&["drift"]).with(0);

    // The record is read by `status` only.
    database.run(&format!("REVOKE ALL ON acme._provision_state FROM {role}")).await;
    as_reader(&["plan", "acme"]).with(0);
    as_reader(&["drift"]).with(0);
    let hidden = as_reader(&["status", "acme"]).with(1).stderr;
    assert!(hidden.contains("may not read table acme._provision_state"), "{hidden}");
    let grant = format!("GRANT SELECT ON \"acme\".\"_provision_state\" TO \"{role}\"");
    assert!(hidden.contains(&grant), "{hidden}");
    database.run(&grant).await;
    as_reader(&["status", "acme"]).with(0);

    // Whoever owns it could change the table while it is read, and a reader may not lock it.
    let owner = format!("owner_{}", database.name);
    database.run(&format!("CREATE ROLE {owner}; ALTER SCHEMA acme OWNER TO {owner}")).await;
    database.run(&format!("ALTER TABLE acme._provision_state OWNER TO {owner}")).await;
    as_reader(&["plan", "acme"]).with(0);
    folder.write("ids.txt", "acme\n");
    let drift = as_reader(&["drift", "--tenants-from", "ids.txt"]).with(2).stdout;
    assert!(drift.contains("table t could be changed by the schema's owner meanwhile"), "{drift}");
    let status = as_reader(&["status", "acme"]).with(0).stdout;
    assert!(status.contains("the record was not read"), "{status}");
    // It makes its schema a tenant, and is written, only if its owner is trusted.
    let foreign = as_reader(&["drift"]).with(1).stderr;
    assert!(foreign.contains("[trust] owners"), "{foreign}");
    database.run("ALTER TABLE acme.t DROP COLUMN name").await;
    let foreign = run(on(&database, dir, &["apply", "acme"])).with(1).stderr;
    assert!(foreign.contains("error[alien-state-table]"), "{foreign}");
    let maker = database.ask("SELECT current_user").await;
    let hint = format!("ALTER TABLE \"acme\".\"_provision_state\" OWNER TO \"{maker}\"");
    assert!(foreign.contains(&hint) && foreign.contains("[trust] owners"), "{foreign}");
    for destructive in ["drop ", "destroy", "delete"] {
        assert!(!foreign.to_lowercase().contains(destructive), "{foreign}");
    }
    folder.write("schema.toml", &format!("{MANIFEST}\n[trust]\nowners = [\"owner_*\"]\n"));
    run(on(&database, dir, &["apply", "acme"])).with(0);
    database.run(&format!("DROP OWNED BY {owner} CASCADE; DROP ROLE {owner}")).await;
    database.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_names_the_account_where_no_variable_does() {
    let database = Database::new().await;
    let folder = Folder::new(MANIFEST);
    let dir = folder.dir.path();
    let own = std::process::Command::new("id").arg("-un").output().expect("id runs").stdout;
    let own = String::from_utf8(own).expect("UTF-8");
    run(on(&database, dir, &["apply", "a"])).with(0);
    run(on(&database, dir, &["apply", "b"])).with(0);
    let mut command = on(&database, dir, &["apply", "c"]);
    command.env("USER", "").env("LOGNAME", "ana");
    run(command).with(0);
    for (id, actor) in [("a", own.trim()), ("b", own.trim()), ("c", "ana")] {
        assert_eq!(database.ask(&format!("SELECT actor FROM {id}._provision_state")).await, actor);
    }
}

#[test]
fn tips_lead_somewhere() {
    let folder = Folder::new(MANIFEST);
    let run = |args: &[&str]| run(tool(folder.dir.path(), args)).with(1).stderr;
    for args in [&["drift", "--json"][..], &["apply", "acme", "--dry-run"]] {
        let said = run(args);
        assert!(said.contains("unexpected argument") && said.contains("Usage:"), "{said}");
        assert!(!said.contains("as a value") && !said.contains("\n\n\n"), "{said}");
    }
    let said = run(&["drift", "t01"]);
    assert!(
        said.contains("\n\n  tip: drift checks all tenants; to choose some, use '--match t01'\n"),
        "{said}"
    );
    let json = run(&["drift", "t01", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(json["hint"].as_str().expect("a hint").contains("--match t01"), "{json}");
    assert!(!run(&["status", "a", "b"]).contains("tip:"));
    for args in [&["apply", "--all", "--max-failures", "0"][..], &["status", "a", "--history", "0"]]
    {
        assert!(run(args).contains("invalid value '0'"));
    }
}
