use alphafleet_datasets::features::{FeatureColumn, read_feature, read_feature_values};
use alphafleet_datasets::{ArtifactKey, ArtifactStore, DatasetError, open_store};
use alphafleet_domain::CachedFeature;
use alphafleet_domain::job::FailureCode;
use alphafleet_worker::child::HandlerError;

/// Object storage, read file by file.
pub(super) struct Storage {
    store: Box<dyn ArtifactStore>,
    runtime: tokio::runtime::Runtime,
}

impl Storage {
    pub fn open(url: &str) -> Result<Self, HandlerError> {
        let failed = |error: &dyn std::fmt::Display| {
            HandlerError::retryable(FailureCode::Internal, error.to_string())
        };
        let store = open_store(url).map_err(|error| failed(&error))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(&error))?;
        Ok(Self { store: Box::new(store), runtime })
    }

    pub fn get(&self, object_key: &str) -> Result<Vec<u8>, DatasetError> {
        let key: ArtifactKey = object_key.parse()?;
        Ok(self.runtime.block_on(self.store.get(&key))?)
    }

    pub fn column(&self, feature: &CachedFeature) -> Result<FeatureColumn, DatasetError> {
        read_feature(&feature.object_key, self.get(&feature.object_key)?, &feature.sha256)
    }

    /// A column's values alone.
    pub fn values(&self, feature: &CachedFeature) -> Result<Vec<f32>, DatasetError> {
        read_feature_values(&feature.object_key, self.get(&feature.object_key)?, &feature.sha256)
    }
}
