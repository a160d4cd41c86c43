//! The digests of schemas and of their objects, computed in the server; see `whole.sql`.

mod checks;
mod compose;
mod record;
mod shapes;
mod statements;

use std::collections::{BTreeSet, HashMap};

use sqlx::Row as _;
use sqlx::postgres::PgRow;

pub use checks::Checks;
use checks::ChecksRow;
pub(super) use record::Record;
pub use shapes::{KnownShape, Objects, Shapes};
pub(super) use statements::Statements;

use super::answers::{Answers, array, column, json};
use super::error::PgError;
use super::introspect::IntrospectError;
use super::session::Session;
use crate::catalog::Kind;
use crate::checksum::Checksum;
use crate::name::{Ident, SchemaName, Text};
use crate::touched::Touched;

/// What is known of a schema from its digest, without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaDigest {
    /// Schemas of one server with the same fingerprint have the same model.
    pub fingerprint: Checksum,
    /// The digests of the objects, where they were requested.
    pub(super) objects: Option<Objects>,
    pub checks: Checks,
}

/// Statements that compute the digests of `schemas`, and how many statements these are; a schema that does
/// not exist has no row in the answer. The fingerprint of the last schema is left in the setting
/// `provision.fingerprint`.
pub(super) fn script(session: &Session, schemas: &[&SchemaName]) -> (String, usize) {
    session.digests.whole.script(&format!("{}, false", names(schemas)))
}

/// As [`script`], for a schema that this transaction has created on a server without event triggers, with objects of
/// these kinds. It is not checked. `None`: [`script`] is to be used this time.
pub(super) fn created_script(
    session: &mut Session,
    schema: &SchemaName,
    kinds: &BTreeSet<Kind>,
) -> Option<(String, usize)> {
    let statement = session.digests.created(kinds)?;
    Some(statement.script(&format!("{}, false", names(&[schema]))))
}

/// As [`script`], with the digests of all objects.
pub(super) fn objects_script(session: &Session, schemas: &[&SchemaName]) -> (String, usize) {
    session.digests.whole.script(&format!("{}, true", names(schemas)))
}

/// Statements that compute the digests of those objects that are `touched` and exist, and how many
/// statements these are.
pub(super) fn touched_script(
    session: &Session,
    schema: &SchemaName,
    touched: &Touched,
) -> (String, usize) {
    let statements = session.digests.of_touched(touched).map(|(statement, names)| {
        statement.script(&format!("{}, {}", literal(schema), idents(names)))
    });
    statements
        .fold((String::new(), 0), |(all, count), (script, more)| (all + &script, count + more))
}

/// Statements that check whether these objects can be read and altered; no row: there is no such schema.
pub(super) fn checks_script(session: &Session, schema: &SchemaName, touched: &Touched) -> String {
    let arguments = format!("{}, {}", literal(schema), idents(&touched.relations));
    session.digests.checks.script(&arguments).0
}

fn literal(schema: &SchemaName) -> String {
    Text::from(schema.ident()).literal()
}

fn names(schemas: &[&SchemaName]) -> String {
    array("name", schemas.iter().map(|schema| schema.as_str()))
}

fn idents(idents: &BTreeSet<Ident>) -> String {
    array("name", idents.iter().map(Ident::as_str))
}

/// The answers to [`script`], by schema. What keeps a schema from being read is an error of that schema alone.
///
/// # Errors
/// When the answer is not understood at all.
pub(super) fn digests(
    session: &Session,
    schemas: &[&SchemaName],
    answers: &Answers,
) -> Result<HashMap<SchemaName, Result<SchemaDigest, IntrospectError>>, PgError> {
    let mut found = HashMap::new();
    for row in rows_with("fingerprint", answers) {
        let name: &str = column(row, "schema", DOING)?;
        let Some(schema) = schemas.iter().find(|schema| schema.as_str() == name) else {
            continue;
        };
        let fingerprint: &str = column(row, "fingerprint", DOING)?;
        let fingerprint = fingerprint.parse().map_err(|_| PgError::Answer {
            doing: DOING.to_owned(),
            reason: "a fingerprint is malformed".to_owned(),
        })?;
        let objects = objects(row, "objects")?;
        let checks = ChecksRow::of(row, DOING)?.checked(schema, session);
        let digest = checks.map(|checks| SchemaDigest { fingerprint, objects, checks });
        found.insert((*schema).clone(), digest);
    }
    Ok(found)
}

/// The answer to [`script`] for one schema; `None`: there is no such schema.
pub(super) fn digest(
    session: &Session,
    schema: &SchemaName,
    answers: &Answers,
) -> Result<Option<SchemaDigest>, IntrospectError> {
    digests(session, &[schema], answers)?.remove(schema).transpose()
}

/// The answer to [`touched_script`].
pub(super) fn touched(answers: &Answers) -> Result<Objects, PgError> {
    let mut found = Objects::default();
    for row in rows_with("digests", answers) {
        found.add(objects(row, "digests")?.unwrap_or_default());
    }
    Ok(found)
}

/// The answer to [`checks_script`].
pub(super) fn checks(
    session: &Session,
    schema: &SchemaName,
    answers: &Answers,
) -> Result<Option<Checks>, IntrospectError> {
    let row = rows_with("usable", answers).next();
    row.map(|row| ChecksRow::of(row, DOING)?.checked(schema, session)).transpose()
}

fn rows_with<'a>(name: &'a str, answers: &'a Answers) -> impl Iterator<Item = &'a PgRow> {
    answers.iter().flatten().filter(move |row| row.try_get_raw(name).is_ok())
}

/// The digests in a column; `None`: it is NULL.
fn objects(row: &PgRow, name: &str) -> Result<Option<Objects>, PgError> {
    let digests: Option<Vec<(String, String, Checksum)>> = json(row, name, DOING)?;
    Ok(digests.map(Objects::new))
}

const DOING: &str = "taking fingerprints";
