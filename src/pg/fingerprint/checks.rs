//! What could keep a role from reading a schema, or from running statements on it; see `checks.sql`.

use jiff::Timestamp;
use serde::Deserialize;
use sqlx::postgres::PgRow;

use super::record::{Record, RecordTable};
use crate::hold::Hold;
use crate::name::SchemaName;
use crate::pg::answers::{column, is_true, json};
use crate::pg::error::PgError;
use crate::pg::introspect::IntrospectError;
use crate::pg::session::Session;

/// What was checked of a schema that exists, with the objects that were digested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checks {
    /// The tool's record in the schema, which appears to have been created by this tool.
    pub(in crate::pg) record: Option<Record>,
    /// The comment that [`state::note`](crate::pg::note) wrote, if the record has it.
    pub note: Option<String>,
    /// The hold that is in force, by a record of a trusted owner: anybody else could only make up one.
    pub hold: Option<Hold>,
    /// Whether there is a table that the role may not read.
    pub(in crate::pg) has_hidden: bool,
    /// Whether there are event triggers on this server.
    pub(in crate::pg) has_event_triggers: bool,
    /// Whether a role that may be untrusted owns the schema or something in it, or it has row-level
    /// security or child tables: see `pin.rs`.
    pub(in crate::pg) is_open: bool,
    /// Whether anything in the database has an owner that may be untrusted.
    pub(in crate::pg) has_strangers: bool,
}

impl Checks {
    /// Whether there can be code of untrusted owners on the schema's tables, now or a moment later.
    pub(in crate::pg) fn is_exposed(&self) -> bool {
        self.is_open || self.has_strangers
    }

    /// Whether statements on what was digested can run no code of others.
    pub(in crate::pg) fn is_plain(&self) -> bool {
        !self.is_exposed() && !self.has_event_triggers
    }
}

/// The columns of `checks.sql`, before the role's rights are considered.
pub(super) struct ChecksRow {
    checks: Checks,
    is_usable: bool,
    record: Option<RecordTable>,
    hold: Option<RecordedHold>,
}

#[derive(Deserialize)]
struct RecordedHold {
    recorded: String,
    /// By the server's clock.
    now: Timestamp,
}

impl ChecksRow {
    pub(super) fn of(row: &PgRow, doing: &str) -> Result<Self, PgError> {
        let is = |name: &str| is_true(Some(row), name, doing);
        Ok(Self {
            checks: Checks {
                record: None,
                note: column(row, "note", doing)?,
                hold: None,
                has_hidden: is("hidden")?,
                has_event_triggers: is("has_event_triggers")?,
                is_open: is("is_open")?,
                has_strangers: is("has_strangers")?,
            },
            is_usable: is("usable")?,
            record: json(row, "record", doing)?,
            hold: json(row, "hold", doing)?,
        })
    }

    /// # Errors
    /// When the role must not use the schema or the tool's record in it.
    pub(super) fn checked(
        self,
        schema: &SchemaName,
        session: &Session,
    ) -> Result<Checks, IntrospectError> {
        let role = &session.server.role;
        if !self.is_usable {
            return Err(IntrospectError::Hidden {
                role: role.clone(),
                object: format!("schema {schema}"),
                grant: format!("GRANT USAGE ON SCHEMA {} TO {}", schema.quoted(), role.quoted()),
            });
        }
        let record = self.record.map(|record| record.checked(schema, session)).transpose()?;
        let is_trusted = record.as_ref().is_some_and(|record| record.foreign_owner().is_none());
        let hold = self.hold.filter(|_| is_trusted);
        let hold = hold.and_then(|RecordedHold { recorded, now }| Hold::in_force(&recorded, now));
        Ok(Checks { record, hold, ..self.checks })
    }
}
