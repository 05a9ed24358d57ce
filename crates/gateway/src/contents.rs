use std::sync::Arc;

use alphafleet_domain::DatasetVersion;
use async_trait::async_trait;

/// Knows what a version of a dataset has. The gateway knows nothing of formats.
#[async_trait]
pub trait ContentReader: Send + Sync {
    async fn contents(
        &self,
        version: &DatasetVersion,
    ) -> Result<Arc<VersionContents>, ContentReadError>;
}

/// What a version of a dataset has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionContents {
    /// Names of the instruments, ascending.
    pub instruments: Vec<String>,
    /// Names of the bars' fields, without the `$`.
    pub columns: Vec<String>,
}

/// The version's files cannot be read; we are at fault.
#[derive(Debug, thiserror::Error)]
#[error("the contents of a dataset cannot be read")]
pub struct ContentReadError(#[source] pub Box<dyn std::error::Error + Send + Sync>);
