use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::JobId;
use alphafleet_domain::ports::{
    EventBus, EventsError, JobStore, OutboxEntry, Published, StoreError,
};
use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::pace::Pace;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxSettings {
    /// Between two looks without a wake.
    pub interval: Duration,
    /// Entries taken at once.
    pub batch: u32,
    /// How long taken entries are this relay's alone.
    pub lease: Duration,
    /// How long one publish may take.
    pub patience: Duration,
}

impl Default for OutboxSettings {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(500),
            batch: 256,
            lease: Duration::from_secs(5),
            patience: Duration::from_secs(1),
        }
    }
}

#[derive(Debug, Error)]
pub enum RelayError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Events(#[from] EventsError),
    #[error("publishing took longer than the entries were leased for")]
    LeaseRanOut,
}

/// What one look at the outbox did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relayed {
    pub taken: usize,
    pub published: usize,
}

/// Publishes the state events that transactions left in the outbox: of one job in order, each at
/// least once, none lost.
pub struct OutboxRelay {
    store: Arc<dyn JobStore>,
    events: Arc<dyn EventBus>,
    settings: OutboxSettings,
    wake: Notify,
}

impl OutboxRelay {
    pub fn new(
        store: Arc<dyn JobStore>,
        events: Arc<dyn EventBus>,
        settings: OutboxSettings,
    ) -> Self {
        Self { store, events, settings, wake: Notify::new() }
    }

    /// Looks now instead of at the next interval.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Runs until `shutdown`, whatever fails on the way.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut pace = Pace::new(self.settings.interval);
        while pace.next(&self.wake, &shutdown).await {
            match self.relay_all().await {
                Ok(_) => pace.succeeded(),
                Err(error) if pace.failed() => warn!(%error, "state events are held up"),
                Err(_) => {}
            }
        }
        info!("the outbox relay stopped");
    }

    /// Publishes everything that waits.
    pub async fn relay_all(&self) -> Result<Relayed, RelayError> {
        self.relay(None).await
    }

    /// Publishes what waits of one job. Entries that another relay has taken are left to it.
    pub async fn relay_job(&self, job: JobId) -> Result<Relayed, RelayError> {
        self.relay(Some(job)).await
    }

    async fn relay(&self, job: Option<JobId>) -> Result<Relayed, RelayError> {
        let mut relayed = Relayed::default();
        loop {
            // Counted from before the question: the store's lease starts later and ends later.
            let until = Instant::now() + self.settings.lease;
            let entries =
                self.store.take_outbox(job, self.settings.batch, self.settings.lease).await?;
            if entries.is_empty() {
                return Ok(relayed);
            }
            relayed.taken += entries.len();
            relayed.published += self.publish(entries, until).await?;
        }
    }

    /// Publishes in order and removes what went out. A job whose event fails waits as a whole.
    async fn publish(
        &self,
        entries: Vec<OutboxEntry>,
        until: Instant,
    ) -> Result<usize, RelayError> {
        let (mut done, mut held_up) = (Vec::new(), HashSet::new());
        let mut first_error = None;
        for OutboxEntry { id, event } in entries {
            let job = event.job;
            if held_up.contains(&job) {
                continue;
            }
            let published = if Instant::now() + self.settings.patience < until {
                self.publish_one(event).await
            } else {
                Err(RelayError::LeaseRanOut)
            };
            match published {
                Ok(()) => done.push(id),
                Err(error) => {
                    held_up.insert(job);
                    first_error.get_or_insert(error);
                }
            }
        }
        if !done.is_empty() {
            self.store.outbox_done(&done).await?;
        }
        first_error.map_or(Ok(done.len()), Err)
    }

    async fn publish_one(&self, event: alphafleet_domain::EventBody) -> Result<(), RelayError> {
        let (job, attempt) = (event.job, event.attempt);
        match timeout(self.settings.patience, self.events.publish(event)).await {
            Ok(Ok(Published::At(_))) => Ok(()),
            Ok(Ok(Published::Stale)) => {
                warn!(%job, attempt, "the event bus knows a newer attempt");
                Ok(())
            }
            Ok(Err(error)) => Err(error.into()),
            Err(late) => Err(EventsError::Unavailable(Box::new(late)).into()),
        }
    }
}
