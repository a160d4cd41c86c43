//! What all tenants of a run have in common.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OnceCell, Semaphore};

use super::error::ReconcileError;
use super::old_names;
use super::outcome::{Tenant, millis};
use super::outcomes::Outcomes;
use super::rows::RowChecks;
use super::settled::Settled;
use super::today::today;
use crate::catalog::{Desired, Object};
use crate::checksum::{self, Checksum};
use crate::consent::Consent;
use crate::elaborate::{Elaborated, elaborate};
use crate::explain::Explain as _;
use crate::locks::TableLock;
use crate::manifest::{Manifest, RenameDecl};
use crate::name::TenantId;
use crate::obstacle::{Obstacle, Reasons};
use crate::pg::{Limits, Session, Shapes, Tables, Target, UntrustedQuery};
use crate::rows::Declared;

/// What all tenants of a run have in common.
#[derive(Debug)]
pub struct Context {
    pub manifest: Arc<Manifest>,
    pub target: Target,
    /// Where the desired state is elaborated, if not on `target` itself.
    pub elaborate_on: Option<Target>,
    pub limits: Limits,
    pub retry: Retry,
    /// The strongest lock that may be taken on what exists; `None`: any.
    pub max_lock: Option<TableLock>,
    /// The actor, for the record.
    pub actor: String,
    /// Whether ids that the registry does not list are accepted as well.
    pub unregistered: bool,
    /// Whether statements may run code in tenants' schemas, whoever owns it.
    pub trusts_tenant_code: bool,
    /// Which changes of what exists may be made.
    pub consent: Consent,
    /// How rows in the way of steps are looked for.
    pub row_checks: RowChecks,
    pub(super) manifest_checksum: Checksum,
    pub(crate) tables: Tables,
    /// The tables outside of tenants' schemas that declared keys point to, quoted.
    externals: Vec<String>,
    desired: OnceCell<Elaborated>,
    pub(crate) shapes: Shapes,
    pub(super) settled: Settled,
    pub(super) outcomes: Outcomes,
    pub(super) renames: old_names::Known,
    /// For queries beside the work: one connection at a time.
    pub(super) aside: Semaphore,
}

/// How many reasons not to touch one subject are listed; more are only counted.
const MAX_REASONS: usize = 20;

/// How often a transaction is retried after a transient error.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// At least one.
    pub attempts: u32,
    /// The pause before the second attempt; it doubles, with jitter, up to `longest`.
    pub first: Duration,
    pub longest: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 6, first: Duration::from_millis(100), longest: Duration::from_secs(5) }
    }
}

impl Context {
    /// A context with the default limits and retries, and no actor.
    #[must_use]
    pub fn new(manifest: impl Into<Arc<Manifest>>, target: Target) -> Self {
        let manifest = manifest.into();
        let manifest_checksum = checksum::of("manifest", &*manifest);
        Self {
            target: for_manifest(target, &manifest),
            elaborate_on: None,
            limits: Limits::default(),
            retry: Retry::default(),
            max_lock: None,
            actor: String::new(),
            unregistered: false,
            trusts_tenant_code: false,
            consent: manifest.allowed(today()),
            row_checks: RowChecks::default(),
            tables: Tables::of(&manifest),
            externals: manifest.external_tables().into_iter().collect(),
            manifest,
            manifest_checksum,
            desired: OnceCell::new(),
            shapes: Shapes::default(),
            settled: Settled::default(),
            outcomes: Outcomes::default(),
            renames: old_names::Known::default(),
            aside: Semaphore::new(1),
        }
    }

    /// Identifies what the manifest declares, whatever its layout and comments.
    #[must_use]
    pub fn manifest_checksum(&self) -> Checksum {
        self.manifest_checksum
    }

    /// The tenant with this id.
    ///
    /// # Errors
    /// When its schema's name would not be valid.
    pub fn tenant(&self, id: &TenantId) -> Result<Tenant, ReconcileError> {
        let schema = self.manifest.tenants.schema.schema_of(id)?;
        Ok(Tenant { id: id.clone(), schema })
    }

    /// The desired state, if it has been elaborated.
    pub(crate) fn known_desired(&self) -> Option<&Desired> {
        self.desired.get().map(|elaborated| &elaborated.desired)
    }

    /// The desired objects that had other names before; none until the manifest was elaborated.
    pub(super) fn declared_renames(&self) -> &[RenameDecl] {
        self.desired.get().map(|elaborated| elaborated.renames.as_slice()).unwrap_or_default()
    }

    /// What the manifest declares.
    pub(crate) fn declared(&self) -> Declared<'_> {
        let grants = self.desired.get().map(|elaborated| elaborated.grants.as_slice());
        let (desired, grants) = (self.known_desired(), grants.unwrap_or_default());
        let values = self.desired.get().map(|elaborated| &elaborated.values);
        Declared { manifest: &self.manifest, desired, grants, values }
    }

    /// Whether the tenant can be compared; to be called once the manifest was elaborated.
    ///
    /// # Errors
    /// [`ReconcileError::NameInBody`].
    pub(crate) fn check_name(&self, tenant: &Tenant) -> Result<(), ReconcileError> {
        let quoted = self.desired.get().map(|elaborated| &elaborated.quoted);
        match quoted.and_then(|quoted| quoted.get(tenant.schema.as_str())) {
            None => Ok(()),
            Some(object) => Err(ReconcileError::NameInBody {
                schema: tenant.schema.clone(),
                object: object.clone(),
            }),
        }
    }

    /// The query for untrusted code that statements would run.
    pub(crate) fn untrusted_query(&self) -> UntrustedQuery<'_> {
        let used = self.desired.get().map(|elaborated| &elaborated.used);
        UntrustedQuery { externals: &self.externals, used, drops: !self.consent.is_empty() }
    }

    /// The reasons not to touch what `obstacles` are on, as `describe` writes them, and what the manifest's own
    /// declarations are in the way of.
    pub(crate) fn reasons<'o>(
        &'o self,
        obstacles: impl IntoIterator<Item = &'o Obstacle>,
        describe: impl Fn(&Obstacle) -> String,
    ) -> Reasons {
        let mut reasons = Reasons::new();
        let bound = self.desired.get().map(|elaborated| elaborated.bound.as_slice());
        for obstacle in obstacles.into_iter().chain(bound.unwrap_or_default()) {
            if !self.trusts_tenant_code || !obstacle.is_resolved_by_trust() {
                reasons.entry(obstacle.on.clone()).or_default().insert(describe(obstacle));
            }
        }
        for all in reasons.values_mut().filter(|all| all.len() > MAX_REASONS) {
            let others = all.len() - MAX_REASONS;
            *all = all.iter().take(MAX_REASONS).cloned().collect();
            all.insert(format!("… and {others} more"));
        }
        reasons
    }

    /// As [`Context::reasons`], for those not even to read.
    pub(crate) fn reasons_not_to_read(&self, obstacles: &[Obstacle]) -> Reasons {
        let met = obstacles.iter().filter(|obstacle| obstacle.is_met_by_reading);
        self.reasons(met, Obstacle::in_general)
    }

    /// The desired state; elaborated by the first call, on `session`'s server unless another
    /// was named.
    pub(crate) async fn desired(&self, session: &mut Session) -> Result<&Desired, ReconcileError> {
        let elaborated = self
            .desired
            .get_or_try_init(|| async {
                let start = Instant::now();
                // Code of SQL files may leave something in the session: it gets one of its own.
                let own = (!self.manifest.sql.is_empty()).then_some(&self.target);
                let elaborated = match self.elaborate_on.as_ref().or(own) {
                    None => elaborate(session, &self.manifest, self.limits).await?,
                    Some(target) => {
                        let target = for_manifest(target.clone(), &self.manifest);
                        let mut other = Session::open(&target).await?;
                        let elaborated = elaborate(&mut other, &self.manifest, self.limits).await?;
                        other.close().await;
                        elaborated
                    }
                };
                tracing::debug!(duration_ms = millis(start.elapsed()), "elaborated the manifest");
                let objects = elaborated.desired.catalog.facts().map(|fact| &fact.object);
                let kept = self.manifest.seeds.iter().filter(|seed| seed.mode.keeps_values());
                let rows = kept.flat_map(|seed| {
                    let rows = seed.rows.iter();
                    rows.map(|row| Object::Row {
                        table: seed.table.clone(),
                        key: row.key_text(&seed.key),
                    })
                });
                let rows: Vec<Object> =
                    if self.consent.is_empty() { Vec::new() } else { rows.collect() };
                let mut patterns = self.consent.unmatched(objects.chain(&rows));
                // What the manifest leaves unnamed may have any name in a tenant.
                let unnamed = &elaborated.desired.unnamed;
                patterns.retain(|pattern| {
                    let kind = |object: &Object| format!("{} ", object.kind().name());
                    !unnamed.iter().any(|object| pattern.starts_with(&kind(object)))
                });
                if !patterns.is_empty() {
                    return Err(ReconcileError::NothingAllowed { patterns });
                }
                Ok::<_, ReconcileError>(elaborated)
            })
            .await?;
        Ok(&elaborated.desired)
    }
}

/// The server, as the manifest wants it to be looked at.
pub(super) fn for_manifest(target: Target, manifest: &Manifest) -> Target {
    let unmanaged = manifest.unmanaged.iter().map(|decl| decl.table.clone());
    target.with_trust(manifest.trust.clone()).with_unmanaged(unmanaged)
}

impl Retry {
    /// The pause after `attempts` attempts: exponential, half of it jitter.
    pub(crate) fn pause(&self, attempts: u32) -> Duration {
        let doubled = self.first.saturating_mul(1 << attempts.saturating_sub(1).min(16));
        doubled.min(self.longest).mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// The same; after a lock timeout, longer than the attempt has waited, so that the sessions that had to
    /// wait behind it get their turn.
    pub(super) fn pause_after(
        &self,
        error: &ReconcileError,
        attempts: u32,
        limits: Limits,
    ) -> Duration {
        let pause = self.pause(attempts);
        if error.sqlstate() == Some("55P03") {
            pause.max(limits.lock.mul_f64(1.0 + fastrand::f64() / 2.0))
        } else {
            pause
        }
    }
}
