//! The supervisor: claims jobs, has children run them, and answers for both.

mod beats;
mod config;
mod health;
mod held;
mod looks;
mod prepare;
mod scratch;
mod slot;
mod standing;
mod stats;
mod tickets;
mod worker;

pub use config::{ChildCommand, Grace, QueueSlots, WorkerConfig};
pub use health::WorkerStanding;
pub use held::RunningAttempt;
pub use prepare::{DatasetInputs, NoInputs, Prepare, PrepareError};
pub use stats::WorkerStats;
pub use worker::{Worker, WorkerError, WorkerPorts};

pub(crate) use held::{Held, Holding, Order, Orders};
pub(crate) use scratch::{AttemptFolder, Scratch};
pub(crate) use standing::{BackOff, Standing};
pub(crate) use stats::count;

use std::path::Path;
use std::sync::Arc;

use alphafleet_domain::ports::WorkerRecord;
use alphafleet_domain::{EventBody, Job, JobId, LeaseId, WorkerId};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::attempt::{Uploader, publish_all};
use crate::process::{OutOfMemoryKills, Pool, ProcessTable};
use looks::Looks;

/// So many pieces of news may be under way to the event bus at once.
const NEWS_UNDER_WAY: usize = 16;

/// What the parts of one worker share.
pub(crate) struct Shared {
    pub id: WorkerId,
    pub config: WorkerConfig,
    pub ports: WorkerPorts,
    pub stats: Arc<WorkerStats>,
    pub held: Held,
    pub standing: Arc<Standing>,
    pub scratch: Scratch,
    pub pool: Arc<Pool>,
    pub kills: OutOfMemoryKills,
    pub processes: ProcessTable,
    pub looks: Looks,
    /// What tells the world, beside the work.
    pub tasks: TaskTracker,
    pub news: Arc<Semaphore>,
}

impl Shared {
    pub fn record(&self) -> WorkerRecord {
        WorkerRecord {
            id: self.id,
            host: self.config.host.clone(),
            pid: std::process::id(),
            version: self.config.version.clone(),
            queues: self.config.queues.iter().map(|queue| queue.queue.clone()).collect(),
            slots: self.config.slots(),
        }
    }

    pub fn uploader(&self, job: JobId, lease: LeaseId, scratch: &Path) -> Uploader {
        let artifacts = Arc::clone(&self.ports.artifacts);
        Uploader { artifacts, job, lease, scratch: scratch.to_owned() }
    }

    /// Tells the world, first what the jobs said and then how they stand, while the caller goes on.
    /// The database has it all, so nothing waits for a bus that is slow.
    pub fn announce(&self, jobs: Vec<Job>, news: Vec<EventBody>) {
        let announcer = self.ports.announcer.clone();
        let events = Arc::clone(&self.ports.events);
        let permit = Arc::clone(&self.news).try_acquire_owned();
        self.tasks.spawn(async move {
            match permit {
                Ok(_permit) if !news.is_empty() => {
                    publish_all(&*events, news).await;
                }
                Err(_) if !news.is_empty() => {
                    warn!(events = news.len(), "the event bus is slow; events are left out");
                }
                _ => {}
            }
            announcer.announce_all(&jobs).await;
        });
    }
}
