use std::path::PathBuf;

use alphafleet_domain::ports::ArtifactError;
use thiserror::Error;

/// Why a storage URL cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error("storage '{url}' is not supported; known: file:///folder")]
    Scheme { url: String },
    #[error("storage '{url}' names no absolute folder: write file:///folder")]
    Folder { url: String },
    #[error("storage folder {} cannot be created", folder.display())]
    Create {
        folder: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("storage folder {} cannot be opened", folder.display())]
    Open {
        folder: PathBuf,
        #[source]
        source: object_store::Error,
    },
}

pub(crate) fn failed(
    key: impl ToString,
    source: impl std::error::Error + Send + Sync + 'static,
) -> ArtifactError {
    ArtifactError::Storage { key: key.to_string(), source: Box::new(source) }
}
