//! What a statement creates.

use crate::catalog::{Fact, Object};
use crate::manifest::Fragment;
use crate::name::{Ident, dollar_quoted};

/// An object to create, with the parts that the same statement creates.
#[derive(Debug, Clone)]
pub struct Creation<'a> {
    pub fact: &'a Fact,
    /// Under the name that it gets in this tenant.
    pub object: Object,
    /// In order, each under the name that it gets.
    pub parts: Vec<(Object, &'a Fact)>,
    /// Of a label.
    pub place: Place,
    /// The values of a column in rows that exist already.
    pub backfill: Option<&'a Fragment>,
}

/// Where a new label goes among the existing ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    After(Ident),
    Before(Ident),
    /// None of the existing labels is desired.
    End,
}

/// What a statement does if the object exists already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Nothing: it may be run again.
    IfNotExists,
    /// It is refused. To be used once it was read that the object does not exist: one that exists after all could
    /// belong to anybody.
    Exclusive,
}

impl Guard {
    /// `IF NOT EXISTS` with a space after it, or nothing.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::IfNotExists => "IF NOT EXISTS ",
            Self::Exclusive => "",
        }
    }

    /// A statement that has no `IF NOT EXISTS`: guarded by a condition with the same meaning.
    pub(super) fn unless(self, condition: &str, statement: &str) -> String {
        match self {
            Self::IfNotExists => unless(condition, statement),
            Self::Exclusive => statement.to_owned(),
        }
    }
}

/// The statement that creates something, as one that replaces it.
pub(super) fn or_replace(statement: &str) -> String {
    statement.replacen("CREATE ", "CREATE OR REPLACE ", 1)
}

/// One statement that runs several, without a condition.
pub(super) fn together(statements: &str) -> String {
    let body = format!("\nBEGIN\n        {statements};\nEND\n");
    format!("DO {}", dollar_quoted(&body, "provision"))
}

/// Runs `statement` unless `condition` holds already.
fn unless(condition: &str, statement: &str) -> String {
    let body =
        format!("BEGIN\n    IF NOT ({condition}) THEN\n        {statement};\n    END IF;\nEND");
    format!("DO {}", dollar_quoted(&format!("\n{body}\n"), "provision"))
}
