//! The scratch schema: a schema in which declarations are tried, and which is rolled back.

use std::collections::BTreeSet;

use super::answers::column;
use super::error::PgError;
use super::introspect::{self, IntrospectError};
use super::session::{Access, Limits, Session, begin};
use super::untrusted::used;
use crate::catalog::Catalog;
use crate::kinds::Reading;
use crate::name::{SchemaName, literal};
use crate::obstacle::{Code, Obstacle};

const TRYING: &str = "trying it in a scratch schema";
const SEARCHING: &str = "finding out what is refused";

/// A transaction in which a scratch schema is created. Nothing outside of it is locked, and nothing remains.
#[derive(Debug)]
pub struct Scratch<'s> {
    session: &'s mut Session,
    limits: Limits,
    pub schema: SchemaName,
    /// The names of the types in `pg_catalog`.
    pub server_types: BTreeSet<String>,
}

impl<'s> Scratch<'s> {
    /// Begins a transaction that is to create a scratch schema with a random name.
    ///
    /// # Errors
    /// When the server does not let it begin, or when there are event triggers of untrusted owners.
    pub async fn begin(session: &'s mut Session, limits: Limits) -> Result<Self, IntrospectError> {
        let schema = SchemaName::scratch();
        let start = begin(Access::Write, limits)
            + "SELECT typname::text AS name FROM pg_type \
               WHERE typnamespace = 'pg_catalog'::regnamespace;";
        let answers = session.run("starting", &start).await?;
        let mut server_types = BTreeSet::new();
        for row in answers.last().into_iter().flatten() {
            server_types.insert(column::<String>(row, "name", "starting")?);
        }
        if session.server.citus {
            session.run("starting", &local_only()).await?;
        }
        introspect::check_event_triggers(session, &schema).await?;
        Ok(Self { session, limits, schema, server_types })
    }

    /// One statement per message, in the protocol that refuses a second one: whatever a manifest's
    /// SQL contains, it cannot end this transaction.
    ///
    /// # Errors
    /// When the server refuses it.
    pub async fn run(&mut self, sql: &str) -> Result<(), PgError> {
        let ran = self.session.single(TRYING, sql).await;
        // The name of the scratch schema says nothing to anybody.
        ran.map_err(|error| error.without(&format!("{}.", self.schema.as_str())))
    }

    /// Starts over after a statement was refused.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn restart(&mut self) -> Result<(), PgError> {
        self.session.rollback().await?;
        self.session.run(SEARCHING, &begin(Access::Write, self.limits)).await.map(drop)
    }

    /// Sets a savepoint.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn savepoint(&mut self) -> Result<(), PgError> {
        self.session.run(SEARCHING, "SAVEPOINT part").await.map(drop)
    }

    /// Whether names without a schema are searched for in the scratch schema, too.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn resolve_in_schema(&mut self, is_searched: bool) -> Result<(), PgError> {
        let schema = if is_searched { self.schema.quoted() } else { "pg_catalog".to_owned() };
        let sql = format!("SET LOCAL search_path = {schema}, pg_temp");
        self.session.run(TRYING, &sql).await.map(drop)
    }

    /// Whether the server checks the bodies of functions when they are created.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn check_bodies(&mut self, is_checked: bool) -> Result<(), PgError> {
        let value = if is_checked { "on" } else { "off" };
        let sql = format!("SET LOCAL check_function_bodies = {value}");
        self.session.run(TRYING, &sql).await.map(drop)
    }

    /// Rolls back to the savepoint.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn rollback_to_savepoint(&mut self) -> Result<(), PgError> {
        self.session.run(SEARCHING, "ROLLBACK TO SAVEPOINT part").await.map(drop)
    }

    /// Reads the schema.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn read(&mut self, reading: Reading) -> Result<Catalog, PgError> {
        introspect::introspect(self.session, &self.schema, reading).await
    }

    /// The functions and types outside of the schema that its objects run, whoever owns them.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn used(&mut self) -> Result<BTreeSet<Code>, PgError> {
        used(self.session, &self.schema).await
    }

    /// The declared tables whose row-level security binds the role that owns them: it can neither search for rows in
    /// them nor insert any.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn bound(&mut self) -> Result<Vec<Obstacle>, PgError> {
        let query = format!(
            "SELECT c.relname::text AS text FROM pg_class c \
             WHERE c.relnamespace = {}::regnamespace AND c.relforcerowsecurity \
             AND c.relrowsecurity AND row_security_active(c.oid) ORDER BY 1",
            literal(&self.schema.quoted())
        );
        let tables = self.texts(&query).await?;
        let role = self.session.server.role.as_str();
        Ok(tables.into_iter().map(|table| Obstacle::row_security(table, role)).collect())
    }

    /// The texts that a query of the tool itself returns, in its column `text`.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn texts(&mut self, query: &str) -> Result<Vec<String>, PgError> {
        let answers = self.session.run(TRYING, query).await?;
        answers.iter().flatten().map(|row| column::<String>(row, "text", TRYING)).collect()
    }
}

/// Settings of Citus that keep the scratch schema on this node: what is rolled back in the end need
/// not be created on every worker first. Which of them exist depends on the version of Citus.
const LOCAL_ONLY: [&str; 3] = [
    "citus.enable_ddl_propagation",
    "citus.enable_schema_based_sharding",
    "citus.use_citus_managed_tables",
];

fn local_only() -> String {
    format!(
        "SELECT set_config(s.name, 'off', true) FROM unnest('{{{}}}'::text[]) AS s(name) \
         WHERE current_setting(s.name, true) IS NOT NULL;\n",
        LOCAL_ONLY.join(",")
    )
}
