//! An open transaction on one tenant's schema.

use std::time::Instant;

use super::tables::Tables;
use crate::name::{SchemaName, TenantId};
use crate::pg::error::PgError;
use crate::pg::fingerprint::{self, Record, SchemaDigest};
use crate::pg::introspect::{self, IntrospectError};
use crate::pg::lock;
use crate::pg::pin::{self, Pins};
use crate::pg::session::{Access, Limits, Opened, Session, begin};
use crate::telemetry;

/// An open transaction on one tenant's schema. Dropping it without [`Transaction::commit`] leaves
/// the session in it: end it with [`Session::rollback`], or drop the session.
#[derive(Debug)]
pub struct Transaction<'s> {
    pub(super) session: &'s mut Session,
    pub(super) schema: &'s SchemaName,
    pub(super) tenant: &'s TenantId,
    /// Taken last; `None`: there was no such schema.
    pub(super) digest: Option<SchemaDigest>,
    is_locked: bool,
    /// Whether it may write.
    writes: bool,
    /// Whether there are event triggers in the database.
    has_event_triggers: bool,
    pub(super) tables: &'s Tables,
    /// Which untrusted owners could change what, and are kept from it, at the time of the digest.
    pub(super) pins: Pins,
}

/// When a transaction that may write waits for the tenant's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locking {
    /// Before it reads the schema: there will be something to do.
    First,
    /// Before it reads the schema, if there is no such schema; otherwise later, if there is something to do.
    IfAbsent,
}

impl<'s> Transaction<'s> {
    /// Opens a transaction that cannot write.
    ///
    /// # Errors
    /// When the schema must not be read, or the server fails.
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
        let Opened { is_present, has_event_triggers } =
            session.begin(schema, &doing, start).await?;
        if locking == Some(Locking::First) || locking.is_some() && !is_present {
            telemetry::locked(begin.elapsed());
        }
        // A statement that only reads runs none; for a schema that is present they are checked with the digest.
        if has_event_triggers && locking.is_some() && !is_present {
            introspect::check_event_triggers(session, schema).await?;
        }
        let mut transaction = Self {
            session,
            schema,
            tenant,
            digest: None,
            is_locked: false,
            writes: locking.is_some(),
            has_event_triggers,
            tables,
            pins: Pins::default(),
        };
        if is_present {
            transaction.digest(&doing, String::new()).await?;
        }
        // Another runner may have created the schema while this one waited to; then this one holds the lock
        // without knowing it, and takes it once more, which costs nothing.
        transaction.is_locked = match locking {
            None => false,
            Some(Locking::First) => true,
            Some(Locking::IfAbsent) => transaction.digest.is_none(),
        };
        Ok(transaction)
    }

    /// Waits for the tenant's lock. What was read before may have changed meanwhile.
    ///
    /// # Errors
    /// As [`Transaction::read`]; with `lock-timeout` when another session holds the lock too long.
    pub async fn lock(&mut self) -> Result<(), IntrospectError> {
        if !self.is_locked {
            let doing = format!("waiting for the lock on schema {}", self.schema);
            let start = Instant::now();
            self.digest(&doing, lock::script(self.schema)).await?;
            telemetry::locked(start.elapsed());
            self.is_locked = true;
        }
        match self.record() {
            Some(record) => record.check_writable(self.schema, &self.session.server.role),
            None => Ok(()),
        }
    }

    /// Whether its statements create the schema, and nothing but they could put something into it.
    pub(super) fn is_creating(&self) -> bool {
        self.digest.is_none() && !self.has_event_triggers
    }

    pub(super) fn record(&self) -> Option<&Record> {
        self.digest.as_ref().and_then(|digest| digest.checks.record.as_ref())
    }

    /// Takes the locks that keep others from changing what is read, and digests the schema again.
    pub(super) async fn pin(&mut self, doing: &str) -> Result<(), IntrospectError> {
        let all: Vec<&str> = self.tables.all.iter().map(String::as_str).collect();
        let pins = pin::pins(self.session, doing, &[self.schema], &all).await?;
        let pins = pins.into_values().next().unwrap_or_default();
        if pins != self.pins {
            let read: Vec<&str> = self.tables.read.iter().map(String::as_str).collect();
            let locks = pins.script(self.schema, &read, true);
            if !locks.is_empty() {
                let (script, _) = fingerprint::script(self.session, &[self.schema]);
                let answers = self.session.run(doing, &(locks + &script)).await?;
                self.digest = fingerprint::digest(self.session, self.schema, &answers)?;
            }
            self.pins = pins;
        }
        Ok(())
    }

    /// Runs `before`, and digests the schema after it.
    pub(super) async fn digest(
        &mut self,
        doing: &str,
        before: String,
    ) -> Result<(), IntrospectError> {
        let (script, _) = fingerprint::script(self.session, &[self.schema]);
        self.digest_by(doing, before + &script).await
    }

    /// As [`Transaction::digest`], with the digests of all objects.
    pub(super) async fn objects(&mut self, doing: &str) -> Result<(), IntrospectError> {
        let (script, _) = fingerprint::objects_script(self.session, &[self.schema]);
        self.digest_by(doing, script).await
    }

    async fn digest_by(&mut self, doing: &str, script: String) -> Result<(), IntrospectError> {
        let answers = self.session.run(doing, &script).await?;
        self.session.digests.note_whole();
        self.digest = fingerprint::digest(self.session, self.schema, &answers)?;
        if self.digest.as_ref().is_some_and(|digest| digest.checks.is_open) {
            self.pin(doing).await?;
        }
        if self.writes
            && self.digest.as_ref().is_some_and(|digest| digest.checks.has_event_triggers)
        {
            introspect::check_event_triggers(self.session, self.schema).await?;
        }
        Ok(())
    }

    /// The digest that was taken last; `None`: there was no such schema.
    #[must_use]
    pub fn last_digest(&self) -> Option<&SchemaDigest> {
        self.digest.as_ref()
    }

    /// Sends COMMIT, alone in its message.
    ///
    /// # Errors
    /// When the server refuses; with [`PgError::is_lost`], it is unknown whether it committed: check
    /// with [`committed`](fn@crate::pg::committed).
    pub async fn commit(self) -> Result<(), PgError> {
        self.session.commit().await
    }

    /// Rolls it back.
    ///
    /// # Errors
    /// When the connection is lost; then the server has rolled it back.
    pub async fn rollback(self) -> Result<(), PgError> {
        self.session.rollback().await
    }
}
