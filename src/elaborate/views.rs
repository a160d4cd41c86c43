//! Creates in the scratch schema what may be declared in any order.

use super::declare::Statement;
use super::error::ElaborateError;
use crate::explain::Explain as _;
use crate::pg::{PgError, Scratch};

/// SQLSTATEs of what does not exist: a relation, a function, another object.
const MISSING: [&str; 3] = ["42P01", "42883", "42704"];

/// Runs `statements`, whose names without a schema are those of the scratch schema. One that is refused because
/// something does not exist is tried again when others are done: which needs which is known to the server.
///
/// # Errors
/// The first that is refused for good.
pub(super) async fn create(
    scratch: &mut Scratch<'_>,
    statements: &[Statement<'_>],
) -> Result<(), ElaborateError> {
    if statements.is_empty() {
        return Ok(());
    }
    scratch.resolve_in_schema(true).await.map_err(ElaborateError::Server)?;
    let mut waiting: Vec<&Statement<'_>> = statements.iter().collect();
    while !waiting.is_empty() {
        let (mut left, mut first) = (Vec::new(), None);
        let count = waiting.len();
        for statement in waiting {
            match attempt(scratch, statement).await? {
                None => {}
                Some(error) => {
                    first.get_or_insert((statement, error));
                    left.push(statement);
                }
            }
        }
        if left.len() == count
            && let Some((statement, error)) = first
        {
            return Err(statement.refused(error));
        }
        waiting = left;
    }
    scratch.resolve_in_schema(false).await.map_err(ElaborateError::Server)
}

/// Runs one; `Some`: something that it needs does not exist, and it has had no effect.
async fn attempt(
    scratch: &mut Scratch<'_>,
    statement: &Statement<'_>,
) -> Result<Option<PgError>, ElaborateError> {
    scratch.savepoint().await.map_err(ElaborateError::Server)?;
    let sql = statement.sql(&scratch.schema);
    match scratch.run(&sql).await {
        Ok(()) => Ok(None),
        Err(error) if error.sqlstate().is_some_and(|state| MISSING.contains(&state)) => {
            scratch.rollback_to_savepoint().await.map_err(ElaborateError::Server)?;
            Ok(Some(error))
        }
        Err(error) => Err(statement.refused(error)),
    }
}
