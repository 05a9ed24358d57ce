use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alphafleet_artifacts::open_store;
use alphafleet_broker::{MemoryBroker, QueueType, RabbitBroker, RabbitSettings};
use alphafleet_domain::ports::{ArtifactStore, Broker, BrokerError, EventBus};
use alphafleet_domain::{Clock, Queue, SystemClock};
use alphafleet_events::{MemoryEventBus, RedisEventBus, RedisSettings, StreamLimits};
use alphafleet_store::{Store, StoreOptions};
use thiserror::Error;

use crate::settings::{QueueKind, Settings};
use crate::url::Backend;

/// The adapters that the settings choose, opened.
#[derive(Clone)]
pub(crate) struct Backends {
    pub store: Store,
    pub broker: Arc<dyn Broker>,
    pub events: Arc<dyn EventBus>,
    pub artifacts: Arc<dyn ArtifactStore>,
    /// The bus within this process, if that is what the settings choose: it has to be swept.
    pub memory_events: Option<Arc<MemoryEventBus>>,
}

/// Why nothing can be started.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("the folder {} cannot be used", folder.display())]
    Folder { folder: PathBuf, source: io::Error },
    #[error("tls.ca_file: {} cannot be read", file.display())]
    Authority { file: PathBuf, source: io::Error },
    #[error("the database cannot be used")]
    Database(#[from] alphafleet_store::OpenError),
    #[error("the broker cannot be used")]
    Broker(#[from] BrokerError),
    #[error("broker_url cannot be used")]
    BrokerUrl(#[from] alphafleet_broker::SettingsError),
    #[error("events_url cannot be used")]
    EventsUrl(#[from] alphafleet_events::SettingsError),
    #[error("the storage cannot be used")]
    Storage(#[from] alphafleet_artifacts::OpenError),
}

impl Backends {
    /// Opens everything in a database that has this build's schema.
    pub async fn open(settings: &Settings) -> Result<Self, StartError> {
        let store = open_database(settings).await?;
        store.check_schema().await?;
        let artifacts = open_store(settings.storage_backend().as_str())?;
        let (events, memory_events) = open_events(settings)?;
        let broker = open_broker(settings)?;
        Ok(Self { store, broker, events, artifacts: Arc::new(artifacts), memory_events })
    }

    /// Opens everything, and first brings the database to this build's schema and the broker to
    /// its topology.
    pub async fn prepare(settings: &Settings) -> Result<Self, StartError> {
        migrate(settings).await?;
        Self::open(settings).await
    }
}

/// Applies the migrations that are missing and names them; declares the broker's queues.
pub async fn migrate(settings: &Settings) -> Result<Vec<String>, StartError> {
    let applied = open_database(settings).await?.migrate().await?;
    if settings.broker_url.backend() == Some(Backend::RabbitMq) {
        let broker = rabbit(settings)?;
        let declared = broker.declare_topology(&queues(settings)).await;
        broker.close().await;
        declared?;
    }
    Ok(applied)
}

/// Takes the newest migration back and names it; of none, nothing.
pub async fn revert_last_migration(settings: &Settings) -> Result<Vec<String>, StartError> {
    Ok(open_database(settings).await?.revert_last_migration().await?.into_iter().collect())
}

async fn open_database(settings: &Settings) -> Result<Store, StartError> {
    make_folder(&settings.data_dir)?;
    let options = StoreOptions {
        max_connections: settings.database.max_connections as usize,
        checkout_timeout: settings.database.checkout_timeout,
        statement_timeout: settings.database.statement_timeout,
        pgbouncer: settings.database.pgbouncer,
        ca_pem: authority(settings)?,
    };
    Ok(Store::open_with(settings.database_backend().as_str(), options).await?)
}

fn open_broker(settings: &Settings) -> Result<Arc<dyn Broker>, StartError> {
    Ok(match settings.broker_url.backend() {
        Some(Backend::RabbitMq) => Arc::new(rabbit(settings)?),
        _ => Arc::new(MemoryBroker::default()),
    })
}

fn rabbit(settings: &Settings) -> Result<RabbitBroker, StartError> {
    let mut wanted = RabbitSettings::new(settings.broker_url.as_str());
    wanted.namespace.clone_from(&settings.broker.namespace);
    wanted.queue_type = match settings.broker.queue_type {
        QueueKind::Classic => QueueType::Classic,
        QueueKind::Quorum => QueueType::Quorum,
    };
    wanted.ca_pem = authority(settings)?;
    Ok(RabbitBroker::new(wanted)?)
}

/// The usual queues and those of resource classes.
fn queues(settings: &Settings) -> Vec<Queue> {
    let mut queues = Queue::bases();
    queues.extend(settings.broker.resource_queues.iter().cloned());
    queues
}

type Events = (Arc<dyn EventBus>, Option<Arc<MemoryEventBus>>);

fn open_events(settings: &Settings) -> Result<Events, StartError> {
    if settings.events_url.backend() == Some(Backend::Redis) {
        let mut wanted = RedisSettings::new(settings.events_url.as_str());
        wanted.namespace.clone_from(&settings.events.namespace);
        wanted.ca_pem = authority(settings)?;
        return Ok((Arc::new(RedisEventBus::new(wanted)?), None));
    }
    let events = Arc::new(MemoryEventBus::new(StreamLimits::default(), SystemClock.now()));
    Ok((events.clone(), Some(events)))
}

/// The authority that signed the services' certificates, if one is named.
fn authority(settings: &Settings) -> Result<Option<Vec<u8>>, StartError> {
    let Some(file) = &settings.tls.ca_file else { return Ok(None) };
    match std::fs::read(file) {
        Ok(pem) => Ok(Some(pem)),
        Err(source) => Err(StartError::Authority { file: file.clone(), source }),
    }
}

/// Makes a folder that only its owner may enter.
pub(crate) fn make_folder(folder: &Path) -> Result<(), StartError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| StartError::Folder { folder: folder.to_owned(), source })
}
