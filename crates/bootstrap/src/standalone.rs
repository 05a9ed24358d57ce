use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::job::Queue;
use alphafleet_domain::ports::{JobStore, UserStore};
use alphafleet_domain::{Clock, SystemClock};
use alphafleet_events::MemoryEventBus;
use alphafleet_gateway::{Gateway, GatewayError, Parts, Sample, Server, ServerConfig};
use alphafleet_jobs::{
    Announcer, Cancel, DispatchSettings, Dispatcher, ExpireSettings, Expirer, OutboxRelay,
    OutboxSettings, Submit,
};
use alphafleet_worker::{
    ChildCommand, DatasetInputs, Worker, WorkerConfig, WorkerError, WorkerPorts, WorkerStats,
};
use secrecy::SecretString;
use thiserror::Error;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::backends::{Backends, StartError, make_folder};
use crate::importer::DatasetImporter;
use crate::keys::secret_file;
use crate::settings::Settings;

/// The embedded fleet: gateway, worker, dispatcher, relay and expirer in this process.
pub struct Standalone {
    address: SocketAddr,
    setup_token: Option<SetupToken>,
    shutdown: CancellationToken,
    tasks: JoinSet<Result<(), StandaloneError>>,
}

/// What creates the first administrator, and the file it is kept in.
#[derive(Clone)]
struct SetupToken {
    secret: SecretString,
    file: PathBuf,
}

#[derive(Debug, Error)]
pub enum StandaloneError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the key {} cannot be used", file.display())]
    Key { file: PathBuf, source: io::Error },
    #[error("{address} cannot be listened on")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("the users cannot be read")]
    Users(#[from] alphafleet_domain::ports::StoreError),
    #[error("the gateway cannot start")]
    Gateway(#[from] GatewayError),
    #[error("the gateway stopped")]
    Serve(#[source] io::Error),
    #[error("the worker stopped")]
    Worker(#[from] WorkerError),
    #[error("this program's own file is not found")]
    Program(#[source] io::Error),
    #[error("a part of the fleet ended badly")]
    Panicked(#[from] tokio::task::JoinError),
}

impl Standalone {
    /// Starts everything; answers when requests are served. Children run this same program with
    /// the argument `child`.
    pub async fn start(settings: &Settings) -> Result<Self, StandaloneError> {
        let backends = Backends::open(settings).await?;
        let scratch = settings.data_dir.join("scratch");
        make_folder(&scratch)?;
        let setup_token = setup_token(settings, &backends).await?;
        let fleet = Fleet::new(settings, &backends);
        let worker = fleet.worker(settings, &backends, scratch.join("jobs"))?;
        let uploads = scratch.join("uploads");
        fresh_folder(&uploads)?;
        let gateway = fleet.gateway(settings, &backends, uploads, setup_token.clone(), &worker)?;
        let mut config = ServerConfig::new(settings.server.listen);
        config.drain = settings.server.shutdown_grace;
        let listen = |source| StandaloneError::Listen { address: settings.server.listen, source };
        let server = Server::bind(Arc::new(gateway), config).map_err(listen)?;
        let address = server.address().map_err(listen)?;
        let shutdown = CancellationToken::new();
        let tasks = fleet.spawn(server, worker, backends.events, &shutdown);
        info!(%address, "ready");
        Ok(Self { address, setup_token, shutdown, tasks })
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// While there is no user yet: what creates the first one, and where it is written.
    pub fn setup_token(&self) -> Option<(&SecretString, &std::path::Path)> {
        self.setup_token.as_ref().map(|token| (&token.secret, token.file.as_path()))
    }

    /// Ends the fleet when cancelled.
    pub fn shutdown_token(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Waits for the end. When one part fails the others are shut down.
    pub async fn wait(mut self) -> Result<(), StandaloneError> {
        let mut ended = Ok(());
        while let Some(task) = self.tasks.join_next().await {
            let task = task.map_err(StandaloneError::from).and_then(|ended| ended);
            if task.is_err() {
                self.shutdown.cancel();
                ended = ended.and(task);
            }
        }
        info!("stopped");
        ended
    }
}

/// The use cases around one set of adapters.
struct Fleet {
    clock: Arc<dyn Clock>,
    relay: Arc<OutboxRelay>,
    dispatcher: Dispatcher,
    announcer: Announcer,
    expirer: Arc<Expirer>,
}

impl Fleet {
    fn new(settings: &Settings, backends: &Backends) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store: Arc<dyn JobStore> = Arc::new(backends.store.clone());
        let events = backends.events.clone();
        let relay = Arc::new(OutboxRelay::new(store.clone(), events, OutboxSettings::default()));
        let broker = backends.broker.clone();
        let dispatcher =
            Dispatcher::new(store.clone(), broker.clone(), DispatchSettings::default());
        let announcer = Announcer::new(broker, relay.clone());
        let expire = ExpireSettings { window: settings.worker.window, ..ExpireSettings::default() };
        let expirer = Arc::new(Expirer::new(store, announcer.clone(), clock.clone(), expire));
        Self { clock, relay, dispatcher, announcer, expirer }
    }

    fn worker(
        &self,
        settings: &Settings,
        backends: &Backends,
        scratch: PathBuf,
    ) -> Result<Worker, StandaloneError> {
        let program = std::env::current_exe().map_err(StandaloneError::Program)?;
        let child = ChildCommand::new(program, &["child"]);
        let storage = settings.storage().as_str().to_owned();
        let worker = &settings.worker;
        let mut config = WorkerConfig::new(child, scratch, storage)
            .with_queue(Queue::training(), worker.training_slots)
            .with_queue(Queue::default_queue(), worker.default_slots);
        config.beat = worker.beat;
        config.window = worker.window;
        config.grace.drain = worker.stop_grace;
        config.grace.cancel = worker.stop_grace.min(config.grace.cancel);
        config.threads = threads_per_job(worker.threads_per_job, worker.training_slots);
        config.memory_bytes =
            (worker.memory_mib_per_job > 0).then_some(worker.memory_mib_per_job << 20);
        let store = Arc::new(backends.store.clone());
        let ports = WorkerPorts {
            store: store.clone(),
            broker: backends.broker.clone(),
            events: backends.events.clone(),
            artifacts: backends.artifacts.clone(),
            announcer: self.announcer.clone(),
            prepare: Arc::new(DatasetInputs(store)),
            expirer: Some(self.expirer.clone()),
            clock: self.clock.clone(),
        };
        Ok(Worker::new(config, ports))
    }

    fn gateway(
        &self,
        settings: &Settings,
        backends: &Backends,
        uploads: PathBuf,
        setup_token: Option<SetupToken>,
        worker: &Worker,
    ) -> Result<Gateway, StandaloneError> {
        let store = Arc::new(backends.store.clone());
        let importer =
            DatasetImporter::new(store.clone(), backends.artifacts.clone(), self.clock.clone());
        let parts = Parts {
            jobs: store.clone(),
            users: store.clone(),
            strategies: store.clone(),
            experiments: store.clone(),
            datasets: store.clone(),
            models: store.clone(),
            audit: store.clone(),
            broker: backends.broker.clone(),
            events: backends.events.clone(),
            artifacts: backends.artifacts.clone(),
            importer: Arc::new(importer),
            submit: Submit::new(store.clone(), self.announcer.clone()),
            cancel: Cancel::new(store, self.announcer.clone()),
            clock: self.clock.clone(),
        };
        let secret = key(settings, "jwt.key")?;
        let mut wanted = alphafleet_gateway::Settings::new(secret, uploads);
        wanted.token_ttl = settings.server.token_ttl;
        wanted.setup_token = setup_token.map(|token| token.secret);
        wanted.metrics_token = Some(key(settings, "metrics-token")?);
        wanted.upload_limit_bytes = settings.server.max_upload_mib << 20;
        wanted.sockets.heartbeat = settings.server.heartbeat;
        wanted.backends.database = backends.store.backend().to_owned();
        let stats = worker.stats();
        Ok(Gateway::new(parts, wanted)?.with_samples(move || worker_samples(&stats)))
    }

    fn spawn(
        self,
        server: Server,
        worker: Worker,
        events: Arc<MemoryEventBus>,
        shutdown: &CancellationToken,
    ) -> JoinSet<Result<(), StandaloneError>> {
        let Self { clock, relay, dispatcher, expirer, .. } = self;
        let mut tasks = JoinSet::new();
        let token = shutdown.clone();
        tasks.spawn(async move { server.run(token).await.map_err(StandaloneError::Serve) });
        // What the worker settles while it drains is still to be relayed.
        let settled = CancellationToken::new();
        let (token, drained) = (shutdown.clone(), settled.clone().drop_guard());
        tasks.spawn(async move {
            let _drained = drained;
            Ok(worker.run(token).await?)
        });
        tasks.spawn(endless(async move { relay.run(settled).await }));
        let token = shutdown.clone();
        tasks.spawn(endless(async move { dispatcher.run(token).await }));
        let token = shutdown.clone();
        tasks.spawn(endless(async move { expirer.run(token).await }));
        let token = shutdown.clone();
        tasks.spawn(endless(async move { sweep(&events, &*clock, token).await }));
        tasks
    }
}

/// A loop that ends with its token and cannot fail.
async fn endless(work: impl Future<Output = ()>) -> Result<(), StandaloneError> {
    work.await;
    Ok(())
}

/// Forgets the streams of sessions that ended a while ago.
async fn sweep(events: &MemoryEventBus, clock: &dyn Clock, shutdown: CancellationToken) {
    let mut interval = tokio::time::interval(Duration::from_secs(60));
    while shutdown.run_until_cancelled(interval.tick()).await.is_some() {
        events.sweep(clock.now());
    }
}

/// An even share of the cores among the training slots, unless the operator chose.
fn threads_per_job(chosen: u32, slots: u32) -> usize {
    if chosen > 0 {
        return chosen as usize;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores / slots.max(1) as usize).max(1)
}

fn worker_samples(stats: &WorkerStats) -> Vec<Sample> {
    let sample = |(name, value): (&'static str, u64)| {
        let (metric, help) = ("alphafleet_worker_events_total", "What the worker has counted.");
        Sample::counter(metric, help, value as f64).with("event", name)
    };
    stats.snapshot().into_iter().map(sample).collect()
}

fn key(settings: &Settings, name: &str) -> Result<SecretString, StandaloneError> {
    let file = settings.data_dir.join(name);
    secret_file(&file).map_err(|source| StandaloneError::Key { file, source })
}

/// A token while there is no user; afterwards its file goes.
async fn setup_token(
    settings: &Settings,
    backends: &Backends,
) -> Result<Option<SetupToken>, StandaloneError> {
    let file = settings.data_dir.join("setup-token");
    if backends.store.users().await?.is_empty() {
        let secret = key(settings, "setup-token")?;
        return Ok(Some(SetupToken { secret, file }));
    }
    match std::fs::remove_file(&file) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(StandaloneError::Key { file, source })
        }
        _ => Ok(None),
    }
}

/// Uploads that an earlier process left half done are of no use to anyone.
fn fresh_folder(folder: &std::path::Path) -> Result<(), StartError> {
    match std::fs::remove_dir_all(folder) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(StartError::Folder { folder: folder.to_owned(), source })
        }
        _ => make_folder(folder),
    }
}
