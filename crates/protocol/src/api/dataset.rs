use alphafleet_domain::{Dataset, DatasetId, DatasetVersion, DatasetVersionId, Instant};
use chrono::NaiveDateTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// How an uploaded file becomes a version.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportQuery {
    /// Name of the file, e.g. `bars.parquet`: its ending tells the format, and of a file that holds
    /// one instrument without a column for it, its stem tells the instrument.
    pub filename: String,
    /// Source columns of layouts that are not recognised: `close=Last,instrument=Ticker`.
    #[serde(default)]
    pub mapping: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct DatasetView {
    #[schemars(with = "Uuid")]
    pub id: DatasetId,
    pub name: String,
    pub created_at: Instant,
    pub latest: DatasetVersionView,
}

impl From<(Dataset, DatasetVersion)> for DatasetView {
    fn from((dataset, latest): (Dataset, DatasetVersion)) -> Self {
        Self {
            id: dataset.id,
            name: dataset.name,
            created_at: dataset.created_at,
            latest: latest.into(),
        }
    }
}

/// One immutable state of a dataset.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct DatasetVersionView {
    #[schemars(with = "Uuid")]
    pub id: DatasetVersionId,
    #[schemars(with = "Option<Uuid>")]
    pub parent: Option<DatasetVersionId>,
    pub rows: u64,
    pub instruments: u64,
    pub start: NaiveDateTime,
    pub end: NaiveDateTime,
    /// Checksum of the manifest (hex).
    pub sha256: String,
    /// What the checks found.
    pub findings: Value,
    pub created_at: Instant,
}

impl From<DatasetVersion> for DatasetVersionView {
    fn from(version: DatasetVersion) -> Self {
        Self {
            id: version.id,
            parent: version.parent,
            rows: version.rows,
            instruments: version.instruments,
            start: version.start,
            end: version.end,
            sha256: version.manifest_sha256,
            findings: version.findings,
            created_at: version.created_at,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct DatasetList {
    pub items: Vec<DatasetView>,
    pub total: u64,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct DatasetVersionList {
    /// Newest first.
    pub items: Vec<DatasetVersionView>,
}
