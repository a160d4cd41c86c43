//! Creates in the scratch schema what may be declared in any order.

use super::declare::Statement;
use super::error::ElaborateError;
use super::routine;
use crate::explain::Explain as _;
use crate::pg::{PgError, Scratch};

/// SQLSTATEs of what does not exist: a relation, a function, another object.
const MISSING: [&str; 3] = ["42P01", "42883", "42704"];

/// Runs `statements`. One that is refused because something does not exist is tried again when others are done: which
/// needs which is known to the server.
///
/// # Errors
/// The first that is refused for good.
pub(super) async fn create(
    scratch: &mut Scratch<'_>,
    statements: Vec<Statement<'_>>,
) -> Result<(), ElaborateError> {
    let mut waiting = statements;
    while !waiting.is_empty() {
        let count = waiting.len();
        let (_, left) = attempt_all(scratch, waiting).await?;
        let is_stuck = left.len() == count;
        waiting = Vec::new();
        for (statement, error) in left {
            if is_stuck {
                return Err(statement.refused(error));
            }
            waiting.push(statement);
        }
    }
    Ok(())
}

/// Runs those that can be run now. Returned are these, and those that need something that does not exist.
///
/// # Errors
/// The first that is refused for another reason.
pub(super) async fn attempt_all<'m>(
    scratch: &mut Scratch<'_>,
    statements: Vec<Statement<'m>>,
) -> Result<(Vec<Statement<'m>>, Vec<(Statement<'m>, PgError)>), ElaborateError> {
    let (mut done, mut left) = (Vec::new(), Vec::new());
    for statement in statements {
        scratch.savepoint().await.map_err(ElaborateError::Server)?;
        match run(scratch, &statement).await {
            Ok(()) => done.push(statement),
            Err(error) if error.sqlstate().is_some_and(|state| MISSING.contains(&state)) => {
                scratch.rollback_to_savepoint().await.map_err(ElaborateError::Server)?;
                left.push((statement, error));
            }
            Err(error) => return Err(statement.refused(error)),
        }
    }
    Ok((done, left))
}

/// Runs one, whose names without a schema are those of the scratch schema if it says so.
///
/// # Errors
/// When the server refuses it.
pub(super) async fn run(
    scratch: &mut Scratch<'_>,
    statement: &Statement<'_>,
) -> Result<(), PgError> {
    let sql = statement.sql(&scratch.schema);
    if !statement.resolves_in_schema() {
        return scratch.run(&sql).await;
    }
    scratch.resolve_in_schema(true).await?;
    scratch.run(&sql).await?;
    scratch.resolve_in_schema(false).await?;
    if let Statement::Routine(decl) = statement
        && let Some(text) = &decl.comment
    {
        scratch.run(&routine::comment(&scratch.schema, decl, text)).await?;
    }
    Ok(())
}

/// Checks the bodies of functions, now that all that they name exists.
///
/// # Errors
/// The first that is refused.
pub(super) async fn check_bodies(
    scratch: &mut Scratch<'_>,
    statements: &[Statement<'_>],
) -> Result<(), ElaborateError> {
    if statements.is_empty() {
        return Ok(());
    }
    scratch.check_bodies(true).await.map_err(ElaborateError::Server)?;
    for statement in statements {
        run(scratch, statement).await.map_err(|error| statement.refused(error))?;
    }
    scratch.check_bodies(false).await.map_err(ElaborateError::Server)
}
