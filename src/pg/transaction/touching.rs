//! A transaction that looks only at what its plan touches: the rest was looked at before.

use std::time::Instant;

use super::work::RECORDING;
use crate::checksum::Checksum;
use crate::explain::Explain;
use crate::locks::Locks;
use crate::manifest::Manifest;
use crate::name::{SchemaName, TenantId};
use crate::pg::error::PgError;
use crate::pg::execute::{self, ExecuteError, Statements};
use crate::pg::fingerprint::{self, Objects, SchemaDigest};
use crate::pg::introspect::IntrospectError;
use crate::pg::lock;
use crate::pg::pin::Pins;
use crate::pg::rowcheck::{Row, RowCheck};
use crate::pg::session::{Access, Limits, Session, begin};
use crate::pg::state::{self, Entry};
use crate::telemetry;
use crate::touched::Touched;

/// An open transaction on some objects of a tenant's schema, which are locked. As with
/// [`Transaction`](super::Transaction), dropping it leaves the session in it.
#[derive(Debug)]
pub struct Touching<'s> {
    session: &'s mut Session,
    schema: &'s SchemaName,
    tenant: &'s TenantId,
    touched: &'s Touched,
    objects: Objects,
    note: Option<String>,
}

/// On what such a transaction is opened.
#[derive(Debug, Clone, Copy)]
pub struct Site<'s> {
    pub tenant: &'s TenantId,
    pub schema: &'s SchemaName,
    pub limits: Limits,
    /// Those of the plan.
    pub locks: &'s Locks,
    pub touched: &'s Touched,
}

/// What a script cannot find that somebody else has prepared, on another backend of a pooler.
const NOT_PREPARED: &str = "26000";

impl<'s> Touching<'s> {
    /// Opens a transaction, takes the tenant's lock and those of the plan, and looks at what it touches.
    /// `None`: somebody who is not trusted could be involved, or something is not as it was, or cannot be
    /// told in this way. Then the session is in no transaction, and a look at all of the schema tells.
    ///
    /// # Errors
    /// When the connection is lost, or the same may succeed when it is tried anew.
    pub async fn open(
        session: &'s mut Session,
        site: Site<'s>,
    ) -> Result<Option<Self>, IntrospectError> {
        let Site { tenant, schema, touched, .. } = site;
        if session.server.citus {
            return Ok(None);
        }
        let start = Instant::now();
        let digest = match look(session, site).await {
            Ok(digest) => digest.filter(is_plain),
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
        let writable = digest.filter(|digest| {
            let record = digest.record.as_ref();
            record.is_some_and(|record| record.check_writable(schema, &session.server.role).is_ok())
        });
        let Some(digest) = writable else {
            session.rollback().await?;
            return Ok(None);
        };
        telemetry::locked(start.elapsed());
        let (objects, note) = (digest.objects.unwrap_or_default(), digest.note);
        Ok(Some(Self { session, schema, tenant, touched, objects, note }))
    }

    /// What is touched, as it was found.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// What the record's comment says.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Who is named in the record: the one given, or else the role.
    #[must_use]
    pub fn actor(&self, given: &str) -> String {
        self.session.actor(given)
    }

    /// Runs the statements of a plan, adds `record` to the tenant's record, with `fingerprint`, and looks
    /// at what was touched. Tells how it is by now, and which of the rows in it are absent.
    ///
    /// # Errors
    /// The step that the server refused, or why the result cannot be looked at.
    pub async fn execute<'m>(
        &mut self,
        manifest: &'m Manifest,
        statements: Statements<'_>,
        record: &Entry,
        fingerprint: Checksum,
    ) -> Result<(Objects, Vec<Row<'m>>), ExecuteError> {
        let check = RowCheck::of_touched(manifest, self.schema, self.tenant, self.touched);
        let (look, looking) = fingerprint::touched_script(self.session, self.schema, self.touched);
        let (append, appending) =
            state::append_script(self.schema, record, Some(fingerprint), true);
        let recording = looking + appending;
        let doing = |at: usize| match at.checked_sub(recording) {
            Some(at) => check.doing(at),
            None => RECORDING.to_owned(),
        };
        let epilogue = look + &append + check.script();
        let answers = execute::execute(self.session, statements, &epilogue, doing).await?;
        let digest = fingerprint::digest(self.session, self.schema, &answers)?;
        let objects = digest.and_then(|digest| digest.objects).unwrap_or_default();
        let rows = answers.get(recording..).unwrap_or_default();
        let absent = check.absent(rows).map_err(IntrospectError::Pg)?;
        Ok((objects, absent))
    }

    /// As [`Transaction::commit`](super::Transaction::commit).
    ///
    /// # Errors
    /// As there.
    pub async fn commit(self) -> Result<(), PgError> {
        self.session.commit().await
    }

    /// Ends it without a trace.
    ///
    /// # Errors
    /// When the connection is gone; then the server has ended it.
    pub async fn rollback(self) -> Result<(), PgError> {
        self.session.rollback().await
    }
}

/// Whether no code of others can be involved, and all can be seen.
fn is_plain(digest: &SchemaDigest) -> bool {
    digest.is_plain() && !digest.has_hidden
}

/// The look, after the locks: in one message, as far as is known that the backend can answer it.
async fn look(
    session: &mut Session,
    site: Site<'_>,
) -> Result<Option<SchemaDigest>, IntrospectError> {
    let Site { schema, limits, locks, touched, .. } = site;
    let doing = format!("locking tables of schema {schema}");
    let mut script = begin(Access::Write, limits) + &lock::script(schema);
    if !(session.digests.are_lasting && session.digests.named.is_prepared) {
        session.begin(schema, &doing, script).await?;
        script = String::new();
    }
    script.push_str(&Pins::default().plan_script(schema, locks, true));
    script.push_str(&fingerprint::touched_script(session, schema, touched).0);
    let answers = session.run(&doing, &script).await?;
    session.digests.named.is_prepared = true;
    fingerprint::digest(session, schema, &answers)
}
