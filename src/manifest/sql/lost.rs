//! What a declaration says that would be lost, since the model has no place for it and the server does not report it.

use super::rewrite::named;
use super::split::{Kind, Token, is_at};
use super::table::elements;
use crate::manifest::check::names::RESERVED;

/// Why what a statement says would be lost: it is not modelled, and the server does not report it as such.
pub(super) fn reason(
    tokens: &[Token<'_>],
    is_create: bool,
    words: &[&str],
) -> Option<&'static str> {
    let has = |words: &[&str]| (0..tokens.len()).any(|at| is_at(tokens, at, words));
    if is_create && words == ["TABLE"] && has_query(tokens) {
        return Some("a table made from a query declares no columns; list them");
    }
    if is_create && matches!(words, ["FUNCTION" | "PROCEDURE"]) {
        if has(&["SET", "SCHEMA"]) || has(&["FROM", "CURRENT"]) {
            return Some("say what the function's search_path is: SET search_path = …");
        }
        if tokens.windows(2).any(is_body_in_pieces) {
            return Some("write the body as one literal, in dollar quotes");
        }
    }
    if is_create && words == ["RULE"] && has(&["ON", "SELECT", "TO"]) {
        return Some("a rule for SELECT makes a view; declare the view");
    }
    if !is_create && words == ["MATERIALIZED", "VIEW"] && has(&["ALTER", "COLUMN"]) {
        return Some("properties of columns of materialized views cannot be declared yet");
    }
    if words == ["TABLE"] && !is_create && is_not_null_not_valid(tokens) {
        return Some("a NOT NULL that does not hold for the rows that exist cannot be declared");
    }
    if words == ["INDEX"] && has(&["SET", "STATISTICS"]) {
        return Some("statistics targets of indexes cannot be declared yet; leave them out");
    }
    clause(tokens, is_create)
}

/// The same, for clauses that any statement may have.
fn clause(tokens: &[Token<'_>], is_create: bool) -> Option<&'static str> {
    const REASONS: [(&[&str], &str); 5] = [
        (&["RESTART"], "the value that a sequence has reached is not declared; START is"),
        (&["SET", "SCHEMA"], "a tenant's objects stay in its schema"),
        (
            &["DEPENDS", "ON", "EXTENSION"],
            "a dependency on an extension cannot be declared; leave it out",
        ),
        (&["IN", "TABLESPACE"], "it would move what is not the tenant's"),
        (&["OWNER", "TO"], "give OWNER TO a statement of its own, and it will be passed over"),
    ];
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if token.is("RENAME") && renames_to_reserved(tokens.get(at..).unwrap_or_default()) {
            return Some("names with \"_provision_\" in front are the tool's own");
        }
        let found = REASONS.iter().find(|(words, _)| is_at(tokens, at, words));
        // RENAME COLUMN owner TO x is no OWNER TO.
        let is_renamed = tokens.iter().any(|token| token.is("RENAME"));
        if depth == 0
            && !is_create
            && !is_renamed
            && let Some((_, reason)) = found
        {
            return Some(reason);
        }
    }
    None
}

/// Whether an action adds a NOT NULL that is NOT VALID (PostgreSQL 18).
fn is_not_null_not_valid(tokens: &[Token<'_>]) -> bool {
    elements(tokens).iter().any(|action| {
        let (mut depth, mut is_not_null) = (0_usize, false);
        (0..action.len()).any(|at| {
            match action.get(at).map(|token| token.text) {
                Some("(") => depth += 1,
                Some(")") => depth = depth.saturating_sub(1),
                _ => {}
            }
            is_not_null |= depth == 0 && is_at(action, at, &["NOT", "NULL"]);
            is_not_null && depth == 0 && is_at(action, at, &["NOT", "VALID"])
        })
    })
}

fn renames_to_reserved(tokens: &[Token<'_>]) -> bool {
    let to = tokens.iter().position(|token| token.is("TO"));
    let name = to.and_then(|to| tokens.get(to + 1)).and_then(named);
    name.is_some_and(|name| name.starts_with(RESERVED))
}

/// Whether a body has escapes, or continues in another literal: names in it would not be found.
fn is_body_in_pieces(tokens: &[Token<'_>]) -> bool {
    matches!(tokens, [a, b] if a.is("AS") && b.kind == Kind::Escaped
        || a.kind == Kind::Literal && b.kind == Kind::Literal)
}

/// Whether a query follows, outside of parentheses.
fn has_query(tokens: &[Token<'_>]) -> bool {
    let mut depth = 0_usize;
    tokens.iter().any(|token| {
        match token.text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && token.is("AS")
    })
}
