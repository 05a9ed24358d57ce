use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alphafleet_domain::ports::{
    EventBus, EventsError, JobStore, OutboxEntry, Published, StoreError,
};
use alphafleet_domain::{EventBody, JobId};
use thiserror::Error;
use tokio::sync::{Mutex, MutexGuard, Notify};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::pace::Pace;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxSettings {
    /// Between two looks without a wake.
    pub interval: Duration,
    /// Entries taken at once.
    pub batch: u32,
    /// How long taken entries are this relay's alone.
    pub lease: Duration,
    /// How long publishing what was taken may take.
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

/// Publishes the events that transactions left in the outbox: of one job in order, each at
/// least once, none lost. The stream refuses what it has by its number in the outbox, so a
/// repetition is told to nobody.
pub struct OutboxRelay {
    store: Arc<dyn JobStore>,
    events: Arc<dyn EventBus>,
    settings: OutboxSettings,
    wake: Notify,
    rounds: Rounds,
}

impl OutboxRelay {
    pub fn new(
        store: Arc<dyn JobStore>,
        events: Arc<dyn EventBus>,
        settings: OutboxSettings,
    ) -> Self {
        Self { store, events, settings, wake: Notify::new(), rounds: Rounds::default() }
    }

    pub(crate) fn store(&self) -> &dyn JobStore {
        &*self.store
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

    /// Publishes what was committed before the call, at once. Those who call while a round is
    /// under way share the next one, so that the outbox is asked once for all of them.
    pub async fn relay_news(&self) -> Result<(), RelayError> {
        match self.rounds.join().await {
            Some(_turn) => self.relay(None).await.map(drop),
            None => Ok(()),
        }
    }

    /// Publishes everything that waits.
    pub async fn relay_all(&self) -> Result<Relayed, RelayError> {
        let _turn = self.rounds.begin().await;
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
            let taken = entries.len();
            relayed.taken += taken;
            if taken > 0 {
                relayed.published += self.publish(entries, until).await?;
            }
            if taken < self.settings.batch as usize {
                return Ok(relayed);
            }
        }
    }

    /// Publishes in order and removes what went out. What is not published waits, and with it all
    /// that came later of the same job.
    async fn publish(
        &self,
        mut entries: Vec<OutboxEntry>,
        until: Instant,
    ) -> Result<usize, RelayError> {
        let (mut done, mut first_error) = (Vec::new(), None);
        for _ in 0..MOST_TRIES {
            let Tried { answered, trouble } = self.try_all(&entries, until).await;
            done.extend(entries.drain(..answered).map(|entry| entry.id));
            let (error, goes_on) = match trouble {
                None => break,
                Some(Trouble::Refused(error)) => (error, true),
                Some(Trouble::Silent(error)) => (error, false),
            };
            first_error.get_or_insert(error);
            let Some(held_up) = entries.first().map(|entry| entry.event.job) else { break };
            entries.retain(|entry| entry.event.job != held_up);
            if !goes_on || entries.is_empty() {
                break;
            }
        }
        if !done.is_empty() {
            self.store.outbox_done(&done).await?;
        }
        first_error.map_or(Ok(done.len()), Err)
    }

    async fn try_all(&self, entries: &[OutboxEntry], until: Instant) -> Tried {
        if Instant::now() + self.settings.patience >= until {
            return Tried::silent(RelayError::LeaseRanOut);
        }
        let body =
            |entry: &OutboxEntry| EventBody { outbox: Some(entry.id), ..entry.event.clone() };
        let events = entries.iter().map(body).collect();
        let publishing = self.events.publish_all(events);
        let Ok((answers, ended)) = timeout(self.settings.patience, publishing).await else {
            // Whatever went out is refused as a repetition next time.
            let late = "the event bus does not answer in time";
            return Tried::silent(EventsError::Unavailable(late.into()).into());
        };
        for (entry, answer) in entries.iter().zip(&answers) {
            let OutboxEntry { event, .. } = entry;
            match answer {
                Published::At(_) => {}
                Published::Repeated => debug!(job = %event.job, "the event bus knows it already"),
                Published::Stale => {
                    warn!(job = %event.job, attempt = event.attempt, "the event bus knows a newer attempt");
                }
            }
        }
        let trouble = ended.err().map(|error| Trouble::Refused(error.into()));
        Tried { answered: answers.len().min(entries.len()), trouble }
    }
}

/// How often one take goes on behind an event that the bus refuses.
const MOST_TRIES: u32 = 3;

/// How publishing a row of entries went: the first ones were answered for.
struct Tried {
    answered: usize,
    trouble: Option<Trouble>,
}

enum Trouble {
    /// The first that was not answered for is refused; others may not be.
    Refused(RelayError),
    Silent(RelayError),
}

impl Tried {
    const fn silent(error: RelayError) -> Self {
        Self { answered: 0, trouble: Some(Trouble::Silent(error)) }
    }
}

/// Rounds one after the other, each for all who asked before it began.
#[derive(Debug, Default)]
struct Rounds {
    asked: AtomicU64,
    /// The last one that a round has begun for.
    served: AtomicU64,
    turn: Mutex<()>,
}

impl Rounds {
    /// Waits for the turn to run a round; `None` when another has run one since the call.
    async fn join(&self) -> Option<MutexGuard<'_, ()>> {
        let number = self.asked.fetch_add(1, Ordering::AcqRel) + 1;
        let turn = self.turn.lock().await;
        if self.served.load(Ordering::Acquire) >= number {
            return None;
        }
        self.served.store(self.asked.load(Ordering::Acquire), Ordering::Release);
        Some(turn)
    }

    async fn begin(&self) -> MutexGuard<'_, ()> {
        let turn = self.turn.lock().await;
        self.served.store(self.asked.load(Ordering::Acquire), Ordering::Release);
        turn
    }
}
