//! The prepared statements that compute digests.

use sqlx::postgres::PgRow;

use crate::checksum;
use crate::kinds::{self, stripped};
use crate::pg::answers::is_true;
use crate::pg::error::PgError;
use crate::pg::strangers::HAS_STRANGERS;
use crate::settings::TRUSTED_ROLES;

/// The queries for one server.
#[derive(Debug)]
pub(in crate::pg) struct Statements {
    /// For the digests of all of a schema.
    pub(in crate::pg) all: Statement,
    /// For those of objects by name.
    pub(in crate::pg) named: Statement,
    /// Whether what this session has prepared still exists in its next transaction, as far as is known:
    /// behind a pooler it may not.
    pub(in crate::pg) are_lasting: bool,
}

/// A query, and the name under which it is prepared, which no other statement has.
#[derive(Debug)]
pub(in crate::pg) struct Statement {
    types: &'static str,
    query: String,
    name: String,
    /// Whether the backend of the current transaction has prepared it; behind a pooler, the next transaction
    /// may have another backend.
    pub(in crate::pg) is_prepared: bool,
}

impl Statements {
    pub(in crate::pg) fn new(version_number: i32) -> Self {
        let text = kinds::digest_script(include_str!("../fingerprint.sql"), version_number)
            .replace(":has_strangers", HAS_STRANGERS)
            .replace(":trusted_roles", TRUSTED_ROLES);
        let statement = |types, members: &str, is_whole, with_objects| {
            let query = text
                .replace(":members", &stripped(members))
                .replace(":record_table", &stripped(include_str!("../fingerprint_record.sql")))
                .replace(":is_whole", is_whole)
                .replace(":with_objects", with_objects);
            let name = format!("provision_{:016x}", checksum::of("statement", &query).as_i64());
            Statement { types, query, name, is_prepared: false }
        };
        Self {
            all: statement("name[], boolean", include_str!("../fingerprint_all.sql"), "true", "$2"),
            named: statement(
                "name[], name[], name[]",
                include_str!("../fingerprint_named.sql"),
                "false",
                "true",
            ),
            are_lasting: true,
        }
    }

    /// Two conditions: whether the backend has prepared each of the statements already, in an earlier
    /// transaction. The server takes three times as long to plan one as to run it for one schema. A
    /// pooler in transaction mode may give each transaction another backend, so this is checked in each
    /// one.
    pub(in crate::pg) fn are_prepared_columns(&self) -> String {
        let column = |statement: &Statement, name: &str| {
            format!(
                "EXISTS (SELECT FROM pg_prepared_statements p WHERE p.name = '{}')::text AS {name}",
                statement.name
            )
        };
        format!("{}, {}", column(&self.all, "has_all"), column(&self.named, "has_named"))
    }

    /// Takes over the values of [`Statements::are_prepared_columns`].
    pub(in crate::pg) fn note(&mut self, row: Option<&PgRow>, doing: &str) -> Result<(), PgError> {
        self.all.is_prepared = is_true(row, "has_all", doing)?;
        self.named.is_prepared = is_true(row, "has_named", doing)?;
        Ok(())
    }
}

impl Statement {
    /// Statements that run it with these arguments, and how many statements these are.
    pub(super) fn script(&self, arguments: &str) -> (String, usize) {
        let Self { types, query, name, is_prepared } = self;
        let execute = format!("EXECUTE {name} ({arguments});\n");
        if *is_prepared {
            (execute, 1)
        } else {
            (format!("PREPARE {name} ({types}) AS {query};\n{execute}"), 2)
        }
    }
}
