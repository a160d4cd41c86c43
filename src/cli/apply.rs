//! `provision apply`.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use clap::Args;

use super::allow::{Allow, notice_unused};
use super::global::Format;
use super::progress::Progress;
use super::row_checks::CheckRows;
use super::tenants::{self, Tenants};
use super::{Exit, Global, output};
use crate::error::Error;
use crate::files;
use crate::fleet::{
    self, Canary, Event, FleetPlan, Options, Roster, Selection, Source, Stages, TenantOutcome,
    Waves,
};
use crate::name::TenantId;
use crate::plan::{FORMAT_VERSION, Plan};
use crate::reconcile::{self, ReconcileError, Reviewed};
use crate::report;
use crate::telemetry::{self, Recorder};

/// The largest saved plan.
const PLAN_BYTES: u64 = 256 * 1024 * 1024;

/// Create or complete a tenant's schema, or those of all tenants: each as a whole, or not at all.
///
/// It only adds, unless --allow says more: what is present is neither dropped nor altered.
#[derive(Debug, Args)]
#[command(
    override_usage = "provision apply [OPTIONS] <TENANT>\n       provision apply [OPTIONS] --all\n       provision apply [OPTIONS] --plan <FILE>"
)]
#[command(after_help = "\
Examples:
  provision apply acme
  provision apply acme --ask               show the plan and ask before it is run
  provision apply acme --allow alter       change in place what is not as declared, too
  provision apply --plan acme.json         run exactly what was reviewed
  provision apply --all --jobs 8           all tenants of the registry; run it again to go on
  provision apply --all --canary 5 --waves 10%,100% --pause 60 --health ./healthy.sh
  provision apply --plan fleet.json        exactly the plan saved by plan --all --out

Exit codes: 0 done or nothing to do; 3 done, but drift remains that apply does not touch: objects
that are different, undeclared or of a kind that is not compared, unless [drift] in the manifest
ignores or excepts them; 1 error: a tenant that failed is as it was before.")]
pub(super) struct Apply {
    /// The tenant's id: a UUID or a slug.
    #[arg(required_unless_present_any = ["plan", "all"], conflicts_with = "all")]
    tenant: Option<TenantId>,

    /// All tenants, or those that the options below choose.
    #[arg(long, conflicts_with_all = ["ask", "plan"])]
    all: bool,

    /// Run a plan saved by `plan --out`, for the tenants that it names; refused if a tenant or the
    /// manifest has changed since.
    #[arg(long, value_name = "FILE", conflicts_with = "allow")]
    plan: Option<PathBuf>,

    /// Show the plan, and ask for confirmation on the terminal first.
    #[arg(long, conflicts_with = "plan")]
    ask: bool,

    /// How to print the result.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: Format,

    /// Print each statement below what it did, for one tenant.
    #[arg(long)]
    sql: bool,

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

    /// Touch no tenant unless in all of them no rows are in the way of a step, and all were counted. Without it, only the
    /// tenants with such rows fail.
    #[arg(long)]
    require_clean: bool,

    /// Write the metrics of the run to a file, for the textfile collector of Prometheus' `node_exporter`.
    #[arg(long, value_name = "FILE")]
    metrics_file: Option<PathBuf>,

    #[command(flatten)]
    tenants: Tenants,

    #[command(flatten)]
    pace: Pace,
}

/// How fast the run proceeds, and when it ends.
#[derive(Debug, Args)]
#[command(next_help_heading = "Many tenants")]
struct Pace {
    /// Connections to each server. The default is 4.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    jobs: Option<u16>,

    /// End the run after N failed tenants. Without it, a tenant that fails ends the run after
    /// its stage, in which all other tenants are still done. What is in flight is finished.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    max_failures: Option<usize>,

    /// Continue with the others when a tenant fails, which is the default; `false` ends the run.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    continue_on_error: Option<bool>,

    /// First do N tenants, or those with these ids, separated by commas; each must be among the
    /// chosen tenants.
    #[arg(long, value_name = "N|IDS")]
    canary: Option<Canary>,

    /// Then proceed in stages: how many tenants, or which share of those that have something to do,
    /// are done when each ends, such as 1%,10%. After the last one the run goes on to 100%.
    #[arg(long, value_name = "LIST")]
    waves: Option<Waves>,

    /// How long to wait between two stages.
    #[arg(long, value_name = "SECONDS", value_parser = super::global::seconds)]
    pause: Option<Duration>,

    /// Run this in a shell between two stages, after the pause; if it fails, the run ends. What it
    /// prints goes to stderr. `PROVISION_STAGE` is the number of the stage that was just done,
    /// `PROVISION_STAGES` how many stages there are, `PROVISION_FAILURES` how many tenants have failed
    /// so far, and `PROVISION_TENANTS` the path of a file with the ids of the stage's tenants, one per
    /// line, which is removed afterwards.
    #[arg(long, value_name = "COMMAND")]
    health: Option<String>,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("a run ends after one failed tenant or more".into()),
        Ok(count) => Ok(count),
        Err(_) => Err("not a number of tenants".into()),
    }
}

impl Pace {
    /// Refuses options that would have no effect, or contradict each other.
    fn check(&self, is_of_many: bool) -> Result<(), Error> {
        let is_staged = self.canary.is_some() || self.waves.is_some();
        let between_stages = self.pause.is_some() || self.health.is_some();
        let is_limited = self.max_failures.is_some() || self.continue_on_error.is_some();
        let refusal = if !is_of_many
            && (self.jobs.is_some() || is_limited || is_staged || between_stages)
        {
            "--jobs, --max-failures, --continue-on-error, --canary, --waves, --pause and --health \
             go with --all or a plan of many tenants"
        } else if between_stages && !is_staged {
            "--pause and --health need --canary or --waves: they act between stages"
        } else if self.continue_on_error == Some(false) && self.max_failures.is_some() {
            "--continue-on-error false ends the run at the first failure, whatever --max-failures \
             allows; give one of them"
        } else {
            return Ok(());
        };
        Err(Error::Usage(refusal.into()))
    }

    fn options(self) -> Options {
        let Self { canary, waves, pause, health, .. } = self;
        let defaults = Options::default();
        let is_fatal = self.continue_on_error == Some(false);
        Options {
            jobs: self.jobs.map_or(defaults.jobs, usize::from),
            max_failures: if is_fatal { Some(1) } else { self.max_failures },
            stages: Stages {
                canary,
                waves: waves.unwrap_or_default(),
                pause: pause.unwrap_or_default(),
                health,
            },
        }
    }
}

/// What `plan --out` saved.
enum Saved {
    One(Box<Plan>),
    Fleet(Box<FleetPlan>),
}

impl Apply {
    /// Whether the result is JSON.
    pub(super) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether it is for many tenants.
    pub(super) fn is_of_all(&self) -> bool {
        self.all
    }

    pub(super) async fn run(self, global: &Global) -> Result<Exit, Error> {
        let Some(path) = self.metrics_file.clone() else {
            return self.apply(global).await;
        };
        let recorder = Recorder::install()
            .ok_or_else(|| Error::Usage("metrics are already recorded in this process".into()))?;
        let failed = |source| {
            let doing = format!("write the metrics to {}", path.display());
            Error::Io { doing, source }
        };
        files::check_writable(&path).map_err(failed)?;
        let result = self.apply(global).await;
        // Failures in particular are to be counted.
        recorder.write(&path).map_err(failed)?;
        result
    }

    async fn apply(self, global: &Global) -> Result<Exit, Error> {
        // The duration that is reported is how long people wait, reading the manifest included.
        let mut start = Instant::now();
        if self.ask {
            output::require_terminal()?;
        }
        self.tenants.require_all(self.all)?;
        let saved = match self.plan.as_deref().map(read_plan).transpose()? {
            Some(Saved::Fleet(plan)) => {
                if let Some(id) = &self.tenant {
                    return Err(Error::Usage(format!(
                        "the plan names its tenants itself; {id} cannot be chosen among them"
                    )));
                }
                return self.run_all(global, Some(*plan), start).await;
            }
            None if self.all => return self.run_all(global, None, start).await,
            Some(Saved::One(plan)) => Some(*plan),
            None => None,
        };
        self.pace.check(false)?;
        let id = match (&self.tenant, &saved) {
            (Some(id), Some(plan)) if *id != plan.tenant => {
                return Err(Error::Usage(format!(
                    "the plan is for tenant {}, not for {id}",
                    plan.tenant
                )));
            }
            (_, Some(plan)) => plan.tenant.clone(),
            (Some(id), None) => id.clone(),
            (None, None) => return Err(Error::Usage("name a tenant, or give --plan".into())),
        };
        let (mut context, tenant) = tenants::one(global, &id, self.unregistered).await?;
        context.trusts_tenant_code = self.trust_tenant_code;
        context.consent = match &saved {
            Some(plan) => plan.consent.clone(),
            None => self.allow.consent(&context.manifest),
        };
        context.row_checks = self.check_rows.checks(self.require_clean);
        let mut reviewed = saved.as_ref().map(Reviewed::from);
        if self.ask {
            let (plan, hold) = reconcile::plan_and_hold(&context, &tenant).await?;
            if let Some(hold) = hold.map(Box::new) {
                return Err(ReconcileError::Held { tenant: tenant.id, hold }.into());
            }
            let left = reconcile::left_by(&context, &plan);
            output::result(global.color, &report::plan(&plan, &left, self.sql))?;
            if !plan.is_empty() {
                let asked = Instant::now();
                if !output::ask("Apply this plan?")? {
                    output::notice("nothing was done");
                    return Ok(Exit::Done);
                }
                start += asked.elapsed();
                reviewed = Some(Reviewed::from(&plan));
            }
        }
        let mut applied = reconcile::apply(&context, &tenant, reviewed).await?;
        notice_unused(&context.consent, &applied.plan.steps, &applied.plan.held);
        applied.duration = start.elapsed();
        let text = match self.format {
            Format::Text => report::applied(&applied, self.sql),
            Format::Json => report::versioned(&report::applied_json(&applied)),
        };
        output::result(global.color, &text)?;
        Ok(if applied.left.is_drift() { Exit::DriftRemains } else { Exit::Done })
    }
}

impl Apply {
    async fn run_all(
        self,
        global: &Global,
        reviewed: Option<FleetPlan>,
        start: Instant,
    ) -> Result<Exit, Error> {
        self.pace.check(true)?;
        if self.sql {
            return Err(Error::Usage(
                "--sql is for one tenant; plan --all --sql shows the statements for many".into(),
            ));
        }
        reviewed.as_ref().map(FleetPlan::check).transpose()?;
        let fleet = global.fleet().await?.trusting_tenant_code(self.trust_tenant_code);
        let consent = match &reviewed {
            Some(plan) => plan.consent.clone(),
            None => self.allow.consent(&fleet.manifest),
        };
        let fleet = fleet.with_consent(&consent);
        let fleet = fleet.with_row_checks(self.check_rows.checks(self.require_clean));
        let roster = match &reviewed {
            None => self.tenants.roster(&fleet, self.unregistered).await?,
            Some(plan) => {
                let source = Source::Ids { ids: plan.ids(), unregistered: self.unregistered };
                fleet::enumerate(&fleet, &source, &Selection::default()).await
            }
        };
        let options = self.pace.options();
        check_canaries(&options.stages, &roster)?;
        let stop = AtomicBool::new(false);
        let progress = Progress::new(global);
        let on_event = |event: Event<'_>| progress.event(&event);
        let run = fleet::apply(&fleet, roster, reviewed.as_ref(), &options, &stop, &on_event);
        let mut ended = output::interruptible(run, &stop).await?;
        ended.duration_ms = reconcile::millis(start.elapsed());
        drop(progress);
        if !ended.has_failed() {
            telemetry::reconciled(jiff::Timestamp::now().as_second());
        }
        let text = match self.format {
            Format::Text => report::ended(&ended),
            Format::Json => report::versioned(&ended),
        };
        output::result(global.color, &text)?;
        if ended.has_failed() {
            let failed = ended.count(|outcome| matches!(outcome, TenantOutcome::Failed { .. }));
            let skipped = ended.count(|outcome| *outcome == TenantOutcome::Skipped);
            let counts = [(failed, "failed"), (skipped, "not reached")];
            return Err(tenants::incomplete(&counts, &ended.unreachable, &ended.refused));
        }
        Ok(if ended.leaves_drift() { Exit::DriftRemains } else { Exit::Done })
    }
}

/// A canary that does not exist would leave the run without one.
fn check_canaries(stages: &Stages, roster: &Roster) -> Result<(), Error> {
    let ids: Vec<&TenantId> = roster.members.iter().map(|member| &member.tenant.id).collect();
    let absent = stages.absent_canaries(&ids);
    let Some(first) = absent.first() else {
        return Ok(());
    };
    if let Some(away) = roster.unreachable.first() {
        return Err(Error::Reconcile(ReconcileError::HomeUnknown {
            tenant: (*first).clone(),
            server: away.server.clone().unwrap_or_default(),
            reason: away.error.message.clone(),
        }));
    }
    let absent = tenants::quoted(&absent);
    Err(Error::Usage(format!("--canary names {absent}, which is none of the chosen tenants")))
}

fn read_plan(path: &Path) -> Result<Saved, Error> {
    let text = files::read(path, PLAN_BYTES)?;
    let refuse = |reason: String| Error::Usage(format!("{} {reason}", path.display()));
    let value: serde_json::Value = serde_json::from_str(&text)
        .map_err(|error| refuse(format!("is not a saved plan: {error}")))?;
    let version = value.get("format_version").and_then(serde_json::Value::as_u64);
    if version != Some(u64::from(FORMAT_VERSION)) {
        return Err(refuse(format!(
            "is not a plan of format version {FORMAT_VERSION}; make a new one with this version"
        )));
    }
    let saved = if value.get("tenants").is_some() {
        serde_json::from_value(value).map(|plan| Saved::Fleet(Box::new(plan)))
    } else {
        serde_json::from_value(value).map(|plan| Saved::One(Box::new(plan)))
    };
    saved.map_err(|error| refuse(format!("is not a saved plan: {error}")))
}
