use alphafleet_market::Finding;
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::NewVersion;
use crate::error::DatasetError;
use crate::import::{Import, SourceFile};
use crate::panel_file::columns_of;

const FORMAT: u32 = 1;

/// What a version consists of and how it came about; stored as JSON beside its files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this document's form.
    pub format: u32,
    pub dataset_id: Uuid,
    pub version_id: Uuid,
    pub dataset_name: String,
    pub parent: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    pub status: VersionStatus,
    pub rows: u64,
    pub instruments: u64,
    pub start: NaiveDateTime,
    pub end: NaiveDateTime,
    /// Columns after `instrument` and `datetime`.
    pub columns: Vec<String>,
    pub files: Vec<ManifestFile>,
    pub findings: Vec<Finding>,
    pub sources: Vec<SourceFile>,
}

/// A Parquet file of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    pub key: String,
    pub bytes: u64,
    /// Hex.
    pub sha256: String,
    pub rows: u64,
}

/// Whether a version may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionStatus {
    Ready,
}

impl Manifest {
    pub(super) fn of(
        new: &NewVersion,
        import: &Import,
        files: Vec<ManifestFile>,
    ) -> Result<Self, DatasetError> {
        let panel = &import.panel;
        let (Some(&start), Some(&end)) = (panel.calendar().first(), panel.calendar().last()) else {
            let files = import.sources.iter().map(|source| source.name.clone()).collect();
            return Err(DatasetError::EmptyDataset { files });
        };
        Ok(Self {
            format: FORMAT,
            dataset_id: new.dataset_id,
            version_id: new.version_id,
            dataset_name: new.dataset_name.clone(),
            parent: new.parent,
            created_at: new.created_at,
            status: VersionStatus::Ready,
            rows: import.rows,
            instruments: panel.instruments().len() as u64,
            start,
            end,
            columns: columns_of(panel),
            files,
            findings: import.findings.clone(),
            sources: import.sources.clone(),
        })
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!("its format is {}, this program reads {FORMAT}", self.format));
        }
        let rows: u64 = self.files.iter().map(|file| file.rows).sum();
        if rows != self.rows {
            return Err(format!("it promises {} rows, its files {rows}", self.rows));
        }
        Ok(())
    }
}
