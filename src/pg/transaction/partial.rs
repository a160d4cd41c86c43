//! A transaction that digests only what its plan touches: the rest was read before.

use std::time::Instant;

use super::work::RECORDING;
use crate::absent::Absent;
use crate::checksum::Checksum;
use crate::explain::Explain;
use crate::hold::Hold;
use crate::locks::Locks;
use crate::name::{SchemaName, TenantId};
use crate::pg::error::PgError;
use crate::pg::execute::{self, ExecuteError, Statements};
use crate::pg::fingerprint::{self, Checks, Objects};
use crate::pg::grantcheck::GrantCheck;
use crate::pg::introspect::IntrospectError;
use crate::pg::lock;
use crate::pg::pin::Pins;
use crate::pg::rowcheck::RowCheck;
use crate::pg::session::{Access, Limits, Session, begin};
use crate::pg::state::{self, Entry};
use crate::rows::{Columns, Declared};
use crate::telemetry;
use crate::touched::Touched;

/// An open transaction on some objects of a tenant's schema, which are locked. As with
/// [`Transaction`](super::Transaction), dropping it leaves the session in it.
#[derive(Debug)]
pub struct PartialTransaction<'s> {
    session: &'s mut Session,
    schema: &'s SchemaName,
    tenant: &'s TenantId,
    touched: &'s Touched,
    objects: Objects,
    note: Option<String>,
    hold: Option<Hold>,
}

/// What such a transaction is opened on.
#[derive(Debug, Clone, Copy)]
pub struct Site<'s> {
    pub tenant: &'s TenantId,
    pub schema: &'s SchemaName,
    pub limits: Limits,
    /// Those of the plan.
    pub locks: &'s Locks,
    pub touched: &'s Touched,
}

/// SQLSTATE of a prepared statement that does not exist: it was prepared on another backend of a pooler.
const NOT_PREPARED: &str = "26000";

impl<'s> PartialTransaction<'s> {
    /// Opens a transaction, takes the tenant's lock and those of the plan, and digests what it touches.
    /// `None`: an untrusted role could be involved, or something is not as it was, or cannot be
    /// determined in this way. Then the session is in no transaction, and the whole schema has to be read.
    ///
    /// # Errors
    /// When the connection is lost, or a retry may succeed.
    pub async fn open(
        session: &'s mut Session,
        site: Site<'s>,
    ) -> Result<Option<Self>, IntrospectError> {
        let Site { tenant, schema, touched, .. } = site;
        if session.server.citus {
            return Ok(None);
        }
        let start = Instant::now();
        let found = match look(session, site).await {
            Ok(found) => found.filter(|found| is_plain(&found.checks)),
            Err(IntrospectError::Pg(error)) if error.is_lost() || error.is_transient() => {
                return Err(error.into());
            }
            Err(error) => {
                if let IntrospectError::Pg(error) = &error
                    && error.sqlstate() == Some(NOT_PREPARED)
                {
                    session.digests.are_lasting = false;
                }
                None
            }
        };
        let writable = found.filter(|found| {
            let record = found.checks.record.as_ref();
            record.is_some_and(|record| record.check_writable(schema, &session.server.role).is_ok())
        });
        let Some(Found { checks, objects }) = writable else {
            session.rollback().await?;
            return Ok(None);
        };
        telemetry::locked(start.elapsed());
        let Checks { note, hold, .. } = checks;
        Ok(Some(Self { session, schema, tenant, touched, objects, note, hold }))
    }

    /// The digests of what is touched, as it was found.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The comment of the record.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The hold that is in force.
    #[must_use]
    pub fn hold(&self) -> Option<&Hold> {
        self.hold.as_ref()
    }

    /// The actor named in the record: the one given, or else the role.
    #[must_use]
    pub fn actor(&self, given: &str) -> String {
        self.session.actor(given)
    }

    /// Runs the statements of a plan, adds `record` to the tenant's record, with `fingerprint`, and digests
    /// what was touched. Returns the new digests, and what is absent of the rows in it and of all
    /// privileges.
    ///
    /// # Errors
    /// The step that the server refused, or why the result cannot be read.
    pub async fn execute<'m>(
        &mut self,
        declared: Declared<'m>,
        statements: Statements<'_>,
        record: &Entry,
        fingerprint: Checksum,
    ) -> Result<(Objects, Absent<'m>), ExecuteError> {
        let columns = Columns::as_declared(declared);
        let check = RowCheck::of_touched(&columns, self.schema, self.tenant, self.touched);
        let (digest, digest_count) =
            fingerprint::touched_script(self.session, self.schema, self.touched);
        let (append, append_count) =
            state::append_script(self.schema, record, Some(fingerprint), true);
        let recording = digest_count + append_count;
        let doing = |at: usize| match at.checked_sub(recording) {
            Some(at) => check.doing(at),
            None => RECORDING.to_owned(),
        };
        let subject = [(self.tenant, self.schema)];
        let privileges = GrantCheck::new(self.session, declared.grants, &subject);
        let epilogue = digest + &append + check.script() + &privileges.script();
        let answers = execute::execute(self.session, statements, &epilogue, doing).await?;
        let objects = fingerprint::touched(&answers).map_err(IntrospectError::Pg)?;
        let rows = answers.get(recording..).unwrap_or_default();
        let grants = privileges.of_one(rows).map_err(IntrospectError::Pg)?;
        Ok((objects, check.found(rows).map_err(IntrospectError::Pg)?.with(grants)))
    }

    /// As [`Transaction::commit`](super::Transaction::commit).
    ///
    /// # Errors
    /// As there.
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

/// Whether no code of others can be involved, and nothing is hidden from the role.
fn is_plain(checks: &Checks) -> bool {
    checks.is_plain() && !checks.has_hidden
}

/// What is found under the locks.
struct Found {
    checks: Checks,
    /// Of what is touched.
    objects: Objects,
}

/// Takes the locks, and then checks and digests what is touched: in one message, if the backend is known to
/// have the statements prepared.
async fn look(session: &mut Session, site: Site<'_>) -> Result<Option<Found>, IntrospectError> {
    let Site { schema, limits, locks, touched, .. } = site;
    let doing = format!("locking tables of schema {schema}");
    let mut script = begin(Access::Write, limits) + &lock::script(schema);
    if !(session.digests.are_lasting && session.digests.are_prepared_for(touched)) {
        session.begin(schema, &doing, script).await?;
        script = String::new();
    }
    script.push_str(&Pins::default().plan_script(schema, locks, true));
    script.push_str(&fingerprint::checks_script(session, schema, touched));
    script.push_str(&fingerprint::touched_script(session, schema, touched).0);
    let answers = session.run(&doing, &script).await?;
    session.digests.note_touched(touched);
    let checks = fingerprint::checks(session, schema, &answers)?;
    let objects = fingerprint::touched(&answers)?;
    Ok(checks.map(|checks| Found { checks, objects }))
}
