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
use super::readiness::Known;
use crate::fleet::Fleet;
use crate::name::TenantId;
use crate::telemetry::Recorder;

/// How much is done at a time.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Connections at work on tenants.
    pub jobs: usize,
    /// Requests that may wait for one of them, and as many that only read.
    pub queue: usize,
    /// How long a caller waits for work that is not asked for as a job, and for a look.
    pub request: Duration,
}

/// Who may call, and how the connection to them is encrypted; read again on SIGHUP.
#[derive(Debug)]
pub struct Credentials {
    pub tokens: Tokens,
    pub tls: Option<Arc<ServerConfig>>,
}

/// Nobody has been seen to lead the reconcile loop, and that is long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaderless {
    pub(super) since: tokio::time::Instant,
    /// Whether a session that is no replica's holds the leader's lock.
    pub(super) is_lock_held: bool,
}

pub(super) struct App {
    current: RwLock<Arc<Current>>,
    credentials: RwLock<Arc<Credentials>>,
    pub(super) bounds: Bounds,
    pub(super) recorder: Recorder,
    pub(super) throttle: Throttle,
    pub(super) jobs: Jobs,
    /// Held while at work on a tenant.
    pub(super) permits: Semaphore,
    /// Held from being asked to provision to having answered.
    pub(super) places: Arc<Semaphore>,
    /// Held from being asked to look to having answered: who only reads keeps nobody from
    /// provisioning.
    pub(super) read_places: Semaphore,
    /// Held while one tenant is looked at for a request, before the permit to work on it: at most
    /// half of those go to readers.
    pub(super) reads: Semaphore,
    /// Held while all tenants are looked at for a request.
    pub(super) looks: Semaphore,
    turns: Turns,
    /// What is asked for and not begun, by tenant: whoever asks meanwhile gets the same answer.
    pub(super) waiting: Mutex<HashMap<TenantId, Job>>,
    pub(super) readiness: Known,
    /// Once nobody has been seen to lead the reconcile loop for long.
    pub(super) leaderless: Mutex<Option<Leaderless>>,
    /// Cancelled when the service ends: nothing new is begun.
    pub(super) stop: CancellationToken,
    /// Cancelled when what was begun has ended: no more connections are taken.
    pub(super) close: CancellationToken,
    /// As `stop`, for runs over many tenants.
    pub(super) stop_flag: AtomicBool,
    /// Asks the reconciler for a pass now.
    pub(super) look_again: Notify,
    /// All work that must not be cut off.
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
        let places = jobs + bounds.queue;
        Self {
            current: RwLock::new(Arc::new(fleet.into())),
            credentials: RwLock::new(Arc::new(credentials)),
            bounds,
            recorder,
            throttle: Throttle::default(),
            jobs: Jobs::default(),
            permits: Semaphore::new(jobs),
            places: Arc::new(Semaphore::new(places)),
            read_places: Semaphore::new(places),
            reads: Semaphore::new((jobs / 2).max(1)),
            looks: Semaphore::new(2),
            turns: Turns::default(),
            waiting: Mutex::default(),
            readiness: Known::default(),
            leaderless: Mutex::default(),
            stop: CancellationToken::new(),
            close: CancellationToken::new(),
            stop_flag: AtomicBool::new(false),
            look_again: Notify::new(),
            tracker: TaskTracker::new(),
        }
    }

    pub(super) fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn credentials(&self) -> Arc<Credentials> {
        Arc::clone(&self.credentials.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Work that is going on ends with what it began with.
    pub(super) fn replace_fleet(&self, fleet: Fleet) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fleet.into());
    }

    pub(super) fn replace_credentials(&self, credentials: Credentials) {
        *self.credentials.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(credentials);
    }

    /// Begins nothing new from here on.
    pub(super) fn end(&self) {
        self.stop_flag.store(true, Ordering::Relaxed);
        self.stop.cancel();
        self.tracker.close();
    }

    /// Waits for the tenant's turn: of several requests for one tenant, the first does the work,
    /// and the others find it done, without a connection each that waits for the tenant's lock.
    pub(super) async fn turn(&self, id: &TenantId) -> OwnedMutexGuard<()> {
        self.turns.of(id).lock_owned().await
    }
}

/// One lock a tenant, as long as somebody wants it.
#[derive(Default)]
struct Turns(Mutex<HashMap<TenantId, Weak<tokio::sync::Mutex<()>>>>);

impl Turns {
    fn of(&self, id: &TenantId) -> Arc<tokio::sync::Mutex<()>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = all.get(id).and_then(Weak::upgrade) {
            return turn;
        }
        if all.len() >= 1_000 {
            all.retain(|_, turn| turn.strong_count() > 0);
        }
        let turn = Arc::default();
        all.insert(id.clone(), Arc::downgrade(&turn));
        turn
    }
}
