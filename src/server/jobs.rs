//! Work that outlives the request that started it.

use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use jiff::Timestamp;
use tokio::sync::watch;
use uuid::Uuid;

use super::problem::Problem;
use super::response::{JobResult, JobState, JobStatus};

/// How many finished jobs are kept.
const KEPT: usize = 1_000;

/// The result of work.
pub(super) type JobOutcome = Result<JobResult, Problem>;

/// The progress of a job.
#[derive(Debug, Clone)]
pub(super) enum Progress {
    Queued,
    Running,
    Finished(Arc<JobOutcome>),
}

/// Work, as seen by those who wait for it.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) id: Uuid,
    tenant: Option<String>,
    created_at: Timestamp,
    progress: watch::Receiver<Progress>,
}

impl Job {
    /// A job, and the sender of its progress.
    pub(super) fn new(tenant: Option<String>) -> (Self, watch::Sender<Progress>) {
        let (sender, progress) = watch::channel(Progress::Queued);
        (Self { id: Uuid::now_v7(), tenant, created_at: Timestamp::now(), progress }, sender)
    }

    /// Waits until it ends.
    pub(super) async fn finished(&mut self) -> Arc<JobOutcome> {
        let finished = |progress: &Progress| matches!(progress, Progress::Finished(_));
        match self.progress.wait_for(finished).await.as_deref() {
            Ok(Progress::Finished(outcome)) => Arc::clone(outcome),
            // The task ended without a result: it has panicked.
            _ => Arc::new(Err(Problem::internal())),
        }
    }

    pub(super) fn has_finished(&self) -> bool {
        matches!(*self.progress.borrow(), Progress::Finished(_))
            || self.progress.has_changed().is_err()
    }

    pub(super) fn status(&self) -> JobStatus {
        let (state, result, problem) = match &*self.progress.borrow() {
            Progress::Finished(outcome) => match &**outcome {
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

/// Jobs by id; in memory only, since what they did is in the tenants' records.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    known: Mutex<IndexMap<Uuid, Job>>,
    /// The newest run over all tenants.
    all: Mutex<Option<Job>>,
}

impl Jobs {
    /// Keeps a job, and forgets the oldest finished one if there are too many.
    pub(super) fn keep(&self, job: Job) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT
            && let Some(oldest) = known.values().position(Job::has_finished)
        {
            known.shift_remove_index(oldest);
        }
        known.insert(job.id, job);
    }

    pub(super) fn find(&self, id: Uuid) -> Option<Job> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// The run over all tenants in progress, or else the one that `begin` starts.
    pub(super) fn one_for_all(&self, begin: impl FnOnce() -> Job) -> Job {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(job) = all.as_ref().filter(|job| !job.has_finished()) {
            return job.clone();
        }
        let job = begin();
        *all = Some(job.clone());
        self.keep(job.clone());
        job
    }
}
