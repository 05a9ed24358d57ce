use std::sync::{Arc, Mutex, PoisonError};

use alphafleet_domain::ports::{EventsError, Subscription};
use alphafleet_domain::{Cursor, JobId};
use futures::StreamExt;
use tokio::task::AbortHandle;
use tracing::error;

use super::batch::Batch;
use super::hub::{Hubs, JobHub, Listen};
use super::queue::ClientQueue;
use super::stream::{Part, items, parts};

/// Events replayed in one go.
const MOST_AT_ONCE: usize = 64;

/// One client follows one job, until this is dropped.
pub(super) struct Follow {
    hubs: Arc<Hubs>,
    pub hub: Arc<JobHub>,
    ear: Arc<dyn Listen>,
    /// False once dropped: a catch-up may still be at work on another thread.
    wanted: Arc<Mutex<bool>>,
    catch_up: Option<AbortHandle>,
}

impl Follow {
    /// Follows from now on. When this answers, nothing to come is missed.
    pub async fn from_now(
        hubs: &Arc<Hubs>,
        job: JobId,
        ear: Arc<dyn Listen>,
    ) -> Result<Self, EventsError> {
        let follow = Self::join(hubs, job, ear).await?;
        follow.hub.attach(&follow.ear);
        Ok(follow)
    }

    /// Follows from `cursor` on: what came after it comes first.
    pub async fn after(
        hubs: &Arc<Hubs>,
        job: JobId,
        cursor: Cursor,
        queue: Arc<ClientQueue>,
    ) -> Result<Self, EventsError> {
        let mut follow = Self::join(hubs, job, queue.clone()).await?;
        if !follow.hub.attach_at(&follow.ear, cursor) {
            let replay = hubs.events.subscribe(job, Some(cursor)).await?;
            let catch_up = CatchUp {
                hub: follow.hub.clone(),
                queue,
                ear: follow.ear.clone(),
                wanted: follow.wanted.clone(),
            };
            let replaying = hubs.runtime().spawn(catch_up.run(replay));
            follow.catch_up = Some(replaying.abort_handle());
        }
        Ok(follow)
    }

    async fn join(hubs: &Arc<Hubs>, job: JobId, ear: Arc<dyn Listen>) -> Result<Self, EventsError> {
        let hub = hubs.join(job).await?;
        let wanted = Arc::new(Mutex::new(true));
        Ok(Self { hubs: hubs.clone(), hub, ear, wanted, catch_up: None })
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        if let Some(catch_up) = &self.catch_up {
            catch_up.abort();
        }
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        *wanted = false;
        self.hub.detach(&self.ear);
        self.hubs.leave(&self.hub);
        self.ear.forget(self.hub.job);
    }
}

/// Brings a client to where the hub stands.
struct CatchUp {
    hub: Arc<JobHub>,
    queue: Arc<ClientQueue>,
    /// The queue as the hub knows it.
    ear: Arc<dyn Listen>,
    wanted: Arc<Mutex<bool>>,
}

impl CatchUp {
    /// Replays a stream into the queue, at the client's pace, until the hub can go on from there.
    async fn run(self, replay: Box<dyn Subscription>) {
        let replay = items(replay).ready_chunks(MOST_AT_ONCE);
        tokio::pin!(replay);
        loop {
            self.queue.room().await;
            let Some(items) = replay.next().await else { return };
            let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            if !*wanted {
                return;
            }
            let reached = parts(items).into_iter().filter_map(|part| self.hand_over(part)).last();
            if reached.is_some_and(|cursor| self.hub.attach_after(&self.ear, cursor)) {
                return;
            }
        }
    }

    /// Answers how far it has come.
    fn hand_over(&self, part: Part) -> Option<Cursor> {
        match part {
            Part::Gap { resume_after } => {
                self.queue.gap(self.hub.job, resume_after);
                Some(resume_after)
            }
            Part::Events(events) => match Batch::write(self.hub.job, &events) {
                Ok(batch) => {
                    self.queue.hear(&Arc::new(batch), 0, &events);
                    events.last().map(|event| event.cursor)
                }
                Err(error) if events.len() == 1 => {
                    error!(job = %self.hub.job, %error, "an event cannot be read");
                    self.queue.gap(self.hub.job, events[0].cursor);
                    Some(events[0].cursor)
                }
                Err(_) => {
                    let alone = events.into_iter().map(|event| Part::Events(vec![event]));
                    alone.filter_map(|one| self.hand_over(one)).last()
                }
            },
        }
    }
}
