use alphafleet_domain::job::{Failure, JobState, Priority, StateName};
use alphafleet_domain::ports::StoreError;
use alphafleet_domain::{
    DatasetVersionId, ExperimentId, Job, JobId, LeaseId, StrategyId, UserId, WorkerId,
};
use diesel::prelude::*;

use super::read::{document, from_document, parsed, present, unsigned};
use crate::schema::jobs;
use crate::values::{At, Json, Uid};

/// A job without the columns that only the store itself uses.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = jobs)]
pub(crate) struct JobRow {
    id: Uid,
    owner: Uid,
    kind: String,
    queue: String,
    priority: i16,
    parent: Option<Uid>,
    strategy: Option<Uid>,
    experiment: Option<Uid>,
    dataset_version: Option<Uid>,
    spec: Json,
    limits: Json,
    retry: Json,
    state: String,
    not_before: Option<At>,
    worker: Option<Uid>,
    lease: Option<Uid>,
    running_since: Option<At>,
    cancel_requested: bool,
    attempt: i64,
    failures: i64,
    progress: Json,
    checkpoint: Option<Json>,
    result: Option<Json>,
    failure: Option<Json>,
    created_at: At,
    started_at: Option<At>,
    finished_at: Option<At>,
    children: i64,
    waiting_on: i64,
}

/// What a transition writes.
#[derive(AsChangeset)]
#[diesel(table_name = jobs, treat_none_as_null = true)]
pub(crate) struct JobChange {
    pub state: String,
    pub not_before: Option<At>,
    pub worker: Option<Uid>,
    pub lease: Option<Uid>,
    pub running_since: Option<At>,
    pub cancel_requested: bool,
    pub attempt: i64,
    pub failures: i64,
    pub progress: Json,
    pub checkpoint: Option<Json>,
    pub result: Option<Json>,
    pub failure: Option<Json>,
    pub started_at: Option<At>,
    pub finished_at: Option<At>,
    pub missed_beats: i64,
    pub waiting_on: i64,
}

/// A change of one row, if it still is as it was.
pub(crate) struct JobUpdate {
    pub id: Uid,
    /// State and lease as they were.
    pub was: String,
    pub held: Option<Uid>,
    pub change: JobChange,
    /// When the ticket is to be published, if that starts anew.
    pub publish_after: Option<At>,
}

impl JobUpdate {
    pub fn new(before: &Job, after: &Job, publish_after: Option<At>) -> Self {
        Self {
            id: Uid(before.id.as_uuid()),
            was: before.state.name().as_str().to_owned(),
            held: before.lease().map(|lease| Uid(lease.as_uuid())),
            change: JobChange::from(after),
            publish_after,
        }
    }
}

/// How an attempt ended.
pub(crate) struct AttemptEnd {
    pub lease: Uid,
    pub ending: String,
    pub failure: Option<Json>,
}

/// A pending job that a claim may choose.
#[derive(QueryableByName)]
#[diesel(table_name = jobs)]
pub(crate) struct Candidate {
    pub id: Uid,
    pub owner: Uid,
    pub priority: i16,
    pub created_at: At,
}

/// The state's data, spread over their columns.
#[derive(Default)]
struct StateColumns {
    not_before: Option<At>,
    worker: Option<Uid>,
    lease: Option<Uid>,
    running_since: Option<At>,
    cancel_requested: bool,
}

impl From<&JobState> for StateColumns {
    fn from(state: &JobState) -> Self {
        match *state {
            JobState::Pending { not_before } => {
                Self { not_before: not_before.map(At), ..Self::default() }
            }
            JobState::Running { worker, lease, since, cancel_requested } => Self {
                worker: Some(Uid(worker.as_uuid())),
                lease: Some(Uid(lease.as_uuid())),
                running_since: Some(At(since)),
                cancel_requested,
                not_before: None,
            },
            JobState::Completed | JobState::Failed(_) | JobState::Cancelled => Self::default(),
        }
    }
}

impl From<&Job> for JobRow {
    fn from(job: &Job) -> Self {
        let state = StateColumns::from(&job.state);
        Self {
            id: Uid(job.id.as_uuid()),
            owner: Uid(job.owner.as_uuid()),
            kind: job.kind.as_str().to_owned(),
            queue: job.queue.as_str().to_owned(),
            priority: job.priority.0,
            parent: job.parent.map(|id| Uid(id.as_uuid())),
            strategy: job.strategy.map(|id| Uid(id.as_uuid())),
            experiment: job.experiment.map(|id| Uid(id.as_uuid())),
            dataset_version: job.dataset_version.map(|id| Uid(id.as_uuid())),
            spec: Json::new(job.spec.clone()),
            limits: document(&job.limits),
            retry: document(&job.retry),
            state: job.state.name().as_str().to_owned(),
            not_before: state.not_before,
            worker: state.worker,
            lease: state.lease,
            running_since: state.running_since,
            cancel_requested: state.cancel_requested,
            attempt: i64::from(job.attempt),
            failures: i64::from(job.failures),
            progress: document(&job.progress),
            checkpoint: job.checkpoint.as_ref().map(document),
            result: job.result.clone().map(Json::new),
            failure: job.last_failure.as_ref().map(document),
            created_at: At(job.created_at),
            started_at: job.started_at.map(At),
            finished_at: job.finished_at.map(At),
            children: i64::from(job.children),
            waiting_on: i64::from(job.waiting_on),
        }
    }
}

impl From<&Job> for JobChange {
    fn from(job: &Job) -> Self {
        let row = JobRow::from(job);
        Self {
            state: row.state,
            not_before: row.not_before,
            worker: row.worker,
            lease: row.lease,
            running_since: row.running_since,
            cancel_requested: row.cancel_requested,
            attempt: row.attempt,
            failures: row.failures,
            progress: row.progress,
            checkpoint: row.checkpoint,
            result: row.result,
            failure: row.failure,
            started_at: row.started_at,
            finished_at: row.finished_at,
            missed_beats: 0,
            waiting_on: row.waiting_on,
        }
    }
}

impl JobRow {
    fn state(&self, failure: Option<&Failure>) -> Result<JobState, StoreError> {
        Ok(match parsed(&self.state, "jobs.state")? {
            StateName::Pending => JobState::Pending { not_before: self.not_before.map(|at| at.0) },
            StateName::Running => JobState::Running {
                worker: WorkerId::from_uuid(present(self.worker, "jobs.worker")?.0),
                lease: LeaseId::from_uuid(present(self.lease, "jobs.lease")?.0),
                since: present(self.running_since, "jobs.running_since")?.0,
                cancel_requested: self.cancel_requested,
            },
            StateName::Completed => JobState::Completed,
            StateName::Failed => JobState::Failed(present(failure, "jobs.failure")?.clone()),
            StateName::Cancelled => JobState::Cancelled,
        })
    }
}

impl TryFrom<JobRow> for Job {
    type Error = StoreError;

    fn try_from(row: JobRow) -> Result<Self, StoreError> {
        let last_failure = match row.failure.clone() {
            Some(failure) => Some(from_document(failure, "jobs.failure")?),
            None => None,
        };
        Ok(Self {
            state: row.state(last_failure.as_ref())?,
            id: JobId::from_uuid(row.id.0),
            owner: UserId::from_uuid(row.owner.0),
            kind: parsed(&row.kind, "jobs.kind")?,
            queue: parsed(&row.queue, "jobs.queue")?,
            priority: Priority(row.priority),
            parent: row.parent.map(|id| JobId::from_uuid(id.0)),
            children: unsigned(row.children, "jobs.children")?,
            waiting_on: unsigned(row.waiting_on, "jobs.waiting_on")?,
            strategy: row.strategy.map(|id| StrategyId::from_uuid(id.0)),
            experiment: row.experiment.map(|id| ExperimentId::from_uuid(id.0)),
            dataset_version: row.dataset_version.map(|id| DatasetVersionId::from_uuid(id.0)),
            spec: row.spec.0,
            limits: from_document(row.limits, "jobs.limits")?,
            retry: from_document(row.retry, "jobs.retry")?,
            attempt: unsigned(row.attempt, "jobs.attempt")?,
            failures: unsigned(row.failures, "jobs.failures")?,
            progress: from_document(row.progress, "jobs.progress")?,
            checkpoint: match row.checkpoint {
                Some(checkpoint) => Some(from_document(checkpoint, "jobs.checkpoint")?),
                None => None,
            },
            result: row.result.map(|result| result.0),
            last_failure,
            created_at: row.created_at.0,
            started_at: row.started_at.map(|at| at.0),
            finished_at: row.finished_at.map(|at| at.0),
        })
    }
}
