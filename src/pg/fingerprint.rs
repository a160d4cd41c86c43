//! The digests of many schemas at once, computed in the server; see
//! `fingerprint.sql`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use sqlx::Row as _;

use super::error::PgError;
use super::introspect::{IntrospectError, for_version};
use super::session::{Answers, Session, array, column};
use super::state;
use crate::catalog::Catalog;
use crate::checksum::{self, Checksum};
use crate::kinds::stripped;
use crate::name::{Ident, SchemaName};

/// The query for one server, and the name that it is prepared by: a name that no other statement
/// has.
pub(super) struct Statement {
    query: String,
    name: String,
}

impl Statement {
    pub(super) fn new(version_number: i32) -> Self {
        let query = for_version(&stripped(include_str!("fingerprint.sql")), version_number);
        let name = format!("provision_{:016x}", checksum::of("statement", &query).as_i64());
        Self { query, name }
    }

    /// A condition: whether the backend knows the statement already, from an earlier transaction.
    /// The server takes three times as long to plan it as to run it for one schema. A pooler in
    /// transaction mode may give each transaction another backend, so this is asked in each one.
    pub(super) fn is_prepared_condition(&self) -> String {
        format!("EXISTS (SELECT FROM pg_prepared_statements p WHERE p.name = '{}')", self.name)
    }
}

/// What is known of a schema at the cost of a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaDigest {
    /// Schemas of one server with the same fingerprint have the same model.
    pub fingerprint: Checksum,
    /// The tool's record in the schema, made by this tool as far as can be seen.
    pub(super) record: Option<Record>,
    /// What [`state::note`] wrote, if the record has it.
    pub note: Option<String>,
    /// Whether there is a table that the role may not read.
    pub(super) has_hidden: bool,
    /// Whether there are event triggers on this server.
    pub(super) has_event_triggers: bool,
    /// Whether somebody who may not be trusted owns the schema or something in it, or it has row-level
    /// security or child tables: see `pin.rs`.
    pub(super) is_open: bool,
    /// Whether anything in the database belongs to somebody who may not be trusted.
    pub(super) has_strangers: bool,
}

/// What a role may do with the tool's record in a schema, which is exactly as this tool makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    is_readable: bool,
    /// Its owner, unless he is trusted: before it is written to, he could hang code on it.
    foreign_owner: Option<Ident>,
}

impl Record {
    /// Whose it is, unless its owner is trusted: then anybody may have written what stands in it.
    pub(super) fn foreign_owner(&self) -> Option<&Ident> {
        self.foreign_owner.as_ref()
    }

    /// # Errors
    /// When the record of `schema` is not for `role` to be written.
    pub(super) fn check_writable(
        &self,
        schema: &SchemaName,
        role: &Ident,
    ) -> Result<(), IntrospectError> {
        if let Some(owner) = &self.foreign_owner {
            return Err(IntrospectError::ForeignState {
                schema: schema.clone(),
                owner: owner.clone(),
                role: role.clone(),
            });
        }
        self.check_readable(schema, role)
    }

    /// # Errors
    /// When the record of `schema` is not for `role` to be read.
    pub(super) fn check_readable(
        &self,
        schema: &SchemaName,
        role: &Ident,
    ) -> Result<(), IntrospectError> {
        if !self.is_readable {
            let grantee = role.quoted();
            return Err(IntrospectError::Hidden {
                role: role.clone(),
                object: format!("table {schema}.{}", state::TABLE),
                grant: format!("GRANT SELECT ON {} TO {grantee}", state::table(schema)),
            });
        }
        Ok(())
    }
}

/// Statements that take the digests of `schemas`, and how many these are; a schema that does not exist has no
/// row in the answer. The fingerprint of the last is left in the setting
/// `provision.fingerprint`.
pub(super) fn script(session: &Session, schemas: &[&SchemaName]) -> (String, usize) {
    let Statement { query, name } = &session.digest;
    let schemas = array("name", schemas.iter().map(|schema| schema.as_str()));
    let execute = format!("EXECUTE {name} ({schemas});\n");
    if session.is_prepared {
        (execute, 1)
    } else {
        (format!("PREPARE {name} (name[]) AS {query};\n{execute}"), 2)
    }
}

/// The answers to [`script`], by schema. What keeps a schema from being looked at concerns that
/// schema alone.
///
/// # Errors
/// When the answer is not understood at all.
pub(super) fn digests(
    session: &Session,
    schemas: &[&SchemaName],
    answers: &Answers,
) -> Result<HashMap<SchemaName, Result<SchemaDigest, IntrospectError>>, PgError> {
    let doing = "taking fingerprints";
    let mut found = HashMap::new();
    for row in answers.iter().flatten() {
        if row.try_get_raw("fingerprint").is_err() {
            continue;
        }
        let name: &str = column(row, "schema", doing)?;
        let Some(schema) = schemas.iter().find(|schema| schema.as_str() == name) else {
            continue;
        };
        let text = |name: &str| column::<Option<&str>>(row, name, doing);
        let fingerprint = text("fingerprint")?.unwrap_or_default().parse();
        let record: Option<RecordTable> = text("record")?
            .map(serde_json::from_str)
            .transpose()
            .map_err(|error| answer(doing, &error.to_string()))?;
        let seen = Seen {
            fingerprint: fingerprint.map_err(|_| answer(doing, "a fingerprint is malformed"))?,
            is_usable: text("usable")? == Some("true"),
            has_hidden: text("hidden")? == Some("true"),
            has_event_triggers: text("has_event_triggers")? == Some("true"),
            is_open: text("is_open")? == Some("true"),
            has_strangers: text("has_strangers")? == Some("true"),
            record,
            note: text("note")?.map(str::to_owned),
        };
        found.insert((*schema).clone(), seen.judged(schema, session));
    }
    Ok(found)
}

/// The answer to [`script`]; `None`: there is no such schema.
pub(super) fn digest(
    session: &Session,
    schema: &SchemaName,
    answers: &Answers,
) -> Result<Option<SchemaDigest>, IntrospectError> {
    digests(session, &[schema], answers)?.remove(schema).transpose()
}

fn answer(doing: &str, reason: &str) -> PgError {
    PgError::Answer { doing: doing.to_owned(), reason: reason.to_owned() }
}

struct Seen {
    fingerprint: Checksum,
    is_usable: bool,
    has_hidden: bool,
    has_event_triggers: bool,
    is_open: bool,
    has_strangers: bool,
    record: Option<RecordTable>,
    note: Option<String>,
}

/// The table in which the tool's record should be.
#[derive(Deserialize)]
struct RecordTable {
    kind: String,
    owner: Ident,
    readable: bool,
    trusted_owner: bool,
    /// Whether something hangs on it, or it is tied to another table.
    has_hooks: bool,
    columns: Option<Vec<[String; 2]>>,
    indexes: Option<Vec<String>>,
}

impl Seen {
    fn judged(
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
        if let Some(reason) = self.record.as_ref().and_then(RecordTable::what_is_alien) {
            return Err(IntrospectError::AlienState { schema: schema.clone(), reason });
        }
        Ok(SchemaDigest {
            fingerprint: self.fingerprint,
            record: self.record.map(|record| Record {
                is_readable: record.readable,
                foreign_owner: Some(record.owner)
                    .filter(|owner| !record.trusted_owner && !session.trust.covers(owner.as_str())),
            }),
            note: self.note,
            has_hidden: self.has_hidden,
            has_event_triggers: self.has_event_triggers,
            is_open: self.is_open,
            has_strangers: self.has_strangers,
        })
    }
}

impl RecordTable {
    /// Why the table is not as this tool makes it: reading or writing it might run foreign code.
    fn what_is_alien(&self) -> Option<String> {
        let columns = self.columns.iter().flatten();
        let columns = columns.map(|[name, is]| (name.as_str(), is.as_str()));
        if self.kind != "r" {
            Some("it is not an ordinary table".into())
        } else if self.has_hooks {
            Some(
                "triggers, foreign keys, rules, policies, checks, statistics, or a parent or child \
                 table hang on it"
                    .into(),
            )
        } else if !columns.eq(state::COLUMNS) {
            Some("its columns are not those that this version makes".into())
        } else if self.indexes.iter().flatten().ne([state::PRIMARY_KEY]) {
            Some("its indexes are not the one that this version makes".into())
        } else {
            None
        }
    }
}

/// The models behind fingerprints, of one server: a schema whose fingerprint is known need not be
/// read again.
#[derive(Debug, Default)]
pub struct Shapes(Mutex<HashMap<Checksum, Arc<Catalog>>>);

/// Tenants that all differ from each other are no reason to fill the memory.
const MOST_SHAPES: usize = 512;

impl Shapes {
    /// The model of the schemas with this fingerprint, if one was read before.
    #[must_use]
    pub fn get(&self, fingerprint: Checksum) -> Option<Arc<Catalog>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&fingerprint).cloned()
    }

    pub(super) fn insert(&self, fingerprint: Checksum, schema: Catalog) -> Arc<Catalog> {
        let schema = Arc::new(schema);
        let mut shapes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shapes.len() >= MOST_SHAPES {
            shapes.clear();
        }
        shapes.insert(fingerprint, Arc::clone(&schema));
        schema
    }
}
