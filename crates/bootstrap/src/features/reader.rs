use std::collections::HashMap;
use std::sync::Arc;

use alphafleet_datasets::DatasetError;
use alphafleet_datasets::features::{InstrumentValues, read_feature, read_instrument};
use alphafleet_domain::ports::{ArtifactStore, FeatureCache};
use alphafleet_domain::{CachedFeature, FeatureKey};
use alphafleet_gateway::{FeatureRead, FeatureReadError, FeatureReader, FeatureValues};
use async_trait::async_trait;
use tokio::sync::Semaphore;
use tracing::warn;

use super::keys::columns;

/// Columns decoded at a time, over all requests: each is held in memory.
const AT_ONCE: usize = 4;

/// Reads computed columns from object storage.
pub(crate) struct StoredFeatures {
    cache: Arc<dyn FeatureCache>,
    artifacts: Arc<dyn ArtifactStore>,
    turns: Semaphore,
}

impl StoredFeatures {
    pub fn new(cache: Arc<dyn FeatureCache>, artifacts: Arc<dyn ArtifactStore>) -> Self {
        Self { cache, artifacts, turns: Semaphore::new(AT_ONCE) }
    }

    /// One column's values of the instrument. `None` when the file is missing or broken: whoever
    /// computes the feature next replaces it.
    async fn column(
        &self,
        feature: &CachedFeature,
        request: &FeatureRead,
    ) -> Result<Option<InstrumentValues>, FeatureReadError> {
        let _turn = self.turns.acquire().await.map_err(|closed| internal(closed.into()))?;
        match self.decode(feature, request).await {
            Ok(Some(values)) => Ok(Some(values)),
            Ok(None) => Err(FeatureReadError::UnknownInstrument),
            Err(error) if is_broken(&error) => {
                warn!(%error, key = feature.object_key, "a stored column cannot be used");
                Ok(None)
            }
            Err(error) => Err(internal(error.into())),
        }
    }

    async fn decode(
        &self,
        feature: &CachedFeature,
        request: &FeatureRead,
    ) -> Result<Option<InstrumentValues>, DatasetError> {
        let key = feature.object_key.parse()?;
        let bytes = self.artifacts.get(&key).await?;
        let (feature, instrument) = (feature.clone(), request.instrument.clone());
        let days = request.days;
        let decoded = tokio::task::spawn_blocking(move || {
            let column = read_feature(&feature.object_key, bytes, &feature.sha256)?;
            Ok(read_instrument(&column, &instrument, days))
        });
        decoded.await.unwrap_or_else(|error| {
            let reason = error.to_string();
            Err(DatasetError::CorruptFile { file: key.to_string(), reason })
        })
    }
}

fn is_broken(error: &DatasetError) -> bool {
    matches!(error.code(), "tampered_file" | "corrupt_file" | "missing_file" | "missing_column")
}

#[async_trait]
impl FeatureReader for StoredFeatures {
    async fn read(&self, request: FeatureRead) -> Result<FeatureValues, FeatureReadError> {
        let wanted = columns(&request.spec, &request.version.manifest_sha256)
            .map_err(|faults| internal(faults.into()))?;
        let keys: Vec<FeatureKey> = wanted.iter().map(|column| column.key.clone()).collect();
        let stored =
            self.cache.cached_features(&keys).await.map_err(|error| internal(error.into()))?;
        let stored: HashMap<FeatureKey, CachedFeature> =
            stored.into_iter().map(|feature| (feature.key.clone(), feature)).collect();
        let mut found = FeatureValues::default();
        for column in wanted {
            let read = match stored.get(&column.key) {
                Some(feature) => self.column(feature, &request).await?,
                None => None,
            };
            match read {
                // Columns of one computation have the same bars.
                Some(read) if found.columns.is_empty() || read.times == found.times => {
                    found.times = read.times;
                    found.columns.push(column.name);
                    found.values.push(read.values);
                }
                _ => found.missing.push(column.name),
            }
        }
        Ok(found)
    }
}

const fn internal(source: Box<dyn std::error::Error + Send + Sync>) -> FeatureReadError {
    FeatureReadError::Internal(source)
}
