//! What stands in bodies and constants of statements, which is text to the server.

use std::collections::BTreeSet;

use super::split::{Kind, Token, tokens};
use crate::name::Ident;

/// Whether a statement that creates a function gives its body as a literal, not in standard SQL.
pub(in crate::manifest) fn has_text_body(statement: &str) -> bool {
    let tokens = tokens(statement).unwrap_or_default();
    tokens.windows(2).any(|pair| match pair {
        [before, body] => before.is("AS") && is_literal(body) && !body.text.starts_with("'$libdir"),
        _ => false,
    })
}

fn is_literal(token: &Token<'_>) -> bool {
    matches!(token.kind, Kind::Literal | Kind::Escaped | Kind::Dollar)
}

/// Where literals of a statement say `schema.name` of one of these names, and what they say. What they say of the tenant's
/// objects outside of constants has been replaced already.
pub(in crate::manifest) fn named_in_constants(
    statement: &str,
    schema: &Ident,
    names: &BTreeSet<&str>,
) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let prefixes = [format!("{}.", schema.as_str()), format!("{}.", schema.quoted())];
    for token in tokens(statement).unwrap_or_default().iter().filter(|token| is_literal(token)) {
        for prefix in &prefixes {
            for (at, _) in token.text.match_indices(prefix.as_str()) {
                let before = token.text.get(..at).and_then(|before| before.chars().next_back());
                let rest = token.text.get(at + prefix.len()..).unwrap_or_default();
                let name = named(rest);
                if !before.is_some_and(is_of_name) && names.contains(name.as_str()) {
                    found.push((token.at + at, format!("{prefix}{name}")));
                }
            }
        }
    }
    found.sort();
    found
}

/// The name that a text begins with.
fn named(text: &str) -> String {
    match text.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap_or_default().to_owned(),
        None => text.chars().take_while(|c| is_of_name(*c)).collect::<String>().to_lowercase(),
    }
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_text_are_told_from_others() {
        for (sql, expected) in [
            ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", true),
            ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $x$SELECT 1$x$", true),
            ("CREATE FUNCTION f() RETURNS int RETURN 'AS'", false),
            ("CREATE FUNCTION f(a text = 'x') RETURNS int BEGIN ATOMIC SELECT 1 AS x; END", false),
            ("CREATE FUNCTION f() RETURNS int LANGUAGE c AS '$libdir/x', 'f'", false),
        ] {
            assert_eq!(has_text_body(sql), expected, "{sql}");
        }
    }

    #[test]
    fn objects_of_the_schema_are_found_in_constants() {
        let schema = Ident::new("app").unwrap();
        let names = BTreeSet::from(["t", "Tt"]);
        for (sql, expected) in [
            ("SELECT $$ EXECUTE 'SELECT * FROM app.t' $$", vec!["app.t"]),
            ("SELECT 'app.T', '\"app\".t'", vec!["app.t", "\"app\".t"]),
            ("SELECT 'app.\"Tt\"', 'app.tt', 'my_app.t', 'app.other', app.t", vec!["app.Tt"]),
        ] {
            let found = named_in_constants(sql, &schema, &names);
            let found: Vec<String> = found.into_iter().map(|(_, name)| name).collect();
            assert_eq!(found, expected, "{sql}");
        }
    }
}
