//! What all requests share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use tokio::sync::{Notify, OwnedMutexGuard, Semaphore};
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::auth::{Throttle, Tokens};
use super::current::Current;
use super::jobs::{Job, Jobs};
use super::readiness::ReadinessCache;
use crate::fleet::Fleet;
use crate::name::TenantId;
use crate::telemetry::Recorder;

/// How much is done concurrently.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Connections that work on tenants.
    pub jobs: usize,
    /// Requests that may wait for one of them, and as many more that only read.
    pub queue: usize,
    /// How long a client waits for work that was not requested as a job, and for a read.
    pub request: Duration,
}

/// Which tokens are accepted, and how connections are encrypted; read again on SIGHUP.
#[derive(Debug)]
pub struct Credentials {
    pub tokens: Tokens,
    pub tls: Option<Arc<ServerConfig>>,
}

/// No replica has been seen to lead the reconcile loop for longer than two intervals.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoLeader {
    pub(super) since: tokio::time::Instant,
    /// Whether a session of something other than a replica holds the leader's lock.
    pub(super) is_lock_held: bool,
}

pub(super) struct App {
    current: RwLock<Arc<Current>>,
    credentials: RwLock<Arc<Credentials>>,
    pub(super) bounds: Bounds,
    pub(super) recorder: Recorder,
    pub(super) throttle: Throttle,
    pub(super) jobs: Jobs,
    /// Held during work on a tenant.
    pub(super) permits: Semaphore,
    /// Held from a request to provision until its response.
    pub(super) queue: Arc<Semaphore>,
    /// Held from a request that only reads until its response: such requests do not keep others
    /// from provisioning.
    pub(super) read_queue: Semaphore,
    /// Held while one tenant is read for a request, in addition to the permit to work on it: at most
    /// half of the permits go to reads.
    pub(super) reads: Semaphore,
    /// Held while all tenants are read for a request.
    pub(super) fleet_reads: Semaphore,
    tenant_locks: TenantLocks,
    /// Work that is queued, by tenant: further requests for the tenant get the same result.
    pub(super) waiting: Mutex<HashMap<TenantId, Job>>,
    pub(super) readiness: ReadinessCache,
    /// Set when no replica has led the reconcile loop for too long.
    pub(super) no_leader: Mutex<Option<NoLeader>>,
    /// Cancelled when the service stops: nothing new is started.
    pub(super) stop: CancellationToken,
    /// Cancelled when work in progress has ended: no more connections are accepted.
    pub(super) close: CancellationToken,
    /// As `stop`, for runs over many tenants.
    pub(super) stop_flag: AtomicBool,
    /// Requests a pass of the reconciler now.
    pub(super) pass_requested: Notify,
    /// All work that must not be interrupted.
    pub(super) tracker: TaskTracker,
}

impl App {
    pub(super) fn new(
        fleet: Fleet,
        credentials: Credentials,
        bounds: Bounds,
        recorder: Recorder,
    ) -> Self {
        let jobs = bounds.jobs.max(1);
        let queue = jobs + bounds.queue;
        Self {
            current: RwLock::new(Arc::new(fleet.into())),
            credentials: RwLock::new(Arc::new(credentials)),
            bounds,
            recorder,
            throttle: Throttle::default(),
            jobs: Jobs::default(),
            permits: Semaphore::new(jobs),
            queue: Arc::new(Semaphore::new(queue)),
            read_queue: Semaphore::new(queue),
            reads: Semaphore::new((jobs / 2).max(1)),
            fleet_reads: Semaphore::new(2),
            tenant_locks: TenantLocks::default(),
            waiting: Mutex::default(),
            readiness: ReadinessCache::default(),
            no_leader: Mutex::default(),
            stop: CancellationToken::new(),
            close: CancellationToken::new(),
            stop_flag: AtomicBool::new(false),
            pass_requested: Notify::new(),
            tracker: TaskTracker::new(),
        }
    }

    pub(super) fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn credentials(&self) -> Arc<Credentials> {
        Arc::clone(&self.credentials.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Work in progress finishes with the manifest it started with.
    pub(super) fn replace_fleet(&self, fleet: Fleet) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fleet.into());
    }

    pub(super) fn replace_credentials(&self, credentials: Credentials) {
        *self.credentials.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(credentials);
    }

    /// Starts nothing new from here on.
    pub(super) fn end(&self) {
        self.stop_flag.store(true, Ordering::Relaxed);
        self.stop.cancel();
        self.tracker.close();
    }

    /// Waits until no other request works on the tenant: of several for one tenant, the first does the
    /// work, and the others find it done, without each holding a connection that waits for the
    /// tenant's lock.
    pub(super) async fn lock_tenant(&self, id: &TenantId) -> OwnedMutexGuard<()> {
        self.tenant_locks.of(id).lock_owned().await
    }
}

/// One lock per tenant, kept as long as it is in use.
#[derive(Default)]
struct TenantLocks(Mutex<HashMap<TenantId, Weak<tokio::sync::Mutex<()>>>>);

impl TenantLocks {
    fn of(&self, id: &TenantId) -> Arc<tokio::sync::Mutex<()>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = all.get(id).and_then(Weak::upgrade) {
            return lock;
        }
        if all.len() >= 1_000 {
            all.retain(|_, lock| lock.strong_count() > 0);
        }
        let lock = Arc::default();
        all.insert(id.clone(), Arc::downgrade(&lock));
        lock
    }
}
