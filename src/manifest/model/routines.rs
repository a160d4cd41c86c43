//! Functions and procedures.

use serde::Serialize;

use crate::manifest::fragment::Fragment;
use crate::manifest::source::Position;
use crate::name::{Ident, Text};

/// A declared function or procedure. Which types identify it, the server says.
#[derive(Debug, Clone, Serialize)]
pub struct RoutineDecl {
    #[serde(skip)]
    pub position: Position,
    /// Where its body is written.
    #[serde(skip)]
    pub body_position: Position,
    pub is_procedure: bool,
    pub name: Ident,
    /// As between the parentheses of the statement.
    pub arguments: Option<Fragment>,
    pub returns: Option<Fragment>,
    /// `None`: that of a body in standard SQL.
    pub language: Option<Ident>,
    pub transforms: Vec<Fragment>,
    /// Such as `IMMUTABLE` and `COST 10`.
    pub properties: Vec<String>,
    pub support: Option<Fragment>,
    pub settings: Vec<(Ident, Setting)>,
    pub body: RoutineBody,
    pub comment: Option<Text>,
}

/// The value of a setting.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    Text(Text),
    /// Names, separated by commas.
    List(Fragment),
}

/// What a function does.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RoutineBody {
    /// A string that the server keeps; with the library of a function in C.
    Text { text: Text, library: Option<Text> },
    /// In standard SQL.
    Sql(Text),
}

/// Settings whose values are lists of names (`GUC_LIST_QUOTE` in PostgreSQL's `guc_tables.c`).
pub(in crate::manifest) const LISTS: [&str; 4] =
    ["search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries"];
