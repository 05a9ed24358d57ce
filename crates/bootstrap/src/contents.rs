use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use alphafleet_datasets::{DatasetError, load_manifest, version_instruments};
use alphafleet_domain::ports::{ArtifactKey, ArtifactKeyError, ArtifactStore};
use alphafleet_domain::{DatasetVersion, DatasetVersionId};
use alphafleet_gateway::{ContentReadError, ContentReader, VersionContents};
use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// Versions whose contents are kept in memory. They never change.
const KEPT: usize = 64;

/// Reads what dataset versions have from object storage.
pub(crate) struct StoredContents {
    artifacts: Arc<dyn ArtifactStore>,
    /// A version's files are held in memory while they are read: one at a time.
    turn: Semaphore,
    /// The newest last.
    known: Mutex<VecDeque<(DatasetVersionId, Arc<VersionContents>)>>,
}

impl StoredContents {
    pub fn new(artifacts: Arc<dyn ArtifactStore>) -> Self {
        Self { artifacts, turn: Semaphore::new(1), known: Mutex::default() }
    }

    fn known(&self, id: DatasetVersionId) -> Option<Arc<VersionContents>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.iter().find(|(version, _)| *version == id);
        found.map(|(_, contents)| contents.clone())
    }

    fn keep(&self, id: DatasetVersionId, contents: &Arc<VersionContents>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() == KEPT {
            known.pop_front();
        }
        known.push_back((id, contents.clone()));
    }
}

#[async_trait]
impl ContentReader for StoredContents {
    async fn contents(
        &self,
        version: &DatasetVersion,
    ) -> Result<Arc<VersionContents>, ContentReadError> {
        if let Some(contents) = self.known(version.id) {
            return Ok(contents);
        }
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| ContentReadError(error);
        let _turn = self.turn.acquire().await.map_err(|closed| failed(closed.into()))?;
        if let Some(contents) = self.known(version.id) {
            return Ok(contents);
        }
        let key: ArtifactKey =
            version.manifest_key.parse().map_err(|error: ArtifactKeyError| failed(error.into()))?;
        let (artifacts, sha256) = (self.artifacts.clone(), version.manifest_sha256.clone());
        // Decoding takes its time, and may not hold up a thread that serves others.
        let runtime = Handle::current();
        let read =
            tokio::task::spawn_blocking(move || runtime.block_on(read(&*artifacts, &key, &sha256)));
        let read = read.await.map_err(|error| failed(error.into()))?;
        let contents = Arc::new(read.map_err(|error| failed(error.into()))?);
        self.keep(version.id, &contents);
        Ok(contents)
    }
}

async fn read(
    artifacts: &dyn ArtifactStore,
    key: &ArtifactKey,
    sha256: &str,
) -> Result<VersionContents, DatasetError> {
    let manifest = load_manifest(artifacts, key, sha256).await?;
    let instruments = version_instruments(artifacts, &manifest).await?;
    Ok(VersionContents { instruments, columns: manifest.columns })
}
