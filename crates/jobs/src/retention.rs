use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alphafleet_domain::ports::{
    ArtifactError, ArtifactKeyError, ArtifactStore, RetentionPolicy, RetentionStore, StoreError,
    SweepableAttempt,
};
use thiserror::Error;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::pace::Pace;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionSettings {
    pub policy: RetentionPolicy,
    /// How long the files of an attempt that nobody points to outlive its job: whoever still
    /// writes to them has been fenced for as long.
    pub files: Duration,
    /// Between two looks.
    pub interval: Duration,
}

#[derive(Debug, Error)]
pub enum RetentionError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Artifacts(#[from] ArtifactError),
    #[error(transparent)]
    Key(#[from] ArtifactKeyError),
}

/// What has been cleaned up since the start.
#[derive(Debug, Default)]
pub struct RetentionStats {
    pub rows: AtomicU64,
    pub files: AtomicU64,
}

/// Keeps database and storage from growing without bound: removes rows the policy no longer keeps,
/// and the files of attempts that nobody points to.
pub struct Retention {
    store: Arc<dyn RetentionStore>,
    artifacts: Arc<dyn ArtifactStore>,
    settings: RetentionSettings,
    stats: Arc<RetentionStats>,
}

/// Attempts swept between two looks at the shutdown.
const ATTEMPTS: u32 = 100;

impl Retention {
    pub fn new(
        store: Arc<dyn RetentionStore>,
        artifacts: Arc<dyn ArtifactStore>,
        settings: RetentionSettings,
    ) -> Self {
        Self { store, artifacts, settings, stats: Arc::default() }
    }

    pub fn stats(&self) -> Arc<RetentionStats> {
        Arc::clone(&self.stats)
    }

    /// Runs until `shutdown`, whatever fails on the way.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut pace = Pace::new(self.settings.interval);
        let never = Notify::new();
        while pace.next(&never, &shutdown).await {
            match self.clean_up(&shutdown).await {
                Ok(()) => pace.succeeded(),
                Err(error) if pace.failed() => warn!(%error, "cleaning up is interrupted"),
                Err(_) => {}
            }
        }
        info!("the retention stopped");
    }

    /// Removes all that is due, in small steps.
    pub async fn clean_up(&self, shutdown: &CancellationToken) -> Result<(), RetentionError> {
        while !shutdown.is_cancelled() {
            let pruned = self.store.prune(&self.settings.policy).await?;
            if pruned.total() == 0 {
                break;
            }
            self.stats.rows.fetch_add(pruned.total(), Ordering::Relaxed);
            info!(?pruned, "removed what is no longer kept");
        }
        while !shutdown.is_cancelled() {
            let attempts = self.store.sweepable(self.settings.files, ATTEMPTS).await?;
            if attempts.is_empty() {
                break;
            }
            self.sweep(&attempts).await?;
        }
        Ok(())
    }

    async fn sweep(&self, attempts: &[SweepableAttempt]) -> Result<(), RetentionError> {
        for attempt in attempts {
            let folder = format!("jobs/{}/{}", attempt.job, attempt.lease).parse()?;
            let files = self.artifacts.delete_prefix(&folder).await?;
            self.stats.files.fetch_add(files, Ordering::Relaxed);
        }
        let leases: Vec<_> = attempts.iter().map(|attempt| attempt.lease).collect();
        Ok(self.store.swept(&leases).await?)
    }
}
