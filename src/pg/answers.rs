//! The rows that the server returns, and lists of names in queries.

use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::error::PgError;
use crate::name::literal;

/// The rows of each statement of a script, in order.
pub(super) type Answers = Vec<Vec<PgRow>>;

/// An array of this type.
#[must_use]
pub(super) fn array(of: &str, texts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let literals = texts.into_iter().map(|text| literal(text.as_ref()));
    format!("ARRAY[{}]::{of}[]", literals.collect::<Vec<_>>().join(", "))
}

/// One column of a row, by name.
pub(super) fn column<'r, T>(row: &'r PgRow, name: &str, doing: &str) -> Result<T, PgError>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(name)
        .map_err(|error| PgError::Answer { doing: doing.to_owned(), reason: error.to_string() })
}

/// A column of JSON; `None`: it is NULL.
pub(super) fn json<T: DeserializeOwned>(
    row: &PgRow,
    name: &str,
    doing: &str,
) -> Result<Option<T>, PgError> {
    let text: Option<&str> = column(row, name, doing)?;
    text.map(serde_json::from_str)
        .transpose()
        .map_err(|error| PgError::Answer { doing: doing.to_owned(), reason: error.to_string() })
}

/// Whether a column of the row, as text, says `true`; without a row, it does not.
pub(super) fn is_true(row: Option<&PgRow>, name: &str, doing: &str) -> Result<bool, PgError> {
    match row {
        Some(row) => column::<&str>(row, name, doing).map(|answer| answer == "true"),
        None => Ok(false),
    }
}
