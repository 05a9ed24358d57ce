use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long one attempt may run, by the supervisor's monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeLimits {
    /// The job is told, writes its checkpoint and stops.
    pub soft_ms: u64,
    /// The process group is killed.
    pub hard_ms: u64,
}

impl TimeLimits {
    pub const fn new(soft_ms: u64, hard_ms: u64) -> Self {
        Self { soft_ms, hard_ms }
    }

    pub const fn soft(self) -> Duration {
        Duration::from_millis(self.soft_ms)
    }

    pub const fn hard(self) -> Duration {
        Duration::from_millis(self.hard_ms)
    }
}
