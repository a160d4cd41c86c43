//! Counts the rows that would make steps fail where others could change what is read.

use std::time::Duration;

use super::Transaction;
use crate::obstacle::Obstacle;
use crate::pg::introspect::IntrospectError;
use crate::pg::preconditions::{Counting, DOING, reason};
use crate::pg::session::{ScriptFailed, query_error};
use crate::pg::untrusted::UntrustedQuery;
use crate::precondition::{Precondition, RowsFound};

impl Transaction<'_> {
    /// Whether there can be code of untrusted owners on the schema's tables, now or a moment later.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        self.digest.as_ref().is_some_and(|digest| digest.checks.is_exposed())
    }

    /// Counts the rows that do not meet `preconditions`, derived from what was read in this transaction, with these
    /// obstacles. What is read is locked, and looked at again, so that it is still what it was. What would evaluate code of
    /// the tenant is not counted.
    ///
    /// # Errors
    /// When the schema cannot be read, or the connection is lost.
    pub async fn count_rows(
        &mut self,
        preconditions: &[Precondition],
        (query, obstacles): (&UntrustedQuery<'_>, &[Obstacle]),
        within: Duration,
    ) -> Result<RowsFound, IntrospectError> {
        let (exposed, safe): (Vec<_>, Vec<_>) =
            preconditions.iter().cloned().partition(|precondition| precondition.runs_code);
        let mut found = RowsFound::uncounted(&exposed, "it could run code of the schema's owner");
        if safe.is_empty() {
            return Ok(found);
        }
        let before = self.digest.as_ref().map(|digest| digest.fingerprint);
        let tables = safe.iter().flat_map(|precondition| &precondition.tables);
        let locks = tables.map(|table| {
            format!("LOCK TABLE {} IN ACCESS SHARE MODE;\n", self.schema.qualify(table))
        });
        let locks: String = locks.collect();
        self.digest(DOING, locks).await?;
        let after = self.digest.as_ref().map(|digest| digest.fingerprint);
        if after != before || self.obstacles(query).await? != obstacles {
            found.extend(RowsFound::uncounted(&safe, "the schema was changed meanwhile"));
            return Ok(found);
        }
        let counting = Counting::of(&safe);
        let limit =
            format!("SELECT set_config('statement_timeout', '{}', true);\n", within.as_millis());
        found.extend(match self.session.script(&(limit + &counting.script)).await {
            Ok(answers) => counting.read(answers.get(1..).unwrap_or_default())?,
            Err(ScriptFailed { cause, .. }) if cause.is_lost() => {
                return Err(query_error(DOING, cause).into());
            }
            Err(ScriptFailed { cause, .. }) => RowsFound::uncounted(&safe, &reason(&cause, within)),
        });
        Ok(found)
    }
}
