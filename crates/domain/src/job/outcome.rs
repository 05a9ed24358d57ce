use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ArtifactPointer, CachedFeature, NewBacktest, NewModel};

/// How an attempt ended, as its worker settles it.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "short-lived, and nearly always `Completed`")]
pub enum Outcome {
    Completed(Completion),
    /// Retried while the budget lasts and `failure.retryable`, else final.
    Failed(Failure),
    /// The process group is gone.
    Cancelled,
    /// Given back unfinished by a worker that shuts down; costs no retry.
    Released,
}

/// What a successful attempt leaves behind.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Completion {
    pub result: Value,
    pub artifacts: Vec<ArtifactPointer>,
    pub model: Option<NewModel>,
    pub backtest: Option<NewBacktest>,
    /// Columns for the feature cache, stored already.
    pub features: Vec<CachedFeature>,
}

/// Why an attempt failed, in words its owner understands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub code: FailureCode,
    pub message: String,
    /// Whether another attempt can help.
    pub retryable: bool,
}

impl Failure {
    pub fn retryable(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retryable: true }
    }

    pub fn permanent(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retryable: false }
    }
}

/// The stable reasons of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The specification cannot be run.
    InvalidSpec,
    /// The data cannot be read or do not fit the specification.
    InvalidData,
    /// The handler reported an error.
    HandlerError,
    /// The process ended with an exit code.
    ProcessExited,
    /// The process was ended by a signal.
    ProcessKilled,
    /// The process was ended because memory ran out.
    OutOfMemory,
    /// The soft limit passed and the job stopped.
    SoftTimeLimit,
    /// The hard limit passed and the process group was killed.
    HardTimeLimit,
    /// The worker fell silent for longer than its window.
    WorkerLost,
    /// A child of the job failed or was cancelled.
    ChildFailed,
    /// Our fault; the log has the details.
    Internal,
}

impl FailureCode {
    /// Whether the process went away without the job's doing, as far as one can tell: the first
    /// time the job is tried again at once.
    pub const fn is_loss_of_process(self) -> bool {
        matches!(self, Self::ProcessKilled | Self::WorkerLost)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidSpec => "invalid_spec",
            Self::InvalidData => "invalid_data",
            Self::HandlerError => "handler_error",
            Self::ProcessExited => "process_exited",
            Self::ProcessKilled => "process_killed",
            Self::OutOfMemory => "out_of_memory",
            Self::SoftTimeLimit => "soft_time_limit",
            Self::HardTimeLimit => "hard_time_limit",
            Self::WorkerLost => "worker_lost",
            Self::ChildFailed => "child_failed",
            Self::Internal => "internal",
        }
    }
}
