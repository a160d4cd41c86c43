//! Counts the rows that would make steps fail: those of many tenants in one message. Nothing is written.

use std::time::Duration;

use sqlx::postgres::PgRow;

use super::answers::{Answers, column, json};
use super::error::{Cause, PgError};
use super::session::{Access, Limits, ScriptFailed, Session, begin, query_error};
use crate::precondition::{FOUND, Found, Precondition, RowsFound, Search};

pub(super) const DOING: &str = "counting the rows in the way";

/// Counts, for each of these tenants, the rows that do not meet its preconditions, in transactions of their own. For each
/// tenant it may take as long as `within`; what takes longer, or what the server refuses, is told as not counted.
///
/// # Errors
/// When the connection is lost.
pub async fn count_rows(
    session: &mut Session,
    tenants: &[&[Precondition]],
    limits: Limits,
    within: Duration,
) -> Result<Vec<RowsFound>, PgError> {
    let limits = Limits { statement: within, ..limits };
    let mut found: Vec<RowsFound> = Vec::new();
    while let Some(rest) = tenants.get(found.len()..).filter(|rest| !rest.is_empty()) {
        let parts: Vec<Counting<'_>> = rest.iter().map(|all| Counting::of(all)).collect();
        let script: String = parts.iter().map(|part| part.script.as_str()).collect();
        let begin = begin(Access::Read, limits);
        let ScriptFailed { answers, cause, .. } = match session.script(&(begin + &script)).await {
            Ok(answers) => {
                // The first two are of BEGIN and the settings.
                found.extend(read(&parts, answers.get(2..).unwrap_or_default())?);
                session.rollback().await?;
                break;
            }
            Err(failed) => failed,
        };
        if cause.is_lost() {
            return Err(query_error(DOING, cause));
        }
        session.rollback().await?;
        let before = read(&parts, answers.get(2..).unwrap_or_default())?;
        // The one at which it failed.
        let failed = rest.get(before.len()).copied().unwrap_or_default();
        found.extend(before);
        found.push(match failed {
            several @ [_, _, ..] if !is_timeout(&cause) => {
                one_by_one(session, several, limits, within).await?
            }
            _ => RowsFound::uncounted(failed, &reason(&cause, within)),
        });
    }
    Ok(found)
}

/// Why rows are not counted: the server refuses it, or it would take longer than this.
pub(super) fn reason(cause: &Cause, within: Duration) -> String {
    if is_timeout(cause) {
        return format!("it would take longer than {} s", within.as_secs_f64());
    }
    cause.to_string()
}

fn is_timeout(cause: &Cause) -> bool {
    cause.sqlstate() == Some("57014")
}

/// The same for one tenant of which one could not be counted.
async fn one_by_one(
    session: &mut Session,
    preconditions: &[Precondition],
    limits: Limits,
    within: Duration,
) -> Result<RowsFound, PgError> {
    let mut all = RowsFound::default();
    for one in preconditions {
        let alone = [std::slice::from_ref(one)];
        let found = Box::pin(count_rows(session, &alone, limits, within)).await?;
        for found in found {
            all.extend(found);
        }
    }
    Ok(all)
}

/// What is sent for one tenant: a statement that counts all that queries can, after those that try.
pub(super) struct Counting<'p> {
    preconditions: &'p [Precondition],
    pub(super) script: String,
    statements: usize,
}

impl<'p> Counting<'p> {
    pub(super) fn of(preconditions: &'p [Precondition]) -> Self {
        let (mut script, mut statements, mut columns) = (String::new(), 0, Vec::new());
        for (at, precondition) in preconditions.iter().enumerate() {
            match &precondition.search {
                Search::Query { count, .. } => columns.push(format!("({count})::text AS n{at}")),
                Search::Trial(block) => {
                    let result = format!("SELECT current_setting('{FOUND}') AS found");
                    script.push_str(&format!("{block};\n{result};\n"));
                    statements += 2;
                }
                Search::Impossible(_) => {}
            }
        }
        script.push_str(&format!("SELECT {};\n", columns.join(", ")));
        Self { preconditions, script, statements: statements + 1 }
    }

    pub(super) fn read(&self, answers: &[Vec<PgRow>]) -> Result<RowsFound, PgError> {
        let counts = answers.last().and_then(|rows| rows.first());
        let mut trials = answers.iter().skip(1).step_by(2);
        let mut all = RowsFound::default();
        for (at, precondition) in self.preconditions.iter().enumerate() {
            let found = match &precondition.search {
                Search::Impossible(reason) => Err(reason.clone()),
                Search::Query { .. } => {
                    let text: &str = match counts {
                        Some(row) => column(row, &format!("n{at}"), DOING)?,
                        None => "0",
                    };
                    Ok(Found { count: text.parse().unwrap_or_default(), keys: Vec::new() })
                }
                Search::Trial(_) => {
                    let row = trials.next().and_then(|rows| rows.first());
                    let found = row.map(|row| json(row, "found", DOING)).transpose()?;
                    Ok(found.flatten().unwrap_or_default())
                }
            };
            all.add(precondition, found);
        }
        Ok(all)
    }
}

/// What was found of those tenants whose statements were all completed.
fn read(parts: &[Counting<'_>], answers: &[Vec<PgRow>]) -> Result<Vec<RowsFound>, PgError> {
    let (mut found, mut rest) = (Vec::new(), answers);
    for part in parts {
        let Some((own, others)) = rest.split_at_checked(part.statements) else { break };
        found.push(part.read(own)?);
        rest = others;
    }
    Ok(found)
}

/// Adds to what was found of one tenant how a few of the rows are identified, as far as that can be read.
///
/// # Errors
/// When the connection is lost.
pub async fn identify_rows(
    session: &mut Session,
    preconditions: &[Precondition],
    found: &mut RowsFound,
    limits: Limits,
) -> Result<(), PgError> {
    for found in found.rows_in_the_way.iter_mut().filter(|found| found.keys.is_empty()) {
        let mut queries = preconditions.iter().filter(|one| one.need == found.need);
        let Some(Search::Query { keys: Some(keys), .. }) = queries.next().map(|one| &one.search)
        else {
            continue;
        };
        let query = format!("SELECT json_agg(k)::text AS keys FROM ({keys}) AS q(k);\n");
        let answers: Answers = match session.script(&(begin(Access::Read, limits) + &query)).await {
            Ok(answers) => answers,
            Err(ScriptFailed { cause, .. }) if cause.is_lost() => {
                return Err(query_error(DOING, cause));
            }
            Err(_) => Vec::new(),
        };
        session.rollback().await?;
        if let Some(row) = answers.last().and_then(|rows| rows.first()) {
            found.keys = json(row, "keys", DOING)?.unwrap_or_default();
        }
    }
    Ok(())
}
