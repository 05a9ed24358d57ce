use alphafleet_domain::{
    Dataset, DatasetId, DatasetVersion, DatasetVersionId, Instant, VersionAnnouncements,
};
use chrono::{NaiveDate, NaiveDateTime};
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

/// How an uploaded file becomes the announcements beside a dataset's bars.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnnouncementsQuery {
    /// Name of the file, e.g. `fundamentals.parquet`: its ending tells the format, else its first
    /// bytes do.
    pub filename: String,
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
    /// What lies beside the bars; absent where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcements: Option<AnnouncementsView>,
    pub created_at: Instant,
}

/// What a version has of fundamentals by period, each with the day on which it became known.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct AnnouncementsView {
    /// Names without the `$$` that formulas read them by.
    pub fields: Vec<String>,
    pub rows: u64,
    pub instruments: u64,
    /// The days of the first and of the last announcement.
    pub start: NaiveDate,
    pub end: NaiveDate,
    /// Checksum of their file (hex).
    pub sha256: String,
}

impl From<VersionAnnouncements> for AnnouncementsView {
    fn from(announcements: VersionAnnouncements) -> Self {
        let VersionAnnouncements { fields, rows, instruments, start, end, sha256 } = announcements;
        Self { fields, rows, instruments, start, end, sha256 }
    }
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
            announcements: version.announcements.map(Into::into),
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
