//! One connection: transactions with fixed settings, and scripts of several statements in one
//! round trip.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Either};

use super::answers::{Answers, column, is_true};
use super::connect::Target;
use super::error::{Cause, PgError};
use super::fingerprint;
use crate::manifest::Trust;
use crate::name::{Ident, SchemaName, Text};
use crate::settings;

/// A connection, and what is known of the server behind it.
///
/// Dropping it closes the socket; the server then rolls back what was not committed.
pub struct Session {
    pub(super) conn: PgConnection,
    pub server: ServerInfo,
    pub(super) digests: Box<fingerprint::Statements>,
    /// See [`Target::with_values`].
    values: bool,
    /// See [`Target::with_trust`].
    pub(super) trust: Arc<Trust>,
    /// See [`Target::with_unmanaged`].
    pub(super) unmanaged: Arc<[Ident]>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("server", &self.server).finish_non_exhaustive()
    }
}

/// What is known of a server.
#[derive(Debug, Clone)]
pub struct ServerInfo {
    /// As the server reports it, such as `15.18`.
    pub version: String,
    /// Such as `150018`.
    pub version_number: i32,
    pub role: Ident,
    /// Whether Citus is installed: it refuses `CREATE INDEX` in a message with other commands.
    pub citus: bool,
    /// Whether Citus distributes new schemas (`citus.enable_schema_based_sharding`); `None` where
    /// schemas cannot be distributed at all.
    pub distributes_schemas: Option<bool>,
}

/// How long a transaction may wait.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For each lock, including the tenant's own. While a statement waits for one on a table, the
    /// server lets all later readers of the table wait behind it.
    pub lock: Duration,
    /// For each statement; zero is no limit.
    pub statement: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { lock: Duration::from_secs(2), statement: Duration::ZERO }
    }
}

/// What is known as soon as a transaction is open.
pub(super) struct Opened {
    /// Whether the schema exists.
    pub(super) is_present: bool,
    /// Whether there are event triggers in the database.
    pub(super) has_event_triggers: bool,
}

/// A script of which a statement failed.
#[derive(Debug)]
pub(super) struct ScriptFailed {
    /// How many statements were completed before it.
    pub(super) completed: usize,
    /// What these have returned.
    pub(super) answers: Answers,
    pub(super) cause: Cause,
}

impl Session {
    /// Connects.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or is older than PostgreSQL 14.
    pub async fn open(target: &Target) -> Result<Self, PgError> {
        let mut conn = target.open().await?;
        let row = sqlx::raw_sql(
            // The search path that is set for the database or the role is still in force.
            "SELECT pg_catalog.current_setting('server_version') AS version, \
                    pg_catalog.current_setting('server_version_num') AS number, \
                    current_user::pg_catalog.text AS role, \
                    EXISTS (SELECT FROM pg_catalog.pg_extension \
                            WHERE extname OPERATOR(pg_catalog.=) 'citus')::pg_catalog.text AS citus, \
                    pg_catalog.current_setting('citus.enable_schema_based_sharding', true) \
                    AS distributes",
        )
        .fetch_one(&mut conn)
        .await
        .map_err(|e| PgError::Connect { target: target.to_string(), source: e.into() })?;
        let doing = "reading the server's version";
        let version: String = column(&row, "version", doing)?;
        let number: String = column(&row, "number", doing)?;
        let citus: String = column(&row, "citus", doing)?;
        let distributes: Option<String> = column(&row, "distributes", doing)?;
        let server = ServerInfo {
            version_number: number.parse().unwrap_or_default(),
            role: Ident::new(column::<String>(&row, "role", doing)?).map_err(|error| {
                PgError::Answer { doing: doing.to_owned(), reason: error.to_string() }
            })?,
            citus: citus == "true",
            distributes_schemas: distributes
                .filter(|_| citus == "true")
                .map(|setting| setting == "on"),
            version,
        };
        if server.version_number < 140_000 {
            return Err(PgError::Setting {
                reason: format!(
                    "{target} is PostgreSQL {}; 14 is the oldest supported",
                    server.version
                ),
            });
        }
        let unmanaged = target.unmanaged();
        let digests = Box::new(fingerprint::Statements::new(server.version_number, &unmanaged));
        let (values, trust) = (target.values(), target.trust());
        Ok(Self { conn, server, digests, values, trust, unmanaged })
    }

    /// Closes the connection. Errors no longer matter.
    pub async fn close(self) {
        let _ = sqlx::Connection::close(self.conn).await;
    }

    /// Sends several statements in one message and collects the answer to each. The server
    /// analyses each statement only after the one before has run.
    pub(super) async fn script(&mut self, sql: &str) -> Result<Answers, ScriptFailed> {
        use futures_util::TryStreamExt as _;
        let mut answers: Answers = vec![Vec::new()];
        let mut stream = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_many(&mut self.conn);
        loop {
            match stream.try_next().await {
                Ok(Some(Either::Right(row))) => {
                    if let Some(last) = answers.last_mut() {
                        last.push(row);
                    }
                }
                Ok(Some(Either::Left(_))) => answers.push(Vec::new()),
                Ok(None) => {
                    answers.pop();
                    return Ok(answers);
                }
                Err(error) => {
                    let cause = Cause::new(error, self.values);
                    answers.pop();
                    return Err(ScriptFailed { completed: answers.len(), answers, cause });
                }
            }
        }
    }

    /// A script of which it does not matter which statement fails.
    pub(super) async fn run(&mut self, doing: &str, sql: &str) -> Result<Answers, PgError> {
        self.script(sql).await.map_err(|failed| query_error(doing, failed.cause))
    }

    /// Sends one statement in a way in which the server refuses more than one.
    pub(super) async fn single(&mut self, doing: &str, sql: &str) -> Result<(), PgError> {
        sqlx::query(AssertSqlSafe(sql))
            .persistent(false)
            .execute(&mut self.conn)
            .await
            .map(drop)
            .map_err(|error| query_error(doing, Cause::new(error, self.values)))
    }

    /// As [`Session::single`], with the rows that it returns.
    pub(super) async fn fetch(&mut self, doing: &str, sql: &str) -> Result<Vec<PgRow>, PgError> {
        sqlx::query(AssertSqlSafe(sql))
            .persistent(false)
            .fetch_all(&mut self.conn)
            .await
            .map_err(|error| query_error(doing, Cause::new(error, self.values)))
    }

    /// Runs the script that opens a transaction.
    pub(super) async fn begin(
        &mut self,
        schema: &SchemaName,
        doing: &str,
        start: String,
    ) -> Result<Opened, PgError> {
        let script = format!(
            "{start}SELECT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = {})::text \
             AS is_present, EXISTS (SELECT FROM pg_event_trigger)::text AS has_event_triggers, \
             {};\n",
            Text::from(schema.ident()).literal(),
            self.digests.are_prepared_columns(),
        );
        let answers = self.run(doing, &script).await?;
        let row = answers.last().and_then(|rows| rows.first());
        self.digests.note(row, doing)?;
        Ok(Opened {
            is_present: is_true(row, "is_present", doing)?,
            has_event_triggers: is_true(row, "has_event_triggers", doing)?,
        })
    }

    /// The actor named in the record: the one given, or else the role.
    pub(super) fn actor(&self, given: &str) -> String {
        if given.is_empty() { self.server.role.as_str().to_owned() } else { given.to_owned() }
    }

    /// Sends COMMIT, alone in its message.
    pub(super) async fn commit(&mut self) -> Result<(), PgError> {
        self.run("committing", "COMMIT").await.map(drop)
    }

    /// Rolls the transaction back.
    ///
    /// # Errors
    /// When the connection is lost; then the server has rolled it back.
    pub async fn rollback(&mut self) -> Result<(), PgError> {
        self.run("rolling back", "ROLLBACK").await.map(drop)
    }
}

/// `BEGIN` and the settings that all our transactions run under, so that the server's
/// answers do not depend on the role's or the database's defaults. All are local to the
/// transaction: nothing outlives it, as a pooler in transaction mode requires.
#[must_use]
pub(super) fn begin(access: Access, limits: Limits) -> String {
    let mode = match access {
        Access::Read => "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY",
        Access::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    };
    let (lock, statement) =
        (limits.lock.as_millis().max(1).to_string(), limits.statement.as_millis().to_string());
    let limits = [("lock_timeout", &*lock), ("statement_timeout", &*statement)];
    // What is reported as done must survive a crash of the server. All values except `off` wait
    // for the local disk at least, and may be a decision about standbys.
    let durable = (access == Access::Write).then_some(("synchronous_commit", "on"));
    let row = |(name, value): (&str, &str)| format!("('{name}', '{value}')");
    let wanted: Vec<String> =
        settings::all().map(row).chain(limits.into_iter().chain(durable).map(row)).collect();
    // Reading a setting costs less than setting it, and most are as they should be. A setting that a
    // server does not know reads as NULL. The caller's path is still in force, so all names are qualified.
    format!(
        "{mode};\nSELECT pg_catalog.set_config(s.name, s.value, true) FROM (VALUES {}) \
         AS s(name, value) WHERE pg_catalog.current_setting(s.name, true) \
         OPERATOR(pg_catalog.<>) s.value AND (s.name OPERATOR(pg_catalog.<>) 'synchronous_commit' \
         OR pg_catalog.current_setting(s.name) OPERATOR(pg_catalog.=) 'off');\n",
        wanted.join(", ")
    )
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Cannot write.
    Read,
    Write,
}

/// A setting of our own that a script reads back with `current_setting`.
#[must_use]
pub(super) fn set_local(name: &str, value: &Text) -> String {
    format!("SELECT set_config('{name}', {}, true);\n", value.literal())
}

pub(super) fn query_error(doing: &str, source: Cause) -> PgError {
    PgError::Query { doing: doing.to_owned(), source }
}
