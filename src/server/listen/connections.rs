//! The open connections: how far each is, and which has to make room.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// How long a caller may take for TLS, for the head of a request, and to take more of an answer;
/// also how long a connection stays open without a request.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// All open connections, oldest first.
pub(super) struct Connections {
    most: usize,
    open: Mutex<(u64, BTreeMap<u64, Arc<State>>)>,
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing has come yet.
    New,
    /// A part of a request has come.
    Asking,
    /// A request is being worked on.
    Busy,
    /// The last request has its answer, of which a part may still wait to be taken, and nothing has
    /// come since.
    Answered,
}

pub(super) struct State {
    phase: Mutex<Phase>,
    /// Since when an answer waits for the caller to take more of it.
    stuck: Mutex<Option<Instant>>,
    /// It must make room.
    pub(super) leave: Notify,
}

impl State {
    fn new() -> Self {
        Self { phase: Mutex::new(Phase::New), stuck: Mutex::default(), leave: Notify::new() }
    }

    /// Bytes have come.
    pub(super) fn received(&self) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*phase, Phase::New | Phase::Answered) {
            *phase = Phase::Asking;
        }
    }

    /// A request has come, and is worked on.
    pub(super) fn begun(&self) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = Phase::Busy;
    }

    /// There is an answer.
    pub(super) fn answered(&self) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = Phase::Answered;
    }

    /// Whether the caller takes what is written.
    pub(super) fn writes(&self, is_taken: bool) {
        let mut stuck = self.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        *stuck = if is_taken { None } else { stuck.or_else(|| Some(Instant::now())) };
    }

    /// Whether it is between two requests: the caller has all of the last answer, and has not begun
    /// to ask again.
    pub(super) fn is_between(&self) -> bool {
        let stuck = *self.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        self.phase() == Phase::Answered && stuck.is_none()
    }

    /// Whether it waits for its caller, who has all that was to come, or takes too long to take it.
    fn is_idle(&self) -> bool {
        let stuck = *self.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        self.phase() != Phase::Busy && stuck.is_none_or(|since| since.elapsed() > PATIENCE)
    }

    fn phase(&self) -> Phase {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of them; it leaves when dropped.
pub(super) struct ConnectionGuard {
    number: u64,
    pub(super) state: Arc<State>,
    connections: Arc<Connections>,
}

impl Connections {
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), open: Mutex::default() }
    }

    /// Lets one more in. When there are too many, the oldest that waits for its caller makes room;
    /// when there is none, the new one has to be turned away.
    pub(super) fn admit(connections: &Arc<Self>) -> Option<ConnectionGuard> {
        let mut open = connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, all) = &mut *open;
        if all.len() >= connections.most {
            let idle = all.iter().find(|(_, state)| state.is_idle());
            let number = idle.map(|(number, _)| *number)?;
            if let Some(state) = all.remove(&number) {
                state.leave.notify_one();
            }
        }
        *next += 1;
        let (number, state) = (*next, Arc::new(State::new()));
        all.insert(number, Arc::clone(&state));
        Some(ConnectionGuard { number, state, connections: Arc::clone(connections) })
    }

    /// Ends those that wait for their callers.
    pub(super) fn dismiss_idle(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = open.1.values().filter(|state| state.is_idle());
        idle.for_each(|state| state.leave.notify_one());
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.1.remove(&self.number);
    }
}
