use std::collections::HashSet;
use std::sync::Arc;

use alphafleet_datasets::{
    ArtifactKey, ColumnMapping, DatasetError, Import, ImportOptions, Manifest,
    ManifestAnnouncements, NewAnnouncements, NewVersion, StoredVersion, import_files,
    load_manifest, store_announcements, store_version,
};
use alphafleet_domain::ports::{
    ArtifactStore, DatasetStore, Follows, NewDatasetVersion, StoreError,
};
use alphafleet_domain::{
    AuditRecord, Clock, Dataset, DatasetId, DatasetVersion, DatasetVersionId, Instant, UserId,
    VersionAnnouncements,
};
use alphafleet_gateway::{AnnounceRequest, ImportError, ImportRequest, Importer};
use alphafleet_jobs::DataSync;
use async_trait::async_trait;
use tokio::sync::Semaphore;

/// How often a version is made anew because another one of its dataset was added meanwhile.
const ATTEMPTS: usize = 5;

/// Imports uploads into object storage and the catalogue.
pub(crate) struct DatasetImporter {
    datasets: Arc<dyn DatasetStore>,
    sync: DataSync,
    artifacts: Arc<dyn ArtifactStore>,
    clock: Arc<dyn Clock>,
    /// A parsed market is held in memory: one import at a time.
    turn: Semaphore,
}

/// What was brought for a dataset. The other part of the next version is that of the one before.
enum Brought {
    Bars(Import),
    Announcements(NewAnnouncements),
}

/// For which dataset, and by whom.
struct Target {
    owner: UserId,
    dataset_name: String,
    audit: AuditRecord,
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

    /// Adds the next version. Where another gateway was faster, it is made anew of that one's.
    async fn add(
        &self,
        target: Target,
        brought: &Brought,
    ) -> Result<(Dataset, DatasetVersion), ImportError> {
        for _ in 0..ATTEMPTS {
            let newest = self.newest(&target).await?;
            let dataset = newest.as_ref().map_or_else(DatasetId::new, |newest| newest.dataset);
            let (stored, created_at) = self.store(&target, dataset, newest, brought).await?;
            let new = NewDatasetVersion {
                owner: target.owner,
                dataset_name: target.dataset_name.clone(),
                dataset,
                version: version(stored, created_at)?,
                follows: Follows::ItsParent,
            };
            match self.sync.complete(new, target.audit.clone()).await {
                Ok(synced) => return Ok((synced.dataset, synced.version)),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(internal(error)),
            }
        }
        Err(ImportError::Outrun)
    }

    /// The version that none follows yet; none of a dataset that is still to be made.
    async fn newest(&self, target: &Target) -> Result<Option<DatasetVersion>, ImportError> {
        let known = self.datasets.dataset_named(target.owner, &target.dataset_name).await;
        let Some(dataset) = known.map_err(internal)? else { return Ok(None) };
        let versions = self.datasets.versions(dataset.id).await.map_err(internal)?;
        // Times are those of several gateways' clocks.
        let followed: HashSet<_> = versions.iter().filter_map(|version| version.parent).collect();
        Ok(versions.into_iter().find(|version| !followed.contains(&version.id)))
    }

    async fn store(
        &self,
        target: &Target,
        dataset: DatasetId,
        newest: Option<DatasetVersion>,
        brought: &Brought,
    ) -> Result<(StoredVersion, Instant), ImportError> {
        let created_at = self.clock.now();
        let new = NewVersion {
            dataset_id: dataset.as_uuid(),
            version_id: DatasetVersionId::new().as_uuid(),
            dataset_name: target.dataset_name.clone(),
            parent: newest.as_ref().map(|newest| newest.id.as_uuid()),
            created_at,
        };
        let artifacts = &*self.artifacts;
        let stored = match brought {
            Brought::Bars(import) => {
                let carried = self.announcements(newest).await?;
                store_version(artifacts, &new, import, carried).await
            }
            Brought::Announcements(given) => {
                let newest = newest.ok_or(ImportError::UnknownDataset)?;
                store_announcements(artifacts, &new, &self.manifest(&newest).await?, given).await
            }
        };
        Ok((stored.map_err(refused)?, created_at))
    }

    /// What a version has of announcements.
    async fn announcements(
        &self,
        version: Option<DatasetVersion>,
    ) -> Result<Option<ManifestAnnouncements>, ImportError> {
        match version.filter(|version| version.announcements.is_some()) {
            Some(version) => Ok(self.manifest(&version).await?.announcements),
            None => Ok(None),
        }
    }

    async fn manifest(&self, version: &DatasetVersion) -> Result<Manifest, ImportError> {
        let read = async {
            let key: ArtifactKey = version.manifest_key.parse()?;
            load_manifest(&*self.artifacts, &key, &version.manifest_sha256).await
        };
        // A manifest of ours is never the caller's mistake.
        read.await.map_err(|error: DatasetError| internal_error(error.into()))
    }
}

/// A stored version as the catalogue has it.
fn version(stored: StoredVersion, created_at: Instant) -> Result<DatasetVersion, ImportError> {
    let StoredVersion { manifest_key, manifest_sha256, manifest } = stored;
    let findings = serde_json::to_value(&manifest.findings);
    Ok(DatasetVersion {
        id: DatasetVersionId::from_uuid(manifest.version_id),
        dataset: DatasetId::from_uuid(manifest.dataset_id),
        parent: manifest.parent.map(DatasetVersionId::from_uuid),
        manifest_key: manifest_key.to_string(),
        manifest_sha256,
        rows: manifest.rows,
        instruments: manifest.instruments,
        start: manifest.start,
        end: manifest.end,
        findings: findings.map_err(|error| internal_error(error.into()))?,
        announcements: manifest.announcements.map(announced),
        created_at,
    })
}

fn announced(announcements: ManifestAnnouncements) -> VersionAnnouncements {
    let ManifestAnnouncements { file, fields, instruments, start, end, source: _ } = announcements;
    VersionAnnouncements { fields, rows: file.rows, instruments, start, end, sha256: file.sha256 }
}

#[async_trait]
impl Importer for DatasetImporter {
    async fn import(
        &self,
        request: ImportRequest,
    ) -> Result<(Dataset, DatasetVersion), ImportError> {
        let _turn = self.turn.acquire().await.map_err(|closed| internal_error(closed.into()))?;
        let import = parse(&request).await?;
        let ImportRequest { owner, dataset_name, audit, .. } = request;
        self.add(Target { owner, dataset_name, audit }, &Brought::Bars(import)).await
    }

    async fn announce(
        &self,
        request: AnnounceRequest,
    ) -> Result<(Dataset, DatasetVersion), ImportError> {
        let AnnounceRequest { owner, dataset_name, file, audit } = request;
        let target = Target { owner, dataset_name, audit };
        if self.newest(&target).await?.is_none() {
            return Err(ImportError::UnknownDataset);
        }
        let _turn = self.turn.acquire().await.map_err(|closed| internal_error(closed.into()))?;
        let read = tokio::task::spawn_blocking(move || NewAnnouncements::read(&file)).await;
        let given = read.map_err(|error| internal_error(error.into()))?.map_err(refused)?;
        self.add(target, &Brought::Announcements(given)).await
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
