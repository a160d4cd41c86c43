//! The digests of schemas and of their objects, computed in the server; see `fingerprint.sql`.

mod record;
mod shapes;
mod statements;

use std::collections::{BTreeSet, HashMap};

use sqlx::Row as _;
use sqlx::postgres::PgRow;

pub(super) use record::Record;
use record::RecordTable;
pub use shapes::{KnownShape, Objects, Shapes};
pub(super) use statements::Statements;

use super::answers::{Answers, array, column};
use super::error::PgError;
use super::introspect::IntrospectError;
use super::session::Session;
use crate::checksum::Checksum;
use crate::name::{Ident, SchemaName};
use crate::touched::Touched;

/// What is known of a schema from its digest, without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaDigest {
    /// Schemas of one server with the same fingerprint have the same model. Where only objects given by
    /// name were digested, it is that of these objects alone.
    pub fingerprint: Checksum,
    /// The digests of the objects, where they were requested.
    pub(super) objects: Option<Objects>,
    /// The tool's record in the schema, which appears to have been created by this tool.
    pub(super) record: Option<Record>,
    /// The comment that [`state::note`](super::note) wrote, if the record has it.
    pub note: Option<String>,
    /// Whether there is a table that the role may not read.
    pub(super) has_hidden: bool,
    /// Whether there are event triggers on this server.
    pub(super) has_event_triggers: bool,
    /// Whether a role that may be untrusted owns the schema or something in it, or it has row-level
    /// security or child tables: see `pin.rs`.
    pub(super) is_open: bool,
    /// Whether anything in the database has an owner that may be untrusted.
    pub(super) has_strangers: bool,
}

impl SchemaDigest {
    /// Whether statements on what was digested can run no code of others.
    pub(super) fn is_plain(&self) -> bool {
        !self.is_open && !self.has_strangers && !self.has_event_triggers
    }
}

/// Statements that compute the digests of `schemas`, and how many statements these are; a schema that does
/// not exist has no row in the answer. The fingerprint of the last schema is left in the setting
/// `provision.fingerprint`.
pub(super) fn script(session: &Session, schemas: &[&SchemaName]) -> (String, usize) {
    session.digests.all.script(&format!("{}, false", names(schemas)))
}

/// As [`script`], with the digests of all objects.
pub(super) fn objects_script(session: &Session, schemas: &[&SchemaName]) -> (String, usize) {
    session.digests.all.script(&format!("{}, true", names(schemas)))
}

/// As [`script`], of those objects alone that are `touched` and exist.
pub(super) fn touched_script(
    session: &Session,
    schema: &SchemaName,
    touched: &Touched,
) -> (String, usize) {
    let of = |idents: &BTreeSet<Ident>| array("name", idents.iter().map(Ident::as_str));
    let arguments =
        format!("{}, {}, {}", names(&[schema]), of(&touched.relations), of(&touched.types));
    session.digests.named.script(&arguments)
}

fn names(schemas: &[&SchemaName]) -> String {
    array("name", schemas.iter().map(|schema| schema.as_str()))
}

/// The answers to a script of this module, by schema. What keeps a schema from being read is an error of that
/// schema alone.
///
/// # Errors
/// When the answer is not understood at all.
pub(super) fn digests(
    session: &Session,
    schemas: &[&SchemaName],
    answers: &Answers,
) -> Result<HashMap<SchemaName, Result<SchemaDigest, IntrospectError>>, PgError> {
    let mut found = HashMap::new();
    for row in answers.iter().flatten() {
        if row.try_get_raw("fingerprint").is_err() {
            continue;
        }
        let name: &str = column(row, "schema", DOING)?;
        let Some(schema) = schemas.iter().find(|schema| schema.as_str() == name) else {
            continue;
        };
        let row = DigestRow::of(row)?;
        found.insert((*schema).clone(), row.checked(schema, session));
    }
    Ok(found)
}

/// The answer to a script for one schema; `None`: there is no such schema.
pub(super) fn digest(
    session: &Session,
    schema: &SchemaName,
    answers: &Answers,
) -> Result<Option<SchemaDigest>, IntrospectError> {
    digests(session, &[schema], answers)?.remove(schema).transpose()
}

const DOING: &str = "taking fingerprints";

fn answer(reason: &str) -> PgError {
    PgError::Answer { doing: DOING.to_owned(), reason: reason.to_owned() }
}

/// A row of the answer.
struct DigestRow {
    digest: SchemaDigest,
    is_usable: bool,
    record: Option<RecordTable>,
}

impl DigestRow {
    fn of(row: &PgRow) -> Result<Self, PgError> {
        let text = |name: &str| column::<Option<&str>>(row, name, DOING);
        let is = |name: &str| text(name).map(|text| text == Some("true"));
        let unreadable = |error: serde_json::Error| answer(&error.to_string());
        let fingerprint = text("fingerprint")?.unwrap_or_default().parse();
        let objects: Option<Vec<(String, String, Checksum)>> =
            text("objects")?.map(serde_json::from_str).transpose().map_err(unreadable)?;
        Ok(Self {
            digest: SchemaDigest {
                fingerprint: fingerprint.map_err(|_| answer("a fingerprint is malformed"))?,
                objects: objects.map(Objects::new),
                record: None,
                note: text("note")?.map(str::to_owned),
                has_hidden: is("hidden")?,
                has_event_triggers: is("has_event_triggers")?,
                is_open: is("is_open")?,
                has_strangers: is("has_strangers")?,
            },
            is_usable: is("usable")?,
            record: text("record")?.map(serde_json::from_str).transpose().map_err(unreadable)?,
        })
    }

    /// # Errors
    /// When the role must not use the schema or the tool's record in it.
    fn checked(
        self,
        schema: &SchemaName,
        session: &Session,
    ) -> Result<SchemaDigest, IntrospectError> {
        let role = &session.server.role;
        if !self.is_usable {
            return Err(IntrospectError::Hidden {
                role: role.clone(),
                object: format!("schema {schema}"),
                grant: format!("GRANT USAGE ON SCHEMA {} TO {}", schema.quoted(), role.quoted()),
            });
        }
        let record = self.record.map(|record| record.checked(schema, session)).transpose()?;
        Ok(SchemaDigest { record, ..self.digest })
    }
}
