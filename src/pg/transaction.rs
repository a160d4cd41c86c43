//! The transaction of one tenant: what may be done in it, and how it ends.

use uuid::Uuid;

use super::connect::Target;
use super::error::PgError;
use super::execute::{self, StepFailed};
use super::introspect::{self, IntrospectError, Sections};
use super::lock;
use super::registry;
use super::rowcheck;
use super::session::{Access, Limits, Session, begin};
use super::state::{self, StateRow};
use crate::manifest::{Manifest, SeedDecl, SeedRow};
use crate::name::{SchemaName, TenantId};
use crate::plan::PlannedStep;
use crate::schema::Schema;

/// An open transaction on one tenant's schema. Dropping it without [`Transaction::commit`] leaves
/// the session in it: end it with [`Session::rollback`], or drop the session.
#[derive(Debug)]
pub struct Transaction<'s> {
    session: &'s mut Session,
    schema: &'s SchemaName,
    tenant: &'s TenantId,
    /// Whether there is such a schema, when it was last asked for.
    is_present: bool,
    is_locked: bool,
}

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Also whether the role sees everything; with so many rows of the record.
    First {
        /// Newest first.
        history: u32,
    },
    /// What was seen before, after it was changed.
    Again,
}

/// What was found of a tenant.
#[derive(Debug)]
pub struct Observed<'m> {
    /// `None`: there is no such schema.
    pub schema: Option<Schema>,
    /// Declared rows whose keys were not found.
    pub absent_rows: Vec<(&'m SeedDecl, &'m SeedRow)>,
    /// Newest first.
    pub state: Vec<StateRow>,
}

impl<'s> Transaction<'s> {
    /// Opens a transaction that sees one moment and cannot write.
    ///
    /// # Errors
    /// When the schema must not be looked at, or the server fails.
    pub async fn read(
        session: &'s mut Session,
        tenant: &'s TenantId,
        schema: &'s SchemaName,
        limits: Limits,
    ) -> Result<Self, IntrospectError> {
        let start = begin(Access::Read, limits, session.server.version_number);
        Self::start(session, tenant, schema, start, false).await
    }

    /// Opens a transaction that may write later, after [`Transaction::lock`]. If there is no such
    /// schema, it has waited for the lock already.
    ///
    /// # Errors
    /// As [`Transaction::lock`].
    pub async fn write(
        session: &'s mut Session,
        tenant: &'s TenantId,
        schema: &'s SchemaName,
        limits: Limits,
    ) -> Result<Self, IntrospectError> {
        let start = begin(Access::Write, limits, session.server.version_number);
        let start = start + &lock::if_absent_script(schema);
        Self::start(session, tenant, schema, start, true).await
    }

    /// Waits for the tenant's lock. What was seen before may have changed meanwhile.
    ///
    /// # Errors
    /// As [`Transaction::read`]; with `lock-timeout` when another session holds the lock too long.
    pub async fn lock(&mut self) -> Result<(), IntrospectError> {
        if self.is_locked {
            return Ok(());
        }
        let doing = format!("waiting for the lock on schema {}", self.schema);
        let script = lock::script(self.schema) + &introspect::exists_script(self.schema);
        let answers = self.session.run(&doing, &script).await?;
        self.is_present = introspect::exists(self.schema, &answers)?;
        self.is_locked = true;
        Ok(())
    }

    /// Whether the schema was there when it was last asked for.
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.is_present
    }

    async fn start(
        session: &'s mut Session,
        tenant: &'s TenantId,
        schema: &'s SchemaName,
        start: String,
        locks_if_absent: bool,
    ) -> Result<Self, IntrospectError> {
        let doing = format!("opening a transaction on schema {schema}");
        let script = start + &introspect::exists_script(schema);
        let answers = session.run(&doing, &script).await?;
        let is_present = introspect::exists(schema, &answers)?;
        // Another runner may have made the schema while this one waited to; then it has the lock
        // and does not know, and asks for it once more, which costs nothing.
        let is_locked = locks_if_absent && !is_present;
        Ok(Self { session, schema, tenant, is_present, is_locked })
    }

    /// Looks at the tenant: its schema, its declared rows, and, as `look` says, its record.
    ///
    /// # Errors
    /// When something cannot be read.
    pub async fn observe<'m>(
        &mut self,
        manifest: &'m Manifest,
        look: Look,
    ) -> Result<Observed<'m>, IntrospectError> {
        if !self.is_present {
            let absent_rows = manifest
                .seeds
                .iter()
                .flat_map(|seed| seed.rows.iter().map(move |row| (seed, row)))
                .collect();
            return Ok(Observed { schema: None, absent_rows, state: Vec::new() });
        }
        let mut script = introspect::members_script(self.schema);
        if let Look::First { .. } = look {
            script.push_str(&introspect::presence_script(self.schema));
            script.push_str(&introspect::visible_script(self.schema));
        }
        let doing = format!("reading schema {}", self.schema);
        let answers = self.session.run(&doing, &script).await?;
        let members = introspect::members(self.schema, &answers)?;
        let mut script = introspect::details_script(&members, self.session.server.version_number);
        if let Look::First { history } = look {
            let role = &self.session.server.role;
            let has_record = introspect::has_record(self.schema, role, &answers)?;
            introspect::check_visible(self.schema, role, &answers)?;
            if has_record && history > 0 {
                script.push_str(&state::select_script(self.schema, history));
            }
        }
        let answers = self.session.run(&doing, &script).await?;
        let state = Sections::new(self.schema, &answers).get("state")?;
        let live = introspect::parse(self.session, self.schema, members, answers).await?;
        let absent_rows =
            rowcheck::absent_rows(self.session, manifest, self.schema, self.tenant, &live).await?;
        Ok(Observed { schema: Some(live), absent_rows, state })
    }

    /// The tables outside of the tenants' schemas that foreign keys point to and that are not
    /// there, as `schema.table`.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn missing_externals(&mut self, manifest: &Manifest) -> Result<Vec<String>, PgError> {
        registry::missing_externals(self.session, manifest).await
    }

    /// Runs the statements of a plan.
    ///
    /// # Errors
    /// The step that the server refused.
    pub async fn execute(&mut self, steps: &[PlannedStep]) -> Result<(), StepFailed> {
        execute::execute(self.session, steps).await?;
        self.is_present = true;
        Ok(())
    }

    /// Adds a row to the tenant's record.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn record(&mut self, row: &StateRow) -> Result<(), PgError> {
        state::append(self.session, self.schema, row).await
    }

    /// Who is named in the record: the one given, or else the role.
    #[must_use]
    pub fn actor(&self, given: &str) -> String {
        if given.is_empty() { self.session.server.role.clone() } else { given.to_owned() }
    }

    /// Sends COMMIT, alone in its message.
    ///
    /// # Errors
    /// When the server refuses; with [`PgError::is_lost`], it is unknown whether it committed: ask
    /// [`committed`].
    pub async fn commit(self) -> Result<(), PgError> {
        self.session.run("committing", "COMMIT").await.map(drop)
    }

    /// Ends it without a trace.
    ///
    /// # Errors
    /// When the connection is gone; then the server has ended it.
    pub async fn rollback(self) -> Result<(), PgError> {
        self.session.rollback().await
    }
}

/// Whether the apply with this id was committed, asked on a new connection. It waits for the
/// tenant's lock first: while the old session still has it, its fate is not decided.
///
/// # Errors
/// When the server cannot be reached, or the old session keeps the lock.
pub async fn committed(
    target: &Target,
    schema: &SchemaName,
    apply_id: Uuid,
    limits: Limits,
) -> Result<bool, IntrospectError> {
    let mut session = Session::open(target).await?;
    let doing = "asking for the fate of a transaction";
    let script = begin(Access::Write, limits, session.server.version_number)
        + &lock::script(schema)
        + &introspect::presence_script(schema);
    let answers = session.run(doing, &script).await?;
    let mut found = false;
    if introspect::has_record(schema, &session.server.role, &answers)? {
        let answers = session.run(doing, &state::find_script(schema, apply_id)).await?;
        let rows: Vec<serde_json::Value> = Sections::new(schema, &answers).get("found")?;
        found = !rows.is_empty();
    }
    session.rollback().await?;
    session.close().await;
    Ok(found)
}
