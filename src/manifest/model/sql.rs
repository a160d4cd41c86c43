//! What SQL files declare.

use std::collections::BTreeSet;

use serde::{Serialize, Serializer};

use super::renames::SqlRename;
use crate::manifest::source::Position;
use crate::name::{Ident, SCHEMA_PLACEHOLDER, SchemaName};

/// What the files under `[sql]` declare.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct SqlDecl {
    /// The schema whose name stands for the tenant's.
    #[serde(skip)]
    pub schema: Option<Ident>,
    /// What is said of all materialized views that are created without data: whether they are filled.
    #[serde(skip)]
    pub populate: Option<bool>,
    /// In the order of the files, and in that of each file.
    pub statements: Vec<SqlStatement>,
    /// The tables outside of the tenants' schemas that foreign keys point to, as `"schema"."table"`.
    #[serde(skip)]
    pub externals: BTreeSet<String>,
    /// What does not apply to a tenant.
    #[serde(skip)]
    pub passed_over: Vec<PassedOver>,
    /// The objects that had other names before. Not part of the desired state.
    #[serde(skip)]
    pub renames: Vec<SqlRename>,
}

/// A statement that is passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    pub position: Position,
    /// Such as `ALTER … OWNER TO`.
    pub what: &'static str,
}

/// A statement that declares something.
#[derive(Debug, Clone)]
pub struct SqlStatement {
    /// With the placeholder for the tenant's schema, and without what would let it pass if the object existed.
    pub(in crate::manifest) text: String,
    /// Where the tokens of the text are declared, by the byte of each; at least one.
    pub(in crate::manifest) positions: Vec<(usize, Position)>,
    /// Its key words, such as `CREATE TABLE`.
    pub(in crate::manifest) words: String,
    /// The name of the object that it creates or changes, or of the table that this is a part of.
    pub name: Option<Ident>,
    /// Whether it creates an object of that name.
    pub(in crate::manifest) is_new: bool,
    /// Whether it adds a foreign key to a table outside of the tenants' schemas.
    pub is_to_external: bool,
    /// Whether it creates a table.
    pub is_table: bool,
    /// Whether it creates a function or procedure.
    pub has_body: bool,
    /// If it creates a materialized view: whether that is to be filled.
    pub is_populated: Option<bool>,
}

/// What it declares, not where.
impl Serialize for SqlStatement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.is_populated {
            None => self.text.serialize(serializer),
            Some(is_populated) => (&self.text, is_populated).serialize(serializer),
        }
    }
}

const CREATE: &str = "CREATE";
const AGAIN: &str = "CREATE OR REPLACE";

impl SqlDecl {
    /// Whether nothing is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// The names of the tables.
    pub fn tables(&self) -> impl Iterator<Item = &Ident> {
        let tables = self.statements.iter().filter(|statement| statement.is_table);
        tables.filter_map(|statement| statement.name.as_ref())
    }

    /// The names of all that is created.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        let created = self.statements.iter().filter_map(SqlStatement::created);
        created.map(Ident::as_str).collect()
    }

    /// Whether a materialized view of this name is to be filled.
    #[must_use]
    pub fn is_populated(&self, name: &Ident) -> bool {
        let mut created = self.statements.iter().filter(|one| one.name.as_ref() == Some(name));
        created.find_map(|statement| statement.is_populated) == Some(true)
    }

    /// The types, and where they are declared.
    pub fn types(&self) -> impl Iterator<Item = (&Position, &Ident)> {
        let types = self.statements.iter().filter(|statement| {
            matches!(statement.words.as_str(), "CREATE TYPE" | "CREATE DOMAIN")
        });
        types.filter_map(|statement| Some((statement.position()?, statement.name.as_ref()?)))
    }

    /// Where what is unmodelled is declared, if a statement for it alone does so: one that has the key word with which the kind
    /// begins, but for its ending (`inheritance`, INHERIT), and all parts of the name.
    #[must_use]
    pub fn cause(&self, kind: &str, name: &str) -> Option<&Position> {
        let word = kind.get(..kind.len().min(7))?.to_uppercase();
        let parts: Vec<&str> = name.split('.').collect();
        let is_it = |statement: &&SqlStatement| {
            let is_of = statement.name.as_ref().is_some_and(|name| parts.contains(&name.as_str()));
            let text = statement.text.to_uppercase();
            let has_all = || parts.iter().all(|part| text.contains(&part.to_uppercase()));
            is_of && !statement.words.starts_with(CREATE) && text.contains(&word) && has_all()
        };
        self.statements.iter().find(is_it).and_then(SqlStatement::position)
    }

    /// Where an object of this name is declared first.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<&Position> {
        let is_of = |statement: &&SqlStatement| {
            statement.name.as_ref().is_some_and(|known| known.as_str() == name)
        };
        self.statements.iter().find(is_of).and_then(SqlStatement::position)
    }
}

impl SqlStatement {
    /// The name of the object that it creates; others may be parts of an object.
    #[must_use]
    pub fn created(&self) -> Option<&Ident> {
        self.name.as_ref().filter(|_| self.is_new)
    }

    /// The SQL for one schema.
    #[must_use]
    pub fn sql(&self, schema: &SchemaName) -> String {
        let sql = schema.fill(&self.text);
        // Queries are not run while it is found out what they mean.
        let ending = if self.is_populated.is_some() { "\nWITH NO DATA" } else { "" };
        format!("{sql}{ending}")
    }

    /// The SQL that creates it again.
    #[must_use]
    pub fn sql_again(&self, schema: &SchemaName) -> String {
        let text = self.sql(schema);
        let rest = text.get(CREATE.len()..).unwrap_or_default();
        format!("{AGAIN}{rest}")
    }

    /// Statements with a higher rank often need what those with a lower one create.
    #[must_use]
    pub fn rank(&self) -> u8 {
        match self.words.as_str() {
            "CREATE TYPE" | "CREATE DOMAIN" | "CREATE SEQUENCE" => 0,
            "CREATE TABLE" => 1,
            "CREATE FUNCTION" | "CREATE PROCEDURE" | "CREATE AGGREGATE" => 2,
            words if words.starts_with("ALTER") => 3,
            "CREATE INDEX … ON" => 4,
            "CREATE VIEW" | "CREATE MATERIALIZED VIEW" => 5,
            words if words.starts_with("COMMENT") => 7,
            _ => 6,
        }
    }

    /// Whether it is a comment.
    #[must_use]
    pub fn is_comment(&self) -> bool {
        self.words.starts_with("COMMENT")
    }

    /// What it is, such as `CREATE TABLE notes`.
    #[must_use]
    pub fn what(&self) -> String {
        match &self.name {
            Some(name) => format!("{} {name}", self.words),
            None => self.words.clone(),
        }
    }

    /// Where it is declared.
    #[must_use]
    pub fn position(&self) -> Option<&Position> {
        self.positions.first().map(|(_, position)| position)
    }

    /// Where the character of [`SqlStatement::sql`] that an error of the server points to is declared; the first is 1.
    #[must_use]
    pub fn position_of(&self, character: usize, schema: &SchemaName) -> Option<Position> {
        let sql = self.sql(schema);
        let byte = sql.char_indices().nth(character.checked_sub(1)?).map(|(byte, _)| byte)?;
        self.place(unfilled(&self.text, byte, schema.quoted().len()))
    }

    /// Where the byte of the text is declared.
    pub(in crate::manifest) fn place(&self, at: usize) -> Option<Position> {
        let before = self.positions.partition_point(|(start, _)| *start <= at);
        let (start, position) = self.positions.get(before.checked_sub(1)?)?;
        // It may be in the middle of a body, many lines after its start.
        let within = self.text.get(*start..at)?;
        let column = match within.rsplit_once('\n') {
            Some((_, line)) => line.chars().count() + 1,
            None => position.column,
        };
        Some(Position {
            line: position.line + within.matches('\n').count(),
            column,
            ..position.clone()
        })
    }

    /// The same for [`SqlStatement::sql_again`].
    #[must_use]
    pub fn position_of_again(&self, character: usize, schema: &SchemaName) -> Option<Position> {
        self.position_of(character.saturating_sub(AGAIN.len() - CREATE.len()).max(1), schema)
    }
}

/// The byte of a text with placeholders that this byte of the text with names of that length comes from.
fn unfilled(text: &str, byte: usize, length: usize) -> usize {
    let (mut read, mut written) = (0, 0);
    for (at, placeholder) in text.match_indices(SCHEMA_PLACEHOLDER) {
        let start = written + (at - read);
        if byte < start {
            break;
        }
        if byte < start + length {
            return at;
        }
        (read, written) = (at + placeholder.len(), start + length);
    }
    read + (byte - written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_behind_names() {
        let text = "a {schema}.b {schema}.c";
        // a "xx".b "xx".c
        for (byte, expected) in
            [(0, 0), (1, 1), (2, 2), (5, 2), (6, 10), (7, 11), (9, 13), (14, 22)]
        {
            assert_eq!(unfilled(text, byte, 4), expected, "{byte}");
        }
    }
}
