use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Failure, Outcome, RetryPolicy};
use crate::{Instant, LeaseId, WorkerId};

/// Where a job stands. Each state carries what only it has.
#[derive(Debug, Clone, PartialEq)]
pub enum JobState {
    Pending {
        /// Not claimed before this moment: a retry's back-off or a schedule.
        not_before: Option<Instant>,
    },
    Running {
        worker: WorkerId,
        lease: LeaseId,
        /// When this attempt was claimed.
        since: Instant,
        cancel_requested: bool,
    },
    Completed,
    Failed(Failure),
    Cancelled,
}

impl JobState {
    pub const fn name(&self) -> StateName {
        match self {
            Self::Pending { .. } => StateName::Pending,
            Self::Running { .. } => StateName::Running,
            Self::Completed => StateName::Completed,
            Self::Failed(_) => StateName::Failed,
            Self::Cancelled => StateName::Cancelled,
        }
    }

    /// pending → running.
    pub fn claim(
        self,
        worker: WorkerId,
        lease: LeaseId,
        now: Instant,
    ) -> Result<Self, IllegalTransition> {
        match self {
            Self::Pending { not_before } if not_before.is_none_or(|at| at <= now) => {
                Ok(Self::Running { worker, lease, since: now, cancel_requested: false })
            }
            from => Err(IllegalTransition { from: from.name(), to: StateName::Running }),
        }
    }

    /// pending → cancelled; running → running with the request noted, as its process must go first.
    pub fn request_cancel(self) -> Result<Self, IllegalTransition> {
        match self {
            Self::Pending { .. } => Ok(Self::Cancelled),
            Self::Running { worker, lease, since, .. } => {
                Ok(Self::Running { worker, lease, since, cancel_requested: true })
            }
            from => Err(IllegalTransition { from: from.name(), to: StateName::Cancelled }),
        }
    }

    /// running → completed | failed | cancelled | pending. Returns the new state and the new count
    /// of failures. `jitter` in 0..1 spreads the retries. A failure or release of a job that was
    /// to be cancelled is its cancellation; a completion that came first wins.
    pub fn settle(
        self,
        outcome: &Outcome,
        failures: u32,
        retry: &RetryPolicy,
        now: Instant,
        jitter: f64,
    ) -> Result<(Self, u32), IllegalTransition> {
        let Self::Running { cancel_requested, .. } = self else {
            return Err(IllegalTransition { from: self.name(), to: outcome.target() });
        };
        Ok(match outcome {
            Outcome::Completed(_) => (Self::Completed, failures),
            Outcome::Cancelled => (Self::Cancelled, failures),
            _ if cancel_requested => (Self::Cancelled, failures),
            Outcome::Released => (Self::Pending { not_before: None }, failures),
            Outcome::Failed(failure) => {
                let failures = failures + 1;
                if failure.retryable && failures < retry.max_failures {
                    let at_once = failures == 1 && failure.code.is_loss_of_process();
                    let wait = TimeDelta::from_std(retry.delay(failures, jitter));
                    let later = now + wait.unwrap_or(TimeDelta::zero());
                    (Self::Pending { not_before: (!at_once).then_some(later) }, failures)
                } else {
                    (Self::Failed(failure.clone()), failures)
                }
            }
        })
    }
}

impl Outcome {
    const fn target(&self) -> StateName {
        match self {
            Self::Completed(_) => StateName::Completed,
            Self::Failed(_) => StateName::Failed,
            Self::Cancelled => StateName::Cancelled,
            Self::Released => StateName::Pending,
        }
    }
}

/// A state without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateName {
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
}

impl StateName {
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Running, Self::Completed, Self::Failed, Self::Cancelled];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// The whole table of legal transitions.
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Pending, Self::Running | Self::Cancelled)
                | (Self::Running, Self::Completed | Self::Failed | Self::Cancelled | Self::Pending)
        )
    }
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for StateName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| format!("unknown state '{text}'"))
    }
}

#[derive(Debug, Clone, Copy, Error, PartialEq, Eq)]
#[error("a {from} job cannot become {to}")]
pub struct IllegalTransition {
    pub from: StateName,
    pub to: StateName,
}
