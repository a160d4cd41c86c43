//! Sends the statements of a plan, and makes no choice about them.

use super::error::Cause;
use super::introspect::IntrospectError;
use super::session::{Answers, Session, query_error};
use super::transaction::ExecuteError;
use crate::plan::PlannedStep;

/// Statements travel together up to this size: a round trip each would cost more than the work.
const BATCH_BYTES: usize = 256 * 1024;
const BATCH_STATEMENTS: usize = 512;

/// A statement that the server refused.
#[derive(Debug, thiserror::Error)]
#[error("step {number} of {of} failed: {what}")]
pub struct StepFailed {
    /// Counted from one.
    pub number: usize,
    pub of: usize,
    /// Such as "create table `cad_empresas`", with the origin of a row.
    pub what: String,
    #[source]
    pub source: Cause,
}

/// Sends the steps, and the epilogue in the message of the last of them, since a round trip costs
/// more. The answers are those to the statements of the epilogue, and `epilogue_doing` says what
/// one of these is for.
pub(super) async fn execute(
    session: &mut Session,
    steps: &[PlannedStep],
    epilogue: &str,
    epilogue_doing: impl Fn(usize) -> String,
) -> Result<Answers, ExecuteError> {
    let mut done = 0;
    let batches = batches(steps, session.server.citus);
    let last = batches.len().saturating_sub(1);
    let mut answers = Vec::new();
    // Without steps there is nothing but the epilogue.
    for at in 0..=last {
        let batch = batches.get(at).map(Vec::as_slice).unwrap_or_default();
        let mut script = String::new();
        for step in batch {
            script.push_str(step.exclusive.as_ref().unwrap_or(&step.sql));
            script.push_str(";\n");
        }
        if at == last && !session.server.citus {
            script.push_str(CHECK_DEFERRED);
            script.push_str(epilogue);
        }
        match session.script(&script).await {
            Ok(found) => answers = found.into_iter().skip(batch.len() + 1).collect(),
            Err(stopped) if stopped.completed <= batch.len() => {
                return Err(failed(steps, done + stopped.completed, stopped.cause).into());
            }
            Err(stopped) => {
                let doing = epilogue_doing(stopped.completed - batch.len() - 1);
                return Err(IntrospectError::Pg(query_error(&doing, stopped.cause)).into());
            }
        }
        done += batch.len();
    }
    if session.server.citus {
        let checked = session.script(CHECK_DEFERRED).await;
        checked.map_err(|stopped| failed(steps, steps.len(), stopped.cause))?;
        answers = session.script(epilogue).await.map_err(|stopped| {
            let doing = epilogue_doing(stopped.completed);
            IntrospectError::Pg(query_error(&doing, stopped.cause))
        })?;
    }
    Ok(answers)
}

/// Deferred constraints speak up now, while it is known what they are about, not at COMMIT.
const CHECK_DEFERRED: &str = "SET CONSTRAINTS ALL IMMEDIATE;\n";

/// The steps that go into one message each. Citus refuses some commands in a message with others.
fn batches(steps: &[PlannedStep], one_by_one: bool) -> Vec<Vec<&PlannedStep>> {
    let mut batches: Vec<Vec<&PlannedStep>> = Vec::new();
    let mut bytes = usize::MAX;
    for step in steps {
        bytes = bytes.saturating_add(step.sql.len());
        match batches.last_mut() {
            Some(batch)
                if !one_by_one && bytes <= BATCH_BYTES && batch.len() < BATCH_STATEMENTS =>
            {
                batch.push(step);
            }
            _ => {
                bytes = step.sql.len();
                batches.push(vec![step]);
            }
        }
    }
    batches
}

/// The step that failed; past the last, it is the check of the deferred constraints.
fn failed(steps: &[PlannedStep], at: usize, source: Cause) -> StepFailed {
    let what = steps.get(at).map_or_else(
        || "check of the deferred constraints after the last step".into(),
        PlannedStep::describe,
    );
    StepFailed { number: (at + 1).min(steps.len()), of: steps.len(), what, source }
}
