use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use alphafleet_domain::ports::{EventBus, EventsError, Subscription, SubscriptionItem};
use alphafleet_domain::{Cursor, Event, JobId};
use prometheus::IntCounter;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use super::frame::Frame;
use super::queue::ClientQueue;

/// The hubs of this gateway, one a followed job.
pub(crate) struct Hubs {
    pub(super) events: Arc<dyn EventBus>,
    relayed: IntCounter,
    followed: Mutex<HashMap<JobId, Followed>>,
    /// Where hubs live: longer than the threads that serve requests.
    runtime: OnceLock<Handle>,
}

struct Followed {
    hub: Arc<JobHub>,
    /// How many clients follow; the hub goes with the last.
    interest: usize,
    stop: CancellationToken,
}

impl Hubs {
    pub fn new(events: Arc<dyn EventBus>, relayed: IntCounter) -> Arc<Self> {
        let (followed, runtime) = (Mutex::default(), OnceLock::new());
        Arc::new(Self { events, relayed, followed, runtime })
    }

    pub fn live_on(&self, runtime: Handle) {
        let _ = self.runtime.set(runtime);
    }

    pub(super) fn runtime(&self) -> Handle {
        self.runtime.get().cloned().unwrap_or_else(Handle::current)
    }

    /// The job's hub, with one more client interested in it; to be given back by `leave`. When
    /// this answers, the hub hears every event to come.
    pub(super) async fn join(self: &Arc<Self>, job: JobId) -> Result<Arc<JobHub>, EventsError> {
        if let Some(hub) = self.join_existing(job) {
            return Ok(hub);
        }
        let subscription = self.events.subscribe(job, None).await?;
        // Asked for after the subscription: whatever is newer comes by it.
        let position = self.events.latest(job).await?;
        let hub = Arc::new(JobHub::new(job, position, self.relayed.clone()));
        let stop = CancellationToken::new();
        let followed = Followed { hub: hub.clone(), interest: 1, stop: stop.clone() };
        match self.lock().entry(job) {
            std::collections::hash_map::Entry::Occupied(mut taken) => {
                taken.get_mut().interest += 1;
                return Ok(taken.get().hub.clone());
            }
            std::collections::hash_map::Entry::Vacant(free) => free.insert(followed),
        };
        self.runtime().spawn(self.clone().relay(hub.clone(), subscription, stop));
        Ok(hub)
    }

    fn join_existing(&self, job: JobId) -> Option<Arc<JobHub>> {
        let mut all = self.lock();
        let followed = all.get_mut(&job)?;
        followed.interest += 1;
        Some(followed.hub.clone())
    }

    pub(super) fn leave(&self, hub: &Arc<JobHub>) {
        let mut all = self.lock();
        let Some(followed) = all.get_mut(&hub.job) else { return };
        if !Arc::ptr_eq(&followed.hub, hub) {
            return;
        }
        followed.interest -= 1;
        if followed.interest == 0 {
            followed.stop.cancel();
            all.remove(&hub.job);
        }
    }

    async fn relay(
        self: Arc<Self>,
        hub: Arc<JobHub>,
        mut subscription: Box<dyn Subscription>,
        stop: CancellationToken,
    ) {
        debug!(job = %hub.job, "following");
        loop {
            let item = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                item = subscription.next() => item,
            };
            match item {
                Some(SubscriptionItem::Event(event)) => hub.tell(&event),
                Some(SubscriptionItem::Gap { resume_after }) => hub.gap(resume_after),
                None => break,
            }
        }
        // The bus was shut down. Whoever asks again gets its answer, not a dead hub.
        let mut all = self.lock();
        if all.get(&hub.job).is_some_and(|followed| Arc::ptr_eq(&followed.hub, &hub)) {
            all.remove(&hub.job);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Followed>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands one job's events to the queues of those who listen.
pub(super) struct JobHub {
    pub job: JobId,
    relayed: IntCounter,
    state: Mutex<HubState>,
}

struct HubState {
    /// The newest event there was when the hub began, then the last one handed out. Whatever is
    /// newer, the hub hands out.
    position: Option<Cursor>,
    listeners: Vec<Listener>,
}

struct Listener {
    queue: Arc<ClientQueue>,
    /// What its catch-up has handed over already.
    seen: Option<Cursor>,
}

impl JobHub {
    fn new(job: JobId, position: Option<Cursor>, relayed: IntCounter) -> Self {
        let state = Mutex::new(HubState { position, listeners: Vec::new() });
        Self { job, relayed, state }
    }

    /// Listens to whatever comes.
    pub fn attach(&self, queue: &Arc<ClientQueue>) {
        self.lock().listeners.push(Listener { queue: queue.clone(), seen: None });
    }

    /// Listens from `cursor` on, if the hub stands just there and nothing is to be replayed.
    pub fn attach_at(&self, queue: &Arc<ClientQueue>, cursor: Cursor) -> bool {
        let mut state = self.lock();
        let there = state.position.unwrap_or(Cursor::START) == cursor;
        if there {
            state.listeners.push(Listener { queue: queue.clone(), seen: Some(cursor) });
        }
        there
    }

    /// Listens to what comes after `seen`, unless events between it and the hub's next are still
    /// to be caught up with; then the answer is false.
    pub fn attach_after(&self, queue: &Arc<ClientQueue>, seen: Cursor) -> bool {
        let mut state = self.lock();
        let caught_up = state.position.is_some_and(|position| order(seen) >= order(position));
        if caught_up {
            state.listeners.push(Listener { queue: queue.clone(), seen: Some(seen) });
        }
        caught_up
    }

    pub fn detach(&self, queue: &Arc<ClientQueue>) {
        self.lock().listeners.retain(|listener| !Arc::ptr_eq(&listener.queue, queue));
    }

    fn tell(&self, event: &Event) {
        let frame = match Frame::try_from(event) {
            Ok(frame) => frame,
            Err(error) => {
                error!(job = %self.job, %error, "an event cannot be read");
                return self.gap(event.cursor);
            }
        };
        let mut state = self.lock();
        state.position = Some(event.cursor);
        for listener in state.listeners.iter_mut().filter(|l| l.is_new(event.cursor)) {
            listener.queue.push(frame.clone());
            self.relayed.inc();
        }
    }

    fn gap(&self, resume_after: Cursor) {
        let mut state = self.lock();
        state.position = Some(resume_after);
        for listener in state.listeners.iter_mut().filter(|l| l.is_new(resume_after)) {
            listener.queue.gap(self.job, resume_after);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HubState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    fn is_new(&self, cursor: Cursor) -> bool {
        self.seen.is_none_or(|seen| order(seen) < order(cursor))
    }
}

/// Epochs begin later one after the other.
fn order(cursor: Cursor) -> (u64, u64) {
    (cursor.epoch, cursor.seq)
}
