//! The prepared statements that compute digests.

use std::collections::BTreeSet;

use sqlx::postgres::PgRow;

use crate::checksum;
use crate::kinds::{self, stripped};
use crate::name::Ident;
use crate::pg::answers::is_true;
use crate::pg::error::PgError;
use crate::pg::strangers::HAS_STRANGERS;
use crate::settings::TRUSTED_ROLES;
use crate::touched::Touched;

/// The queries for one server.
#[derive(Debug)]
pub(in crate::pg) struct Statements {
    /// For the digests of all of a schema, with the checks.
    pub(super) whole: Statement,
    /// The same for a schema that the transaction has created, without the checks: the server plans it again for
    /// each, since creating a schema empties its cache of plans.
    pub(super) created: Statement,
    /// For those of relations by name.
    relations: Statement,
    /// For those of types by name.
    types: Statement,
    /// For the checks of relations by name.
    pub(super) checks: Statement,
    /// Whether what this session has prepared still exists in its next transaction, as far as is known:
    /// behind a pooler it may not.
    pub(in crate::pg) are_lasting: bool,
}

/// A query, and the name under which it is prepared, which no other statement has.
#[derive(Debug)]
pub(super) struct Statement {
    types: &'static str,
    query: String,
    name: String,
    /// Whether the backend of the current transaction has prepared it; behind a pooler, the next transaction
    /// may have another backend.
    is_prepared: bool,
}

/// What `:members` stands for in `touched.sql`: tables with the sequences that they own.
const RELATIONS: &str = "SELECT 'pg_class'::regclass AS classid, m.objid, path.is_set \
                         FROM path CROSS JOIN LATERAL ( \
                             SELECT c.oid AS objid FROM pg_class c \
                             WHERE c.relnamespace = n.oid AND c.relname = ANY ($2) \
                             UNION \
                             SELECT d.objid FROM pg_class c \
                             JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid \
                             JOIN pg_sequence s ON s.seqrelid = d.objid \
                             WHERE c.relnamespace = n.oid AND c.relname = ANY ($2) \
                               AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')) m";
const TYPES: &str = "SELECT 'pg_type'::regclass AS classid, t.oid AS objid, path.is_set \
                     FROM path CROSS JOIN pg_type t \
                     WHERE t.typnamespace = n.oid AND t.typname = ANY ($2)";

/// What takes the place of the checks for a schema that the same transaction has created, where no event
/// trigger could do anything to it: the role can read it, and what nobody needs to know is said to be unsafe.
const UNCHECKED: &str = "SELECT 'true' AS usable, 'false' AS hidden, 'true' AS is_open, \
                         'true' AS has_strangers, 'false' AS has_event_triggers, \
                         NULL AS record, NULL AS note";

impl Statements {
    pub(in crate::pg) fn new(version_number: i32) -> Self {
        let trust = format!(
            "(SELECT r.roles, {HAS_STRANGERS} AS has_strangers \
              FROM (SELECT {TRUSTED_ROLES} AS roles OFFSET 0) r OFFSET 0)"
        );
        let statement = |types, template: &str, digested: &str, members: &str| {
            let template = stripped(template)
                .replace(":digested", digested)
                .replace(":members", members)
                .replace(":relations", &stripped(include_str!("relations.sql")))
                .replace(":sequences", &stripped(include_str!("sequences.sql")))
                .replace(":objects", &stripped(include_str!("objects.sql")))
                .replace(":types", &stripped(include_str!("types.sql")))
                .replace(":routines", &stripped(include_str!("routines.sql")))
                .replace(":checks", &stripped(include_str!("checks.sql")));
            let query = kinds::digest_script(&template, version_number).replace(":trust", &trust);
            let name = format!("provision_{:016x}", checksum::of("statement", &query).as_i64());
            Statement { types, query, name, is_prepared: false }
        };
        let whole = include_str!("whole.sql");
        let created = whole.replace(":trust", "(SELECT)").replace(":checks", UNCHECKED);
        let named = "name, name[]";
        let touched = include_str!("touched.sql");
        Self {
            whole: statement("name[], boolean", whole, "", ""),
            created: statement("name[], boolean", &created, "", ""),
            relations: statement(named, touched, ":objects", RELATIONS),
            types: statement(named, touched, ":types", TYPES),
            checks: statement(named, include_str!("touched_checks.sql"), "", ""),
            are_lasting: true,
        }
    }

    /// Those that digest these objects, with the names of the objects.
    pub(super) fn of_touched<'a>(
        &'a self,
        touched: &'a Touched,
    ) -> impl Iterator<Item = (&'a Statement, &'a BTreeSet<Ident>)> {
        let of = [(&self.relations, &touched.relations), (&self.types, &touched.types)];
        of.into_iter().filter(|(_, names)| !names.is_empty())
    }

    /// Whether the backend of the last transaction has prepared all that a partial look needs.
    pub(in crate::pg) fn are_prepared_for(&self, touched: &Touched) -> bool {
        self.checks.is_prepared
            && self.of_touched(touched).all(|(statement, _)| statement.is_prepared)
    }

    fn all(&mut self) -> [(&'static str, &mut Statement); 5] {
        [
            ("has_whole", &mut self.whole),
            ("has_created", &mut self.created),
            ("has_relations", &mut self.relations),
            ("has_types", &mut self.types),
            ("has_checks", &mut self.checks),
        ]
    }

    /// Conditions: whether the backend has prepared each of the statements already, in an earlier
    /// transaction. The server takes three times as long to plan one as to run it for one schema. A
    /// pooler in transaction mode may give each transaction another backend, so this is checked in each
    /// one.
    pub(in crate::pg) fn are_prepared_columns(&mut self) -> String {
        let columns = self.all().map(|(column, statement)| {
            format!(
                "EXISTS (SELECT FROM pg_prepared_statements p WHERE p.name = '{}')::text AS {column}",
                statement.name
            )
        });
        columns.join(", ")
    }

    /// Takes over the values of [`Statements::are_prepared_columns`].
    pub(in crate::pg) fn note(&mut self, row: Option<&PgRow>, doing: &str) -> Result<(), PgError> {
        for (column, statement) in self.all() {
            statement.is_prepared = is_true(row, column, doing)?;
        }
        Ok(())
    }

    /// The script for whole schemas was run.
    pub(in crate::pg) fn note_whole(&mut self) {
        self.whole.is_prepared = true;
    }

    /// The script for a schema that the transaction has created was run.
    pub(in crate::pg) fn note_created(&mut self) {
        self.created.is_prepared = true;
    }

    /// The scripts for these objects were run.
    pub(in crate::pg) fn note_touched(&mut self, touched: &Touched) {
        self.checks.is_prepared = true;
        self.relations.is_prepared |= !touched.relations.is_empty();
        self.types.is_prepared |= !touched.types.is_empty();
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
