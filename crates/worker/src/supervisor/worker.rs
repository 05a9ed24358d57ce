use std::io;
use std::sync::Arc;

use alphafleet_domain::ports::{
    ArtifactStore, Broker, EventBus, JobStore, StoreError, WorkerRecord,
};
use alphafleet_domain::{Clock, Queue, SystemClock, WorkerId};
use alphafleet_jobs::{Announcer, Expirer};
use thiserror::Error;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::held::Held;
use super::prepare::{NoInputs, Prepare};
use super::scratch::Scratch;
use super::standing::{BackOff, Standing};
use super::{Shared, WorkerConfig, WorkerStats, beats, slot};
use crate::process::Pool;

/// What a worker works with.
#[derive(Clone)]
pub struct WorkerPorts {
    pub store: Arc<dyn JobStore>,
    pub broker: Arc<dyn Broker>,
    pub events: Arc<dyn EventBus>,
    pub artifacts: Arc<dyn ArtifactStore>,
    pub announcer: Announcer,
    pub prepare: Arc<dyn Prepare>,
    /// Woken by a redelivered ticket, as its consumer may have died.
    pub expirer: Option<Arc<Expirer>>,
    pub clock: Arc<dyn Clock>,
}

impl WorkerPorts {
    /// Without inputs and expirer, on this machine's clock.
    pub fn new(
        store: Arc<dyn JobStore>,
        broker: Arc<dyn Broker>,
        events: Arc<dyn EventBus>,
        artifacts: Arc<dyn ArtifactStore>,
        announcer: Announcer,
    ) -> Self {
        let (prepare, clock) = (Arc::new(NoInputs), Arc::new(SystemClock));
        Self { store, broker, events, artifacts, announcer, prepare, expirer: None, clock }
    }
}

#[derive(Debug, Error)]
pub enum WorkerError {
    #[error("the worker has no slots")]
    NoSlots,
    #[error("the scratch folder cannot be used")]
    Scratch(#[source] io::Error),
    #[error("the thread that starts children cannot be started")]
    Spawner(#[source] io::Error),
    #[error("the worker cannot register")]
    Register(#[source] StoreError),
}

/// Runs jobs of its queues, each in a child process, until it is told to stop.
pub struct Worker {
    id: WorkerId,
    config: WorkerConfig,
    ports: WorkerPorts,
    stats: Arc<WorkerStats>,
}

impl Worker {
    /// A worker with an id of its own.
    pub fn new(config: WorkerConfig, ports: WorkerPorts) -> Self {
        Self { id: WorkerId::new(), config, ports, stats: Arc::default() }
    }

    pub const fn id(&self) -> WorkerId {
        self.id
    }

    pub fn stats(&self) -> Arc<WorkerStats> {
        Arc::clone(&self.stats)
    }

    /// Works until `shutdown`; then claims nothing more, lets running jobs write a checkpoint,
    /// gives them back and ends its children.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), WorkerError> {
        if self.config.slots() == 0 {
            return Err(WorkerError::NoSlots);
        }
        let shared = self.share()?;
        if !register(&shared, &shutdown).await? {
            return Ok(());
        }
        info!(worker = %shared.id, slots = shared.config.slots(), "the worker is ready");
        let stop_beats = CancellationToken::new();
        let beats = tokio::spawn({
            let (shared, stop) = (Arc::clone(&shared), stop_beats.clone());
            async move { beats::run(&shared, stop).await }
        });
        work(&shared, &shutdown).await;
        stop_beats.cancel();
        if let Err(error) = beats.await {
            error!(%error, "the beats ended badly");
        }
        deregister(&shared).await;
        shared.pool.close().await;
        info!(worker = %shared.id, "the worker stopped");
        Ok(())
    }

    fn share(self) -> Result<Arc<Shared>, WorkerError> {
        let Self { id, config, ports, stats } = self;
        let scratch = Scratch::open(&config.scratch, id).map_err(WorkerError::Scratch)?;
        let pool = Pool::new(&config, scratch.folder(), Arc::clone(&stats))
            .map_err(WorkerError::Spawner)?;
        let standing = Standing::new(config.window);
        let (held, pool) = (Held::default(), Arc::new(pool));
        Ok(Arc::new(Shared { id, config, ports, stats, held, standing, scratch, pool }))
    }
}

/// Retries while the database is away; `false` when the shutdown comes first.
async fn register(shared: &Shared, shutdown: &CancellationToken) -> Result<bool, WorkerError> {
    let record = WorkerRecord {
        id: shared.id,
        host: shared.config.host.clone(),
        pid: std::process::id(),
        version: shared.config.version.clone(),
        queues: shared.config.queues.iter().map(|queue| queue.queue.clone()).collect(),
        slots: shared.config.slots(),
    };
    let mut back_off = BackOff::default();
    loop {
        let sent = Instant::now();
        match shared.ports.store.register_worker(&record).await {
            Ok(()) => {
                shared.standing.beaten(sent);
                return Ok(true);
            }
            Err(error) if !error.is_retryable() => return Err(WorkerError::Register(error)),
            Err(error) => warn!(%error, "the worker cannot register yet"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(false),
            () = back_off.wait() => {}
        }
    }
}

async fn work(shared: &Arc<Shared>, shutdown: &CancellationToken) {
    let mut slots = JoinSet::new();
    for queue in &shared.config.queues {
        for _ in 0..queue.slots {
            start_slot(&mut slots, shared, queue.queue.clone(), shutdown);
        }
    }
    let drained = async {
        shutdown.cancelled().await;
        shared.held.drain();
        tokio::time::sleep(shared.config.grace.shutdown).await;
    };
    tokio::pin!(drained);
    loop {
        tokio::select! {
            () = &mut drained => {
                warn!("the worker stops although not everything is settled");
                slots.shutdown().await;
                return;
            }
            ended = slots.join_next() => match ended {
                None => return,
                Some(Ok(_)) => {}
                Some(Err(error)) => error!(%error, "a slot ended badly"),
            }
        }
    }
}

/// A slot that panics is started again: its attempt is lost, the slot is not.
fn start_slot(
    slots: &mut JoinSet<()>,
    shared: &Arc<Shared>,
    queue: Queue,
    shutdown: &CancellationToken,
) {
    let (shared, shutdown) = (Arc::clone(shared), shutdown.clone());
    slots.spawn(async move {
        loop {
            let mut task = JoinSet::new();
            task.spawn(slot::run(Arc::clone(&shared), queue.clone(), shutdown.clone()));
            match task.join_next().await {
                Some(Err(error)) => error!(%error, %queue, "a slot failed and starts again"),
                Some(Ok(())) | None => return,
            }
        }
    });
}

async fn deregister(shared: &Shared) {
    if !shared.held.is_empty() {
        return;
    }
    let patience = Duration::from_secs(2);
    match timeout(patience, shared.ports.store.deregister_worker(shared.id)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(%error, "the worker stays registered until it is swept"),
        Err(_) => warn!("the worker stays registered until it is swept"),
    }
}
