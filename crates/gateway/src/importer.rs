use std::collections::BTreeMap;
use std::path::PathBuf;

use alphafleet_domain::{AuditRecord, Dataset, DatasetVersion, UserId};
use async_trait::async_trait;

/// Turns an uploaded file into a dataset's next version. The gateway knows nothing of formats.
#[async_trait]
pub trait Importer: Send + Sync {
    /// The file's bars, with the announcements of the version before.
    async fn import(
        &self,
        request: ImportRequest,
    ) -> Result<(Dataset, DatasetVersion), ImportError>;

    /// The file's announcements, with the bars of the version before.
    async fn announce(
        &self,
        request: AnnounceRequest,
    ) -> Result<(Dataset, DatasetVersion), ImportError>;
}

#[derive(Debug, Clone, PartialEq)]
pub struct ImportRequest {
    pub owner: UserId,
    pub dataset_name: String,
    /// The file's name as its owner knows it, without folders: the ending tells the format.
    pub filename: String,
    /// Columns of the source by the field they hold: `close` → `Last`.
    pub mapping: BTreeMap<String, String>,
    /// Where the uploaded bytes lie; removed once the import has answered.
    pub file: PathBuf,
    /// To be written with the version.
    pub audit: AuditRecord,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AnnounceRequest {
    pub owner: UserId,
    pub dataset_name: String,
    /// Where the uploaded bytes lie, under the name their owner gave them.
    pub file: PathBuf,
    /// To be written with the version.
    pub audit: AuditRecord,
}

/// Why a file did not become a version.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file or its mapping is at fault: `code` is stable, `message` says what to do.
    #[error("{message}")]
    Refused { code: String, message: String },
    /// Announcements of a dataset that their owner does not have.
    #[error("there is no such dataset")]
    UnknownDataset,
    /// Other versions of the dataset were added all the while.
    #[error("other imports of the dataset went ahead")]
    Outrun,
    /// We are at fault.
    #[error("the import failed")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}
