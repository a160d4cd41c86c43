//! Creates in the scratch schema what may be declared in any order.

use std::collections::BTreeMap;

use super::error::ElaborateError;
use super::routine;
use super::statement::Statement;
use crate::explain::Explain as _;
use crate::name::{Ident, SchemaName};
use crate::pg::{PgError, Scratch};

/// SQLSTATEs of what does not exist: a relation, a function, another object, a column, a key for a foreign key.
const MISSING: [&str; 5] = ["42P01", "42883", "42704", "42703", "42830"];

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
        if left.len() == count {
            let error = root(left).map(|(statement, e)| statement.refused(e, &scratch.schema));
            return error.map_or(Ok(()), Err);
        }
        waiting = left.into_iter().map(|(statement, _)| statement).collect();
    }
    Ok(())
}

/// Of those that cannot be run, the first that needs nothing which another of them creates.
fn root(stuck: Vec<(Statement<'_>, PgError)>) -> Option<(Statement<'_>, PgError)> {
    let created: Vec<Option<Ident>> = stuck.iter().map(|(one, _)| one.created()).collect();
    let needs_another = |(at, (_, error)): (usize, &(Statement<'_>, PgError))| {
        let others = created.iter().enumerate().filter(|(other, _)| *other != at);
        others.filter_map(|(_, name)| name.as_ref()).any(|name| is_missing(name, error))
    };
    let found = stuck.iter().enumerate().position(|one| !needs_another(one));
    stuck.into_iter().nth(found.unwrap_or(0))
}

/// The reason of a refusal: where what is missing would be created by one of those that are `stuck`, why that is.
pub(super) fn cause(
    stuck: Vec<(Statement<'_>, PgError)>,
    error: ElaborateError,
    schema: &SchemaName,
) -> ElaborateError {
    let ElaborateError::Refused { source, .. } = &error else { return error };
    let is_needed = |(one, _): &(Statement<'_>, PgError)| {
        one.created().is_some_and(|name| is_missing(&name, source))
    };
    if !is_of_missing(source) || !stuck.iter().any(is_needed) {
        return error;
    }
    root(stuck).map_or(error, |(statement, source)| statement.refused(source, schema))
}

/// Whether the error says that an object of this name does not exist. Names of functions are not quoted in messages.
fn is_missing(name: &Ident, error: &PgError) -> bool {
    let message = error.cause().map(ToString::to_string).unwrap_or_default();
    let is_there = |(at, name): (usize, &str)| {
        let before = message.get(..at).and_then(|before| before.chars().next_back());
        let after = message.get(at + name.len()..).and_then(|after| after.chars().next());
        matches!(before, Some('"' | ' ' | '.')) && matches!(after, Some('"' | ' ' | '.' | '('))
    };
    message.match_indices(name.as_str()).any(is_there)
}

/// Statements that were refused, with the reasons.
type Refused<'m> = Vec<(Statement<'m>, PgError)>;

/// Runs those that can be run now, each after those that create what it needs. Returned are these, and those that need
/// something that does not exist.
///
/// # Errors
/// The first that is refused for another reason.
pub(super) async fn attempt_all<'m>(
    scratch: &mut Scratch<'_>,
    statements: Vec<Statement<'m>>,
) -> Result<(Vec<Statement<'m>>, Refused<'m>), ElaborateError> {
    let mut creators: BTreeMap<Ident, Vec<usize>> = BTreeMap::new();
    for (at, statement) in statements.iter().enumerate() {
        if let Some(name) = statement.created() {
            creators.entry(name).or_default().push(at);
        }
    }
    let mut waiting: Vec<Option<Statement<'m>>> = statements.into_iter().map(Some).collect();
    let (mut done, mut left) = (Vec::new(), BTreeMap::new());
    scratch.savepoint().await.map_err(ElaborateError::Server)?;
    for first in 0..waiting.len() {
        // The one that is tried, and those that wait for it.
        let mut stack = vec![first];
        while let Some(&at) = stack.last() {
            let Some(statement) = waiting.get_mut(at).and_then(Option::take) else {
                stack.pop();
                continue;
            };
            match run(scratch, &statement).await {
                Ok(()) => {
                    scratch.next_savepoint().await.map_err(ElaborateError::Server)?;
                    done.push(statement);
                }
                Err(error) if is_of_missing(&error) => {
                    scratch.rollback_to_savepoint().await.map_err(ElaborateError::Server)?;
                    let can_be_tried = |other: &usize| {
                        *other != at
                            && !stack.contains(other)
                            && waiting.get(*other).is_some_and(Option::is_some)
                    };
                    let named = names_in(&error).filter_map(|name| creators.get(&name));
                    let needed = named.flatten().copied().find(can_be_tried).or_else(|| {
                        // A name may contain what ends one elsewhere.
                        let any = creators.iter().filter(|(name, _)| is_missing(name, &error));
                        any.flat_map(|(_, at)| at).copied().find(can_be_tried)
                    });
                    if let Some(needed) = needed {
                        if let Some(place) = waiting.get_mut(at) {
                            *place = Some(statement);
                        }
                        stack.push(needed);
                        continue;
                    }
                    left.insert(at, (statement, error));
                }
                Err(error) => return Err(statement.refused(error, &scratch.schema)),
            }
            stack.pop();
        }
    }
    scratch.release_savepoint().await.map_err(ElaborateError::Server)?;
    Ok((done, left.into_values().collect()))
}

fn is_of_missing(error: &PgError) -> bool {
    error.sqlstate().is_some_and(|state| MISSING.contains(&state))
}

/// The names in a message: what stands in double quotes, and what stands in front of arguments.
fn names_in(error: &PgError) -> impl Iterator<Item = Ident> + use<> {
    let message = error.cause().map(ToString::to_string).unwrap_or_default();
    let quoted = message.split('"').skip(1).step_by(2).map(str::to_owned);
    let called = message.split('(').next().and_then(|before| before.rsplit(' ').next());
    let bare = message.split(' ').nth(1).map(str::to_owned);
    let names = quoted.chain(called.map(str::to_owned)).chain(bare);
    let names: Vec<Ident> = names.filter_map(|name| Ident::new(name).ok()).collect();
    names.into_iter()
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
    let comment = match statement {
        Statement::Routine(decl) => decl.comment.as_ref().map(|text| (&decl.name, text)),
        Statement::Aggregate(decl) => decl.comment.as_ref().map(|text| (&decl.name, text)),
        _ => None,
    };
    if let Some((name, text)) = comment {
        scratch.run(&routine::comment(&scratch.schema, name, text)).await?;
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
    // What was changed after a function was created is not to be undone by creating it again.
    scratch.savepoint().await.map_err(ElaborateError::Server)?;
    scratch.check_bodies(true).await.map_err(ElaborateError::Server)?;
    for statement in statements {
        let ran = run(scratch, statement).await;
        ran.map_err(|error| statement.refused(error, &scratch.schema))?;
    }
    scratch.rollback_to_savepoint().await.map_err(ElaborateError::Server)?;
    scratch.release_savepoint().await.map_err(ElaborateError::Server)
}
