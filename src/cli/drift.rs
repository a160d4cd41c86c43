//! `provision drift`.

use clap::{Args, ValueEnum};

use super::progress::Progress;
use super::tenants::{self, Tenants};
use super::{Exit, Global, output};
use crate::error::Error;
use crate::{fleet, reconcile, report};

/// Check all tenants against the manifest; changes nothing.
#[derive(Debug, Args)]
#[command(override_usage = "provision drift [OPTIONS]")]
#[command(after_help = "\
Examples:
  provision drift
  provision drift --match 'acme-*' --format json
  provision drift --show-ignored                 what the manifest ignores, too
  provision drift --format github                annotations in a GitHub workflow
  provision drift --tenants-from ids.txt --format junit > drift.xml

Exit codes: 0 all tenants are as declared; 2 drift; 1 error, or a tenant could not be checked.")]
pub(super) struct Drift {
    /// Accept ids from --tenants-from that the registry does not list.
    #[arg(long)]
    unregistered: bool,

    /// Connections to each server.
    #[arg(long, default_value = "1", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    jobs: u16,

    /// Also list what `[drift] ignore` passes over, and in how many tenants each of these objects is.
    #[arg(long)]
    show_ignored: bool,

    /// How to print the result.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: DriftFormat,

    // Last, since its heading would be that of the options after it.
    #[command(flatten)]
    tenants: Tenants,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DriftFormat {
    /// For people: each way in which tenants differ, once, with those tenants.
    Text,
    /// For programs; keys are stable.
    Json,
    /// For a pull request or a job's summary.
    Markdown,
    /// One test case per tenant.
    Junit,
    /// Annotations of a GitHub workflow.
    Github,
}

impl Drift {
    /// Whether the result is JSON.
    pub(super) fn is_json(&self) -> bool {
        self.format == DriftFormat::Json
    }

    pub(super) async fn run(self, global: &Global) -> Result<Exit, Error> {
        if self.show_ignored && self.format == DriftFormat::Junit {
            return Err(Error::Usage("--format junit has no place for --show-ignored".into()));
        }
        let fleet = global.fleet().await?;
        let roster = self.tenants.roster(&fleet, self.unregistered).await?;
        let progress = Progress::new(global);
        progress.surveying(roster.members.len());
        let survey =
            fleet::survey(&fleet, &roster.members, self.jobs.into(), &|n| progress.surveyed(n))
                .await;
        drop(progress);
        let today = reconcile::today();
        let drift = if self.show_ignored {
            fleet::drift_with_ignored(&fleet, roster, &survey, today)
        } else {
            fleet::drift(&fleet, roster, &survey, today)
        };
        let text = match self.format {
            DriftFormat::Text => report::drift(&drift),
            DriftFormat::Json => report::versioned(&drift),
            DriftFormat::Markdown => report::drift_markdown(&drift),
            DriftFormat::Junit => report::drift_junit(&drift),
            DriftFormat::Github => report::drift_github(&drift),
        };
        output::result(global.color, &text)?;
        if drift.is_incomplete() {
            let failed = drift.tenants.iter().filter(|tenant| tenant.error.is_some()).count();
            let failed = [(failed, "could not be checked")];
            return Err(tenants::incomplete(&failed, &drift.unreachable, &drift.refused));
        }
        Ok(if drift.is_drift() { Exit::Pending } else { Exit::Done })
    }
}
