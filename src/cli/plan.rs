//! `provision plan`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::allow::{Allow, notice_unused};
use super::progress::Progress;
use super::row_checks::CheckRows;
use super::tenants::{self, Tenants};
use super::{Exit, Global, output};
use crate::error::Error;
use crate::name::TenantId;
use crate::{fleet, reconcile, report};

/// Show what apply would do to a tenant, or to all; changes nothing.
#[derive(Debug, Args)]
#[command(
    override_usage = "provision plan [OPTIONS] <TENANT>\n       provision plan [OPTIONS] --all"
)]
#[command(after_help = "\
Examples:
  provision plan acme
  provision plan acme --format sql > acme.sql    a script for psql
  provision plan acme --out acme.json            save it for a review and for apply --plan
  provision plan acme --allow alter              what would be changed in place, too
  provision plan --all --out fleet.json          one plan for tenants with the same steps
  provision plan --all --format markdown         for a comment on a pull request
  provision plan acme --detailed-exitcode        0 nothing to do, 2 changes pending, 3 only drift
                                                 that apply does not touch")]
pub(super) struct Plan {
    /// The tenant's id: a UUID or a slug.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    tenant: Option<TenantId>,

    /// All tenants, or those that the options below choose.
    #[arg(long)]
    all: bool,

    /// How to print the plan.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: PlanFormat,

    /// Print each statement below what it does.
    #[arg(long)]
    sql: bool,

    /// Say of each step how large the table is that it locks: in the largest of the tenants, according to the server's
    /// statistics.
    #[arg(long)]
    estimate: bool,

    /// Save the plan, to be run by `apply --plan`.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Exit with 2 if changes are pending, and with 3 if only drift is left that apply does not touch.
    #[arg(long)]
    detailed_exitcode: bool,

    /// Accept ids that the registry does not list.
    #[arg(long)]
    unregistered: bool,

    /// Run all code that statements on a tenant's tables make the server run, whoever owns it:
    /// triggers, defaults, index expressions and the like. Without this, steps that would run code of
    /// an owner who is not trusted are held back.
    #[arg(long)]
    trust_tenant_code: bool,

    #[command(flatten)]
    allow: Allow,

    #[command(flatten)]
    check_rows: CheckRows,

    // Last, since its heading would be that of the options after it.
    #[command(flatten)]
    tenants: Tenants,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    /// For people.
    Text,
    /// A script for psql that may be run more than once.
    Sql,
    /// The form in which plans are saved.
    Json,
    /// A page for a pull request; with --all.
    Markdown,
    /// Annotations of GitHub Actions; with --all.
    Github,
}

impl Plan {
    /// Whether the result is JSON.
    pub(super) fn is_json(&self) -> bool {
        self.format == PlanFormat::Json
    }

    /// Whether it is for many tenants.
    pub(super) fn is_of_all(&self) -> bool {
        self.all
    }

    pub(super) async fn run(self, global: &Global) -> Result<Exit, Error> {
        let Some(id) = &self.tenant else {
            return self.run_all(global).await;
        };
        self.tenants.require_all(self.all)?;
        if matches!(self.format, PlanFormat::Markdown | PlanFormat::Github) {
            return Err(Error::Usage("--format markdown and github are for --all".into()));
        }
        let (mut context, tenant) = tenants::one(global, id, self.unregistered).await?;
        context.trusts_tenant_code = self.trust_tenant_code;
        context.consent = self.allow.consent(&context.manifest);
        context.row_checks = self.check_rows.checks(false);
        let (mut plan, hold) = reconcile::plan_and_hold(&context, &tenant).await?;
        if let Some(hold) = &hold {
            output::notice(&format!("tenant {id} is {hold}; apply refuses until that ends"));
        }
        if self.estimate {
            fleet::estimate_one(&context, &tenant, &mut plan).await?;
        }
        notice_unused(&context.consent, &plan.steps, &plan.held);
        let left = reconcile::left_by(&context, &plan);
        let saved = || report::to_line(&reconcile::shown(&context, plan.clone()));
        if let Some(file) = &self.out {
            output::file(file, &saved())?;
        }
        match self.format {
            PlanFormat::Text | PlanFormat::Markdown | PlanFormat::Github => {
                output::result(global.color, &report::plan(&plan, &left, self.sql))?;
            }
            PlanFormat::Sql => output::verbatim(&plan.to_sql())?,
            PlanFormat::Json => output::result(global.color, &saved())?,
        }
        if !self.detailed_exitcode {
            return Ok(Exit::Done);
        }
        Ok(exit(!plan.is_empty(), left.is_drift()))
    }
}

impl Plan {
    async fn run_all(self, global: &Global) -> Result<Exit, Error> {
        if self.format == PlanFormat::Sql {
            return Err(Error::Usage(
                "--format sql is for one tenant; use --sql with --all".into(),
            ));
        }
        let fleet = global.fleet().await?.trusting_tenant_code(self.trust_tenant_code);
        let consent = self.allow.consent(&fleet.manifest);
        let fleet = fleet.with_consent(&consent);
        let fleet = fleet.with_row_checks(self.check_rows.checks(false));
        let roster = self.tenants.roster(&fleet, self.unregistered).await?;
        let progress = Progress::new(global);
        progress.surveying(roster.members.len());
        let mut plan = fleet::plan(&fleet, roster, &|n| progress.surveyed(n)).await;
        drop(progress);
        if self.estimate {
            fleet::estimate(&fleet, &mut plan).await?;
        }
        let left = plan.plans.iter().flat_map(|shared| &shared.left).chain(&plan.left);
        let held = left.flat_map(|left| &left.left.untouched.held);
        notice_unused(&consent, plan.plans.iter().flat_map(|shared| &shared.steps), held);
        if let Some(file) = &self.out {
            output::file(file, &report::to_line(&plan))?;
        }
        let text = match self.format {
            PlanFormat::Json => report::to_line(&plan),
            PlanFormat::Markdown => report::fleet_plan_markdown(&plan),
            PlanFormat::Github => report::fleet_plan_github(&plan),
            PlanFormat::Text | PlanFormat::Sql => report::fleet_plan(&plan, self.sql),
        };
        output::result(global.color, &text)?;
        if plan.is_incomplete() {
            let failed = [(plan.failed.len(), "cannot be planned")];
            return Err(tenants::incomplete(&failed, &plan.unreachable, &plan.refused));
        }
        Ok(if self.detailed_exitcode {
            exit(!plan.tenants.is_empty(), plan.leaves_drift())
        } else {
            Exit::Done
        })
    }
}

/// The exit code with `--detailed-exitcode`.
fn exit(is_pending: bool, leaves_drift: bool) -> Exit {
    match (is_pending, leaves_drift) {
        (true, _) => Exit::Pending,
        (false, true) => Exit::DriftRemains,
        (false, false) => Exit::Done,
    }
}
