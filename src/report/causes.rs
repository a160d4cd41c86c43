//! What could not be done, and why: each cause is reported once.

use std::fmt::Write as _;

use indexmap::IndexMap;

use super::lists::{gap, some};
use super::style::{FAINT, REMOVED, STRONG, printable, styled};
use crate::explain::Failure;
use crate::fleet::{Drift, Refused, Unreachable};
use crate::name::TenantId;
use crate::words::counted;

/// Causes that are listed before the rest is counted.
const CAUSES_SHOWN: usize = 50;

/// A tenant, its server if it has a name, and what went wrong.
pub(super) type Failed<'a> = (&'a TenantId, Option<&'a String>, &'a Failure);

/// What went wrong in the same way for tenants of one server.
pub(super) struct Cause<'a> {
    server: Option<&'a String>,
    pub(super) failure: &'a Failure,
    pub(super) tenants: Vec<String>,
}

impl Cause<'_> {
    /// Such as "acme on us" or "30 tenants on us".
    pub(super) fn who(&self) -> String {
        let who = match self.tenants.as_slice() {
            [tenant] => tenant.clone(),
            tenants => counted(tenants.len(), "tenant"),
        };
        self.server.map_or_else(|| who.clone(), |server| format!("{who} on {server}"))
    }

    /// The ids, unless [`Cause::who`] has it already.
    pub(super) fn ids(&self) -> Option<String> {
        (self.tenants.len() > 1).then(|| some(&self.tenants))
    }
}

/// In the order of the first tenant of each.
pub(super) fn by_cause<'a>(failed: impl IntoIterator<Item = Failed<'a>>) -> Vec<Cause<'a>> {
    let mut causes: IndexMap<(Option<&String>, &Failure), Vec<String>> = IndexMap::new();
    for (tenant, server, failure) in failed {
        causes.entry((server, failure)).or_default().push(tenant.to_string());
    }
    let causes = causes.into_iter();
    causes.map(|((server, failure), tenants)| Cause { server, failure, tenants }).collect()
}

/// The tenants that could not be checked.
pub(super) fn unchecked(drift: &Drift) -> impl Iterator<Item = Failed<'_>> {
    let tenants = drift.tenants.iter();
    tenants.filter_map(|at| Some((&at.tenant, at.server.as_ref(), at.error.as_ref()?)))
}

/// Entries of the registry that are refused, as they are written there, by reason.
pub(super) fn by_reason(refused: &[Refused]) -> IndexMap<&str, Vec<String>> {
    let mut reasons: IndexMap<&str, Vec<String>> = IndexMap::new();
    for Refused { id, reason } in refused {
        reasons.entry(reason).or_default().push(format!("{id:?}"));
    }
    reasons
}

pub(super) fn server(name: Option<&String>) -> String {
    name.map_or_else(|| "the server".to_owned(), |name| format!("server {name}"))
}

/// Tenants that failed, each cause once.
pub(super) fn failures<'a>(
    text: &mut String,
    what: &str,
    failed: impl IntoIterator<Item = Failed<'a>>,
) {
    let causes = by_cause(failed);
    if causes.is_empty() {
        return;
    }
    let count: usize = causes.iter().map(|cause| cause.tenants.len()).sum();
    gap(text);
    let _ = writeln!(text, "{}", styled(STRONG, &format!("{} {what}", counted(count, "tenant"))));
    for cause in causes.iter().take(CAUSES_SHOWN) {
        failure(text, &cause.who(), cause.failure);
        if let Some(ids) = cause.ids() {
            let _ = writeln!(text, "      {}", styled(FAINT, &ids));
        }
    }
    if causes.len() > CAUSES_SHOWN {
        let more: usize = causes.iter().skip(CAUSES_SHOWN).map(|cause| cause.tenants.len()).sum();
        let _ = writeln!(text, "  … and {} more", counted(more, "tenant"));
    }
    text.push('\n');
}

/// Servers that could not be queried for their tenants.
pub(super) fn unreachable(text: &mut String, servers: &[Unreachable]) {
    if servers.is_empty() {
        return;
    }
    let title = format!("{} could not be queried for tenants", counted(servers.len(), "server"));
    gap(text);
    let _ = writeln!(text, "{}", styled(STRONG, &title));
    for away in servers {
        failure(text, &server(away.server.as_ref()), &away.error);
    }
    text.push('\n');
}

fn failure(text: &mut String, who: &str, failure: &Failure) {
    let (who, message) = (printable(who), printable(&failure.message));
    let _ = writeln!(text, "  {} [{}] {message}", styled(REMOVED, &who), failure.code);
    if let Some(hint) = &failure.hint {
        let _ = writeln!(text, "      hint: {}", printable(hint));
    }
}

/// Entries of the registry that are refused.
pub(super) fn refused(text: &mut String, refused: &[Refused]) {
    if refused.is_empty() {
        return;
    }
    gap(text);
    let _ = writeln!(text, "{}", styled(STRONG, "entries of the registry that are refused"));
    for (reason, ids) in by_reason(refused) {
        let line = format!("{}: {}", some(&ids), printable(reason));
        let _ = writeln!(text, "  {}", styled(REMOVED, &line));
    }
    text.push('\n');
}
