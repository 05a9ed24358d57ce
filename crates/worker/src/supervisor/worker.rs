use std::io;
use std::sync::Arc;

use alphafleet_domain::ports::{ArtifactStore, Broker, EventBus, JobStore, StoreError};
use alphafleet_domain::{Clock, SystemClock, WorkerId};
use alphafleet_jobs::{Announcer, Expirer};
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use super::held::Held;
use super::looks::Looks;
use super::prepare::{NoInputs, Prepare};
use super::scratch::Scratch;
use super::standing::{BackOff, Standing};
use super::{
    NEWS_UNDER_WAY, QueueSlots, Shared, WorkerConfig, WorkerStanding, WorkerStats, beats, slot,
};
use crate::process::{OutOfMemoryKills, Pool, ProcessTable};

/// How long the end of a worker waits for the world to be told.
const LAST_NEWS: Duration = Duration::from_secs(2);

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
    standing: WorkerStanding,
}

impl Worker {
    /// A worker with an id of its own.
    pub fn new(config: WorkerConfig, ports: WorkerPorts) -> Self {
        let standing = Arc::new(Standing::new(config.window));
        let standing = WorkerStanding { standing, held: Held::default() };
        Self { id: WorkerId::new(), config, ports, stats: Arc::default(), standing }
    }

    pub const fn id(&self) -> WorkerId {
        self.id
    }

    pub fn stats(&self) -> Arc<WorkerStats> {
        Arc::clone(&self.stats)
    }

    /// How it fares while it runs.
    pub fn standing(&self) -> WorkerStanding {
        self.standing.clone()
    }

    /// Works until `shutdown`; then claims nothing more, lets running jobs write a checkpoint,
    /// gives them back and ends its children.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), WorkerError> {
        if self.config.slots() == 0 {
            return Err(WorkerError::NoSlots);
        }
        let shared = self.share()?;
        shared.pool.warm();
        if !register(&shared, &shutdown).await? {
            shared.pool.close().await;
            return Ok(());
        }
        info!(worker = %shared.id, slots = shared.config.slots(), "the worker is ready");
        let stop_beats = CancellationToken::new();
        let beats = tokio::spawn({
            let (shared, stop) = (Arc::clone(&shared), stop_beats.clone());
            async move { beats::run(&shared, stop).await }
        });
        work(&shared, &shutdown).await;
        shared.tasks.close();
        if timeout(LAST_NEWS, shared.tasks.wait()).await.is_err() {
            warn!("others will tell what became of the last jobs");
        }
        stop_beats.cancel();
        if let Err(error) = beats.await {
            error!(%error, "the beats ended badly");
        }
        deregister(&shared).await;
        shared.standing.stop();
        shared.pool.close().await;
        info!(worker = %shared.id, "the worker stopped");
        Ok(())
    }

    fn share(self) -> Result<Arc<Shared>, WorkerError> {
        let Self { id, config, ports, stats, standing } = self;
        let scratch = Scratch::open(&config.scratch, id).map_err(WorkerError::Scratch)?;
        let pool = Pool::new(&config, scratch.folder(), Arc::clone(&stats))
            .map_err(WorkerError::Spawner)?;
        let WorkerStanding { standing, held } = standing;
        Ok(Arc::new(Shared {
            id,
            config,
            ports,
            stats,
            held,
            standing,
            scratch,
            pool: Arc::new(pool),
            kills: OutOfMemoryKills::default(),
            processes: ProcessTable::default(),
            looks: Looks::default(),
            tasks: TaskTracker::new(),
            news: Arc::new(Semaphore::new(NEWS_UNDER_WAY)),
        }))
    }
}

/// Retries while the database is away; `false` when the shutdown comes first.
async fn register(shared: &Shared, shutdown: &CancellationToken) -> Result<bool, WorkerError> {
    let record = shared.record();
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
            start_slot(&mut slots, shared, queue.clone(), shutdown);
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
    queue: QueueSlots,
    shutdown: &CancellationToken,
) {
    let (shared, shutdown) = (Arc::clone(shared), shutdown.clone());
    slots.spawn(async move {
        loop {
            let mut task = JoinSet::new();
            task.spawn(slot::run(Arc::clone(&shared), queue.clone(), shutdown.clone()));
            match task.join_next().await {
                Some(Err(error)) => {
                    error!(%error, queue = %queue.queue, "a slot failed and starts again")
                }
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
