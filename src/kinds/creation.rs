//! What a statement makes.

use crate::catalog::{Fact, Object};
use crate::name::Ident;

/// An object to make, with what is made along with it by the same statement.
#[derive(Debug, Clone)]
pub struct Creation<'a> {
    pub fact: &'a Fact,
    /// Under the name that it gets in this tenant.
    pub object: Object,
    /// In order, each under the name that it gets.
    pub parts: Vec<(Object, &'a Fact)>,
    /// Of a label.
    pub place: Place,
}

/// Where a new label goes among those that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    After(Ident),
    Before(Ident),
    /// None of the labels there is desired.
    End,
}

/// What a statement does if the object is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Nothing: it may be run again.
    IfNotExists,
    /// It is refused. For who has seen that the object is not there: another could be anybody's.
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

    /// A statement for which the server has no such words: guarded by a condition of the same meaning.
    pub(super) fn unless(self, condition: &str, statement: &str) -> String {
        match self {
            Self::IfNotExists => unless(condition, statement),
            Self::Exclusive => statement.to_owned(),
        }
    }
}

/// Runs `statement` unless `condition` holds already.
fn unless(condition: &str, statement: &str) -> String {
    let body =
        format!("BEGIN\n    IF NOT ({condition}) THEN\n        {statement};\n    END IF;\nEND");
    // The delimiter must not stand in what it delimits.
    let mut tag = "$provision$".to_owned();
    let mut n = 0_u32;
    while body.contains(&tag) {
        n += 1;
        tag = format!("$provision{n}$");
    }
    format!("DO {tag}\n{body}\n{tag}")
}
