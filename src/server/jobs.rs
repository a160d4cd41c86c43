//! Work that outlives the request that asked for it.

use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use jiff::Timestamp;
use tokio::sync::watch;
use uuid::Uuid;

use super::answer::{JobResult, JobState, JobStatus};
use super::problem::Problem;

/// So many jobs that have ended are remembered.
const REMEMBERED: usize = 1_000;

/// How work ends.
pub(super) type Answer = Result<JobResult, Problem>;

/// How far it is.
#[derive(Debug, Clone)]
pub(super) enum Progress {
    Queued,
    Running,
    Ended(Arc<Answer>),
}

/// Work, seen by those who wait for it.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) id: Uuid,
    tenant: Option<String>,
    created_at: Timestamp,
    progress: watch::Receiver<Progress>,
}

impl Job {
    /// A job, and where its progress is told.
    pub(super) fn new(tenant: Option<String>) -> (Self, watch::Sender<Progress>) {
        let (sender, progress) = watch::channel(Progress::Queued);
        (Self { id: Uuid::now_v7(), tenant, created_at: Timestamp::now(), progress }, sender)
    }

    /// Waits for its end.
    pub(super) async fn ended(&mut self) -> Arc<Answer> {
        let ended = |progress: &Progress| matches!(progress, Progress::Ended(_));
        match self.progress.wait_for(ended).await.as_deref() {
            Ok(Progress::Ended(answer)) => Arc::clone(answer),
            // Its task is gone without a word: it has panicked.
            _ => Arc::new(Err(Problem::internal())),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(*self.progress.borrow(), Progress::Ended(_))
            || self.progress.has_changed().is_err()
    }

    pub(super) fn status(&self) -> JobStatus {
        let (state, result, problem) = match &*self.progress.borrow() {
            Progress::Ended(answer) => match &**answer {
                Ok(result) => (JobState::Done, Some(result.clone()), None),
                Err(problem) => (JobState::Failed, None, Some(problem.clone())),
            },
            _ if self.progress.has_changed().is_err() => {
                (JobState::Failed, None, Some(Problem::internal()))
            }
            Progress::Queued => (JobState::Queued, None, None),
            Progress::Running => (JobState::Running, None, None),
        };
        JobStatus {
            id: self.id,
            tenant: self.tenant.clone(),
            state,
            created_at: self.created_at,
            result,
            problem,
        }
    }
}

/// Jobs by id; in memory only, since what they did stands in the tenants' records.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    known: Mutex<IndexMap<Uuid, Job>>,
    /// The newest run over all tenants.
    all: Mutex<Option<Job>>,
}

impl Jobs {
    /// Remembers it, at the cost of the oldest that have ended.
    pub(super) fn remember(&self, job: Job) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED
            && let Some(oldest) = known.values().position(Job::has_ended)
        {
            known.shift_remove_index(oldest);
        }
        known.insert(job.id, job);
    }

    pub(super) fn find(&self, id: Uuid) -> Option<Job> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// The run over all tenants that goes on, or else the one that `begin` begins.
    pub(super) fn one_for_all(&self, begin: impl FnOnce() -> Job) -> Job {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(job) = all.as_ref().filter(|job| !job.has_ended()) {
            return job.clone();
        }
        let job = begin();
        *all = Some(job.clone());
        self.remember(job.clone());
        job
    }
}
