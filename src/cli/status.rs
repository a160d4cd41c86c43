//! `provision status`.

use clap::Args;

use super::global::Format;
use super::{Exit, Global, output};
use crate::error::Error;
use crate::name::TenantId;
use crate::reconcile::ReconcileError;
use crate::{reconcile, report};

/// Show whether a tenant is now as declared, and what was done to it, when and by whom.
#[derive(Debug, Args)]
#[command(override_usage = "provision status [OPTIONS] <TENANT>")]
#[command(after_help = "\
Examples:
  provision status acme
  provision status acme --history 5 --format json

Exit codes: 0 the tenant was checked, whatever was found; 1 error.")]
pub(super) struct Status {
    /// The tenant's id: a UUID or a slug.
    tenant: TenantId,

    /// How many applies to show, at least one.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    history: u32,

    /// How to print the result.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: Format,
}

impl Status {
    /// Whether the result is JSON.
    pub(super) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    pub(super) async fn run(self, global: &Global) -> Result<Exit, Error> {
        let (context, tenant) = super::tenants::one(global, &self.tenant, true).await?;
        let mut status = reconcile::status(&context, &tenant, self.history).await?;
        // Whether it is listed need not be known for what exists.
        match super::tenants::check_listed(global, &self.tenant).await {
            Ok(()) => status.is_registered = Some(true),
            Err(Error::Reconcile(ReconcileError::Unregistered { .. })) if status.exists => {
                status.is_registered = Some(false);
            }
            Err(error) if !status.exists => return Err(error),
            Err(_) => {}
        }
        let text = match self.format {
            Format::Text => report::status(&status),
            Format::Json => report::versioned(&status),
        };
        output::result(global.color, &text)?;
        Ok(Exit::Done)
    }
}
