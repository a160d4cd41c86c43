//! The statements of a plan, and the record of them, within a tenant's transaction.

use super::Transaction;
use super::observe::Observed;
use crate::grants::Grant;
use crate::obstacle::Reasons;
use crate::pg::error::PgError;
use crate::pg::execute::{self, ExecuteError, Statements};
use crate::pg::fingerprint::{self, Shapes};
use crate::pg::grantcheck::GrantCheck;
use crate::pg::introspect::IntrospectError;
use crate::pg::rowcheck::RowCheck;
use crate::pg::state::{self, Entry};
use crate::rows::Columns;

pub(super) const RECORDING: &str = "recording what was done";

impl Transaction<'_> {
    /// Runs the statements of a plan, adds `record` to the tenant's record, with the fingerprint
    /// that the schema has after them, and reads the result, except for rows of tables in
    /// `avoid`.
    ///
    /// # Errors
    /// The step that the server refused, or why the result cannot be read.
    pub async fn execute<'m>(
        &mut self,
        (columns, grants): (&Columns<'m>, &'m [Grant]),
        shapes: &Shapes,
        statements: Statements<'_>,
        record: &Entry,
        avoid: &Reasons,
    ) -> Result<Observed<'m>, ExecuteError> {
        let check = RowCheck::new(columns, self.schema, self.tenant, None, avoid);
        let created = if self.is_creating() {
            fingerprint::created_script(self.session, self.schema, &statements.kinds)
        } else {
            None
        };
        let is_created = created.is_some();
        let digest = created.unwrap_or_else(|| fingerprint::script(self.session, &[self.schema]));
        let (append, append_count) = self.append_script(digest, record);
        let doing = |at: usize| match at.checked_sub(append_count) {
            Some(at) => check.doing(at),
            None => RECORDING.to_owned(),
        };
        let subject = [(self.tenant, self.schema)];
        let privileges = GrantCheck::new(self.session, grants, &subject);
        let epilogue = append + check.script() + &privileges.script();
        let answers = execute::execute(self.session, statements, &epilogue, doing).await?;
        if is_created {
            self.session.digests.note_created();
        } else {
            self.session.digests.note_whole();
        }
        self.digest = fingerprint::digest(self.session, self.schema, &answers)?;
        let rows = answers.get(append_count..).unwrap_or_default();
        let grants = privileges.of_one(rows).map_err(IntrospectError::Pg)?;
        let absent = check.found(rows).map_err(IntrospectError::Pg)?.with(grants);
        let state = Vec::new();
        Ok(match self.model(shapes).await? {
            None => Observed { schema: None, fingerprint: None, absent, state },
            Some((schema, fingerprint)) => {
                Observed { schema: Some(schema), fingerprint: Some(fingerprint), absent, state }
            }
        })
    }

    /// As [`Transaction::execute`], for statements that are only a part of what is to be done: read
    /// the result with [`Transaction::observe`].
    ///
    /// # Errors
    /// As [`Transaction::execute`].
    pub async fn execute_part(
        &mut self,
        statements: Statements<'_>,
        record: &Entry,
    ) -> Result<(), ExecuteError> {
        let digest = fingerprint::script(self.session, &[self.schema]);
        let (append, _) = self.append_script(digest, record);
        let doing = |_| RECORDING.to_owned();
        let answers = execute::execute(self.session, statements, &append, doing).await?;
        self.digest = fingerprint::digest(self.session, self.schema, &answers)?;
        Ok(())
    }

    /// Statements that digest the schema and write its fingerprint into its record.
    fn append_script(
        &self,
        (digest, digest_count): (String, usize),
        record: &Entry,
    ) -> (String, usize) {
        let (append, append_count) =
            state::append_script(self.schema, record, None, self.record().is_some());
        (digest + &append, digest_count + append_count)
    }

    /// Corrects the row that [`Transaction::execute`] added to the record.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn amend(&mut self, record: &Entry) -> Result<(), PgError> {
        let script = state::amend_script(self.schema, record);
        self.session.run(RECORDING, &script).await.map(drop)
    }

    /// The actor named in the record: the one given, or else the role.
    #[must_use]
    pub fn actor(&self, given: &str) -> String {
        self.session.actor(given)
    }
}
