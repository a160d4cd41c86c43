//! What errors provide for people and programs beside their message.

use std::error::Error;

use serde::Serialize;

use crate::causes;

/// An error that says what it is and what to do about it.
pub trait Explain: Error {
    /// Stable identifier for programs.
    fn code(&self) -> &'static str;

    /// What to do about it.
    fn hint(&self) -> Option<String>;

    /// The SQLSTATE, if the server reported the error.
    fn sqlstate(&self) -> Option<&str> {
        None
    }
}

/// What went wrong, as a value that can be kept, counted and written down.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Failure {
    /// Stable identifier for programs.
    pub code: &'static str,
    /// With its causes.
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The SQLSTATE, if the server reported the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqlstate: Option<String>,
}

impl<E: Explain> From<&E> for Failure {
    fn from(error: &E) -> Self {
        Self {
            code: error.code(),
            message: causes::chain(error),
            hint: error.hint(),
            sqlstate: error.sqlstate().map(str::to_owned),
        }
    }
}
