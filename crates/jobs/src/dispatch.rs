use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::ports::{Broker, BrokerError, JobStore, StoreError};
use thiserror::Error;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::announce::{publish_all, ticket};
use crate::pace::Pace;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DispatchSettings {
    /// Between two looks for due jobs; also how late a retry's ticket may be.
    pub interval: Duration,
    /// Jobs taken at once.
    pub batch: u32,
}

impl Default for DispatchSettings {
    fn default() -> Self {
        Self { interval: Duration::from_millis(500), batch: 500 }
    }
}

#[derive(Debug, Error)]
pub enum DispatchError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// Makes the broker agree with the database: publishes the tickets of pending jobs that are due,
/// again and again with growing waits, so that a lost ticket is replaced.
pub struct Dispatcher {
    store: Arc<dyn JobStore>,
    broker: Arc<dyn Broker>,
    settings: DispatchSettings,
    wake: Notify,
}

impl Dispatcher {
    pub fn new(
        store: Arc<dyn JobStore>,
        broker: Arc<dyn Broker>,
        settings: DispatchSettings,
    ) -> Self {
        Self { store, broker, settings, wake: Notify::new() }
    }

    /// Looks now instead of at the next interval.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Runs until `shutdown`, whatever fails on the way.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut pace = Pace::new(self.settings.interval);
        while pace.next(&self.wake, &shutdown).await {
            match self.dispatch().await {
                Ok(published) => {
                    pace.succeeded();
                    if published > 0 {
                        debug!(published, "dispatched");
                    }
                }
                Err(error) if pace.failed() => warn!(%error, "dispatching is interrupted"),
                Err(_) => {}
            }
        }
        info!("the dispatcher stopped");
    }

    /// Publishes all that is due now. Answers how many tickets went out.
    pub async fn dispatch(&self) -> Result<usize, DispatchError> {
        // Taking a job pushes its next ticket back: not while there is nobody to give it to.
        self.broker.ping().await?;
        let mut published = 0;
        loop {
            let due = self.store.take_due(self.settings.batch).await?;
            publish_all(&*self.broker, due.iter().map(ticket).collect()).await?;
            published += due.len();
            if due.len() < self.settings.batch as usize {
                return Ok(published);
            }
        }
    }
}
