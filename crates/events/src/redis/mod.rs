mod link;
mod news;
mod settings;
mod streams;
mod subscription;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::ports::{EventBus, EventsError, Published, Subscription};
use alphafleet_domain::{Cursor, EventBody, JobId};
use async_trait::async_trait;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use link::Link;
use news::NewsDesk;
use streams::Streams;
use subscription::RedisSubscription;

pub use settings::{RedisSettings, SettingsError};

/// Events published in one round trip.
const BATCH: usize = 500;

/// Publish and subscribe over Redis 6 and later.
///
/// Nothing needs the server to be there at the start. One connection carries the process's
/// commands and one its news; each is opened again when it is lost, with waits of at most a second.
/// Calls meanwhile fail with [`EventsError::Unavailable`] within the settings' patience, and
/// subscriptions wait: then they go on from where they were, or with a gap if the server lost what
/// came next.
pub struct RedisEventBus {
    streams: Arc<Streams>,
    patience: Duration,
    desk: OnceCell<Arc<NewsDesk>>,
    stop: CancellationToken,
}

impl RedisEventBus {
    pub fn new(settings: RedisSettings) -> Result<Self, SettingsError> {
        // The client takes the process's provider of cryptography, whichever it is.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let link = Link::new(settings.server()?, settings.patience);
        let streams = Arc::new(Streams::new(link, &settings));
        let (desk, stop) = (OnceCell::new(), CancellationToken::new());
        Ok(Self { streams, patience: settings.patience, desk, stop })
    }

    /// Ends every subscription and refuses everything from now on.
    pub fn close(&self) {
        self.stop.cancel();
    }

    fn open(&self) -> Result<&Streams, EventsError> {
        if self.stop.is_cancelled() { Err(EventsError::Closed) } else { Ok(&self.streams) }
    }

    async fn desk(&self) -> &Arc<NewsDesk> {
        let open = async || NewsDesk::open(Arc::clone(&self.streams), self.stop.clone());
        self.desk.get_or_init(open).await
    }
}

impl Drop for RedisEventBus {
    fn drop(&mut self) {
        self.close();
    }
}

#[async_trait]
impl EventBus for RedisEventBus {
    async fn publish(&self, event: EventBody) -> Result<Published, EventsError> {
        self.open()?.append(&event).await
    }

    async fn publish_all(
        &self,
        events: Vec<EventBody>,
    ) -> (Vec<Published>, Result<(), EventsError>) {
        let mut published = Vec::with_capacity(events.len());
        for events in events.chunks(BATCH) {
            let (batch, ended) = match self.open() {
                Ok(streams) => streams.append_all(events).await,
                Err(error) => (Vec::new(), Err(error)),
            };
            published.extend(batch);
            if ended.is_err() {
                return (published, ended);
            }
        }
        (published, Ok(()))
    }

    async fn subscribe(
        &self,
        job: JobId,
        cursor: Option<Cursor>,
    ) -> Result<Box<dyn Subscription>, EventsError> {
        self.open()?;
        let mut follower = self.desk().await.follow(job);
        follower.confirmed(self.patience).await?;
        let streams = Arc::clone(&self.streams);
        Ok(Box::new(RedisSubscription::open(streams, job, follower, cursor).await?))
    }

    async fn latest(&self, job: JobId) -> Result<Option<Cursor>, EventsError> {
        self.open()?.latest(job).await
    }

    async fn ping(&self) -> Result<(), EventsError> {
        let link = &self.open()?.link;
        link.call(async |redis| redis::cmd("PING").query_async::<()>(redis).await).await
    }
}
