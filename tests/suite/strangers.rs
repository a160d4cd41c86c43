//! Records (`_provision_state`) that somebody has made who is not trusted.

use serde_json::Value;
use uuid::Uuid;

use crate::support::tool::{RunReport, on, run};
use crate::support::{Database, Folder};

const TABLES: &str = "[tables.t]\ncolumns = { id = \"int\" }\n";

/// A database with a role that may make schemas, and one that may run the tool; both go away with
/// [`Stage::strike`].
struct Stage {
    database: Database,
    stranger: String,
    runner: String,
    folder: Folder,
}

impl Stage {
    async fn build(tenants: &str) -> Self {
        let database = Database::new().await;
        let id = Uuid::new_v4().simple();
        let (stranger, runner) = (format!("stranger_{id}"), format!("runner_{id}"));
        let name = &database.name;
        let sql = format!(
            "CREATE ROLE {stranger}; CREATE ROLE {runner}; \
             GRANT CREATE ON DATABASE {name} TO {stranger}, {runner}"
        );
        database.run(&sql).await;
        let folder = Folder::new(&format!("version = 1\n{tenants}{TABLES}"));
        Self { database, stranger, runner, folder }
    }

    /// Runs the tool as the runner.
    fn on(&self, args: &[&str]) -> RunReport {
        let mut command = on(&self.database, self.folder.dir.path(), args);
        command.env("PGOPTIONS", format!("-c role={}", self.runner));
        run(command)
    }

    /// Runs the tool as a superuser.
    fn as_superuser(&self, args: &[&str]) -> RunReport {
        run(on(&self.database, self.folder.dir.path(), args))
    }

    /// Lets the stranger make a schema with a record that says what that of `acme` does; or put it
    /// in the place of the one of `schema`.
    async fn forge(&self, schema: &str) {
        let stranger = &self.stranger;
        let sql = format!(
            "CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {stranger}; \
             ALTER SCHEMA {schema} OWNER TO {stranger}; \
             CREATE TABLE kept AS SELECT * FROM acme._provision_state; \
             GRANT SELECT ON kept TO PUBLIC; \
             SET ROLE {stranger}; DROP TABLE IF EXISTS {schema}._provision_state; \
             CREATE TABLE {schema}._provision_state (\
             seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, apply_id uuid NOT NULL, \
             manifest_checksum text NOT NULL, fingerprint text NOT NULL, plan_digest text NOT NULL, \
             statements integer NOT NULL, complete boolean NOT NULL, tool_version text NOT NULL, \
             actor text NOT NULL, applied_at timestamptz NOT NULL, duration_ms bigint NOT NULL); \
             GRANT USAGE ON SCHEMA {schema} TO PUBLIC; \
             GRANT SELECT ON {schema}._provision_state TO PUBLIC; \
             INSERT INTO {schema}._provision_state OVERRIDING SYSTEM VALUE SELECT * FROM kept; \
             RESET ROLE; DROP TABLE kept"
        );
        self.database.run(&sql).await;
    }

    async fn strike(self) {
        let Self { stranger, runner, database, .. } = &self;
        database
            .run(&format!(
                "DROP OWNED BY {stranger}, {runner} CASCADE; DROP ROLE {stranger}, {runner}"
            ))
            .await;
    }
}

fn json(ended: &RunReport) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn status_says_whose_a_record_is() {
    let stage = Stage::build("").await;
    stage.on(&["apply", "acme"]).with(0);
    let status = ["status", "acme"];
    let as_json = ["status", "acme", "--format", "json"];
    assert!(!stage.on(&status).with(0).stdout.contains("not trusted"));
    assert_eq!(json(&stage.on(&as_json)).get("record_owner"), None);

    // A superuser trusts the stranger no more than the runner does, who made the first record.
    stage.forge("acme").await;
    let told = format!("belongs to {}, who is not trusted", stage.stranger);
    for ended in [stage.on(&status), stage.as_superuser(&status)] {
        assert!(ended.with(0).stdout.contains(&told));
    }
    // A role that may not lock it does not read it.
    for (ended, rows) in [(stage.on(&as_json), 0), (stage.as_superuser(&as_json), 1)] {
        let status = json(&ended.with(0));
        assert_eq!(status["record_owner"], stage.stranger.as_str());
        assert_eq!(status["history"].as_array().map(Vec::len), Some(rows));
        assert_eq!(status.get("record_unread").is_some(), rows == 0);
    }
    stage.database.run("TRUNCATE acme._provision_state").await;
    let ended = stage.as_superuser(&status).with(0);
    assert!(ended.stdout.contains(&told), "{}", ended.stdout);

    let trusting = format!("version = 1\n[trust]\nowners = [\"stranger_*\"]\n{TABLES}");
    stage.folder.write("schema.toml", &trusting);
    assert!(!stage.on(&status).with(0).stdout.contains("not trusted"));
    stage.strike().await;
}

/// The schemas that a report passes over.
fn passed_over(ended: &RunReport) -> Vec<String> {
    let report = json(ended);
    let all = report["passed_over"].as_array().unwrap_or_else(|| panic!("{ended:?}"));
    all.iter().map(|one| one["schema"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_with_a_strangers_record_is_no_discovered_tenant() {
    for tenants in ["", "[tenants]\ndiscover = true\n"] {
        let stage = Stage::build(tenants).await;
        // Without a tenant, the error says why that is so.
        stage.as_superuser(&["apply", "acme"]).with(0);
        stage.forge("planted").await;
        stage.database.run("ALTER SCHEMA acme RENAME TO \"no tenant\"").await;
        let ended = stage.as_superuser(&["drift"]).with(1);
        assert!(ended.stderr.contains("[trust] owners"), "{}", ended.stderr);
        stage.database.run("ALTER SCHEMA \"no tenant\" RENAME TO acme").await;

        let told = format!("planted (of {})", stage.stranger);
        for args in [&["apply", "--all"][..], &["drift"], &["plan", "--all"]] {
            let ended = stage.as_superuser(args).with(0);
            assert!(ended.stderr.contains(&told), "{args:?}: {}", ended.stderr);
            assert!(!ended.stdout.contains("planted"), "{args:?}: {}", ended.stdout);
            let ended = stage.as_superuser(&[args, &["--format", "json"]].concat()).with(0);
            assert_eq!(passed_over(&ended), ["planted"]);
            // Nobody asked for it.
            let ended = stage.as_superuser(&[args, &["--match", "a*"]].concat()).with(0);
            if args[0] == "drift" {
                assert!(!ended.stderr.contains("planted"), "{args:?}: {}", ended.stderr);
            }
        }
        // What is named is done, or refused in words.
        let ended = stage.as_superuser(&["apply", "planted"]).with(1);
        assert!(ended.stderr.contains("is not trusted"), "{}", ended.stderr);

        let trusting =
            format!("version = 1\n{tenants}[trust]\nowners = [\"stranger_*\"]\n{TABLES}");
        stage.folder.write("schema.toml", &trusting);
        let ended = stage.as_superuser(&["drift", "--format", "json"]).with(2);
        assert!(passed_over(&ended).is_empty());
        assert_eq!(json(&ended)["tenants"].as_array().map(Vec::len), Some(2));
        stage.strike().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_role_finds_its_own_tenants_and_those_of_superusers() {
    let stage = Stage::build("[tenants]\ndiscover = true\n").await;
    stage.on(&["apply", "acme"]).with(0);
    stage.as_superuser(&["apply", "base"]).with(0);
    let grants = format!(
        "GRANT USAGE ON SCHEMA base TO {0}; GRANT SELECT ON ALL TABLES IN SCHEMA base TO {0}",
        stage.runner
    );
    stage.database.run(&grants).await;
    stage.forge("planted").await;
    let ended = stage.on(&["drift", "--format", "json"]).with(0);
    assert_eq!(json(&ended)["summary"]["in_sync"], 2);
    assert_eq!(passed_over(&ended), ["planted"]);
    stage.on(&["apply", "--all"]).with(0);
    // For the superuser, the runner is one of many roles, until the manifest says otherwise.
    let ended = stage.as_superuser(&["drift", "--format", "json"]).with(0);
    assert_eq!(passed_over(&ended), ["acme", "planted"]);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_plant_no_orphans() {
    let stage = Stage::build("[tenants]\nlist = [\"acme\"]\n").await;
    stage.as_superuser(&["apply", "acme"]).with(0);
    stage.as_superuser(&["apply", "left", "--unregistered"]).with(0);
    stage.forge("planted").await;
    let ended = stage.as_superuser(&["drift", "--format", "json"]).with(2);
    let orphans = json(&ended)["orphans"].clone();
    assert_eq!(orphans, serde_json::json!([{ "schema": "left" }]));
    assert_eq!(passed_over(&ended), ["planted"]);
    stage.database.run("DROP SCHEMA \"left\" CASCADE").await;
    let ended = stage.as_superuser(&["drift"]).with(0);
    assert!(ended.stderr.contains("planted"), "{}", ended.stderr);
    stage.as_superuser(&["apply", "--all"]).with(0);
    // A registered one stays a tenant, whoever owns its record, and is looked at.
    stage.forge("acme").await;
    let ended = stage.as_superuser(&["drift", "--format", "json"]).with(0);
    assert_eq!(passed_over(&ended), ["planted"]);
    assert_eq!(json(&ended)["summary"]["in_sync"], 1);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_another_server_a_strangers_record_is_in_the_way_of_new_tenants_only() {
    let stage = Stage::build("").await;
    let (one, other) = (&stage.database, Database::new().await);
    stage.folder.write(
        "schema.toml",
        &format!(
            "version = 1\n[tenants]\nlist = [\"acme\", \"zeta\"]\n[servers]\n\
             one = {{ url_env = \"ONE\", tenants = [\"*\"] }}\ntwo = {{ url_env = \"TWO\" }}\n{TABLES}"
        ),
    );
    let dir = stage.folder.dir.path();
    let fleet = |args: &[&str]| {
        let mut command = crate::support::tool::tool(dir, args);
        command.env("ONE", &one.url).env("TWO", &other.url);
        run(command)
    };
    fleet(&["apply", "--all", "--match", "acme"]).with(0);
    // The stranger's schemas on the other server.
    let stranger = &stage.stranger;
    for schema in ["acme", "zeta"] {
        let sql = format!(
            "CREATE SCHEMA {schema} AUTHORIZATION {stranger}; SET ROLE {stranger}; \
             CREATE TABLE {schema}._provision_state ()"
        );
        other.run(&sql).await;
    }
    let ended = fleet(&["drift", "--format", "json"]).with(1);
    assert_eq!(passed_over(&ended), ["acme"]);
    let report = json(&ended);
    assert_eq!(report["summary"], serde_json::json!({ "in_sync": 1 }));
    let refused = report["refused"].as_array().expect("refused entries");
    let reason = refused[0]["reason"].as_str().expect("a reason");
    assert!(refused.len() == 1 && refused[0]["id"] == "zeta", "{refused:?}");
    assert!(reason.contains("not trusted: server two ("), "{reason}");
    // Where nothing says on which server a tenant belongs, it is taken to be there, and refused.
    let manifest = std::fs::read_to_string(stage.folder.manifest()).expect("the manifest");
    stage.folder.write("schema.toml", &manifest.replace(", tenants = [\"*\"]", ""));
    let ended = fleet(&["apply", "--all"]).with(1);
    assert!(ended.stdout.contains("zeta on two [alien-state-table]"), "{}", ended.stdout);
    assert_eq!(one.count("pg_namespace WHERE nspname = 'zeta'").await, 0);
    stage.folder.write("schema.toml", &manifest);
    other.run(&format!("DROP OWNED BY {stranger} CASCADE")).await;
    fleet(&["apply", "--all"]).with(0);
    stage.strike().await;
}
