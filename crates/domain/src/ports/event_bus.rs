use std::sync::Arc;

use async_trait::async_trait;
use thiserror::Error;

use crate::{Cursor, Event, EventBody, JobId};

/// Publish and subscribe with replay, one numbered stream a job.
#[async_trait]
pub trait EventBus: Send + Sync {
    /// Appends to the job's stream and tells its subscribers, in one step. Refuses an attempt
    /// older than the newest the stream has seen, except for state events: they come fenced and in
    /// order from the outbox, and one of an earlier attempt may arrive after the next one's first.
    async fn publish(&self, event: EventBody) -> Result<Published, EventsError>;

    /// Publishes in order, each as if alone, until one fails; answers for those before it, and the
    /// error. In as few round trips as the bus allows.
    async fn publish_all(
        &self,
        events: Vec<EventBody>,
    ) -> (Vec<Published>, Result<(), EventsError>) {
        let mut published = Vec::with_capacity(events.len());
        for event in events {
            match self.publish(event).await {
                Ok(answer) => published.push(answer),
                Err(error) => return (published, Err(error)),
            }
        }
        (published, Ok(()))
    }

    /// Follows one job from after `cursor`, or from now on without one. What the stream still
    /// holds is replayed first; if something after the cursor is gone, or the cursor is of another
    /// epoch, the first item is a gap. [`Cursor::START`] asks for all there is.
    async fn subscribe(
        &self,
        job: JobId,
        cursor: Option<Cursor>,
    ) -> Result<Box<dyn Subscription>, EventsError>;

    /// Place of the newest event of the job's stream; `None` when there is no event.
    async fn latest(&self, job: JobId) -> Result<Option<Cursor>, EventsError>;

    async fn ping(&self) -> Result<(), EventsError>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    At(Cursor),
    /// The event's attempt is older than the stream's newest; nobody was told.
    Stale,
    /// The stream has this entry of the outbox already; nobody was told again.
    Repeated,
}

#[async_trait]
pub trait Subscription: Send {
    /// Waits for the next item. `None` when the bus was shut down.
    async fn next(&mut self) -> Option<SubscriptionItem>;
}

#[derive(Debug, Clone)]
pub enum SubscriptionItem {
    Event(Arc<Event>),
    /// Events were lost to this subscriber; the stream goes on after `resume_after`. Take a
    /// snapshot from the database.
    Gap {
        resume_after: Cursor,
    },
}

#[derive(Debug, Error)]
pub enum EventsError {
    #[error("the event bus is not reachable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the event bus was shut down")]
    Closed,
}
