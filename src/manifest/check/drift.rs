//! What does not count as drift.

use globset::GlobMatcher;

use super::fleet::pattern;
use crate::manifest::checking::Checking;
use crate::manifest::model::{DriftRules, Exception};
use crate::manifest::raw::{self, Name};
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
    let ignore = objects(checking, &raw.ignore);
    let mut exceptions: Vec<Exception> = Vec::new();
    for exception in &raw.exceptions {
        let tenant = exception.tenant.as_ref();
        let tenant = tenant.map(|tenant| checking.noted(&tenant.span, TenantId::new(tenant)));
        let objects = objects(checking, &exception.objects);
        if tenant.is_none() && exception.objects.is_empty() {
            let message =
                "name the tenant, the objects, or both: an exception from everything is none";
            checking.note(&exception.reason.span, message);
        }
        checking.note_if_no_reason(&exception.reason);
        let until = checking.last_day(&exception.until);
        // `Some(None)`: what is given is no id.
        if let (None | Some(Some(_)), Some(until)) = (&tenant, until) {
            let (tenant, reason) = (tenant.flatten(), exception.reason.value.clone());
            exceptions.push(Exception { tenant, objects, reason, until });
        }
    }
    DriftRules { ignore, exceptions }
}

/// Patterns of objects.
fn objects(checking: &mut Checking<'_>, patterns: &[Name]) -> Vec<GlobMatcher> {
    for pattern in patterns.iter().filter(|pattern| !may_match_an_object(pattern)) {
        let message = format!(
            "{:?} matches nothing: it does not begin with the kind of an object as drift names it, \
             such as table, column, index, view, function or trigger",
            pattern.value
        );
        checking.note(&pattern.span, message);
    }
    patterns.iter().filter_map(|pattern| self::pattern(checking, pattern)).collect()
}

/// Whether the pattern begins as an extra or unmodelled object does, as far as it is literal.
fn may_match_an_object(pattern: &str) -> bool {
    let literal = pattern.split(['*', '?', '[', '{', '\\']).next().unwrap_or_default();
    KINDS.iter().any(|kind| match literal.strip_prefix(kind) {
        Some(rest) => rest.is_empty() || rest.starts_with(' '),
        None => kind.starts_with(literal),
    })
}
