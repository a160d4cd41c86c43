//! Options that say which tenants, and the fleet that follows from them.

use std::path::{Path, PathBuf};

use clap::Args;
use globset::{Glob, GlobMatcher};

use super::Global;
use crate::error::Error;
use crate::files::{self, FileError};
use crate::fleet::{self, Fleet, Member, Roster, Selection, Source};
use crate::name::TenantId;
use crate::reconcile::{Context, Tenant};

/// The longest list of ids.
const LIST_BYTES: u64 = 64 * 1024 * 1024;

/// Which tenants.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Which tenants")]
pub(super) struct Tenants {
    /// Take the ids from a file, one a line, or from standard input with `-`; otherwise they come
    /// from the registry of the manifest, or from the schemas that hold this tool's record.
    #[arg(long = "tenants-from", value_name = "FILE")]
    from: Option<PathBuf>,

    /// Only those whose id matches the pattern, such as 'acme-*'; may be given more than once.
    #[arg(long = "match", value_name = "PATTERN", value_parser = pattern)]
    include: Vec<GlobMatcher>,

    /// But not those whose id matches the pattern; may be given more than once.
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    exclude: Vec<GlobMatcher>,

    /// Only the first so many.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
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
            || self.limit.is_some();
        if is_given && !all {
            return Err(Error::Usage(
                "--tenants-from, --match, --exclude and --limit go with --all".into(),
            ));
        }
        Ok(())
    }

    /// Whether the registry itself says which tenants there are.
    pub(super) fn are_listed(&self) -> bool {
        self.from.is_none()
    }

    /// Asks for the tenants.
    pub(super) async fn roster(self, fleet: &Fleet) -> Result<Roster, Error> {
        let source = match &self.from {
            None => Source::Registry,
            Some(path) => Source::Ids(read_ids(path)?),
        };
        let Self { include, exclude, limit, .. } = self;
        Ok(fleet::enumerate(fleet, &source, &Selection { include, exclude, limit }).await)
    }
}

fn read_ids(path: &Path) -> Result<Vec<String>, Error> {
    let text = if path.as_os_str() == "-" {
        files::read_from(std::io::stdin(), LIST_BYTES)
            .map_err(|source| FileError { path: "standard input".into(), source })?
    } else {
        files::read(path, LIST_BYTES)?
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
