use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use alphafleet_artifacts::open_store;
use alphafleet_broker::MemoryBroker;
use alphafleet_domain::ports::{ArtifactStore, Broker};
use alphafleet_domain::{Clock, SystemClock};
use alphafleet_events::{MemoryEventBus, StreamLimits};
use alphafleet_store::Store;
use thiserror::Error;

use crate::settings::Settings;

/// The adapters that the settings choose, opened.
pub(crate) struct Backends {
    pub store: Store,
    pub broker: Arc<dyn Broker>,
    pub events: Arc<MemoryEventBus>,
    pub artifacts: Arc<dyn ArtifactStore>,
}

/// Why nothing can be started.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("the folder {} cannot be used", folder.display())]
    Folder { folder: PathBuf, source: io::Error },
    #[error("the database cannot be used")]
    Database(#[from] alphafleet_store::OpenError),
    #[error("the storage cannot be used")]
    Storage(#[from] alphafleet_artifacts::OpenError),
}

impl Backends {
    /// Opens everything and brings the database to this build's schema.
    pub async fn open(settings: &Settings) -> Result<Self, StartError> {
        let store = open_database(settings).await?;
        store.migrate().await?;
        store.check_schema().await?;
        let artifacts = open_store(settings.storage().as_str())?;
        let events = MemoryEventBus::new(StreamLimits::default(), SystemClock.now());
        Ok(Self {
            store,
            broker: Arc::new(MemoryBroker::default()),
            events: Arc::new(events),
            artifacts: Arc::new(artifacts),
        })
    }
}

/// Applies the migrations that are missing and names them.
pub async fn migrate(settings: &Settings) -> Result<Vec<String>, StartError> {
    Ok(open_database(settings).await?.migrate().await?)
}

/// Takes the newest migration back and names it; of none, nothing.
pub async fn revert_last_migration(settings: &Settings) -> Result<Vec<String>, StartError> {
    Ok(open_database(settings).await?.revert_last_migration().await?.into_iter().collect())
}

async fn open_database(settings: &Settings) -> Result<Store, StartError> {
    make_folder(&settings.data_dir)?;
    Ok(Store::open(settings.database().as_str()).await?)
}

/// Makes a folder that only its owner may enter.
pub(crate) fn make_folder(folder: &std::path::Path) -> Result<(), StartError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| StartError::Folder { folder: folder.to_owned(), source })
}
