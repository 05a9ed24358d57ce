use std::collections::BTreeSet;
use std::sync::Arc;

use alphafleet_domain::ports::{
    ArtifactKey, ArtifactStore, DatasetStore, Follows, NewDatasetVersion,
};
use alphafleet_domain::{
    Dataset, DatasetId, DatasetVersion, DatasetVersionId, VersionAnnouncements,
};
use alphafleet_gateway::{
    AnnounceRequest, ContentReadError, ContentReader, ImportError, ImportRequest, Importer,
    VersionContents,
};
use alphafleet_store::Store;
use async_trait::async_trait;
use chrono::{NaiveDate, SubsecRound, Utc};
use serde_json::json;

/// Of such files the third column names the instruments.
pub struct CsvContents {
    pub artifacts: Arc<dyn ArtifactStore>,
}

#[async_trait]
impl ContentReader for CsvContents {
    async fn contents(
        &self,
        version: &DatasetVersion,
    ) -> Result<Arc<VersionContents>, ContentReadError> {
        let key: ArtifactKey = version.manifest_key.parse().unwrap();
        let bytes = self.artifacts.get(&key).await;
        let bytes = bytes.map_err(|error| ContentReadError(error.into()))?;
        let text = String::from_utf8(bytes).unwrap();
        let names: BTreeSet<&str> =
            text.lines().skip(1).filter_map(|line| line.split(',').nth(2)).collect();
        let columns = text.lines().next().unwrap_or_default().split(',').skip(1);
        Ok(Arc::new(VersionContents {
            instruments: names.into_iter().map(str::to_owned).collect(),
            columns: columns.filter(|name| *name != "instrument").map(str::to_owned).collect(),
        }))
    }
}

/// Keeps a CSV file with a close column as it is; its first column has the days.
pub struct CsvImporter {
    pub store: Store,
    pub artifacts: Arc<dyn ArtifactStore>,
}

#[async_trait]
impl Importer for CsvImporter {
    async fn import(
        &self,
        request: ImportRequest,
    ) -> Result<(Dataset, DatasetVersion), ImportError> {
        let internal =
            |error: Box<dyn std::error::Error + Send + Sync>| ImportError::Internal(error);
        let text =
            std::fs::read_to_string(&request.file).map_err(|error| internal(error.into()))?;
        let column = request.mapping.get("close").map_or("close", String::as_str);
        let header = text.lines().next().unwrap_or_default();
        if !header.split(',').any(|name| name == column) {
            let message = format!("there is no column {column:?}");
            return Err(ImportError::Refused { code: "missing_column".to_owned(), message });
        }
        let id = DatasetVersionId::new();
        let key: ArtifactKey = format!("datasets/{id}").parse().unwrap();
        let stored = self.artifacts.put_file(&key, &request.file).await;
        let stored = stored.map_err(|error| internal(error.into()))?;
        let dataset = DatasetId::new();
        let days: Vec<NaiveDate> =
            text.lines().skip(1).filter_map(|line| line.get(..10)?.parse().ok()).collect();
        let day = |day: Option<&NaiveDate>| day.copied().unwrap_or_default();
        let version = DatasetVersion {
            id,
            dataset,
            parent: None,
            manifest_key: key.to_string(),
            manifest_sha256: stored.sha256,
            rows: text.lines().count() as u64 - 1,
            instruments: 1,
            start: day(days.first()).into(),
            end: day(days.last()).into(),
            findings: json!([]),
            announcements: None,
            created_at: Utc::now().trunc_subsecs(6),
        };
        let (owner, dataset_name) = (request.owner, request.dataset_name);
        let follows = Follows::Newest;
        let new = NewDatasetVersion { owner, dataset_name, dataset, version, follows };
        let added = self.store.add_version(new, request.audit).await;
        added.map_err(|error| internal(error.into()))
    }

    /// Takes the first column of such a file for the fields announced.
    async fn announce(
        &self,
        request: AnnounceRequest,
    ) -> Result<(Dataset, DatasetVersion), ImportError> {
        let (owner, dataset_name) = (request.owner, request.dataset_name);
        let dataset = self.store.dataset_named(owner, &dataset_name).await.unwrap();
        let dataset = dataset.ok_or(ImportError::UnknownDataset)?;
        let newest = self.store.versions(dataset.id).await.unwrap().remove(0);
        let text = std::fs::read_to_string(&request.file).unwrap();
        let fields = text.lines().filter_map(|line| line.split(',').next()).map(str::to_owned);
        let announcements = VersionAnnouncements {
            fields: fields.collect(),
            rows: 1,
            instruments: 1,
            start: newest.start.date(),
            end: newest.end.date(),
            sha256: "ab".repeat(32),
        };
        let version = DatasetVersion {
            id: DatasetVersionId::new(),
            parent: Some(newest.id),
            announcements: Some(announcements),
            created_at: Utc::now().trunc_subsecs(6),
            ..newest
        };
        let (dataset, follows) = (dataset.id, Follows::ItsParent);
        let new = NewDatasetVersion { owner, dataset_name, dataset, version, follows };
        let added = self.store.add_version(new, request.audit).await;
        added.map_err(|error| ImportError::Internal(error.into()))
    }
}
