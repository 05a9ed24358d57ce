use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use alphafleet_datasets::version_instruments;
use alphafleet_domain::ports::{ArtifactKey, ArtifactKeyError, ArtifactStore};
use alphafleet_domain::{DatasetVersion, DatasetVersionId};
use alphafleet_gateway::{InstrumentReadError, InstrumentReader};
use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// Versions whose instruments are kept in memory. They never change.
const KEPT: usize = 64;

/// Reads the instruments of dataset versions from object storage.
pub(crate) struct StoredInstruments {
    artifacts: Arc<dyn ArtifactStore>,
    /// A version's files are held in memory while they are read: one at a time.
    turn: Semaphore,
    /// The newest last.
    known: Mutex<VecDeque<(DatasetVersionId, Arc<[String]>)>>,
}

impl StoredInstruments {
    pub fn new(artifacts: Arc<dyn ArtifactStore>) -> Self {
        Self { artifacts, turn: Semaphore::new(1), known: Mutex::default() }
    }

    fn known(&self, id: DatasetVersionId) -> Option<Arc<[String]>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.iter().find(|(version, _)| *version == id);
        found.map(|(_, instruments)| instruments.clone())
    }

    fn keep(&self, id: DatasetVersionId, instruments: &Arc<[String]>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() == KEPT {
            known.pop_front();
        }
        known.push_back((id, instruments.clone()));
    }
}

#[async_trait]
impl InstrumentReader for StoredInstruments {
    async fn instruments(
        &self,
        version: &DatasetVersion,
    ) -> Result<Arc<[String]>, InstrumentReadError> {
        if let Some(instruments) = self.known(version.id) {
            return Ok(instruments);
        }
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| InstrumentReadError(error);
        let _turn = self.turn.acquire().await.map_err(|closed| failed(closed.into()))?;
        if let Some(instruments) = self.known(version.id) {
            return Ok(instruments);
        }
        let key: ArtifactKey =
            version.manifest_key.parse().map_err(|error: ArtifactKeyError| failed(error.into()))?;
        let (artifacts, sha256) = (self.artifacts.clone(), version.manifest_sha256.clone());
        // Decoding takes its time, and may not hold up a thread that serves others.
        let runtime = Handle::current();
        let read = tokio::task::spawn_blocking(move || {
            runtime.block_on(version_instruments(&*artifacts, &key, &sha256))
        });
        let read = read.await.map_err(|error| failed(error.into()))?;
        let instruments: Arc<[String]> = read.map_err(|error| failed(error.into()))?.into();
        self.keep(version.id, &instruments);
        Ok(instruments)
    }
}
