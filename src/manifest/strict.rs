//! What is legal, and seldom meant.

use super::model::{Manifest, RoutineBody, RoutineDecl, SqlStatement};
use super::source::Position;
use super::sql::{has_text_body, named_in_constants};
use crate::name::SCHEMA_PLACEHOLDER;

/// Something that is legal, and seldom meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    pub position: Position,
    pub message: String,
}

/// What is told in any case: materialized views in SQL files that stay empty, since `pg_dump` writes that for all of them.
/// None, if the manifest says what is meant.
#[must_use]
pub fn unfilled(manifest: &Manifest) -> Vec<Warning> {
    let statements = manifest.sql.statements.iter();
    let empty = statements.filter(|statement| statement.is_populated == Some(false));
    let warnings = empty.filter(|_| manifest.sql.populate.is_none()).filter_map(|statement| {
        let message = format!(
            "{} … WITH NO DATA stays empty in every tenant; populate = true under [sql] fills what the \
             files create so, as pg_dump writes it, and populate = false says that it is meant",
            statement.what()
        );
        Some(Warning { position: statement.position()?.clone(), message })
    });
    warnings.collect()
}

/// All of a manifest: what is [`unfilled`], functions whose names are looked up wherever their caller looks, and constants in SQL files that name
/// the schema that stands for the tenant's.
#[must_use]
pub fn warnings(manifest: &Manifest) -> Vec<Warning> {
    let in_toml = manifest.routines.iter().filter(|decl| is_open(decl)).map(|decl| Warning {
        position: decl.position.clone(),
        message: open_path(&format!("{} {}", word(decl), decl.name), "set = { search_path = … }"),
    });
    let statements = manifest.sql.statements.iter();
    let in_sql = statements.clone().filter(|one| is_open_in_sql(one)).filter_map(|one| {
        let position = one.position()?.clone();
        Some(Warning { position, message: open_path(&one.what(), "SET search_path = …") })
    });
    let schema = manifest.sql.schema.as_ref();
    let names = manifest.sql.names();
    let constants = statements.flat_map(|statement| {
        let found = schema.map(|schema| named_in_constants(&statement.text, schema, &names));
        let found = found.unwrap_or_default().into_iter();
        found.filter_map(|(at, name)| {
            let message = format!(
                "{name} in a constant is left as it is, and is no object of the tenant's schema; \
                 where it is meant to be one, write {{schema}} for the schema"
            );
            Some(Warning { position: statement.place(at)?, message })
        })
    });
    let open = in_toml.chain(in_sql);
    let mut all: Vec<Warning> = open.chain(constants).chain(unfilled(manifest)).collect();
    let place = |warning: &Warning| {
        let Position { file, line, column } = warning.position.clone();
        (file, line, column)
    };
    all.sort_by_key(place);
    all
}

fn word(decl: &RoutineDecl) -> &'static str {
    if decl.is_procedure { "procedure" } else { "function" }
}

fn open_path(what: &str, setting: &str) -> String {
    format!(
        "{what} has neither a search path nor a qualified name in its body: names would be looked \
         up wherever its caller looks; add {setting}, or write {{schema}}. in front of names"
    )
}

/// Whether it has a body of text in which names are looked up by the caller's search path.
fn is_open(decl: &RoutineDecl) -> bool {
    let RoutineBody::Text { text, library: None } = &decl.body else { return false };
    let is_internal = decl.language.as_ref().is_some_and(|name| name.as_str() == "internal");
    let has_path = decl.settings.iter().any(|(name, _)| name.as_str() == "search_path");
    !is_internal && !has_path && !is_qualified(text.as_str())
}

fn is_open_in_sql(statement: &SqlStatement) -> bool {
    let text = &statement.text;
    let has_path = text.to_ascii_lowercase().contains("search_path");
    // Its own name is qualified.
    let body = text.find(['$', '\'']).and_then(|at| text.get(at..)).unwrap_or_default();
    statement.has_body && has_text_body(text) && !has_path && !is_qualified(body)
}

fn is_qualified(body: &str) -> bool {
    body.contains(&format!("{SCHEMA_PLACEHOLDER}."))
}
