use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::{JobId, LeaseId};

/// What keeps the database and the storage from growing without bound.
#[async_trait]
pub trait RetentionStore: Send + Sync {
    /// Removes what the policy no longer keeps, a bounded number of rows at a time.
    async fn prune(&self, policy: &RetentionPolicy) -> Result<Pruned, StoreError>;

    /// Attempts whose files nobody points to: of jobs that ended at least `idle` ago, without the
    /// attempt that completed, and not yet swept. Oldest first.
    async fn sweepable(
        &self,
        idle: Duration,
        limit: u32,
    ) -> Result<Vec<SweepableAttempt>, StoreError>;

    /// Notes that their files are gone.
    async fn swept(&self, leases: &[LeaseId]) -> Result<(), StoreError>;
}

/// How long what is kept. Jobs, models and reports stay until they are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Per-step metrics and resource samples of jobs that have ended.
    pub series: Duration,
    /// Log lines of jobs that have ended.
    pub logs: Duration,
    pub idempotency_keys: Duration,
    /// Settled callbacks.
    pub callbacks: Duration,
    /// Workers that have fallen silent and hold nothing.
    pub workers: Duration,
    /// Rows removed of each kind in one call at most.
    pub batch: u32,
}

/// Rows that went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    pub metrics: u64,
    pub resources: u64,
    pub logs: u64,
    pub idempotency_keys: u64,
    pub callbacks: u64,
    pub workers: u64,
    pub passes: u64,
}

impl Pruned {
    pub const fn total(&self) -> u64 {
        self.metrics
            + self.resources
            + self.logs
            + self.idempotency_keys
            + self.callbacks
            + self.workers
            + self.passes
    }
}

/// An attempt whose files under `jobs/{job}/{lease}/` are to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweepableAttempt {
    pub job: JobId,
    pub lease: LeaseId,
}
