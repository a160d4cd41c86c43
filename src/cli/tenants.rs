//! Options that choose tenants, and the roster that results.

use std::path::{Path, PathBuf};

use clap::Args;
use globset::{Glob, GlobMatcher};

use super::Global;
use crate::error::Error;
use crate::files::{self, FileError, Unreadable};
use crate::fleet::{
    self, Fleet, Member, Refused, Roster, Selection, Source, Unmatched, Unreachable,
};
use crate::manifest::Registry;
use crate::name::TenantId;
use crate::reconcile::{Context, Tenant};
use crate::report;

/// The longest list of ids.
const LIST_BYTES: u64 = 64 * 1024 * 1024;

/// A choice of tenants.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Choosing tenants")]
pub(super) struct Tenants {
    /// Take the ids from a file, one per line, or from standard input with `-`; otherwise they come
    /// from the registry of the manifest, or from the schemas that hold this tool's record. An id
    /// that the registry does not list is an error.
    #[arg(long = "tenants-from", value_name = "FILE")]
    from: Option<PathBuf>,

    /// Only those whose id matches the pattern, such as 'acme-*'; may be given more than once. A
    /// pattern that matches none is an error, here and in --exclude.
    #[arg(long = "match", value_name = "PATTERN", value_parser = pattern)]
    include: Vec<GlobMatcher>,

    /// Not those whose id matches the pattern; may be given more than once.
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    exclude: Vec<GlobMatcher>,

    /// Only the first N.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// Succeed when no tenant is chosen, and when a pattern matches none.
    #[arg(long)]
    allow_empty: bool,
}

fn pattern(text: &str) -> Result<GlobMatcher, String> {
    Glob::new(text).map(|glob| glob.compile_matcher()).map_err(|error| error.kind().to_string())
}

impl Tenants {
    /// Options that choose among many make no sense for one.
    pub(super) fn require_all(&self, all: bool) -> Result<(), Error> {
        let is_given = self.from.is_some()
            || !self.include.is_empty()
            || !self.exclude.is_empty()
            || self.limit.is_some()
            || self.allow_empty;
        if is_given && !all {
            return Err(Error::Usage(
                "--tenants-from, --match, --exclude, --limit and --allow-empty go with --all"
                    .into(),
            ));
        }
        Ok(())
    }

    /// Enumerates the tenants; with `unregistered`, a file may hold ids that the registry does not
    /// list.
    ///
    /// # Errors
    /// When something was requested that does not exist, or no tenant is chosen.
    pub(super) async fn roster(self, fleet: &Fleet, unregistered: bool) -> Result<Roster, Error> {
        let source = match &self.from {
            None => Source::Registry,
            Some(path) => Source::Ids { ids: read_ids(path)?, unregistered },
        };
        let Self { from, include, exclude, limit, allow_empty } = self;
        let selection = Selection { include, exclude, limit };
        let roster = fleet::enumerate(fleet, &source, &selection).await;
        if let Some(first) = roster.unreachable.first()
            && roster.unreachable.len() == fleet.servers.len()
            && roster.members.is_empty()
        {
            return Err(Error::NoServer(first.error.clone()));
        }
        let Unmatched { include, exclude, ids } = &roster.unmatched;
        if !ids.is_empty() {
            return Err(Error::Usage(format!(
                "{} names {}, which the registry does not list; --unregistered takes ids that it \
                 does not list",
                from.as_deref().map(shown).unwrap_or_default(),
                quoted(ids)
            )));
        }
        if allow_empty {
            return Ok(roster);
        }
        for (option, patterns) in [("--match", include), ("--exclude", exclude)] {
            if !patterns.is_empty() {
                return Err(Error::Usage(format!(
                    "{option} {} matches no tenant; --allow-empty accepts that",
                    quoted(patterns)
                )));
            }
        }
        let is_empty =
            roster.members.is_empty() && roster.refused.is_empty() && roster.unreachable.is_empty();
        if is_empty {
            let reason = match from {
                _ if !selection.is_everything() => "no tenant is left by the options".to_owned(),
                Some(path) => format!("no tenant is named by {}", shown(&path)),
                None => no_tenants(fleet, !roster.passed_over.is_empty()),
            };
            return Err(Error::Usage(format!("{reason}; --allow-empty accepts that")));
        }
        Ok(roster)
    }
}

/// The error of a command whose report has the details: how many tenants had which outcome, such as
/// "failed"; the servers that could not be queried; the entries of the registry that are refused.
pub(super) fn incomplete(
    tenants: &[(usize, &str)],
    unreachable: &[Unreachable],
    refused: &[Refused],
) -> Error {
    let some = |count: usize, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{count} {many}")),
    };
    let tenants = tenants
        .iter()
        .map(|(count, what)| some(*count, &format!("tenant {what}"), &format!("tenants {what}")));
    let others = [
        some(
            unreachable.len(),
            "server could not be queried for its tenants",
            "servers could not be queried for their tenants",
        ),
        some(
            refused.len(),
            "entry of the registry is refused",
            "entries of the registry are refused",
        ),
    ];
    Error::Incomplete(tenants.chain(others).flatten().collect::<Vec<_>>().join("; "))
}

fn no_tenants(fleet: &Fleet, has_passed_over: bool) -> String {
    let why = match &fleet.manifest.tenants.registry {
        Some(Registry::List(_) | Registry::Query(_)) => "the registry lists none",
        None | Some(Registry::Discovered) if has_passed_over => {
            "no schema holds a record of this tool whose owner is trusted; name roles of yours in \
             [trust] owners of the manifest"
        }
        None | Some(Registry::Discovered) => {
            "no schema holds this tool's record; name the tenants in [tenants] of the manifest, or \
             with --tenants-from"
        }
    };
    format!("there are no tenants: {why}")
}

fn shown(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}

/// Ids or patterns, as they were given.
pub(super) fn quoted<T: std::fmt::Display>(names: &[T]) -> String {
    report::some(&names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>())
}

fn read_ids(path: &Path) -> Result<Vec<String>, Error> {
    let text = if path.as_os_str() == "-" {
        files::read_from(std::io::stdin(), LIST_BYTES)
            .map_err(|source| FileError { path: "standard input".into(), source })?
    } else {
        files::read(path, LIST_BYTES).map_err(|error| match error.source {
            Unreadable::Pipe => Error::TenantsPipe(error),
            _ => Error::File(error),
        })?
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.filter(|line| !line.starts_with('#')).map(str::to_owned).collect())
}

/// The tenant with this id, and the server that it lives on.
pub(super) async fn one(
    global: &Global,
    id: &TenantId,
    unregistered: bool,
) -> Result<(Context, Tenant), Error> {
    let fleet = global.fleet().await?;
    let Member { tenant, server } = fleet::locate(&fleet, id, unregistered).await?;
    let context = fleet.servers.into_iter().nth(server).map(|server| server.context);
    let mut context = context.ok_or_else(|| Error::Usage("the manifest names no server".into()))?;
    context.unregistered = unregistered;
    Ok((context, tenant))
}

/// Whether the registry lists the tenant, or there is none.
///
/// # Errors
/// [`ReconcileError::Unregistered`](crate::reconcile::ReconcileError::Unregistered), or why that is not known.
pub(super) async fn check_listed(global: &Global, id: &TenantId) -> Result<(), Error> {
    let (context, tenant) = one(global, id, false).await?;
    Ok(crate::reconcile::check_listed(&context, &tenant).await?)
}
