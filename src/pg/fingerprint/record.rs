//! The structure of the tool's own table in a schema, and what a role may do with it.

use serde::Deserialize;

use crate::name::{Ident, SchemaName};
use crate::pg::introspect::IntrospectError;
use crate::pg::session::Session;
use crate::pg::state;

/// What a role may do with the tool's record in a schema, which is exactly as this tool creates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pg) struct Record {
    is_readable: bool,
    /// Its owner, if untrusted: before it is written to, the owner could attach code to it.
    foreign_owner: Option<Ident>,
}

impl Record {
    /// Its owner, if untrusted: then anybody may have written its contents.
    pub(in crate::pg) fn foreign_owner(&self) -> Option<&Ident> {
        self.foreign_owner.as_ref()
    }

    /// # Errors
    /// When `role` must not write to the record of `schema`.
    pub(in crate::pg) fn check_writable(
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
    /// When `role` may not read the record of `schema`.
    pub(in crate::pg) fn check_readable(
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

/// The table in which the tool's record should be.
#[derive(Deserialize)]
pub(super) struct RecordTable {
    kind: String,
    owner: Ident,
    readable: bool,
    trusted_owner: bool,
    /// Whether something is attached to it, or it is tied to another table.
    has_hooks: bool,
    columns: Option<Vec<[String; 2]>>,
    indexes: Option<Vec<String>>,
}

impl RecordTable {
    /// # Errors
    /// When the table is not as this tool creates it.
    pub(super) fn checked(
        self,
        schema: &SchemaName,
        session: &Session,
    ) -> Result<Record, IntrospectError> {
        if let Some(reason) = self.mismatch() {
            return Err(IntrospectError::AlienState { schema: schema.clone(), reason });
        }
        let is_trusted = self.trusted_owner || session.trust.covers(self.owner.as_str());
        Ok(Record {
            is_readable: self.readable,
            foreign_owner: Some(self.owner).filter(|_| !is_trusted),
        })
    }

    /// Why the table is not as this tool creates it: reading or writing it might run foreign code.
    fn mismatch(&self) -> Option<String> {
        let columns = self.columns.iter().flatten();
        let columns = columns.map(|[name, is]| (name.as_str(), is.as_str()));
        if self.kind != "r" {
            Some(format!("it is {}, not an ordinary table", relation(&self.kind)))
        } else if self.has_hooks {
            Some(
                "triggers, foreign keys, rules, policies, checks, statistics, or a parent or child \
                 table are attached to it"
                    .into(),
            )
        } else if !columns.eq(state::COLUMNS) {
            Some("its columns are not those that this version creates".into())
        } else if self.indexes.iter().flatten().ne([state::PRIMARY_KEY]) {
            Some("its indexes are not the one that this version creates".into())
        } else {
            None
        }
    }
}

/// What a relation of this `relkind` is, with its article.
fn relation(kind: &str) -> &'static str {
    match kind {
        "v" => "a view",
        "m" => "a materialized view",
        "f" => "a foreign table",
        "p" => "a partitioned table",
        "S" => "a sequence",
        "i" | "I" => "an index",
        "c" => "a composite type",
        _ => "another relation",
    }
}
