use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use thiserror::Error;

use super::StoreError;
use crate::job::{
    JobKind, JobState, LogLine, MetricPoint, Outcome, Priority, ProgressBatch, Queue,
    ResourceSample, RetryPolicy, StageRecord, StateName, TimeLimits,
};
use crate::{
    ArtifactPointer, AuditRecord, DatasetVersionId, EventBody, ExperimentId, Instant, Job, JobId,
    LeaseId, OutboxId, Page, PageRequest, StrategyId, UserId, WorkerId,
};

/// Where the truth about jobs lives. Every method is one transaction.
///
/// Whoever holds a lease writes with it, and a write under a lease that is no longer the job's
/// current one changes nothing (`Recorded::Fenced`, `Settled::Fenced`).
#[async_trait]
pub trait JobStore: Send + Sync {
    /// Inserts a job with its idempotency key, audit row and the `pending` state event in the
    /// outbox, after counting the owner's pending and running top-level jobs under a lock on the
    /// owner's row. Its children are inserted with it and do not count.
    async fn submit(&self, submission: Submission) -> Result<Submitted, SubmitError> {
        let submitted = self.submit_all(vec![submission]).await?.pop();
        submitted.ok_or_else(|| SubmitError::Store(unanswered()))
    }

    /// Submits jobs of one owner in one transaction: all or none.
    async fn submit_all(&self, submissions: Vec<Submission>)
    -> Result<Vec<Submitted>, SubmitError>;

    /// The job that came under this key before; `SubmitError::IdempotencyConflict` if it came with
    /// another body.
    async fn submitted(
        &self,
        owner: UserId,
        key: &IdempotencyKey,
    ) -> Result<Option<Job>, SubmitError>;

    async fn job(&self, id: JobId) -> Result<Option<Job>, StoreError>;

    async fn jobs(&self, filter: &JobFilter, page: PageRequest) -> Result<Page<Job>, StoreError>;

    /// Every child that was submitted with the job, in the order of submission, with the files it
    /// left.
    async fn children(&self, parent: JobId) -> Result<Vec<Child>, StoreError>;

    /// Pending → cancelled at once; running → noted, and told to the worker by its next beat.
    /// A pending job's children are cancelled with it, each by the same rule.
    async fn request_cancel(
        &self,
        id: JobId,
        audit: AuditRecord,
    ) -> Result<CancelAnswer, StoreError>;

    /// Claims the best due pending job of the queues: by priority, then fair share (fewest
    /// running jobs of the owner), then age. Sets `running`, `attempt + 1`, a fresh lease, and
    /// puts the `running` state event into the outbox.
    async fn claim(&self, claim: &Claim) -> Result<Option<Job>, StoreError> {
        Ok(self.claim_many(claim, 1).await?.pop())
    }

    /// Claims up to `limit` jobs as so many claims in a row would, in one transaction.
    async fn claim_many(&self, claim: &Claim, limit: u32) -> Result<Vec<Job>, StoreError>;

    /// Says that the worker lives, by the database's clock, and which leases it holds. A job
    /// that is the worker's by the database but missing in two of its beats in a row is released.
    async fn beat(&self, beat: &Beat) -> Result<BeatAnswer, StoreError>;

    /// Writes progress, stages, metrics, logs and the checkpoint's pointer of a running attempt.
    async fn record(&self, lease: LeaseId, batch: &ProgressBatch) -> Result<Recorded, StoreError>;

    /// Ends a running attempt: outcome, artifacts, model and state event in one transaction. If it
    /// ends a child, its parent counts that in the same transaction, here and wherever a job ends;
    /// and unless the child completed, its siblings are cancelled.
    /// Settling twice with one lease answers `Settled::Already`.
    async fn settle(
        &self,
        lease: LeaseId,
        outcome: &Outcome,
        last: &ProgressBatch,
    ) -> Result<Settled, StoreError> {
        let (outcome, last) = (outcome.clone(), last.clone());
        let settled = self.settle_all(vec![Settlement { lease, outcome, last }]).await?.pop();
        settled.ok_or_else(unanswered)
    }

    /// Settles several attempts in one transaction, and answers for each in their order.
    async fn settle_all(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>, StoreError>;

    /// Ends attempts of workers that have not beaten for `window`: cancelled if that was asked
    /// for, else like a retryable failure `WorkerLost`.
    async fn expire(&self, window: Duration) -> Result<Vec<Expired>, StoreError>;

    /// Pending, due jobs that wait for no child and whose ticket should be published (again). Each
    /// is pushed back by a wait that doubles from 5 s to 10 min, so that a lost ticket is replaced
    /// and a storm is not made.
    async fn take_due(&self, limit: u32) -> Result<Vec<Job>, StoreError>;

    /// The oldest events not yet published, leased to the caller for `lease`; of one job
    /// only in order and only to one caller at a time. `job` narrows to one job.
    async fn take_outbox(
        &self,
        job: Option<JobId>,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<OutboxEntry>, StoreError>;

    /// Removes published entries.
    async fn outbox_done(&self, ids: &[OutboxId]) -> Result<(), StoreError>;

    async fn metrics(&self, query: &MetricQuery) -> Result<Vec<MetricPoint>, StoreError>;

    async fn stages(&self, job: JobId) -> Result<Vec<StageRecord>, StoreError>;

    /// The job's log, oldest first. Logs are capped per job: the oldest lines go first.
    async fn logs(&self, query: &LogQuery) -> Result<Vec<LogLine>, StoreError>;

    /// What the job's processes used, oldest first.
    async fn resources(&self, query: &ResourceQuery) -> Result<Vec<ResourceSample>, StoreError>;

    /// The files a completed job points to.
    async fn artifacts(&self, job: JobId) -> Result<Vec<ArtifactPointer>, StoreError>;

    async fn register_worker(&self, worker: &WorkerRecord) -> Result<(), StoreError>;

    /// Removes a worker that has settled everything it held.
    async fn deregister_worker(&self, worker: WorkerId) -> Result<(), StoreError>;

    async fn workers(&self) -> Result<Vec<WorkerRow>, StoreError>;

    async fn queue_depths(&self) -> Result<Vec<QueueDepth>, StoreError>;

    /// Whether the database answers and its schema is the one this build needs.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// A batch of one has one answer.
fn unanswered() -> StoreError {
    StoreError::Database("the store left a call of a batch without an answer".into())
}

/// A job as it is submitted; what is left out comes from its kind.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    pub id: JobId,
    pub owner: UserId,
    pub kind: JobKind,
    pub queue: Queue,
    pub priority: Priority,
    pub parent: Option<JobId>,
    pub strategy: Option<StrategyId>,
    pub experiment: Option<ExperimentId>,
    pub dataset_version: Option<DatasetVersionId>,
    pub spec: Value,
    pub limits: TimeLimits,
    pub retry: RetryPolicy,
    pub not_before: Option<Instant>,
}

impl NewJob {
    /// A top-level job with its kind's queue, limits and retry policy.
    pub fn new(owner: UserId, kind: JobKind, spec: Value) -> Self {
        Self {
            id: JobId::new(),
            owner,
            kind,
            queue: kind.queue(),
            priority: Priority::default(),
            parent: None,
            strategy: None,
            experiment: None,
            dataset_version: None,
            spec,
            limits: kind.limits(),
            retry: kind.retry(),
            not_before: None,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    pub job: NewJob,
    /// Jobs that it waits for, at most [`Submission::MAX_CHILDREN`]. They become its children: of
    /// its owner, priority, strategy, experiment and data, whatever they say themselves. A child
    /// has none of its own.
    pub children: Vec<NewJob>,
    pub idempotency: Option<IdempotencyKey>,
    /// Name of the owner's experiment that the job joins; made in the same transaction if there is
    /// none. Outweighs `job.experiment`.
    pub experiment: Option<String>,
    /// Where to post how the job ended.
    pub callback_url: Option<String>,
    pub audit: AuditRecord,
}

impl Submission {
    /// One transaction cancels as many when a child fails.
    pub const MAX_CHILDREN: usize = 1_000;

    pub const fn new(job: NewJob, audit: AuditRecord) -> Self {
        Self {
            job,
            children: Vec::new(),
            idempotency: None,
            experiment: None,
            callback_url: None,
            audit,
        }
    }
}

/// What a client sends to make a repeated submit harmless: unique per user; `body_sha256` (hex)
/// tells a repetition from another request under the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub key: String,
    pub body_sha256: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Submitted {
    New(Job),
    /// The same key and body came before; this is its job.
    Replayed(Job),
}

impl Submitted {
    pub fn into_job(self) -> Job {
        match self {
            Self::New(job) | Self::Replayed(job) => job,
        }
    }
}

#[derive(Debug, Error)]
pub enum SubmitError {
    #[error("you already have {limit} pending or running sessions")]
    LimitReached { limit: u32 },
    #[error("the idempotency key was used for another request")]
    IdempotencyConflict,
    #[error("the user does not exist")]
    UnknownUser,
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobFilter {
    pub owner: Option<UserId>,
    pub strategy: Option<StrategyId>,
    pub experiment: Option<ExperimentId>,
    pub kind: Option<JobKind>,
    pub states: Vec<StateName>,
    /// Top-level jobs, i.e. sessions, only.
    pub top_level: bool,
    /// Children of this job only, in the order of their submission instead of newest first.
    pub parent: Option<JobId>,
}

/// A child as its parent finds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Child {
    pub id: JobId,
    pub state: JobState,
    pub finished_at: Option<Instant>,
    /// Of a completed child.
    pub artifacts: Vec<ArtifactPointer>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum CancelAnswer {
    /// It was pending and is cancelled.
    Cancelled(Job),
    /// It is running; its worker will be told.
    Requested(Job),
    /// It had ended already.
    AlreadyEnded(Job),
    NotFound,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub worker: WorkerId,
    pub queues: Vec<Queue>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    pub worker: WorkerId,
    pub held: Vec<LeaseId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BeatAnswer {
    /// Held by the worker, but no longer its own: stop and discard.
    pub fenced: Vec<LeaseId>,
    /// To be cancelled.
    pub cancel: Vec<LeaseId>,
    /// The worker has no row: it has to register again before it can claim.
    pub unregistered: bool,
}

/// How one attempt ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    pub lease: LeaseId,
    pub outcome: Outcome,
    /// What it still had to say.
    pub last: ProgressBatch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    Written,
    /// The lease is not the job's current one; nothing was written.
    Fenced,
}

#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "short-lived, and nearly always `Done`")]
pub enum Settled {
    /// The job as it is now.
    Done(Job),
    /// This lease had settled before (an answer was lost).
    Already,
    Fenced,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Expired {
    pub job: Job,
    pub worker: WorkerId,
}

/// An event that waits to be published.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxEntry {
    pub id: OutboxId,
    pub event: EventBody,
}

/// Newest `limit` points in ascending order of time; of one metric if `name` is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricQuery {
    pub job: JobId,
    pub name: Option<String>,
    pub limit: u32,
}

/// Newest `limit` lines, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    pub job: JobId,
    pub contains: Option<String>,
    pub limit: u32,
}

/// Newest `limit` samples, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceQuery {
    pub job: JobId,
    pub limit: u32,
}

/// What a worker says about itself when it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerRecord {
    pub id: WorkerId,
    pub host: String,
    pub pid: u32,
    pub version: String,
    pub queues: Vec<Queue>,
    pub slots: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct WorkerRow {
    pub record: WorkerRecord,
    pub started_at: Instant,
    pub last_seen: Instant,
    pub running: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueDepth {
    pub queue: Queue,
    pub pending: u64,
    pub running: u64,
}
