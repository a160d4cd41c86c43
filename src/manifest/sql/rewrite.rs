//! A statement of a file → the one that is run: the name that stands for the tenant's schema becomes a placeholder, and
//! what would let a second declaration of an object pass is left out.

#![expect(clippy::string_slice, reason = "tokens begin and end at boundaries of characters")]

use std::collections::BTreeSet;

use super::split::{Kind, Token, tokens};
use crate::name::{Ident, SCHEMA_PLACEHOLDER, Text};

/// What is known of the files as a whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'n> {
    /// The name that stands for the tenant's schema.
    pub(super) schema: Option<&'n Ident>,
    /// The names of all objects that are declared: with `app` for the schema, `app.x` is an object of the tenant if `x` is
    /// one of these, and otherwise a column of a table with the alias `app`, a setting, or an object elsewhere.
    pub(super) declared: &'n BTreeSet<String>,
}

/// The text of a statement, and the byte in the file of each of its tokens, by the byte in the text.
#[derive(Debug, Default)]
pub(super) struct Rewritten {
    pub(super) text: String,
    pub(super) origins: Vec<(usize, usize)>,
}

/// The statement `statement` of the file `file`, without the tokens whose numbers are in `left_out`, and with the name
/// that begins at the token `name_at` in the tenant's schema.
pub(super) fn rewritten(
    file: &str,
    statement: &[Token<'_>],
    left_out: &[usize],
    name_at: Option<usize>,
    names: Names<'_>,
) -> Rewritten {
    let mut rewritten = Rewritten::default();
    let mut end = None;
    let mut replaced = replacements(statement, name_at, names).into_iter().peekable();
    for (number, token) in statement.iter().enumerate() {
        let replacement = replaced.next_if(|(at, _)| *at == number).map(|(_, text)| text);
        if left_out.contains(&number) {
            end = Some(token.end());
            continue;
        }
        // With the white space and the comments between the two.
        if let Some(end) = end {
            rewritten.text.push_str(&file[end..token.at]);
        }
        rewritten.origins.push((rewritten.text.len(), token.at));
        rewritten.text.push_str(replacement.as_deref().unwrap_or(token.text));
        end = Some(token.end());
    }
    rewritten
}

/// What takes the place of which tokens, by their numbers.
fn replacements(
    statement: &[Token<'_>],
    name_at: Option<usize>,
    known: Names<'_>,
) -> Vec<(usize, String)> {
    let is_routine = statement.iter().take(4).any(|t| t.is("FUNCTION") || t.is("PROCEDURE"));
    let mut replaced = Vec::new();
    let mut in_search_path = false;
    for (number, token) in statement.iter().enumerate() {
        let before = |by: usize| number.checked_sub(by).and_then(|at| statement.get(at));
        let after = |by: usize| statement.get(number + by);
        let is_before = |by: usize, words: &[&str]| {
            before(by).is_some_and(|token| words.iter().any(|word| token.is(word)))
        };
        let is_followed_by = |symbol: &str| after(1).is_some_and(|next| next.is_symbol(symbol));
        if name_at == Some(number) && !is_followed_by(".") && token.text != SCHEMA_PLACEHOLDER {
            replaced.push((number, format!("{SCHEMA_PLACEHOLDER}.{}", token.text)));
            continue;
        }
        let Some(schema) = known.schema else { continue };
        let is_path = || named(token).is_some_and(|name| name == "search_path");
        if is_path() && is_before(1, &["SET", "LOCAL", "SESSION"]) {
            in_search_path = true;
            continue;
        }
        if in_search_path {
            let separates = |t: &Token<'_>| t.is_symbol("=") || t.is_symbol(",") || t.is("TO");
            let is_element = !separates(token);
            in_search_path = !is_element || before(1).is_some_and(separates);
            if in_search_path && is_element && names(token, schema) {
                replaced.push((number, SCHEMA_PLACEHOLDER.to_owned()));
            }
        }
        if in_search_path {
            continue;
        }
        let is_whole = || {
            let is_dot = |by: usize| before(by).is_some_and(|token| token.is_symbol("."));
            // `1..app.last()` is a range.
            !is_dot(1) || is_dot(2)
        };
        let text = match token.kind {
            Kind::Word | Kind::Quoted
                if is_followed_by(".") && is_whole() && names(token, schema) =>
            {
                let is_object = name_at == Some(number)
                    || is_before(1, &["NAME"]) && is_before(2, &["SEQUENCE"])
                    || is_before(1, &["PARTITION"]) && is_before(2, &["ATTACH"])
                    || after(2).and_then(named).is_some_and(|name| known.declared.contains(&name));
                is_object.then(|| SCHEMA_PLACEHOLDER.to_owned())
            }
            Kind::Literal if names_an_object(number, statement) => {
                within_literal(token.text, known)
            }
            Kind::Literal if is_routine && is_before(1, &["AS"]) => {
                within_literal(token.text, known)
            }
            Kind::Dollar if is_routine && is_before(1, &["AS"]) => {
                within_dollars(token.text, known)
            }
            _ => None,
        };
        // What stood next to the literal must not become a part of it.
        let is_next = |last: &Token<'_>| last.kind == Kind::Word && last.end() == token.at;
        let space = if before(1).is_some_and(is_next) { " " } else { "" };
        replaced.extend(text.map(|text| match token.kind {
            Kind::Literal => (number, format!("{space}{text}")),
            _ => (number, text),
        }));
    }
    replaced
}

/// The name that a token is.
pub(super) fn named(token: &Token<'_>) -> Option<String> {
    match token.kind {
        Kind::Word => Some(token.text.to_ascii_lowercase()),
        Kind::Quoted => Some(unquoted(token.text, '"')),
        _ => None,
    }
}

/// Whether a token is this name.
pub(super) fn names(token: &Token<'_>, name: &Ident) -> bool {
    match token.kind {
        Kind::Word => token.text.to_ascii_lowercase() == name.as_str(),
        Kind::Quoted => unquoted(token.text, '"') == name.as_str(),
        Kind::Literal => unquoted(token.text, '\'') == name.as_str(),
        _ => false,
    }
}

/// Whether the literal of this number is the name of an object: `nextval('app.s')`, `'app.s'::regclass` and the like.
fn names_an_object(number: usize, statement: &[Token<'_>]) -> bool {
    const TYPES: [&str; 4] = ["regclass", "regproc", "regprocedure", "regtype"];
    const FUNCTIONS: [&str; 3] = ["nextval", "currval", "setval"];
    let is_one_of = |token: &Token<'_>, names: &[&str]| {
        named(token).is_some_and(|name| names.contains(&name.as_str()))
    };
    let before = |by: usize| number.checked_sub(by).and_then(|at| statement.get(at));
    let is_type = |at: usize| {
        let is_qualified = statement.get(at).is_some_and(|token| is_one_of(token, &["pg_catalog"]));
        let at = if is_qualified { at + 2 } else { at };
        statement.get(at).is_some_and(|token| is_one_of(token, &TYPES))
    };
    let is_symbol =
        |at: usize, symbol: &str| statement.get(at).is_some_and(|t| t.is_symbol(symbol));
    let is_cast = is_symbol(number + 1, ":") && is_symbol(number + 2, ":") && is_type(number + 3)
        || statement.get(number + 1).is_some_and(|next| next.is("AS")) && is_type(number + 2)
        || before(1).is_some_and(|token| is_one_of(token, &TYPES));
    let is_argument = before(1).is_some_and(|token| token.is_symbol("("))
        && before(2).is_some_and(|token| is_one_of(token, &FUNCTIONS));
    is_cast || is_argument
}

fn within_literal(literal: &str, known: Names<'_>) -> Option<String> {
    let text = within(&unquoted(literal, '\''), known)?;
    Text::new(text).ok().map(|text| text.literal())
}

fn within_dollars(literal: &str, known: Names<'_>) -> Option<String> {
    let tag = &literal[..literal[1..].find('$')? + 2];
    let body = literal.strip_prefix(tag)?.strip_suffix(tag)?;
    within(body, known).map(|body| format!("{tag}{body}{tag}"))
}

/// SQL in a literal, if the schema is named in it.
fn within(text: &str, known: Names<'_>) -> Option<String> {
    let tokens = tokens(text).ok()?;
    let replaced = replacements(&tokens, None, known);
    if replaced.is_empty() {
        return None;
    }
    let mut result = String::new();
    let mut end = 0;
    for (number, replacement) in replaced {
        let token = tokens.get(number)?;
        result.push_str(&text[end..token.at]);
        result.push_str(&replacement);
        end = token.end();
    }
    result.push_str(&text[end..]);
    Some(result)
}

/// What stands between the quotes.
pub(super) fn unquoted(text: &str, quote: char) -> String {
    let inner = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    inner.unwrap_or(text).replace(&format!("{quote}{quote}"), &quote.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::sql::split::{Piece, split};

    fn of(file: &str) -> String {
        let app = Ident::new("app".to_owned()).unwrap();
        let pieces = split(file).unwrap();
        let Some(Piece::Statement(tokens)) = pieces.first() else { panic!("{file}") };
        let declared = ["t", "x", "s", "f", "g"].map(str::to_owned).into();
        let names = Names { schema: Some(&app), declared: &declared };
        rewritten(file, tokens, &[], None, names).text
    }

    #[test]
    fn the_name_of_the_schema_becomes_a_placeholder_where_it_is_one() {
        for (file, expected) in [
            (
                "CREATE TABLE app.t (app app.x, \"app\" int)",
                "CREATE TABLE {schema}.t (app {schema}.x, \"app\" int)",
            ),
            ("CREATE TABLE \"app\".\"t\" ()", "CREATE TABLE {schema}.\"t\" ()"),
            ("CREATE TABLE APP.t ()", "CREATE TABLE {schema}.t ()"),
            ("CREATE TABLE \"App\".t ()", "CREATE TABLE \"App\".t ()"),
            ("SELECT x.app.y", "SELECT x.app.y"),
            ("SELECT app.id, current_setting('app.t')", "SELECT app.id, current_setting('app.t')"),
            ("FOR i IN 1..app.g() LOOP", "FOR i IN 1..{schema}.g() LOOP"),
            ("SET LOCAL search_path = app", "SET LOCAL search_path = {schema}"),
            (
                "\"nextval\"('\"app\".\"s\"'::\"regclass\") SET \"search_path\" TO 'app', 'x'",
                "\"nextval\"('{schema}.\"s\"'::\"regclass\") SET \"search_path\" TO {schema}, 'x'",
            ),
            ("a DEFAULT nextval('app.s')", "a DEFAULT nextval('{schema}.s')"),
            ("cast('app.s' AS regclass)", "cast('{schema}.s' AS regclass)"),
            ("'app.s'::pg_catalog.regclass", "'{schema}.s'::pg_catalog.regclass"),
            (
                "CREATE FUNCTION f(a text DEFAULT $$app.t$$)",
                "CREATE FUNCTION f(a text DEFAULT $$app.t$$)",
            ),
            (
                "CREATE FUNCTION f() AS'select ''\\'' || app.g()'",
                "CREATE FUNCTION f() AS E'select ''\\\\'' || {schema}.g()'",
            ),
            ("a DEFAULT nextval('app.s'::regclass)", "a DEFAULT nextval('{schema}.s'::regclass)"),
            ("a DEFAULT 'app.s'", "a DEFAULT 'app.s'"),
            ("a DEFAULT 'app.s'::text", "a DEFAULT 'app.s'::text"),
            (
                "CREATE FUNCTION app.f() LANGUAGE sql SET search_path TO app, 'app', public AS $$ SELECT 'app.t', app.g() $$",
                "CREATE FUNCTION {schema}.f() LANGUAGE sql SET search_path TO {schema}, {schema}, public AS $$ SELECT 'app.t', {schema}.g() $$",
            ),
            (
                "CREATE FUNCTION f() AS 'SELECT ''x'', app.g()'",
                "CREATE FUNCTION f() AS 'SELECT ''x'', {schema}.g()'",
            ),
            ("COMMENT ON TABLE app.t IS $$app.t$$", "COMMENT ON TABLE {schema}.t IS $$app.t$$"),
        ] {
            assert_eq!(of(file), expected);
        }
    }
}
