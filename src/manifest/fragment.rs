//! SQL that a manifest's author writes: expressions and type names.
//!
//! A [`Fragment`] is proven to be one self-contained piece: its quotes, comments and brackets
//! close, nothing closes that it did not open, and it contains no semicolon. It can therefore
//! neither leave the parentheses that the renderer puts around it, nor end the statement. What it
//! means is left to the server; this is the lexical structure only (PostgreSQL manual, §4.1).

#![expect(clippy::string_slice, reason = "all positions are boundaries found by the search before")]

use std::hash::{Hash, Hasher};

use serde::Serialize;

use super::lex::{
    Unclosed, comment_length, dollar_length, escape_literal_length, is_word_start, quoted_length,
    word_length,
};
use super::source::Position;
use crate::name::SchemaName;

pub use crate::name::SCHEMA_PLACEHOLDER;

/// SQL text that cannot escape from the place where it is put.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Fragment {
    sql: String,
    #[serde(skip)]
    position: Option<Position>,
}

// Where it is declared is not part of its value.
impl PartialEq for Fragment {
    fn eq(&self, other: &Self) -> bool {
        self.sql == other.sql
    }
}

impl Eq for Fragment {}

impl Hash for Fragment {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sql.hash(state);
    }
}

/// Why a text is not one self-contained piece of SQL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FragmentError {
    #[error("SQL text is missing")]
    Empty,
    #[error("a NUL character cannot stand in SQL")]
    Nul,
    #[error("a ';' would end the statement; give one expression only")]
    Semicolon,
    #[error("a ';' separates two statements; give one query only")]
    Statements,
    #[error("a ';' separates two commands; give a list of them")]
    Commands,
    #[error(transparent)]
    Unclosed(#[from] Unclosed),
    #[error("{0:?} closes what was not opened here")]
    Unopened(char),
    #[error("a comment cannot stand here")]
    Comment,
    #[error(
        "{0:?} does not belong in the name of a type; null, default, collation and keys have their own settings"
    )]
    NotAType(String),
    #[error("a ',' separates two expressions; give one only")]
    Comma,
}

impl Fragment {
    /// One expression.
    ///
    /// # Errors
    /// When the text is empty, or could end or leave the place where it is put.
    pub fn expression(sql: &str) -> Result<Self, FragmentError> {
        let mut depth = 0_usize;
        for token in scan(sql)? {
            match token {
                Token::Open => depth += 1,
                Token::Close => depth -= 1,
                Token::Comma if depth == 0 => return Err(FragmentError::Comma),
                Token::Comma | Token::Word(_) | Token::Other => {}
            }
        }
        Ok(Self { sql: sql.trim().to_owned(), position: None })
    }

    /// Several, separated by commas.
    ///
    /// # Errors
    /// When the text is empty, or could end or leave the place where it is put.
    pub fn list(sql: &str) -> Result<Self, FragmentError> {
        scan(sql)?;
        Ok(Self { sql: sql.trim().to_owned(), position: None })
    }

    /// One command of several that are told apart by semicolons; as [`Fragment::query`].
    ///
    /// # Errors
    /// When the text is empty, or is more than one statement.
    pub fn command(sql: &str) -> Result<Self, FragmentError> {
        Self::query(sql).map_err(|error| match error {
            FragmentError::Statements => FragmentError::Commands,
            error => error,
        })
    }

    /// One query, which may have comments in it, and a semicolon after it.
    ///
    /// # Errors
    /// When the text is empty, or is more than one statement.
    pub fn query(sql: &str) -> Result<Self, FragmentError> {
        let sql = sql.trim();
        let (_, end) = scan_with(sql, Comments::Allowed)?;
        // A comment at the end must not contain what follows.
        Ok(Self { sql: format!("{}\n", sql[..end].trim_end()), position: None })
    }

    /// The name of a type, such as `numeric(15,2)`, `timestamp with time zone` or `"my type"[]`.
    ///
    /// # Errors
    /// As [`Fragment::expression`], and when a column clause (`NOT NULL`, `DEFAULT`, …) is in it.
    pub fn type_name(sql: &str) -> Result<Self, FragmentError> {
        const CLAUSES: [&str; 14] = [
            "not",
            "null",
            "default",
            "primary",
            "unique",
            "check",
            "references",
            "constraint",
            "collate",
            "generated",
            "storage",
            "compression",
            "deferrable",
            "initially",
        ];
        let fragment = Self::expression(sql)?;
        for token in scan(&fragment.sql)? {
            if let Token::Word(word) = token
                && CLAUSES.contains(&word.to_ascii_lowercase().as_str())
            {
                return Err(FragmentError::NotAType(word.to_owned()));
            }
        }
        Ok(fragment)
    }

    /// The same, declared at that place.
    pub(super) fn at(self, position: Position) -> Self {
        Self { position: Some(position), ..self }
    }

    /// Where it is declared; `None` in baseline rows, which know their line.
    #[must_use]
    pub fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// As written, `{schema}` not replaced.
    #[must_use]
    pub fn as_written(&self) -> &str {
        &self.sql
    }

    /// The SQL for one tenant.
    #[must_use]
    pub fn sql(&self, schema: &SchemaName) -> String {
        schema.fill(&self.sql)
    }
}

/// Whether this is the symbol of an operator and nothing else (PostgreSQL manual, §4.1.3).
#[must_use]
pub fn is_operator(symbol: &str) -> bool {
    !symbol.is_empty()
        && symbol.len() <= crate::name::MAX_IDENT_BYTES
        && symbol.chars().all(|c| "+-*/<>=~!@#%^&|`?".contains(c))
        && !symbol.contains("--")
        && !symbol.contains("/*")
}

/// Whether comments may stand in a fragment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comments {
    Allowed,
    Refused,
}

enum Token<'a> {
    Open,
    Close,
    Comma,
    /// An unquoted identifier or key word.
    Word(&'a str),
    Other,
}

/// Splits SQL as the server's lexer does, with `standard_conforming_strings` on, and refuses what
/// does not close.
fn scan(sql: &str) -> Result<Vec<Token<'_>>, FragmentError> {
    scan_with(sql, Comments::Refused).map(|(tokens, _)| tokens)
}

/// The same, and the byte at which the statement ends: where comments are allowed, a semicolon may end it.
fn scan_with(sql: &str, comments: Comments) -> Result<(Vec<Token<'_>>, usize), FragmentError> {
    if sql.contains('\0') {
        return Err(FragmentError::Nul);
    }
    if sql.trim().is_empty() {
        return Err(FragmentError::Empty);
    }
    let mut tokens = Vec::new();
    let mut brackets = Vec::new();
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        let (token, length) = match c {
            '(' | '[' => {
                brackets.push(c);
                (Token::Open, 1)
            }
            ')' | ']' => {
                let expected = if c == ')' { '(' } else { '[' };
                if brackets.pop() != Some(expected) {
                    return Err(FragmentError::Unopened(c));
                }
                (Token::Close, 1)
            }
            ',' => (Token::Comma, 1),
            ';' if comments == Comments::Refused => return Err(FragmentError::Semicolon),
            ';' if tokens.is_empty() => return Err(FragmentError::Empty),
            ';' if brackets.is_empty() && is_blank(&rest[1..])? => break,
            ';' => return Err(FragmentError::Statements),
            '\'' => (Token::Other, quoted_length(rest, '\'', false)?),
            '"' => (Token::Other, quoted_length(rest, '"', false)?),
            '-' | '/' if rest.starts_with("--") || rest.starts_with("/*") => {
                if comments == Comments::Refused {
                    return Err(FragmentError::Comment);
                }
                (Token::Other, comment_length(rest)?)
            }
            '$' => (Token::Other, dollar_length(rest)?),
            _ if is_word_start(c) => {
                let length = word_length(rest);
                let (word, after) = rest.split_at(length);
                // E'…' is the one kind of literal in which a backslash escapes a quote.
                if word.eq_ignore_ascii_case("e") && after.starts_with('\'') {
                    (Token::Other, length + escape_literal_length(after)?)
                } else {
                    (Token::Word(word), length)
                }
            }
            _ => (Token::Other, c.len_utf8()),
        };
        tokens.push(token);
        rest = &rest[length..];
    }
    match brackets.pop() {
        Some('(') => Err(FragmentError::Unclosed(Unclosed("a parenthesis"))),
        Some(_) => Err(FragmentError::Unclosed(Unclosed("a bracket"))),
        None => Ok((tokens, sql.len() - rest.len())),
    }
}

/// Whether there are only comments and white space.
fn is_blank(text: &str) -> Result<bool, FragmentError> {
    let mut rest = text.trim_start();
    while rest.starts_with("--") || rest.starts_with("/*") {
        rest = rest[comment_length(rest)?..].trim_start();
    }
    Ok(rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn expressions_that_stay_inside_are_taken() {
        for sql in [
            "now()",
            "'a;b'",
            "'it''s'",
            "E'it\\'s;'",
            "$$ ; ) $$",
            "$a$ $$ ; $a$",
            "\"a;b\"",
            "a$b$ > 1",
            "ARRAY[1, 2]",
            "(1, 2) = (a, b)",
            "'{}'::text[]",
            "x ~ '^[(]'",
            "'\\'",
            "nextval('{schema}.counter')",
            "length(cnpj) >= 11",
            "$1",
            "E'a'\n'b\\') ; drop table x; --'",
        ] {
            assert!(Fragment::expression(sql).is_ok(), "{sql} was refused");
        }
    }

    #[test]
    fn queries_may_have_comments_and_a_semicolon_at_the_end() {
        for (sql, query) in [
            ("SELECT 1, 2;", "SELECT 1, 2\n"),
            ("SELECT 1 -- ;\n", "SELECT 1 -- ;\n"),
            ("/* a /* ; */ b */ SELECT '--'", "/* a /* ; */ b */ SELECT '--'\n"),
            ("SELECT 1 ; -- y\n/* z */", "SELECT 1\n"),
        ] {
            assert_eq!(Fragment::query(sql).unwrap().as_written(), query);
        }
        for (sql, error) in [
            ("", FragmentError::Empty),
            (";", FragmentError::Empty),
            ("SELECT 1; SELECT 2", FragmentError::Statements),
            ("SELECT 1;;", FragmentError::Statements),
            ("SELECT (1;)", FragmentError::Statements),
            ("SELECT 1) x", FragmentError::Unopened(')')),
            ("SELECT /* /* */ 1", FragmentError::Unclosed(Unclosed("a comment"))),
            ("SELECT 1; /* x", FragmentError::Unclosed(Unclosed("a comment"))),
        ] {
            assert_eq!(Fragment::query(sql).unwrap_err(), error, "{sql}");
        }
    }

    #[test]
    fn expressions_that_could_get_out_are_refused() {
        for sql in [
            "",
            "  ",
            "1; DROP TABLE x",
            "1)",
            "(1",
            "1) , (2",
            "1, evil int",
            "'a",
            "\"a",
            "$$ a",
            "$a$ $$",
            "1 -- x",
            "1 /* x",
            "/* a */ 1",
            "E'a\\'",
            "a]",
            "[a)",
            "x\0y",
            "1::int)); drop schema public cascade; --",
            "E'a'\n'b\\\\') ; drop table x; --'",
        ] {
            assert!(Fragment::expression(sql).is_err(), "{sql} was taken");
        }
    }

    #[test]
    fn a_type_is_a_type_alone() {
        for sql in [
            "uuid",
            "numeric(15, 2)",
            "timestamp (3) with time zone",
            "\"default\"",
            "text[]",
            "public.citext",
            "double precision",
            "interval day to second",
            "bit varying(3)",
        ] {
            assert!(Fragment::type_name(sql).is_ok(), "{sql} was refused");
        }
        for sql in [
            "int not null",
            "int DEFAULT 5",
            "int primary key",
            "int, b int",
            "int references x",
            "text COLLATE \"C\"",
            "int check (true)",
        ] {
            assert!(Fragment::type_name(sql).is_err(), "{sql} was taken");
        }
    }

    #[test]
    fn operators_are_symbols_without_comments() {
        for symbol in ["=", "&&", "-|-", "@>", "<->"] {
            assert!(is_operator(symbol), "{symbol}");
        }
        for symbol in ["", "a", "--", "/*", "= )", "&&;", "+--"] {
            assert!(!is_operator(symbol), "{symbol}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_lexer_panic(sql in "\\PC{0,40}") {
            let _ = Fragment::expression(&sql);
        }

        #[test]
        fn nor_does_quote_soup(sql in "[$'\"eE\\\\aé()\\[\\],;/*-]{0,24}") {
            if let Ok(fragment) = Fragment::expression(&sql) {
                // A self-contained piece stays so in parentheses.
                let wrapped = format!("({})", fragment.as_written());
                prop_assert!(Fragment::expression(&wrapped).is_ok());
            }
        }
    }
}
