use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::ports::{EventsError, Subscription, SubscriptionItem};
use alphafleet_domain::{Cursor, Event, JobId};
use async_trait::async_trait;
use tokio::time::sleep;
use tracing::warn;

use super::news::{Follower, News};
use super::streams::{Page, Streams};
use super::wire;

/// Events read from a stream at once.
const PAGE: usize = 500;

/// Follows one job: what the channel tells in order is handed on, and whenever there may be a hole
/// the stream is read from the last place on. A reader that falls behind so costs only itself.
pub(super) struct RedisSubscription {
    streams: Arc<Streams>,
    job: JobId,
    follower: Follower,
    /// Of the last item that was read.
    place: Cursor,
    ready: VecDeque<SubscriptionItem>,
    /// Whether the stream may hold something the channel did not tell.
    behind: bool,
    failures: u32,
}

impl RedisSubscription {
    /// The follower comes first, then the stream is read, then what was heard twice is dropped.
    pub async fn open(
        streams: Arc<Streams>,
        job: JobId,
        follower: Follower,
        cursor: Option<Cursor>,
    ) -> Result<Self, EventsError> {
        let page = streams.read(job, 0, 0).await?;
        let newest = Cursor { epoch: page.epoch, seq: page.last };
        let place = match cursor {
            None => newest,
            Some(Cursor::START) => Cursor { epoch: page.epoch, seq: 0 },
            Some(cursor) => cursor,
        };
        let ready = VecDeque::new();
        let behind = place != newest;
        Ok(Self { streams, job, follower, place, ready, behind, failures: 0 })
    }

    async fn catch_up(&mut self) -> Result<(), EventsError> {
        let page = self.streams.read(self.job, self.place.seq, PAGE).await?;
        let other = page.epoch != self.place.epoch || page.last < self.place.seq;
        let page = if other { self.streams.read(self.job, 0, PAGE).await? } else { page };
        self.behind = page.events.len() == PAGE;
        self.take(page, other);
        Ok(())
    }

    fn take(&mut self, page: Page, other: bool) {
        let after = if other { 0 } else { self.place.seq };
        let first = page.events.first().map_or(page.last + 1, |(seq, _)| *seq);
        if other || first > after + 1 {
            self.place = Cursor { epoch: page.epoch, seq: first - 1 };
            self.ready.push_back(SubscriptionItem::Gap { resume_after: self.place });
        }
        for (seq, text) in page.events {
            let cursor = Cursor { epoch: page.epoch, seq };
            match wire::decode(self.job, cursor, &text) {
                Ok(event) => self.ready.push_back(SubscriptionItem::Event(Arc::new(event))),
                Err(error) => {
                    warn!(job = %self.job, %cursor, %error, "an event is unreadable");
                    self.ready.push_back(SubscriptionItem::Gap { resume_after: cursor });
                }
            }
            self.place = cursor;
        }
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Event(event) if self.follows(&event) => {
                self.place = event.cursor;
                self.ready.push_back(SubscriptionItem::Event(event));
            }
            News::Event(event) if self.has(&event) => {}
            News::Event(_) | News::Interrupted => self.behind = true,
        }
    }

    fn follows(&self, event: &Event) -> bool {
        event.cursor.epoch == self.place.epoch && event.cursor.seq == self.place.seq + 1
    }

    fn has(&self, event: &Event) -> bool {
        event.cursor.epoch == self.place.epoch && event.cursor.seq <= self.place.seq
    }
}

#[async_trait]
impl Subscription for RedisSubscription {
    async fn next(&mut self) -> Option<SubscriptionItem> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            if self.behind {
                match self.catch_up().await {
                    Ok(()) => self.failures = 0,
                    Err(EventsError::Closed) => return None,
                    Err(EventsError::Unavailable(_)) => {
                        self.failures += 1;
                        let wait = (25_u64 << self.failures.min(6)).min(1_000);
                        sleep(Duration::from_millis(wait)).await;
                    }
                }
                continue;
            }
            let news = self.follower.next().await?;
            self.hear(news);
        }
    }
}
