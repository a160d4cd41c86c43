//! The prepared statements that compute digests.

use std::collections::BTreeSet;

use sqlx::postgres::PgRow;

use super::compose;
use crate::catalog::Kind;
use crate::checksum;
use crate::kinds;
use crate::name::Ident;
use crate::pg::answers::is_true;
use crate::pg::error::PgError;
use crate::touched::Touched;

/// What stands for the condition that a relation is not looked at.
const UNMANAGED: &str = ":is_unmanaged";

/// The queries for one server.
#[derive(Debug)]
pub(in crate::pg) struct Statements {
    /// For the digests of all of a schema, with the checks.
    pub(super) whole: Statement,
    /// See [`Statements::created`].
    created: Statement,
    /// The kinds that `created` digests.
    created_kinds: BTreeSet<Kind>,
    /// For those of relations by name.
    relations: Statement,
    /// For those of types by name.
    types: Statement,
    /// For the checks of relations by name.
    pub(super) checks: Statement,
    /// Whether what this session has prepared still exists in its next transaction, as far as is known:
    /// behind a pooler it may not.
    pub(in crate::pg) are_lasting: bool,
    version_number: i32,
    /// The condition that a relation is not looked at.
    is_unmanaged: String,
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

impl Statements {
    pub(in crate::pg) fn new(version_number: i32, unmanaged: &[Ident]) -> Self {
        let of_schemas = "name[], boolean";
        let of_names = "name, name[]";
        let created_kinds = BTreeSet::new();
        let is_unmanaged = kinds::is_unmanaged(unmanaged);
        let managed = |query: String| query.replace(UNMANAGED, &is_unmanaged);
        let created = managed(compose::created(version_number, &created_kinds));
        Self {
            whole: Statement::new(of_schemas, managed(compose::whole(version_number))),
            created: Statement::new(of_schemas, created),
            created_kinds,
            relations: Statement::new(of_names, managed(compose::relations(version_number))),
            types: Statement::new(of_names, managed(compose::types(version_number))),
            checks: Statement::new(of_names, compose::checks(version_number)),
            are_lasting: true,
            version_number,
            is_unmanaged,
        }
    }

    /// For the digests of all of a schema that the transaction has created, with objects of these kinds: without
    /// the checks and the other kinds. The server plans it again for each schema, since creating one empties its
    /// cache of plans. `None`: the last one was for other kinds. Whether the backend has prepared the one for
    /// these, which another session may have done behind a pooler, is known in the next transaction only.
    pub(super) fn created(&mut self, kinds: &BTreeSet<Kind>) -> Option<&Statement> {
        if *kinds == self.created_kinds {
            return Some(&self.created);
        }
        let query = compose::created(self.version_number, kinds);
        let query = query.replace(UNMANAGED, &self.is_unmanaged);
        self.created = Statement::new(self.created.types, query);
        self.created_kinds.clone_from(kinds);
        None
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
    fn new(types: &'static str, query: String) -> Self {
        let name = format!("provision_{:016x}", checksum::of("statement", &query).as_i64());
        Self { types, query, name, is_prepared: false }
    }

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
