//! Many tenants, on one server or several.
//!
//! [`Roster`]: which tenants there should be → [`survey()`]: the state of each of them, in a few
//! statements for many → [`Drift`]: what that means, or [`apply()`]: bring those that need it up to
//! date, each in its own transaction. The failure of one tenant does not affect other tenants, nor that of
//! one server other servers.

mod apply;
mod difference;
mod drift;
mod enumerate;
mod estimate;
mod health;
mod holding;
mod left;
mod outcome;
mod placement;
mod plan;
mod planned;
mod refusals;
mod renames;
mod roster;
mod rows;
mod run;
mod selection;
mod stages;
mod state;
mod survey;
mod undeclared;
mod unused;

use std::sync::Arc;

pub use apply::apply;
pub use difference::{Difference, Missing};
pub use drift::{Drift, Shape, drift, drift_with_ignored};
pub use enumerate::{enumerate, locate};
pub use estimate::{estimate, estimate_one};
pub use holding::HeldTenant;
pub use left::LeftIn;
pub use outcome::{Event, RunReport, TenantOutcome, TenantReport};
pub use plan::{FleetPlan, Pinned, SharedPlan, Unplanned, plan};
pub use renames::{DeclaredRename, Need, Renames, renames};
pub use roster::{Member, Orphan, PassedOver, Refused, Roster, Source, Unreachable};
pub use rows::{Example, RowsInTheWay, RowsNotCounted};
pub use run::Options;
pub use selection::{Selection, Unmatched};
pub use stages::{Canary, Stage, Stages, Wave, Waves};
pub use state::{State, TenantDrift};
pub use survey::{Seen, Survey, survey};
pub use undeclared::{Class, Undeclared};
pub use unused::{Unneeded, UnusedRule};

use crate::consent::Consent;
use crate::locks::TableLock;
use crate::manifest::Manifest;
use crate::pg::{Limits, Target};
use crate::reconcile::{Context, Retry, RowChecks};

/// The servers that hold the tenants of one manifest.
#[derive(Debug)]
pub struct Fleet {
    pub manifest: Arc<Manifest>,
    pub servers: Vec<Server>,
}

/// One of the servers.
#[derive(Debug)]
pub struct Server {
    /// As the manifest names it; `None` for the only one.
    pub name: Option<String>,
    pub context: Context,
}

/// What all servers of a fleet have in common.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub limits: Limits,
    pub retry: Retry,
    /// The strongest lock that may be taken on what exists; `None`: any.
    pub max_lock: Option<TableLock>,
    /// The actor, for the record.
    pub actor: String,
    /// Where the desired state is elaborated, if not on each server itself.
    pub elaborate_on: Option<Target>,
}

impl Fleet {
    /// The fleet of a manifest on `servers`, each with its name if there are several.
    #[must_use]
    pub fn new(
        manifest: impl Into<Arc<Manifest>>,
        servers: impl IntoIterator<Item = (Option<String>, Target)>,
        settings: &Settings,
    ) -> Self {
        let manifest = manifest.into();
        let servers = servers
            .into_iter()
            .map(|(name, target)| {
                let mut context = Context::new(Arc::clone(&manifest), target);
                context.limits = settings.limits;
                context.retry = settings.retry;
                context.max_lock = settings.max_lock;
                context.actor.clone_from(&settings.actor);
                context.elaborate_on.clone_from(&settings.elaborate_on);
                Server { name, context }
            })
            .collect();
        Self { manifest, servers }
    }

    /// The same; with `trusts`, statements may run code in tenants' schemas, whoever owns it.
    #[must_use]
    pub fn trusting_tenant_code(mut self, trusts: bool) -> Self {
        for server in &mut self.servers {
            server.context.trusts_tenant_code = trusts;
        }
        self
    }

    /// The same; what exists may be changed as far as `consent` says.
    #[must_use]
    pub fn with_consent(mut self, consent: &Consent) -> Self {
        for server in &mut self.servers {
            server.context.consent.clone_from(consent);
        }
        self
    }

    /// The same; rows in the way of steps are looked for in this way.
    #[must_use]
    pub fn with_row_checks(mut self, row_checks: RowChecks) -> Self {
        for server in &mut self.servers {
            server.context.row_checks = row_checks;
        }
        self
    }

    /// The name of a server, if it has one.
    fn name_of(&self, server: usize) -> Option<&str> {
        self.servers.get(server).and_then(|server| server.name.as_deref())
    }
}
