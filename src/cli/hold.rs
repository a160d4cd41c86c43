//! `provision hold` and `provision release`.

use clap::Args;
use jiff::civil::Date;

use super::global::Format;
use super::{Exit, Global, output, tenants};
use crate::error::Error;
use crate::hold::{HoldRequest, Reason, last_day};
use crate::name::TenantId;
use crate::{reconcile, report};

/// Leave a tenant alone from now on: no apply, no `apply --all` and no service touches it.
///
/// The hold is recorded in the tenant's schema, so that every runner sees it. It ends with `provision release`, or by
/// itself after its last day.
#[derive(Debug, Args)]
#[command(override_usage = "provision hold [OPTIONS] <TENANT> --reason <TEXT>")]
#[command(after_help = "\
Examples:
  provision hold acme --reason 'data is being repaired, ticket 4711'
  provision hold acme --reason 'migration of invoices' --until 2027-01-31
  provision status acme                   who holds it, since when and why
  provision release acme

An apply that is at work on the tenant is waited for. A tenant that is held already gets the new
reason and end; whose hold that was is printed. The tenant has to exist, and to be provisioned.

Exit codes: 0 the tenant is held; 1 error, and nothing was changed.")]
pub(super) struct Hold {
    /// The tenant's id: a UUID or a slug.
    tenant: TenantId,

    /// Why, for those who find the tenant held.
    #[arg(long, value_name = "TEXT", value_parser = Reason::new)]
    reason: Reason,

    /// The last day, in UTC, such as 2027-01-31; without it, the tenant is held until it is released.
    #[arg(long, value_name = "DATE", value_parser = last_day)]
    until: Option<Date>,

    /// How to print the result.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: Format,
}

/// End the hold of a tenant: the next apply brings it up to date.
///
/// Nothing else is done to the tenant. If nobody holds it, that is said, and is no error.
#[derive(Debug, Args)]
#[command(override_usage = "provision release [OPTIONS] <TENANT>")]
#[command(after_help = "\
Examples:
  provision release acme
  provision release acme --format json

Exit codes: 0 nobody holds the tenant now; 1 error, and nothing was changed.")]
pub(super) struct Release {
    /// The tenant's id: a UUID or a slug.
    tenant: TenantId,

    /// How to print the result.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: Format,
}

impl Hold {
    /// Whether the result is JSON.
    pub(super) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    pub(super) async fn run(self, global: &Global) -> Result<Exit, Error> {
        let (context, tenant) = tenants::one(global, &self.tenant, true).await?;
        let request = HoldRequest { reason: self.reason, until: self.until, by: None };
        let held = reconcile::hold(&context, &tenant, &request).await?;
        let text = match self.format {
            Format::Text => report::held(&held),
            Format::Json => report::versioned(&held),
        };
        output::result(global.color, &text)?;
        Ok(Exit::Done)
    }
}

impl Release {
    /// Whether the result is JSON.
    pub(super) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    pub(super) async fn run(self, global: &Global) -> Result<Exit, Error> {
        let (context, tenant) = tenants::one(global, &self.tenant, true).await?;
        let released = reconcile::release(&context, &tenant).await?;
        let text = match self.format {
            Format::Text => report::released(&released),
            Format::Json => report::versioned(&released),
        };
        output::result(global.color, &text)?;
        Ok(Exit::Done)
    }
}
