use alphafleet_market::Finding;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
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
    /// What lies beside the bars; absent where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcements: Option<ManifestAnnouncements>,
}

/// Announcements by period beside a version's bars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestAnnouncements {
    /// It may be that of an earlier version, whose announcements are carried on.
    pub file: ManifestFile,
    /// Names of the fields without their `$$`, ascending.
    pub fields: Vec<String>,
    /// Instruments that something was announced of; they need not have bars.
    pub instruments: u64,
    /// The days of the first and of the last announcement.
    pub start: NaiveDate,
    pub end: NaiveDate,
    pub source: SourceFile,
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
        announcements: Option<ManifestAnnouncements>,
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
            announcements,
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
        let fields = self.announcements.as_ref().map_or(&[][..], |one| &one.fields);
        if !fields.is_sorted_by(|a, b| a < b) {
            return Err("its fields by period are not in order".to_owned());
        }
        Ok(())
    }
}
