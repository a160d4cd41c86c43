//! `provision apply`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::global::Format;
use super::{Exit, Global, output};
use crate::error::Error;
use crate::name::TenantId;
use crate::plan::{FORMAT_VERSION, Plan};
use crate::reconcile::{self, Reviewed};
use crate::report;

/// A saved plan is read up to this size.
const PLAN_BYTES: u64 = 256 * 1024 * 1024;

/// Make or complete a tenant's schema: whole, or not at all.
///
/// Only adds: what is there is neither dropped nor altered, whatever it is.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  provision apply acme
  provision apply acme --ask               show the plan and ask before it is run
  provision apply --plan acme.json         run exactly what was reviewed

Exit codes: 0 done or nothing to do; 3 done, but changed objects remain; 1 error, nothing was done.")]
pub(super) struct Apply {
    /// The tenant's id: a UUID or a slug.
    #[arg(required_unless_present = "plan")]
    tenant: Option<TenantId>,

    /// Run a plan saved by `plan --out`; refused if the tenant or the manifest has changed since.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,

    /// Show the plan and ask on the terminal first.
    #[arg(long, conflicts_with = "plan")]
    ask: bool,

    /// How to print the result.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: Format,

    /// Print each statement below what it did.
    #[arg(long)]
    sql: bool,

    /// Take an id that the registry of the manifest does not list.
    #[arg(long)]
    unregistered: bool,
}

impl Apply {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Error> {
        if self.ask {
            output::require_terminal()?;
        }
        let saved = self.plan.as_deref().map(read_plan).transpose()?;
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
        let mut context = global.context().await?;
        context.unregistered = self.unregistered;
        let tenant = context.tenant(&id)?;
        let mut reviewed = saved.as_ref().map(Reviewed::from);
        if self.ask {
            let plan = reconcile::plan(&context, &tenant).await?;
            output::result(global, &report::plan(&plan, self.sql))?;
            if !plan.is_empty() {
                if !output::ask("Apply this plan?")? {
                    output::notice("nothing was done");
                    return Ok(Exit::Done);
                }
                reviewed = Some(Reviewed::from(&plan));
            }
        }
        let applied = reconcile::apply(&context, &tenant, reviewed).await?;
        let text = match self.format {
            Format::Text => report::applied(&applied, self.sql),
            Format::Json => report::to_line(&report::applied_json(&applied)),
        };
        output::result(global, &text)?;
        Ok(if applied.plan.changed.is_empty() { Exit::Done } else { Exit::ChangedRemain })
    }
}

fn read_plan(path: &Path) -> Result<Plan, Error> {
    let failed = |source| Error::Io { doing: format!("read the plan {}", path.display()), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(PLAN_BYTES).read_to_string(&mut text).map_err(failed)?;
    let refuse = |reason: String| Error::Usage(format!("{} {reason}", path.display()));
    let value: serde_json::Value = serde_json::from_str(&text)
        .map_err(|error| refuse(format!("is not a saved plan: {error}")))?;
    let version = value.get("format_version").and_then(serde_json::Value::as_u64);
    if version != Some(u64::from(FORMAT_VERSION)) {
        return Err(refuse(format!(
            "is not a plan of format version {FORMAT_VERSION}; make a new one with this version"
        )));
    }
    serde_json::from_value(value).map_err(|error| refuse(format!("is not a saved plan: {error}")))
}
