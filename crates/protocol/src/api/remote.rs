//! The contract of a remote training server: another platform sends its training here.

use std::fmt;
use std::str::FromStr;

use alphafleet_domain::{Instant, Job, JobId, JobState, ParseIdError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::wire::SessionState;

/// A session as the contract names it: `task-<uuid>`. The bare UUID is read, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId(pub JobId);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task-{}", self.0)
    }
}

impl FromStr for TaskId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id: Result<JobId, _> = text.strip_prefix("task-").unwrap_or(text).parse();
        id.map(Self).map_err(|error| ParseIdError { kind: "task", ..error })
    }
}

impl TryFrom<String> for TaskId {
    type Error = ParseIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TaskId> for String {
    fn from(id: TaskId) -> Self {
        id.to_string()
    }
}

/// The answer to `POST /api/train`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct TaskAccepted {
    /// `task-<uuid>`; the UUID is the session's.
    #[schemars(with = "String")]
    pub task_id: TaskId,
    /// Always `success`: what is refused is answered with a problem document.
    pub status: String,
    pub message: String,
}

/// A task as `GET /api/tasks/{id}` shows it, and as its end is announced to `callback_url`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct TaskView {
    #[schemars(with = "String")]
    pub id: TaskId,
    pub status: SessionState,
    /// 0 to 100.
    pub progress: f64,
    /// The whole configuration, defaults filled in.
    pub config: Value,
    /// Of a completed task: `metrics` and whatever else it produced.
    pub result: Option<Value>,
    /// Why it failed, or why its last attempt did.
    pub error: Option<String>,
    pub created_at: Instant,
    pub started_at: Option<Instant>,
    /// When it ended, well or not.
    pub completed_at: Option<Instant>,
}

impl From<Job> for TaskView {
    fn from(job: Job) -> Self {
        let frame = TaskFrame::of(&job, job.created_at);
        let error = match job.state {
            JobState::Failed(failure) => Some(failure.message),
            JobState::Pending { .. } | JobState::Running { .. } => {
                job.last_failure.map(|failure| failure.message)
            }
            JobState::Completed | JobState::Cancelled => None,
        };
        Self {
            id: frame.task_id,
            status: frame.status,
            progress: frame.progress,
            config: job.spec,
            result: job.result,
            error,
            created_at: job.created_at,
            started_at: job.started_at,
            completed_at: job.finished_at,
        }
    }
}

/// What `WS /ws/train/{id}` and `WS /training-progress` say.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct TaskFrame {
    #[schemars(with = "String")]
    pub task_id: TaskId,
    pub status: SessionState,
    /// 0 to 100.
    pub progress: f64,
    /// What is being done, or why the task failed; may be empty.
    pub message: String,
    pub timestamp: Instant,
}

impl TaskFrame {
    /// Where the job stands by its row.
    pub fn of(job: &Job, timestamp: Instant) -> Self {
        let done = job.state == JobState::Completed;
        let message = match &job.state {
            JobState::Failed(failure) => failure.message.clone(),
            _ if job.progress.message.is_empty() => job.progress.stage.clone(),
            _ => job.progress.message.clone(),
        };
        Self {
            task_id: TaskId(job.id),
            status: job.state.name().into(),
            progress: if done { 100.0 } else { job.progress.percent },
            message,
            timestamp,
        }
    }
}
