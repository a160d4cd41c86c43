//! What does not count as drift.

use super::fleet::pattern;
use crate::manifest::checking::Checking;
use crate::manifest::model::{DriftRules, Exception};
use crate::manifest::raw;
use crate::name::TenantId;

/// The first words of the kinds of all objects that can be undeclared: those that can be declared, and
/// those that reading a schema reports.
const KINDS: [&str; 48] = [
    "access",
    "aggregate",
    "attribute",
    "canonical",
    "cast",
    "child",
    "clustering",
    "collation",
    "column",
    "comment",
    "composite",
    "compression",
    "constraint",
    "conversion",
    "default",
    "disabled",
    "domain",
    "enum",
    "extension",
    "foreign",
    "function",
    "index",
    "label",
    "materialized",
    "multirange",
    "operator",
    "options",
    "override",
    "period",
    "policy",
    "procedure",
    "publication",
    "range",
    "relation",
    "replica",
    "row",
    "rule",
    "sequence",
    "statistics",
    "storage",
    "subscription",
    "table",
    "tablespace",
    "text",
    "trigger",
    "type",
    "unknown",
    "view",
];

pub(super) fn drift(checking: &mut Checking<'_>, raw: &raw::Drift) -> DriftRules {
    for pattern in raw.ignore.iter().filter(|pattern| !may_match_an_object(pattern)) {
        let message = format!(
            "{:?} matches nothing: it does not begin with the kind of an object as drift names it, \
             such as table, column, index, view, function or trigger",
            pattern.value
        );
        checking.note(&pattern.span, message);
    }
    let ignore = raw.ignore.iter().filter_map(|pattern| self::pattern(checking, pattern)).collect();
    let mut exceptions: Vec<Exception> = Vec::new();
    for exception in &raw.exceptions {
        let tenant = checking.noted(&exception.tenant.span, TenantId::new(&exception.tenant));
        if exception.reason.trim().is_empty() {
            checking.note(&exception.reason.span, "the reason must not be empty");
        }
        let until = exception.until.parse();
        if until.is_err() {
            checking.note(&exception.until.span, "expected a date such as 2027-01-31");
        }
        if let (Some(tenant), Ok(until)) = (tenant, until) {
            let reason = exception.reason.value.clone();
            exceptions.push(Exception { tenant, reason, until });
        }
    }
    DriftRules { ignore, exceptions }
}

/// Whether the pattern begins as an extra or unmodelled object does, as far as it is literal.
fn may_match_an_object(pattern: &str) -> bool {
    let literal = pattern.split(['*', '?', '[', '{', '\\']).next().unwrap_or_default();
    KINDS.iter().any(|kind| match literal.strip_prefix(kind) {
        Some(rest) => rest.is_empty() || rest.starts_with(' '),
        None => kind.starts_with(literal),
    })
}
