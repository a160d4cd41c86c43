//! Records (`_provision_state`) that somebody has made who is not trusted.

use serde_json::Value;
use uuid::Uuid;

use crate::support::tool::{Ended, on, run};
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
            "CREATE ROLE {stranger}; CREATE ROLE {runner} LOGIN; \
             GRANT CREATE ON DATABASE {name} TO {stranger}, {runner}"
        );
        database.run(&sql).await;
        let folder = Folder::new(&format!("version = 1\n{tenants}{TABLES}"));
        Self { database, stranger, runner, folder }
    }

    /// Runs the tool as the runner.
    fn on(&self, args: &[&str]) -> Ended {
        let mut command = on(&self.database, self.folder.dir.path(), args);
        command.env("PGOPTIONS", format!("-c session_authorization={}", self.runner));
        run(command)
    }

    /// Runs the tool as a superuser.
    fn as_superuser(&self, args: &[&str]) -> Ended {
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

fn json(ended: &Ended) -> Value {
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
        let ended = ended.with(0);
        assert!(ended.stdout.contains(&told), "{}", ended.stdout);
        assert!(ended.stdout.contains("history, newest first"), "{}", ended.stdout);
    }
    for ended in [stage.on(&as_json), stage.as_superuser(&as_json)] {
        let status = json(&ended.with(0));
        assert_eq!(status["record_owner"], stage.stranger.as_str());
        assert_eq!(status["history"].as_array().map(Vec::len), Some(1));
    }
    stage.database.run("TRUNCATE acme._provision_state").await;
    let ended = stage.as_superuser(&status).with(0);
    assert!(ended.stdout.contains(&told), "{}", ended.stdout);

    let trusting = format!("version = 1\n[trust]\nowners = [\"stranger_*\"]\n{TABLES}");
    stage.folder.write("schema.toml", &trusting);
    assert!(!stage.on(&status).with(0).stdout.contains("not trusted"));
    stage.strike().await;
}
