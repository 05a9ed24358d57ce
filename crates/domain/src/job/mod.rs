//! A job: one run of a piece of work, from submission to its single outcome.

mod kind;
mod limits;
mod outcome;
mod progress;
mod retry;
mod state;

use serde_json::Value;

use crate::{
    ArtifactPointer, DatasetVersionId, ExperimentId, Instant, JobId, LeaseId, StrategyId, UserId,
    WorkerId,
};

pub use kind::{JobKind, Priority, Queue, QueueError};
pub use limits::TimeLimits;
pub use outcome::{Completion, Failure, FailureCode, Outcome};
pub use progress::{
    LogLevel, LogLine, MetricPoint, Progress, ProgressBatch, ResourceSample, StageRecord,
};
pub use retry::RetryPolicy;
pub use state::{IllegalTransition, JobState, StateName};

/// A job as the store holds it. A top-level job is the session a user sees.
///
/// A job that was submitted with children waits for them: it stays pending, and holds no slot,
/// until each of them has ended. Whether it then goes on is for its attempt to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    pub id: JobId,
    pub owner: UserId,
    pub kind: JobKind,
    pub queue: Queue,
    pub priority: Priority,
    pub parent: Option<JobId>,
    /// How many children it was submitted with.
    pub children: u32,
    /// How many of them have not ended. Not claimed while there are any.
    pub waiting_on: u32,
    pub strategy: Option<StrategyId>,
    pub experiment: Option<ExperimentId>,
    pub dataset_version: Option<DatasetVersionId>,
    /// The whole validated specification; the handler needs nothing else.
    pub spec: Value,
    pub limits: TimeLimits,
    pub retry: RetryPolicy,
    pub state: JobState,
    /// Counts claims; never reset.
    pub attempt: u32,
    /// Counts failures that used up the retry budget.
    pub failures: u32,
    pub progress: Progress,
    pub checkpoint: Option<ArtifactPointer>,
    pub result: Option<Value>,
    /// Why the last attempt failed, kept while a retry waits or runs.
    pub last_failure: Option<Failure>,
    pub created_at: Instant,
    /// When the first attempt was claimed.
    pub started_at: Option<Instant>,
    pub finished_at: Option<Instant>,
}

impl Job {
    pub fn lease(&self) -> Option<LeaseId> {
        match self.state {
            JobState::Running { lease, .. } => Some(lease),
            _ => None,
        }
    }

    pub fn worker(&self) -> Option<WorkerId> {
        match self.state {
            JobState::Running { worker, .. } => Some(worker),
            _ => None,
        }
    }
}
