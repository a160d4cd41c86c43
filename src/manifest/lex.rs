//! The lexical structure of SQL with `standard_conforming_strings` on (PostgreSQL manual, §4.1): where each piece that
//! hides its contents ends.

#![expect(clippy::string_slice, reason = "all positions are boundaries found by the search before")]

/// What is opened and never closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is opened but never closed")]
pub struct Unclosed(pub(super) &'static str);

/// Bytes of the comment that `text` starts with; those between `/*` and `*/` nest.
pub(super) fn comment_length(text: &str) -> Result<usize, Unclosed> {
    if text.starts_with("--") {
        return Ok(text.find(['\n', '\r']).unwrap_or(text.len()));
    }
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            return Ok(at);
        }
    }
    Err(Unclosed("a comment"))
}

/// Bytes of the literal or quoted identifier that `text` starts with.
pub(super) fn quoted_length(text: &str, quote: char, escapes: bool) -> Result<usize, Unclosed> {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => {
                    chars.next();
                }
                _ => return Ok(at + c.len_utf8()),
            }
        }
    }
    Err(Unclosed(if quote == '"' { "a quoted identifier" } else { "a string literal" }))
}

/// Bytes of the literal with escapes that `text` starts with, with its continuations: a literal
/// that follows after white space with a line break in it belongs to the same one, and escapes
/// count there as well (PostgreSQL manual, §4.1.2.1).
pub(super) fn escape_literal_length(text: &str) -> Result<usize, Unclosed> {
    let mut length = quoted_length(text, '\'', true)?;
    loop {
        let after = &text[length..];
        let next = after.trim_start();
        let gap = &after[..after.len() - next.len()];
        if !(gap.contains(['\n', '\r']) && next.starts_with('\'')) {
            return Ok(length);
        }
        length += gap.len() + quoted_length(next, '\'', true)?;
    }
}

/// Bytes of the dollar-quoted literal that `text` starts with; of the `$` alone if it starts none.
pub(super) fn dollar_length(text: &str) -> Result<usize, Unclosed> {
    let tag_length = text[1..]
        .char_indices()
        .find(|(at, c)| !(is_word_start(*c) || *at > 0 && c.is_ascii_digit()));
    let Some((at, '$')) = tag_length else {
        return Ok(1);
    };
    let delimiter = &text[..at + 2];
    match text[delimiter.len()..].find(delimiter) {
        Some(end) => Ok(delimiter.len() + end + delimiter.len()),
        None => Err(Unclosed("a dollar-quoted literal")),
    }
}

pub(super) fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

/// Bytes of the identifier that `text` starts with; a `$` inside it starts no literal.
pub(super) fn word_length(text: &str) -> usize {
    text.find(|c: char| !(is_word_start(c) || c.is_ascii_digit() || c == '$')).unwrap_or(text.len())
}
