use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How often and how patiently a failed job is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// The job fails for good at this many failures.
    pub max_failures: u32,
    /// The wait after the first failure; doubles with each further one.
    pub backoff_ms: u64,
    pub max_backoff_ms: u64,
}

impl RetryPolicy {
    /// The wait after failure number `failures` (from 1). `jitter` in 0..1 spreads it over the
    /// upper half, so that jobs that failed together do not come back together.
    pub fn delay(&self, failures: u32, jitter: f64) -> Duration {
        let doubled = self.backoff_ms.saturating_mul(1 << failures.saturating_sub(1).min(20));
        let ceiling = doubled.min(self.max_backoff_ms) as f64;
        let millis = ceiling * (0.5 + 0.5 * jitter.clamp(0.0, 1.0));
        Duration::from_micros((millis * 1_000.0) as u64)
    }
}
