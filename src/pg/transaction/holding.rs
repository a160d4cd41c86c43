//! Recording that a tenant is held, within its transaction.

use jiff::Timestamp;

use super::Transaction;
use crate::hold::Hold;
use crate::pg::answers::json;
use crate::pg::error::PgError;
use crate::pg::introspect::IntrospectError;
use crate::pg::state;

impl Transaction<'_> {
    /// The hold that is in force, as of the last digest.
    #[must_use]
    pub fn hold(&self) -> Option<&Hold> {
        self.last_digest()?.checks.hold.as_ref()
    }

    /// Whether the schema has a record of this tool, in which a hold can be recorded.
    #[must_use]
    pub fn has_record(&self) -> bool {
        self.record().is_some()
    }

    /// The server's clock.
    ///
    /// # Errors
    /// When the server fails.
    pub async fn now(&mut self) -> Result<Timestamp, PgError> {
        let doing = "reading the server's clock";
        let script = "SELECT to_json(clock_timestamp())::text AS now;\n";
        let answers = self.session.run(doing, script).await?;
        let row = answers.first().and_then(|rows| rows.first());
        let now = row.map(|row| json(row, "now", doing)).transpose()?.flatten();
        now.ok_or_else(|| PgError::Answer { doing: doing.to_owned(), reason: "no time".to_owned() })
    }

    /// Records that the tenant is held, or no longer is; to be called after [`Transaction::lock`], where there is a record.
    /// What was recorded is read again before anything is committed.
    ///
    /// # Errors
    /// When the server refuses, or the record is no longer the one that was checked.
    pub async fn set_hold(&mut self, hold: Option<&Hold>) -> Result<(), IntrospectError> {
        let doing = format!("recording the hold of schema {}", self.schema);
        self.digest(&doing, state::hold_script(self.schema, hold)).await?;
        if self.hold() == hold && self.has_record() {
            return Ok(());
        }
        let reason = "the record was changed meanwhile".to_owned();
        Err(PgError::Answer { doing, reason }.into())
    }
}
