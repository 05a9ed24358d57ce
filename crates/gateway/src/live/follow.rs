use std::sync::{Arc, Mutex, PoisonError};

use alphafleet_domain::ports::{EventsError, Subscription, SubscriptionItem};
use alphafleet_domain::{Cursor, JobId};
use tokio::task::AbortHandle;
use tracing::error;

use super::frame::Frame;
use super::hub::{Hubs, JobHub};
use super::queue::ClientQueue;

/// One client follows one job, until this is dropped.
pub(super) struct Follow {
    hubs: Arc<Hubs>,
    hub: Arc<JobHub>,
    queue: Arc<ClientQueue>,
    /// False once dropped: a catch-up may still be at work on another thread.
    wanted: Arc<Mutex<bool>>,
    catch_up: Option<AbortHandle>,
}

impl Follow {
    /// With a cursor, what came after it comes first. When this answers, nothing to come is missed.
    pub async fn start(
        hubs: &Arc<Hubs>,
        job: JobId,
        cursor: Option<Cursor>,
        queue: &Arc<ClientQueue>,
    ) -> Result<Self, EventsError> {
        let hub = hubs.join(job).await?;
        let wanted = Arc::new(Mutex::new(true));
        let (hubs, queue) = (hubs.clone(), queue.clone());
        let mut follow = Self { hubs, hub, queue, wanted, catch_up: None };
        match cursor {
            None => follow.hub.attach(&follow.queue),
            Some(cursor) if follow.hub.attach_at(&follow.queue, cursor) => {}
            Some(cursor) => {
                let replay = follow.hubs.events.subscribe(job, Some(cursor)).await?;
                let (hub, queue) = (follow.hub.clone(), follow.queue.clone());
                let catch_up = catch_up(hub, replay, queue, follow.wanted.clone());
                follow.catch_up = Some(follow.hubs.runtime().spawn(catch_up).abort_handle());
            }
        }
        Ok(follow)
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        if let Some(catch_up) = &self.catch_up {
            catch_up.abort();
        }
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        *wanted = false;
        self.hub.detach(&self.queue);
        self.hubs.leave(&self.hub);
        self.queue.forget(self.hub.job);
    }
}

/// Replays a stream into the queue, at the client's pace, until the hub can go on from there.
async fn catch_up(
    hub: Arc<JobHub>,
    mut replay: Box<dyn Subscription>,
    queue: Arc<ClientQueue>,
    wanted: Arc<Mutex<bool>>,
) {
    loop {
        queue.room().await;
        let Some(item) = replay.next().await else { return };
        let wanted = wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if !*wanted {
            return;
        }
        let cursor = match item {
            SubscriptionItem::Event(event) => {
                match Frame::try_from(&*event) {
                    Ok(frame) => queue.push(frame),
                    Err(error) => {
                        error!(job = %hub.job, %error, "an event cannot be read");
                        queue.gap(hub.job, event.cursor);
                    }
                }
                event.cursor
            }
            SubscriptionItem::Gap { resume_after } => {
                queue.gap(hub.job, resume_after);
                resume_after
            }
        };
        if hub.attach_after(&queue, cursor) {
            return;
        }
    }
}
