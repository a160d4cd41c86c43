//! The open connections: the phase of each, and which is closed to make room.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// How long a client may take for TLS, for the head of a request, and to read more of a response;
/// also how long a connection stays open without a request.
pub(super) const CLIENT_TIMEOUT: Duration = Duration::from_secs(15);

/// All open connections, oldest first.
pub(super) struct Connections {
    most: usize,
    open: Mutex<(u64, BTreeMap<u64, Arc<State>>)>,
}

/// The phase of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing has been received yet.
    New,
    /// A part of a request has been received.
    Receiving,
    /// A request is being worked on.
    Busy,
    /// The last request has its response, a part of which the client may not have read yet, and nothing
    /// has been received since.
    Answered,
}

pub(super) struct State {
    phase: Mutex<Phase>,
    /// Since when a response waits for the client to read more of it.
    stalled: Mutex<Option<Instant>>,
    /// Closes the connection to make room.
    pub(super) evict: Notify,
}

impl State {
    fn new() -> Self {
        Self { phase: Mutex::new(Phase::New), stalled: Mutex::default(), evict: Notify::new() }
    }

    /// Bytes have been received.
    pub(super) fn received(&self) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*phase, Phase::New | Phase::Answered) {
            *phase = Phase::Receiving;
        }
    }

    /// A request has been received, and is worked on.
    pub(super) fn started(&self) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = Phase::Busy;
    }

    /// There is a response.
    pub(super) fn answered(&self) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = Phase::Answered;
    }

    /// Whether the client reads what is written.
    pub(super) fn writes(&self, is_read: bool) {
        let mut stalled = self.stalled.lock().unwrap_or_else(PoisonError::into_inner);
        *stalled = if is_read { None } else { stalled.or_else(|| Some(Instant::now())) };
    }

    /// Whether it is between two requests: the client has all of the last response, and has sent nothing
    /// since.
    pub(super) fn is_between(&self) -> bool {
        let stalled = *self.stalled.lock().unwrap_or_else(PoisonError::into_inner);
        self.phase() == Phase::Answered && stalled.is_none()
    }

    /// Whether it waits for the client, which has the whole response, or takes too long to read it.
    fn is_idle(&self) -> bool {
        let stalled = *self.stalled.lock().unwrap_or_else(PoisonError::into_inner);
        self.phase() != Phase::Busy && stalled.is_none_or(|since| since.elapsed() > CLIENT_TIMEOUT)
    }

    fn phase(&self) -> Phase {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of them; removed when dropped.
pub(super) struct ConnectionGuard {
    number: u64,
    pub(super) state: Arc<State>,
    connections: Arc<Connections>,
}

impl Connections {
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), open: Mutex::default() }
    }

    /// Adds one. When there are too many, the oldest idle one is closed to make room; if none is idle,
    /// the new one has to be rejected.
    pub(super) fn add(connections: &Arc<Self>) -> Option<ConnectionGuard> {
        let mut open = connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, all) = &mut *open;
        if all.len() >= connections.most {
            let idle = all.iter().find(|(_, state)| state.is_idle());
            let number = idle.map(|(number, _)| *number)?;
            if let Some(state) = all.remove(&number) {
                state.evict.notify_one();
            }
        }
        *next += 1;
        let (number, state) = (*next, Arc::new(State::new()));
        all.insert(number, Arc::clone(&state));
        Some(ConnectionGuard { number, state, connections: Arc::clone(connections) })
    }

    /// Closes those that wait for their clients.
    pub(super) fn close_idle(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = open.1.values().filter(|state| state.is_idle());
        idle.for_each(|state| state.evict.notify_one());
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.1.remove(&self.number);
    }
}
