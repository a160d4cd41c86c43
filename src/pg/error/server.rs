//! An error that the server reported, in its words; without the values of a tenant's rows, unless
//! these were requested.

use std::fmt;

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgDatabaseError, PgErrorPosition, PgSeverity};

use crate::name::printable;

/// An error that the server reported, in its words.
#[derive(Debug, Clone)]
pub struct ServerError {
    /// The SQLSTATE: five characters (PostgreSQL manual, appendix A).
    pub sqlstate: String,
    pub message: String,
    /// `None` as well when it could contain values of rows and these were not requested.
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// The call stack with its statements; only when values were requested.
    pub context: Option<String>,
    pub schema: Option<String>,
    pub table: Option<String>,
    pub column: Option<String>,
    pub constraint: Option<String>,
    /// The character of the statement that it points to, from one.
    pub position: Option<usize>,
    /// Whether a part of the error is left out.
    pub is_cut: bool,
    /// Whether it ended the session.
    pub is_fatal: bool,
}

/// The classes of errors whose details mention objects, sessions and settings, never the contents
/// of a row (PostgreSQL manual, appendix A). An unknown class is not among them.
const CLASSES_WITHOUT_VALUES: [&str; 14] =
    ["08", "0A", "25", "28", "2B", "3D", "3F", "40", "42", "53", "54", "55", "57", "58"];

/// How to show what was left out.
const SHOW_VALUES: &str = "--show-values shows all that the server said, values of rows included";

/// The class of errors whose messages themselves quote values: data exceptions.
const QUOTES_VALUES: &str = "22";

impl ServerError {
    /// The error that the server reported; what may contain values of rows is included only with `values`.
    pub(super) fn new(error: &(dyn DatabaseError + 'static), values: bool) -> Self {
        let pg = error.try_downcast_ref::<PgDatabaseError>();
        let part = |part: fn(&PgDatabaseError) -> Option<&str>| pg.and_then(part);
        let sqlstate = error.code().unwrap_or_default().into_owned();
        let class = sqlstate.get(..2).unwrap_or_default();
        let detail = part(PgDatabaseError::detail);
        let kept = detail.filter(|_| values || CLASSES_WITHOUT_VALUES.contains(&class));
        let said = error.message();
        let message = if values || class != QUOTES_VALUES {
            said.to_owned()
        } else {
            without_quotations(said)
        };
        Self {
            position: pg.and_then(|error| match error.position()? {
                PgErrorPosition::Original(position) => Some(position),
                PgErrorPosition::Internal { .. } => None,
            }),
            is_cut: kept != detail || message != said,
            is_fatal: pg.is_some_and(|error| {
                matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic)
            }),
            message,
            detail: kept.map(str::to_owned),
            hint: part(PgDatabaseError::hint).map(str::to_owned),
            context: part(PgDatabaseError::r#where).filter(|_| values).map(str::to_owned),
            schema: part(PgDatabaseError::schema).map(str::to_owned),
            table: part(PgDatabaseError::table).map(str::to_owned),
            column: part(PgDatabaseError::column).map(str::to_owned),
            constraint: part(PgDatabaseError::constraint).map(str::to_owned),
            sqlstate,
        }
    }

    /// Whether it is about a connection: of the session itself, or, on Citus, to a worker. A
    /// violation of the protocol (08P01) is about one when it ends the session, as with poolers;
    /// otherwise it is about the statement, such as one whose parameter has no value.
    pub(in crate::pg) fn is_connection_error(&self) -> bool {
        self.sqlstate.starts_with("08") && (self.is_fatal || self.sqlstate != "08P01")
    }

    /// What to do about it.
    pub(super) fn advice(&self) -> Option<String> {
        match known_advice(&self.sqlstate) {
            Some(known) => Some(self.advice_with(known)),
            None => self.is_cut.then(|| SHOW_VALUES.to_owned()),
        }
    }

    /// What to do about it where it was caused by a baseline row that was inserted.
    pub(super) fn advice_for_row(&self) -> Option<String> {
        let known = match &*self.sqlstate {
            "23502" => "give the row a value for the column, or the column a default",
            "23503" => "insert what the row refers to first, or change the row",
            "23505" | "23P01" => {
                "another row has the same values; change one of the two, or the key of the rows"
            }
            "23514" => "the row breaks the rule; change one of the two",
            _ => return self.advice(),
        };
        Some(self.advice_with(known))
    }

    /// What to do about it; `known` where that follows from what was being done.
    pub(super) fn advice_with(&self, known: &str) -> String {
        if self.is_cut { format!("{known}; {SHOW_VALUES}") } else { known.to_owned() }
    }

    /// The objects that the server names beside its message, except those that the message names.
    fn named(&self) -> String {
        let is_new = |name: &&String| !self.message.contains(name.as_str());
        let constraint = self.constraint.as_ref().filter(is_new);
        let column = self.column.as_ref().filter(is_new);
        let table = self.table.as_ref().filter(is_new).map(|table| match &self.schema {
            Some(schema) => format!("{schema}.{table}"),
            None => table.clone(),
        });
        let parts =
            [("constraint", constraint), ("column", column), ("table", table.as_ref())].into_iter();
        parts.filter_map(|(kind, name)| Some(format!(", {kind} {}", printable(name?)))).collect()
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = printable(&self.message);
        write!(f, "{message} (SQLSTATE {}{})", printable(&self.sqlstate), self.named())?;
        for part in [&self.detail, &self.hint, &self.context].into_iter().flatten() {
            write!(f, "; {}", printable(part))?;
        }
        Ok(())
    }
}

impl std::error::Error for ServerError {}

/// A message without what is between its first and its last quotation mark; which marks the
/// server uses depends on its language.
fn without_quotations(message: &str) -> String {
    let is_mark = |c: char| "\"'„“”‚‘’«»‹›「」『』".contains(c);
    match (message.find(is_mark), message.rfind(is_mark)) {
        (Some(first), Some(last)) if first < last => {
            let (before, after) = (message.get(..first), message.get(last..));
            let after = after.unwrap_or_default().trim_start_matches(is_mark);
            format!("{}…{after}", before.unwrap_or_default())
        }
        _ => message.to_owned(),
    }
}

fn known_advice(sqlstate: &str) -> Option<&'static str> {
    Some(match sqlstate {
        "28P01" | "28000" => "check the user, the password (PGPASSWORD, ~/.pgpass) and pg_hba.conf",
        "3D000" => "create the database first, or name another one",
        "42501" => {
            "connect as the role that owns the tenants' schemas; it needs CREATE on the \
             database, and REFERENCES on tables outside that foreign keys point to"
        }
        "53100" => "the server's disk is full",
        "53200" => "raise max_locks_per_transaction or the server's memory settings",
        "53300" => "raise max_connections, or close sessions that are not needed",
        "55P03" => "raise --lock-timeout, or end the session that holds the lock",
        "25006" => "this server is read-only; use the primary",
        "57014" => "the statement was cancelled by an administrator or a timeout",
        "23502" => {
            "rows have no value there: give a new column a default, or null = true; in one that exists, \
             fill in what is NULL first"
        }
        "23503" | "23505" | "23514" | "23P01" => {
            "rows that are there already break the rule; repair them first"
        }
        "42704" | "42P01" | "42883" => {
            "expressions see the server's own objects only; write {schema}.name for one of \
             the tenant's schema, and the schema's name before any other; create roles first"
        }
        "22P05" | "22021" => "the database's encoding cannot hold a character; use UTF8",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_values_are_left_out_whatever_is_in_them() {
        for (message, kept) in [
            (
                "invalid input syntax for type integer: \"a\"b\"",
                "invalid input syntax for type integer: …",
            ),
            (
                "value \"99\" is out of range for type integer",
                "value … is out of range for type integer",
            ),
            (
                "ungültige Eingabesyntax für Typ integer: »x«",
                "ungültige Eingabesyntax für Typ integer: …",
            ),
            ("division by zero", "division by zero"),
            ("one \" alone", "one \" alone"),
        ] {
            assert_eq!(without_quotations(message), kept);
        }
    }
}
