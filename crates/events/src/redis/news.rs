use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use alphafleet_domain::ports::EventsError;
use alphafleet_domain::{Event, JobId};
use futures::StreamExt;
use redis::aio::PubSubSink;
use tokio::sync::{Notify, broadcast};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::link::unavailable;
use super::streams::Streams;
use super::wire;

/// News that wait for one subscription before it has to read the stream instead.
const WAITING: usize = 256;

/// How often the server is asked whether it is still there; a connection that broke without a word
/// is noticed by that alone.
const PULSE: Duration = Duration::from_secs(1);

/// What a subscription hears.
#[derive(Debug, Clone)]
pub(super) enum News {
    Event(Arc<Event>),
    /// Messages may have been lost: read the stream.
    Interrupted,
}

/// The one connection on which this process hears of all the jobs somebody follows.
pub(super) struct NewsDesk {
    streams: Arc<Streams>,
    topics: Mutex<HashMap<String, Topic>>,
    /// Wakes the desk: topics have come or gone.
    changed: Notify,
    stop: CancellationToken,
}

struct Topic {
    job: JobId,
    news: broadcast::Sender<News>,
    /// Whether the server has confirmed that it tells us.
    confirmed: bool,
}

impl NewsDesk {
    /// Runs until `stop`, in a task of its own.
    pub fn open(streams: Arc<Streams>, stop: CancellationToken) -> Arc<Self> {
        let (topics, changed) = (Mutex::default(), Notify::new());
        let desk = Arc::new(Self { streams, topics, changed, stop: stop.clone() });
        let weak = Arc::downgrade(&desk);
        tokio::spawn(async move { stop.run_until_cancelled(run(weak)).await });
        desk
    }

    /// Hears of a job from now on. What is heard before the server has confirmed it begins with
    /// [`News::Interrupted`].
    pub fn follow(self: &Arc<Self>, job: JobId) -> Follower {
        let channel = self.streams.channel(job);
        let mut topics = self.lock();
        let topic = topics.entry(channel.clone()).or_insert_with(|| {
            let (news, _) = broadcast::channel(WAITING);
            Topic { job, news, confirmed: false }
        });
        let news = topic.news.subscribe();
        let confirmed = topic.confirmed;
        drop(topics);
        if !confirmed {
            self.changed.notify_one();
        }
        Follower { desk: Arc::clone(self), channel, news, confirmed }
    }

    fn forget_unheard(&self) -> Vec<String> {
        let mut topics = self.lock();
        let unheard: Vec<String> = topics
            .iter()
            .filter(|(_, topic)| topic.news.receiver_count() == 0)
            .map(|(channel, _)| channel.clone())
            .collect();
        for channel in &unheard {
            topics.remove(channel);
        }
        unheard
    }

    fn unconfirmed(&self) -> Vec<String> {
        let topics = self.lock();
        let new = topics.iter().filter(|(_, topic)| !topic.confirmed);
        new.map(|(channel, _)| channel.clone()).collect()
    }

    /// From now on the server tells of these.
    fn confirm(&self, channels: &[String]) {
        let mut topics = self.lock();
        for channel in channels {
            if let Some(topic) = topics.get_mut(channel) {
                topic.confirmed = true;
                let _ = topic.news.send(News::Interrupted);
            }
        }
    }

    fn interrupted(&self) {
        for topic in self.lock().values_mut() {
            topic.confirmed = false;
        }
    }

    fn tell(&self, channel: &str, text: &str) {
        let topics = self.lock();
        let Some(topic) = topics.get(channel) else { return };
        let event = wire::message(text)
            .and_then(|(cursor, event)| wire::decode(topic.job, cursor, event).ok());
        let news = match event {
            Some(event) => News::Event(Arc::new(event)),
            None => News::Interrupted,
        };
        let _ = topic.news.send(news);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Topic>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One subscription's ear. The channel is left when nobody hears any more.
pub(super) struct Follower {
    desk: Arc<NewsDesk>,
    channel: String,
    news: broadcast::Receiver<News>,
    confirmed: bool,
}

impl Follower {
    /// Waits until the server tells us; what was published before that is in the stream.
    pub async fn confirmed(&mut self, patience: Duration) -> Result<(), EventsError> {
        while !self.confirmed {
            match timeout(patience, self.news.recv()).await {
                Ok(Ok(News::Interrupted) | Err(broadcast::error::RecvError::Lagged(_))) => {
                    self.confirmed = true;
                }
                Ok(Ok(News::Event(_))) => {}
                Ok(Err(broadcast::error::RecvError::Closed)) => return Err(EventsError::Closed),
                Err(late) => return Err(unavailable(late)),
            }
        }
        Ok(())
    }

    /// `None` when the bus was shut down.
    pub async fn next(&mut self) -> Option<News> {
        let stop = self.desk.stop.clone();
        match stop.run_until_cancelled(self.news.recv()).await? {
            Ok(news) => Some(news),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(News::Interrupted),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let last = {
            let topics = self.desk.lock();
            topics.get(&self.channel).is_some_and(|topic| topic.news.receiver_count() <= 1)
        };
        if last {
            self.desk.changed.notify_one();
        }
    }
}

/// Connects again and again, for as long as anybody has the desk.
async fn run(desk: Weak<NewsDesk>) {
    let mut failures = 0_u32;
    while let Some(desk) = desk.upgrade() {
        match serve(&desk, &mut failures).await {
            Ok(()) => {}
            Err(error) if failures == 0 => warn!(%error, "news from Redis are interrupted"),
            Err(error) => debug!(%error, "news from Redis are still interrupted"),
        }
        desk.interrupted();
        failures += 1;
        let wait = (25_u64 << failures.min(6)).min(1_000);
        drop(desk);
        sleep(Duration::from_millis(wait)).await;
    }
}

/// Hears until the connection is lost.
async fn serve(desk: &NewsDesk, failures: &mut u32) -> Result<(), EventsError> {
    let (mut sink, mut messages) = desk.streams.link.messages().await?.split();
    *failures = 0;
    let mut pulse = tokio::time::interval(PULSE);
    loop {
        tokio::select! {
            message = messages.next() => {
                let message = message.ok_or_else(|| unavailable("the connection was closed"))?;
                let text: String = message.get_payload().map_err(unavailable)?;
                desk.tell(message.get_channel_name(), &text);
            }
            () = desk.changed.notified() => keep_up(desk, &mut sink).await?,
            _ = pulse.tick() => {
                // Also what a change missed while the desk was busy.
                keep_up(desk, &mut sink).await?;
                within(sink.ping::<redis::Value>()).await?;
            }
        }
    }
}

/// Joins channels that somebody follows now, and leaves those that nobody does.
async fn keep_up(desk: &NewsDesk, sink: &mut PubSubSink) -> Result<(), EventsError> {
    let unheard = desk.forget_unheard();
    if !unheard.is_empty() {
        within(sink.unsubscribe(&unheard)).await?;
    }
    let new = desk.unconfirmed();
    for channels in new.chunks(100) {
        within(sink.subscribe(channels)).await?;
        desk.confirm(channels);
    }
    Ok(())
}

async fn within<T>(call: impl Future<Output = redis::RedisResult<T>>) -> Result<T, EventsError> {
    match timeout(Duration::from_secs(3), call).await {
        Ok(answer) => answer.map_err(unavailable),
        Err(late) => Err(unavailable(late)),
    }
}
