//! The text of an SQL file → its statements, as `psql` splits them.

#![expect(clippy::string_slice, reason = "all positions are boundaries found by the search before")]

use crate::manifest::lex::{
    Unclosed, comment_length, dollar_length, escape_literal_length, is_word_start, quoted_length,
    word_length,
};
use crate::name::SCHEMA_PLACEHOLDER;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An unquoted identifier or key word, or the placeholder for the schema.
    Word,
    /// An identifier in double quotes.
    Quoted,
    /// A literal in single quotes.
    Literal,
    /// A literal with escapes, `E'…'`.
    Escaped,
    /// An identifier with escapes, `U&"…"`.
    Unicode,
    /// A literal in dollar quotes.
    Dollar,
    /// A single character.
    Symbol,
}

/// A piece of SQL that is neither white space nor comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// The byte at which it starts.
    pub(super) at: usize,
}

impl Token<'_> {
    /// Whether it is this key word, which is in upper case.
    pub(super) fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.text == symbol
    }

    /// The byte after it.
    pub(super) fn end(&self) -> usize {
        self.at + self.text.len()
    }
}

/// Whether these key words stand at the token of this number.
pub(super) fn is_at(tokens: &[Token<'_>], at: usize, words: &[&str]) -> bool {
    words.iter().enumerate().all(|(n, word)| tokens.get(at + n).is_some_and(|t| t.is(word)))
}

/// What a file consists of.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// At least one token, without the semicolon.
    Statement(Vec<Token<'a>>),
    /// A command of `psql`, with its backslash, and the byte at which it starts.
    Command { text: &'a str, at: usize },
}

/// The statements of `text`. What comes after a `COPY … FROM stdin` is data and not split.
///
/// # Errors
/// The byte at which something is opened that is never closed.
pub(super) fn split(text: &str) -> Result<Vec<Piece<'_>>, (usize, Unclosed)> {
    let mut pieces = Vec::new();
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut nesting = Nesting::default();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with('\\') && tokens.is_empty() {
            let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
            pieces.push(Piece::Command { text: rest[..length].trim_end(), at });
            at += length;
            continue;
        }
        let (token, length) = next(rest, at).map_err(|error| (at, error))?;
        at += length;
        let Some(token) = token else { continue };
        if token.is_symbol(";") && nesting.is_closed() {
            let statement = std::mem::take(&mut tokens);
            nesting = Nesting::default();
            let has_data = is_copy_from_stdin(&statement);
            if !statement.is_empty() {
                pieces.push(Piece::Statement(statement));
            }
            if has_data {
                return Ok(pieces);
            }
            continue;
        }
        nesting.note(&tokens, &token);
        tokens.push(token);
    }
    if !tokens.is_empty() {
        pieces.push(Piece::Statement(tokens));
    }
    Ok(pieces)
}

/// All tokens of a text.
///
/// # Errors
/// When something is opened that is never closed.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, Unclosed> {
    let (mut tokens, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let (token, length) = next(&text[at..], at)?;
        tokens.extend(token);
        at += length;
    }
    Ok(tokens)
}

/// The token that `rest` starts with, at the byte `at`, and its bytes; none: white space or a comment.
fn next(rest: &str, at: usize) -> Result<(Option<Token<'_>>, usize), Unclosed> {
    let c = rest.chars().next().unwrap_or(' ');
    let (kind, length) = match c {
        // What is white space to the server; other characters can be part of identifiers.
        _ if c.is_ascii_whitespace() || c == '\u{b}' || c == '\u{feff}' => {
            return Ok((None, c.len_utf8()));
        }
        '-' | '/' if rest.starts_with("--") || rest.starts_with("/*") => {
            return Ok((None, comment_length(rest)?));
        }
        '\'' => (Kind::Literal, quoted_length(rest, '\'', false)?),
        '"' => (Kind::Quoted, quoted_length(rest, '"', false)?),
        '$' => match dollar_length(rest)? {
            1 => (Kind::Symbol, 1),
            length => (Kind::Dollar, length),
        },
        '{' if rest.starts_with(SCHEMA_PLACEHOLDER) => (Kind::Word, SCHEMA_PLACEHOLDER.len()),
        _ if is_word_start(c) => {
            let length = word_length(rest);
            let (word, after) = rest.split_at(length);
            if word.eq_ignore_ascii_case("e") && after.starts_with('\'') {
                (Kind::Escaped, length + escape_literal_length(after)?)
            } else if word.eq_ignore_ascii_case("u") && after.starts_with("&\"") {
                (Kind::Unicode, length + 1 + quoted_length(&after[1..], '"', false)?)
            } else {
                (Kind::Word, length)
            }
        }
        // So that no letter of a number is taken for a word.
        _ if c.is_ascii_digit() => (Kind::Symbol, word_length(rest).max(1)),
        _ => (Kind::Symbol, c.len_utf8()),
    };
    Ok((Some(Token { kind, text: &rest[..length], at }), length))
}

/// How deep in parentheses and in the body of a function the text is: a semicolon there ends no statement.
#[derive(Default)]
struct Nesting {
    parentheses: usize,
    /// `BEGIN ATOMIC` and each `CASE` and `BEGIN` after it, until their `END`.
    blocks: usize,
}

impl Nesting {
    fn is_closed(&self) -> bool {
        self.parentheses == 0 && self.blocks == 0
    }

    fn note(&mut self, before: &[Token<'_>], token: &Token<'_>) {
        match token.text {
            "(" => self.parentheses += 1,
            ")" => self.parentheses = self.parentheses.saturating_sub(1),
            _ if self.parentheses > 0 => {}
            _ if token.is("ATOMIC") && begins_body(before) => self.blocks += 1,
            _ if self.blocks > 0 && token.is("CASE") => self.blocks += 1,
            _ if self.blocks > 0 && token.is("END") => self.blocks -= 1,
            _ => {}
        }
    }
}

/// Whether these are the tokens before the `ATOMIC` of a body.
fn begins_body(tokens: &[Token<'_>]) -> bool {
    tokens.last().is_some_and(|last| last.is("BEGIN")) && is_routine(tokens)
}

/// Whether a statement with these tokens at its start creates a function or procedure.
fn is_routine(tokens: &[Token<'_>]) -> bool {
    let words = tokens.iter().filter(|token| !token.is("OR") && !token.is("REPLACE"));
    let mut words = words.take(2);
    words.next().is_some_and(|token| token.is("CREATE"))
        && words.next().is_some_and(|token| token.is("FUNCTION") || token.is("PROCEDURE"))
}

fn is_copy_from_stdin(tokens: &[Token<'_>]) -> bool {
    tokens.first().is_some_and(|token| token.is("COPY"))
        && tokens.windows(2).any(|pair| matches!(pair, [a, b] if a.is("FROM") && b.is("STDIN")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn statements(text: &str) -> Vec<String> {
        let pieces = split(text).unwrap();
        let shown = pieces.into_iter().map(|piece| match piece {
            Piece::Statement(tokens) => {
                let texts: Vec<&str> = tokens.iter().map(|token| token.text).collect();
                texts.join(" ")
            }
            Piece::Command { text, .. } => text.to_owned(),
        });
        shown.collect()
    }

    #[test]
    fn statements_end_at_semicolons_that_nothing_hides() {
        for (text, expected) in [
            ("a; b", vec!["a", "b"]),
            (";;a;\n-- ; b\n;", vec!["a"]),
            (
                "a ';' \";\" $$;$$ $x$;$$;$x$ E'\\';' /* ; /* ; */ ; */ b; c",
                vec!["a ';' \";\" $$;$$ $x$;$$;$x$ E'\\';' b", "c"],
            ),
            (
                "CREATE RULE r AS ON UPDATE TO t DO (a; b); c",
                vec!["CREATE RULE r AS ON UPDATE TO t DO ( a ; b )", "c"],
            ),
            (
                "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN a THEN 1 \
                 END; SELECT 2; END; b",
                vec![
                    "CREATE OR REPLACE FUNCTION f ( ) RETURNS int BEGIN ATOMIC SELECT CASE WHEN a \
                     THEN 1 END ; SELECT 2 ; END",
                    "b",
                ],
            ),
            (
                "\\restrict abc\nSET x = 1.5e3;\n\\unrestrict abc\n",
                vec!["\\restrict abc", "SET x = 1 . 5e3", "\\unrestrict abc"],
            ),
            ("COPY t FROM stdin;\n1\t'\n\\.\n", vec!["COPY t FROM stdin"]),
            ("\u{feff}a {schema}.b", vec!["a {schema} . b"]),
        ] {
            assert_eq!(statements(text), expected, "{text}");
        }
    }

    #[test]
    fn what_never_closes_is_an_error_where_it_opens() {
        for (text, at) in [("a; 'b", 3), ("/* x", 0), ("a $x$ b", 2), ("é \"", 3)] {
            assert_eq!(split(text).unwrap_err().0, at, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([$'\"eE\\\\aé(){};/*-]|\\PC|CASE |END |BEGIN ATOMIC ){0,24}") {
            let _ = split(&text);
            let _ = tokens(&text);
        }
    }
}
