use std::sync::Arc;

use alphafleet_datasets::{
    ColumnMapping, DatasetError, Import, ImportOptions, NewVersion, StoredVersion, import_files,
    store_version,
};
use alphafleet_domain::ports::{ArtifactStore, DatasetStore, NewDatasetVersion, StoreError};
use alphafleet_domain::{Clock, Dataset, DatasetId, DatasetVersion, DatasetVersionId, Instant};
use alphafleet_gateway::{ImportError, ImportRequest, Importer};
use alphafleet_jobs::DataSync;
use async_trait::async_trait;
use tokio::sync::Semaphore;

/// Imports uploads into object storage and the catalogue.
pub(crate) struct DatasetImporter {
    datasets: Arc<dyn DatasetStore>,
    sync: DataSync,
    artifacts: Arc<dyn ArtifactStore>,
    clock: Arc<dyn Clock>,
    /// A parsed market is held in memory: one import at a time.
    turn: Semaphore,
}

impl DatasetImporter {
    pub fn new(
        datasets: Arc<dyn DatasetStore>,
        sync: DataSync,
        artifacts: Arc<dyn ArtifactStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { datasets, sync, artifacts, clock, turn: Semaphore::new(1) }
    }

    async fn store(&self, request: &ImportRequest, import: &Import) -> Result<Stored, ImportError> {
        let known = self.datasets.dataset_named(request.owner, &request.dataset_name).await;
        let dataset = known.map_err(internal)?.map_or_else(DatasetId::new, |known| known.id);
        let latest = self.datasets.versions(dataset).await.map_err(internal)?.into_iter().next();
        let (version, created_at) = (DatasetVersionId::new(), self.clock.now());
        let new = NewVersion {
            dataset_id: dataset.as_uuid(),
            version_id: version.as_uuid(),
            dataset_name: request.dataset_name.clone(),
            parent: latest.map(|latest| latest.id.as_uuid()),
            created_at,
        };
        let stored = store_version(&*self.artifacts, &new, import).await.map_err(refused)?;
        Ok(Stored { dataset, version, created_at, stored })
    }
}

struct Stored {
    dataset: DatasetId,
    version: DatasetVersionId,
    created_at: Instant,
    stored: StoredVersion,
}

#[async_trait]
impl Importer for DatasetImporter {
    async fn import(
        &self,
        request: ImportRequest,
    ) -> Result<(Dataset, DatasetVersion), ImportError> {
        let _turn = self.turn.acquire().await.map_err(|closed| internal_error(closed.into()))?;
        let import = parse(&request).await?;
        let Stored { dataset, version, created_at, stored } = self.store(&request, &import).await?;
        let manifest = &stored.manifest;
        let version = DatasetVersion {
            id: version,
            dataset,
            parent: manifest.parent.map(DatasetVersionId::from_uuid),
            manifest_key: stored.manifest_key.to_string(),
            manifest_sha256: stored.manifest_sha256.clone(),
            rows: manifest.rows,
            instruments: manifest.instruments,
            start: manifest.start,
            end: manifest.end,
            findings: serde_json::to_value(&import.findings)
                .map_err(|error| internal_error(error.into()))?,
            created_at,
        };
        let new = NewDatasetVersion {
            owner: request.owner,
            dataset_name: request.dataset_name,
            dataset,
            version,
        };
        let synced = self.sync.complete(new, request.audit).await.map_err(internal)?;
        Ok((synced.dataset, synced.version))
    }
}

/// Parses the upload under its own name, as that tells format and instrument.
async fn parse(request: &ImportRequest) -> Result<Import, ImportError> {
    let (file, filename) = (request.file.clone(), request.filename.clone());
    let mapping = ColumnMapping(request.mapping.clone());
    let parsed = tokio::task::spawn_blocking(move || {
        // A fresh id: the upload itself may have any name.
        let folder = file.with_file_name(format!(".import-{}", DatasetVersionId::new().as_uuid()));
        let named = folder.join(&filename);
        std::fs::create_dir(&folder)
            .and_then(|()| std::fs::hard_link(&file, &named))
            .map_err(|source| DatasetError::Read { file: named.clone(), source })?;
        let options = ImportOptions { columns: mapping, ..ImportOptions::default() };
        let import = import_files(&[named], &options);
        // What cannot be removed now goes with the scratch folder at the next start.
        let _ = std::fs::remove_dir_all(&folder);
        import
    });
    parsed.await.map_err(|error| internal_error(error.into()))?.map_err(refused)
}

fn refused(error: DatasetError) -> ImportError {
    if error.is_data_fault() {
        return ImportError::Refused { code: error.code().to_owned(), message: error.to_string() };
    }
    internal_error(error.into())
}

fn internal(error: StoreError) -> ImportError {
    internal_error(error.into())
}

const fn internal_error(source: Box<dyn std::error::Error + Send + Sync>) -> ImportError {
    ImportError::Internal(source)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use alphafleet_domain::{AuditRecord, SystemClock, UserId};

    use super::*;

    #[tokio::test]
    async fn an_upload_may_have_any_name() {
        for filename in ["bars.csv", "bars.import", ".import", "import", "bars"] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join(filename);
            std::fs::write(&file, "date,open,high,low,close\n2024-01-02,1,2,1,1.5\n").unwrap();
            let audit = AuditRecord {
                at: SystemClock.now(),
                user: None,
                action: "dataset.import".to_owned(),
                target: "dataset/bars".to_owned(),
                source: None,
                details: serde_json::Value::Null,
            };
            let request = ImportRequest {
                owner: UserId::new(),
                dataset_name: "bars".to_owned(),
                filename: filename.to_owned(),
                mapping: [].into(),
                file: file.clone(),
                audit,
            };
            let import = parse(&request).await.map_err(|error| error.to_string()).expect(filename);
            assert_eq!(import.sources[0].name, filename);
            let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
            assert_eq!(left.len(), 1, "{filename}: {left:?}");
        }
    }
}
