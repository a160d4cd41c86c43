//! Sends the statements of a plan, and makes no decisions about them.

use std::collections::BTreeSet;

use super::answers::Answers;
use super::error::Cause;
use super::introspect::IntrospectError;
use super::session::{Session, query_error};
use crate::catalog::Kind;

/// Statements are sent together up to this size: a round trip for each would cost more than the work.
const BATCH_BYTES: usize = 256 * 1024;
const BATCH_STATEMENTS: usize = 512;

/// Why the statements of a plan did not lead to a result that can be committed.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    #[error(transparent)]
    Step(#[from] StepFailed),
    /// The result could not be read.
    #[error(transparent)]
    Read(#[from] IntrospectError),
}

/// A statement that the server refused.
#[derive(Debug, thiserror::Error)]
#[error("step {number} of {of} failed: {what}")]
pub struct StepFailed {
    /// Counted from one.
    pub number: usize,
    pub of: usize,
    /// Such as "create table `cad_empresas`", with the origin of a row.
    pub what: String,
    /// Whether it inserts a baseline row.
    pub is_row: bool,
    #[source]
    pub source: Cause,
}

/// The statements of a plan, and what each is for.
#[expect(missing_debug_implementations, reason = "a closure has nothing to show")]
pub struct Statements<'a> {
    pub sql: Vec<&'a str>,
    /// By number, such as "create table `cad_empresas`", with the origin of a row.
    pub what: Box<dyn Fn(usize) -> String + Send + Sync + 'a>,
    /// By number, whether it inserts a baseline row.
    pub is_row: Box<dyn Fn(usize) -> bool + Send + Sync + 'a>,
    /// The kinds of what they create.
    pub kinds: BTreeSet<Kind>,
}

/// Sends the statements, and the epilogue in the message of the last of them, since a round trip costs
/// more. Returned are the answers to the statements of the epilogue; `epilogue_doing` describes what
/// one of these is for.
pub(super) async fn execute(
    session: &mut Session,
    statements: Statements<'_>,
    epilogue: &str,
    epilogue_doing: impl Fn(usize) -> String,
) -> Result<Answers, ExecuteError> {
    let mut done = 0;
    let batches = batches(&statements.sql, session.server.citus);
    let last = batches.len().saturating_sub(1);
    let mut answers = Vec::new();
    // Without steps there is only the epilogue.
    for at in 0..=last {
        let batch = batches.get(at).map(Vec::as_slice).unwrap_or_default();
        let mut script = String::new();
        for sql in batch {
            script.push_str(sql);
            script.push_str(";\n");
        }
        if at == last && !session.server.citus {
            script.push_str(CHECK_DEFERRED);
            script.push_str(epilogue);
        }
        match session.script(&script).await {
            Ok(found) => answers = found.into_iter().skip(batch.len() + 1).collect(),
            Err(failed) if failed.completed <= batch.len() => {
                return Err(step_failed(&statements, done + failed.completed, failed.cause).into());
            }
            Err(failed) => {
                let doing = epilogue_doing(failed.completed - batch.len() - 1);
                return Err(IntrospectError::Pg(query_error(&doing, failed.cause)).into());
            }
        }
        done += batch.len();
    }
    if session.server.citus {
        let checked = session.script(CHECK_DEFERRED).await;
        checked.map_err(|failed| step_failed(&statements, statements.sql.len(), failed.cause))?;
        answers = session.script(epilogue).await.map_err(|failed| {
            let doing = epilogue_doing(failed.completed);
            IntrospectError::Pg(query_error(&doing, failed.cause))
        })?;
    }
    Ok(answers)
}

/// Violations of deferred constraints are reported now, while it is known what caused them, not at COMMIT.
const CHECK_DEFERRED: &str = "SET CONSTRAINTS ALL IMMEDIATE;\n";

/// The steps that go into one message each. Citus refuses some commands in a message with others.
fn batches<'a>(statements: &[&'a str], one_by_one: bool) -> Vec<Vec<&'a str>> {
    let mut batches: Vec<Vec<&str>> = Vec::new();
    let mut bytes = usize::MAX;
    for sql in statements {
        bytes = bytes.saturating_add(sql.len());
        match batches.last_mut() {
            Some(batch)
                if !one_by_one && bytes <= BATCH_BYTES && batch.len() < BATCH_STATEMENTS =>
            {
                batch.push(sql);
            }
            _ => {
                bytes = sql.len();
                batches.push(vec![sql]);
            }
        }
    }
    batches
}

/// The step that failed; past the last, it is the check of the deferred constraints.
fn step_failed(statements: &Statements<'_>, at: usize, source: Cause) -> StepFailed {
    let of = statements.sql.len();
    let what = if at < of {
        (statements.what)(at)
    } else {
        "check of the deferred constraints after the last step".into()
    };
    let is_row = (statements.is_row)(at);
    StepFailed { number: (at + 1).min(of), of, what, is_row, source }
}
