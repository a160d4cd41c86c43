//! The transaction of one tenant: what may be done in it, and how it ends.

use std::sync::Arc;
use std::time::Instant;

use super::error::PgError;
use super::execute::{self, StepFailed};
use super::externals::{Externals, externals};
use super::fingerprint::{self, Glance, Record, Shapes};
use super::introspect::{self, IntrospectError, Sections};
use super::lock;
use super::pin::{self, Pins};
use super::placement::{Placement, is_distributed, placements};
use super::rowcheck::{self, RowCheck};
use super::session::{Access, Begun, Limits, Session, begin, query_error};
use super::state::{self, Entry, StateRow};
use super::untrusted::{self, Asked};
use crate::checksum::Checksum;
use crate::manifest::{Manifest, SeedDecl, SeedRow};
use crate::name::{Ident, SchemaName, TenantId};
use crate::plan::{Locks, Obstacle, PlannedStep, Reasons};
use crate::schema::Schema;
use crate::telemetry;

const RECORDING: &str = "recording what was done";

/// How often a schema is read that somebody changes at the same time.
const READS: u32 = 5;

/// An open transaction on one tenant's schema. Dropping it without [`Transaction::commit`] leaves
/// the session in it: end it with [`Session::rollback`], or drop the session.
#[derive(Debug)]
pub struct Transaction<'s> {
    session: &'s mut Session,
    schema: &'s SchemaName,
    tenant: &'s TenantId,
    /// What the last glance told; `None`: there was no such schema.
    glance: Option<Glance>,
    is_locked: bool,
    /// Whether it may write.
    writes: bool,
    /// Whether, when it began, anything in the database belonged to somebody who may not be trusted.
    has_untrusted: bool,
    tables: &'s Tables,
    /// Who could change what, and is kept from it, as of the last glance.
    pins: Pins,
}

/// When a transaction that may write waits for the tenant's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locking {
    /// Before it looks: there will be something to do.
    First,
    /// Before it looks, if there is no such schema; otherwise later, if there is something to do.
    IfAbsent,
}

/// The names of the tables of a manifest, with that of the record.
#[derive(Debug)]
pub struct Tables {
    /// All of them.
    all: Vec<String>,
    /// Those that are read.
    read: Vec<String>,
}

impl Tables {
    /// Those of `manifest`.
    #[must_use]
    pub fn of(manifest: &Manifest) -> Self {
        let name = |table: &Ident| table.as_str().to_owned();
        let record = std::iter::once(state::TABLE.to_owned());
        let all = manifest.tables.iter().map(|decl| name(&decl.name)).chain(record.clone());
        let read = rowcheck::tables_read(manifest).into_iter().map(name).chain(record);
        Self { all: all.collect(), read: read.collect() }
    }
}

/// What was found of a tenant.
#[derive(Debug)]
pub struct Observed<'m> {
    /// `None`: there is no such schema.
    pub schema: Option<Arc<Schema>>,
    /// Of the schema; `None` without one.
    pub fingerprint: Option<Checksum>,
    /// Declared rows whose keys were not found.
    pub absent_rows: Vec<(&'m SeedDecl, &'m SeedRow)>,
    /// Newest first.
    pub state: Vec<StateRow>,
}

/// Why the statements of a plan did not lead to what can be committed.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    #[error(transparent)]
    Step(#[from] StepFailed),
    /// The look at the result failed.
    #[error(transparent)]
    Look(#[from] IntrospectError),
}

impl<'s> Transaction<'s> {
    /// Opens a transaction that cannot write.
    ///
    /// # Errors
    /// When the schema must not be looked at, or the server fails.
    pub async fn read(
        session: &'s mut Session,
        tenant: &'s TenantId,
        schema: &'s SchemaName,
        tables: &'s Tables,
        limits: Limits,
    ) -> Result<Self, IntrospectError> {
        let start = begin(Access::Read, limits);
        Self::start(session, tenant, schema, tables, start, None).await
    }

    /// Opens a transaction that may write later, after [`Transaction::lock`].
    ///
    /// # Errors
    /// As [`Transaction::lock`].
    pub async fn write(
        session: &'s mut Session,
        tenant: &'s TenantId,
        schema: &'s SchemaName,
        tables: &'s Tables,
        limits: Limits,
        locking: Locking,
    ) -> Result<Self, IntrospectError> {
        let lock = match locking {
            Locking::First => lock::script(schema),
            Locking::IfAbsent => lock::if_absent_script(schema),
        };
        let start = begin(Access::Write, limits) + &lock;
        Self::start(session, tenant, schema, tables, start, Some(locking)).await
    }

    async fn start(
        session: &'s mut Session,
        tenant: &'s TenantId,
        schema: &'s SchemaName,
        tables: &'s Tables,
        start: String,
        locking: Option<Locking>,
    ) -> Result<Self, IntrospectError> {
        let doing = format!("opening a transaction on schema {schema}");
        let begin = Instant::now();
        let Begun { is_present, has_event_triggers, has_untrusted } =
            session.begin(schema, &doing, start).await?;
        if locking == Some(Locking::First) || locking.is_some() && !is_present {
            telemetry::locked(begin.elapsed());
        }
        // No statement that only reads would run one; what is present is asked with the glance.
        if has_event_triggers && locking.is_some() && !is_present {
            introspect::check_event_triggers(session, schema).await?;
        }
        let mut transaction = Self {
            session,
            schema,
            tenant,
            glance: None,
            is_locked: false,
            writes: locking.is_some(),
            has_untrusted,
            tables,
            pins: Pins::default(),
        };
        if is_present {
            transaction.glance(&doing, String::new()).await?;
        }
        // Another runner may have made the schema while this one waited to; then it has the lock
        // and does not know, and asks for it once more, which costs nothing.
        transaction.is_locked = match locking {
            None => false,
            Some(Locking::First) => true,
            Some(Locking::IfAbsent) => transaction.glance.is_none(),
        };
        Ok(transaction)
    }

    /// Waits for the tenant's lock. What was seen before may have changed meanwhile.
    ///
    /// # Errors
    /// As [`Transaction::read`]; with `lock-timeout` when another session holds the lock too long.
    pub async fn lock(&mut self) -> Result<(), IntrospectError> {
        if !self.is_locked {
            let doing = format!("waiting for the lock on schema {}", self.schema);
            let start = Instant::now();
            self.glance(&doing, lock::script(self.schema)).await?;
            telemetry::locked(start.elapsed());
            self.is_locked = true;
        }
        match self.record() {
            Some(record) => record.check_writable(self.schema, &self.session.server.role),
            None => Ok(()),
        }
    }

    /// Whose the tenant's record is, unless its owner is trusted.
    #[must_use]
    pub fn foreign_record_owner(&self) -> Option<&Ident> {
        self.record()?.foreign_owner()
    }

    fn record(&self) -> Option<&Record> {
        self.glance.as_ref().and_then(|glance| glance.record.as_ref())
    }

    /// Takes the locks of a plan and of its record, so that nobody can change any more what its
    /// statements run, and looks again if there can be anything of the kind. Tells what is in the way beside
    /// [`Transaction::obstacles`], which are then to be asked for again; `None`: the schema has changed
    /// meanwhile, and another plan is to be made.
    ///
    /// # Errors
    /// As [`Transaction::lock`].
    pub async fn secure(
        &mut self,
        locks: &Locks,
    ) -> Result<Option<Vec<Obstacle>>, IntrospectError> {
        let Some(before) = self.glance.as_ref().map(|glance| glance.fingerprint) else {
            return Ok(Some(Vec::new()));
        };
        let doing = format!("locking tables of schema {}", self.schema);
        let mut script = self.pins.plan_script(self.schema, locks, self.record().is_some());
        let mut targets = Vec::new();
        if self.pins.is_needed() {
            let tables: Vec<&str> = locks.tables.keys().map(Ident::as_str).collect();
            script += &pin::targets_query(self.session, self.schema, &tables, &locks.externals);
            let answers = self.session.run(&doing, &script).await?;
            targets = pin::targets(self.session, &answers)?;
            script = pin::Target::script(&targets);
        }
        self.has_untrusted = untrusted::is_there(self.session, &doing, &script).await?;
        if !self.has_untrusted && !self.pins.is_needed() {
            return Ok(Some(Vec::new()));
        }
        self.glance(&doing, String::new()).await?;
        if self.glance.as_ref().is_none_or(|glance| glance.fingerprint != before) {
            return Ok(None);
        }
        self.lock().await?;
        Ok(Some(targets.into_iter().filter_map(pin::Target::into_obstacle).collect()))
    }

    /// Whether the record can be read: it is kept as it is meanwhile, as far as somebody could change it.
    #[must_use]
    pub fn can_read_record(&self) -> bool {
        self.pins.keeps(state::TABLE)
    }

    /// What is in the way of statements on the schema: what they could run that nobody who is trusted
    /// answers for, and what the role may not do.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn obstacles(&mut self, asked: &Asked<'_>) -> Result<Vec<Obstacle>, PgError> {
        if self.glance.is_none() {
            return Ok(Vec::new());
        }
        let mut found: Vec<Obstacle> = self.pins.obstacles(&self.session.server.role).collect();
        if self.has_untrusted || self.pins.is_needed() {
            let mut untrusted = untrusted::untrusted(self.session, &[self.schema], asked).await?;
            found.extend(untrusted.remove(self.schema).unwrap_or_default());
        }
        Ok(found)
    }

    /// Runs `before`, and looks at what there is after it.
    async fn glance(&mut self, doing: &str, before: String) -> Result<(), IntrospectError> {
        let tables: Vec<&str> = self.tables.all.iter().map(String::as_str).collect();
        let pins = pin::query(self.session, &[self.schema], &tables);
        let (script, _) = fingerprint::script(self.session, &[self.schema]);
        let mut answers = self.session.run(doing, &(before + &pins + &script)).await?;
        self.session.is_prepared = true;
        let pins = pin::pins(self.session, &[self.schema], &answers)?;
        let pins = pins.into_values().next().unwrap_or_default();
        if pins != self.pins {
            let tables: Vec<&str> = self.tables.read.iter().map(String::as_str).collect();
            let locks = pins.script(self.schema, &tables);
            if !locks.is_empty() {
                let (script, _) = fingerprint::script(self.session, &[self.schema]);
                answers = self.session.run(doing, &(locks + &script)).await?;
            }
            self.pins = pins;
        }
        self.glance = fingerprint::glance(self.session, self.schema, &answers)?;
        if self.writes && self.glance.as_ref().is_some_and(|glance| glance.has_event_triggers) {
            introspect::check_event_triggers(self.session, self.schema).await?;
        }
        Ok(())
    }

    /// What the last glance told; `None`: there was no such schema.
    #[must_use]
    pub fn last_glance(&self) -> Option<&Glance> {
        self.glance.as_ref()
    }

    /// Looks at the tenant: its schema, its declared rows, and so many rows of its record, newest
    /// first. `shapes` are known models of this server. The rows are not looked for while the
    /// schema has the fingerprint `rows_found`; those of tables that are among the subjects of `avoid`
    /// are not read, and count as absent.
    ///
    /// # Errors
    /// When something cannot be read.
    pub async fn observe<'m>(
        &mut self,
        manifest: &'m Manifest,
        shapes: &Shapes,
        history: u32,
        rows_found: Option<Checksum>,
        avoid: &Reasons,
    ) -> Result<Observed<'m>, IntrospectError> {
        let Some((schema, fingerprint)) = self.model(shapes).await? else {
            let absent_rows = rowcheck::all(manifest);
            return Ok(Observed {
                schema: None,
                fingerprint: None,
                absent_rows,
                state: Vec::new(),
            });
        };
        let (state, absent_rows) = if history == 0 && rows_found == Some(fingerprint) {
            (Vec::new(), Vec::new())
        } else {
            self.rows(manifest, Some(&schema), history, avoid).await?
        };
        Ok(Observed { schema: Some(schema), fingerprint: Some(fingerprint), absent_rows, state })
    }

    /// The newest row of the record if it is of the schema as the last glance saw it, and the
    /// declared rows that are absent. To be asked only where no table is to be avoided.
    ///
    /// # Errors
    /// When something cannot be read.
    pub async fn recorded<'m>(
        &mut self,
        manifest: &'m Manifest,
    ) -> Result<Option<(StateRow, Vec<(&'m SeedDecl, &'m SeedRow)>)>, IntrospectError> {
        let Some(glance) = self.glance.clone() else {
            return Ok(None);
        };
        let Some(record) = &glance.record else {
            return Ok(None);
        };
        record.check_readable(self.schema, &self.session.server.role)?;
        if !self.pins.keeps(state::TABLE) {
            return Ok(None);
        }
        let answers =
            self.session.run(&self.reading(), &state::select_script(self.schema, 1)).await?;
        let state: Vec<StateRow> = Sections::new(self.schema, &answers).get("state")?;
        let Some(row) = state.into_iter().next() else {
            return Ok(None);
        };
        if row.fingerprint != glance.fingerprint || glance.has_hidden {
            return Ok(None);
        }
        let (_, absent_rows) = self.rows(manifest, None, 0, &Reasons::new()).await?;
        Ok(Some((row, absent_rows)))
    }

    /// The record's newest rows and the declared rows that are absent; without `live`, all that is
    /// declared is taken to be there to be read.
    async fn rows<'m>(
        &mut self,
        manifest: &'m Manifest,
        live: Option<&Schema>,
        history: u32,
        avoid: &Reasons,
    ) -> Result<(Vec<StateRow>, Vec<(&'m SeedDecl, &'m SeedRow)>), IntrospectError> {
        let mut script = String::new();
        if history > 0
            && self.pins.keeps(state::TABLE)
            && let Some(record) = self.record()
        {
            record.check_readable(self.schema, &self.session.server.role)?;
            script.push_str(&state::select_script(self.schema, history));
        }
        let tables: Vec<&str> = self.tables.read.iter().map(String::as_str).collect();
        if let Some(live) = live
            && self.pins.lacks(&tables, live)
        {
            let reason = "a table was made while it was read".to_owned();
            return Err(PgError::Answer { doing: self.reading(), reason }.into());
        }
        let check = RowCheck::new(manifest, self.schema, self.tenant, live, avoid);
        let before = usize::from(!script.is_empty());
        script.push_str(check.script());
        if script.is_empty() {
            return Ok((Vec::new(), check.absent(&[])?));
        }
        let answers = self.session.script(&script).await.map_err(|stopped| {
            let doing = match stopped.completed.checked_sub(before) {
                Some(at) => check.doing(at),
                None => self.reading(),
            };
            query_error(&doing, stopped.cause)
        })?;
        let state = Sections::new(self.schema, &answers).get("state")?;
        let absent = check.absent(answers.get(before..).unwrap_or_default())?;
        Ok((state, absent))
    }

    /// The model of the schema as the last glance saw it.
    async fn model(
        &mut self,
        shapes: &Shapes,
    ) -> Result<Option<(Arc<Schema>, Checksum)>, IntrospectError> {
        for _ in 0..READS {
            let Some(glance) = self.glance.clone() else {
                return Ok(None);
            };
            if glance.has_hidden {
                introspect::check_visible(self.session, self.schema).await?;
            }
            if let Some(schema) = shapes.get(glance.fingerprint) {
                return Ok(Some((schema, glance.fingerprint)));
            }
            let schema = match introspect::introspect(self.session, self.schema).await {
                Ok(schema) => schema,
                // Its parts were read one after the other, and somebody changes it.
                Err(IntrospectError::Pg(PgError::Answer { .. })) => continue,
                Err(error) => return Err(error),
            };
            // Only what did not change while it was read is the model behind the fingerprint.
            let doing = self.reading();
            self.glance(&doing, String::new()).await?;
            if self.glance.as_ref().is_some_and(|now| now.fingerprint == glance.fingerprint) {
                return Ok(Some((shapes.insert(glance.fingerprint, schema), glance.fingerprint)));
            }
        }
        let reason = "it changes faster than it can be read".to_owned();
        Err(PgError::Answer { doing: self.reading(), reason }.into())
    }

    fn reading(&self) -> String {
        format!("reading schema {}", self.schema)
    }

    /// Where Citus keeps the schema; `None` if there is none, or it lies on the server itself and
    /// should.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn placement(&mut self) -> Result<Option<Placement>, PgError> {
        Ok(placements(self.session, &[self.schema]).await?.remove(self.schema))
    }

    /// Whether the tables of a schema with this placement are distributed, or will be when it is
    /// made.
    #[must_use]
    pub fn is_distributed(&self, placement: Option<&Placement>) -> bool {
        is_distributed(&self.session.server, self.glance.is_some(), placement)
    }

    /// What is known of the tables outside of the tenants' schemas that foreign keys point to.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn externals(&mut self, manifest: &Manifest) -> Result<Externals, PgError> {
        externals(self.session, manifest).await
    }

    /// Runs the statements of a plan, adds `record` to the tenant's record, with the fingerprint
    /// that the schema has by then, and looks at the result, but for rows of tables that are to be
    /// avoided.
    ///
    /// # Errors
    /// The step that the server refused, or why the result cannot be looked at.
    pub async fn execute<'m>(
        &mut self,
        manifest: &'m Manifest,
        shapes: &Shapes,
        steps: &[PlannedStep],
        record: &Entry,
        avoid: &Reasons,
    ) -> Result<Observed<'m>, ExecuteError> {
        let check = RowCheck::new(manifest, self.schema, self.tenant, None, avoid);
        let (append, statements) = self.append_script(record);
        let doing = |at: usize| match at.checked_sub(statements) {
            Some(at) => check.doing(at),
            None => RECORDING.to_owned(),
        };
        let epilogue = append + check.script();
        let answers = execute::execute(self.session, steps, &epilogue, doing).await?;
        self.session.is_prepared = true;
        self.glance = fingerprint::glance(self.session, self.schema, &answers)?;
        let rows = answers.get(statements..).unwrap_or_default();
        let absent_rows = check.absent(rows).map_err(IntrospectError::Pg)?;
        let state = Vec::new();
        Ok(match self.model(shapes).await? {
            None => Observed { schema: None, fingerprint: None, absent_rows, state },
            Some((schema, fingerprint)) => Observed {
                schema: Some(schema),
                fingerprint: Some(fingerprint),
                absent_rows,
                state,
            },
        })
    }

    /// As [`Transaction::execute`], for statements that are only a part of what is to be done: look
    /// at the result with [`Transaction::observe`].
    ///
    /// # Errors
    /// As [`Transaction::execute`].
    pub async fn execute_part(
        &mut self,
        steps: &[PlannedStep],
        record: &Entry,
    ) -> Result<(), ExecuteError> {
        let (append, _) = self.append_script(record);
        let doing = |_| RECORDING.to_owned();
        let answers = execute::execute(self.session, steps, &append, doing).await?;
        self.glance = fingerprint::glance(self.session, self.schema, &answers)?;
        Ok(())
    }

    /// Statements that look at the schema and write what they see into its record.
    fn append_script(&self, record: &Entry) -> (String, usize) {
        let (look, looking) = fingerprint::script(self.session, &[self.schema]);
        let (append, appending) =
            state::append_script(self.schema, record, self.record().is_some());
        (look + &append, looking + appending)
    }

    /// Corrects what [`Transaction::execute`] wrote about itself.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn amend(&mut self, record: &Entry) -> Result<(), PgError> {
        let script = state::amend_script(self.schema, record);
        self.session.run(RECORDING, &script).await.map(drop)
    }

    /// Who is named in the record: the one given, or else the role.
    #[must_use]
    pub fn actor(&self, given: &str) -> String {
        if given.is_empty() {
            self.session.server.role.as_str().to_owned()
        } else {
            given.to_owned()
        }
    }

    /// Sends COMMIT, alone in its message.
    ///
    /// # Errors
    /// When the server refuses; with [`PgError::is_lost`], it is unknown whether it committed: ask
    /// [`committed`](super::committed).
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
