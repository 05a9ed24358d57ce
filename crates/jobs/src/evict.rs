use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::ports::{ArtifactKey, ArtifactStore, FeatureCache};
use alphafleet_domain::{EvictableFeature, feature_state_key};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::RetentionError;
use crate::pace::Pace;

/// How much the feature cache may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvictionSettings {
    /// Size of all columns together.
    pub bytes: u64,
    /// Between two looks.
    pub interval: Duration,
}

/// Columns removed between two looks at the shutdown.
const COLUMNS: u32 = 100;

/// Keeps the feature cache within its size: the least recently used columns go.
///
/// A column's file and its state go before its row. Should this stop in between, a reader finds the file
/// missing and has it computed again, and the row goes at the next look.
pub struct FeatureEviction {
    cache: Arc<dyn FeatureCache>,
    artifacts: Arc<dyn ArtifactStore>,
    settings: EvictionSettings,
}

impl FeatureEviction {
    pub fn new(
        cache: Arc<dyn FeatureCache>,
        artifacts: Arc<dyn ArtifactStore>,
        settings: EvictionSettings,
    ) -> Self {
        Self { cache, artifacts, settings }
    }

    /// Runs until `shutdown`, whatever fails on the way.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut pace = Pace::new(self.settings.interval);
        let never = Notify::new();
        while pace.next(&never, &shutdown).await {
            match self.evict(&shutdown).await {
                Ok(0) => pace.succeeded(),
                Ok(columns) => {
                    info!(columns, "removed columns that were not used for long");
                    pace.succeeded();
                }
                Err(error) if pace.failed() => warn!(%error, "the feature cache is not tidied"),
                Err(_) => {}
            }
        }
        info!("the eviction of features stopped");
    }

    /// Removes what has to go, in small steps; answers how many columns went.
    pub async fn evict(&self, shutdown: &CancellationToken) -> Result<u64, RetentionError> {
        let mut removed = 0;
        while !shutdown.is_cancelled() {
            let gone = self.cache.evictable_features(self.settings.bytes, COLUMNS).await?;
            if gone.is_empty() {
                break;
            }
            let forgotten = self.remove(&gone).await?;
            removed += forgotten;
            if forgotten == 0 {
                // All of them are in use again.
                break;
            }
        }
        Ok(removed)
    }

    async fn remove(&self, gone: &[EvictableFeature]) -> Result<u64, RetentionError> {
        for key in gone.iter().filter_map(|column| column.object_key.as_deref()) {
            let state: ArtifactKey = feature_state_key(key).parse()?;
            self.artifacts.delete(&state).await?;
            let column: ArtifactKey = key.parse()?;
            self.artifacts.delete(&column).await?;
        }
        Ok(self.cache.forget_features(gone).await?)
    }
}
