use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::job::Queue;
use alphafleet_domain::ports::JobStore;
use alphafleet_domain::{Clock, SystemClock};
use alphafleet_events::MemoryEventBus;
use alphafleet_gateway::{Gateway, Parts, Sample, Server};
use alphafleet_jobs::{
    Announcer, Cancel, DispatchSettings, Dispatcher, ExpireSettings, Expirer, OutboxRelay,
    OutboxSettings, Submit,
};
use alphafleet_worker::{
    ChildCommand, DatasetInputs, Worker, WorkerConfig, WorkerPorts, WorkerStats,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::backends::Backends;
use crate::importer::DatasetImporter;
use crate::keys::Keys;
use crate::settings::Settings;
use crate::standalone::StandaloneError;

/// From the end of a stopped job's process to its settled outcome.
const SETTLING: Duration = Duration::from_secs(20);

/// The use cases around one set of adapters.
pub(crate) struct Fleet {
    clock: Arc<dyn Clock>,
    relay: Arc<OutboxRelay>,
    dispatcher: Dispatcher,
    announcer: Announcer,
    expirer: Arc<Expirer>,
}

impl Fleet {
    pub fn new(settings: &Settings, backends: &Backends) -> Self {
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

    pub fn worker(
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
        // A job that uses up its graces is still to be given back, with its checkpoint stored.
        let last_job = config.grace.drain.saturating_add(config.grace.terminate);
        config.grace.shutdown = config.grace.shutdown.max(last_job.saturating_add(SETTLING));
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

    pub fn gateway(
        &self,
        settings: &Settings,
        backends: &Backends,
        uploads: PathBuf,
        keys: Keys,
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
        let mut wanted = alphafleet_gateway::Settings::new(keys.jwt, uploads);
        wanted.token_ttl = settings.server.token_ttl;
        wanted.setup_token = keys.setup.map(|setup| setup.secret);
        wanted.metrics_token = Some(keys.metrics);
        wanted.upload_limit_bytes = settings.server.max_upload_mib << 20;
        wanted.sockets.heartbeat = settings.server.heartbeat;
        wanted.backends.database = backends.store.backend().to_owned();
        let stats = worker.stats();
        Ok(Gateway::new(parts, wanted)?.with_samples(move || worker_samples(&stats)))
    }

    pub fn spawn(
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
