use std::sync::Arc;

use alphafleet_domain::DatasetVersion;
use async_trait::async_trait;

/// Knows which instruments a version of a dataset has. The gateway knows nothing of formats.
#[async_trait]
pub trait InstrumentReader: Send + Sync {
    /// Their names, ascending.
    async fn instruments(
        &self,
        version: &DatasetVersion,
    ) -> Result<Arc<[String]>, InstrumentReadError>;
}

/// The version's files cannot be read; we are at fault.
#[derive(Debug, thiserror::Error)]
#[error("the instruments of a dataset cannot be read")]
pub struct InstrumentReadError(#[source] pub Box<dyn std::error::Error + Send + Sync>);
