use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use alphafleet_domain::ports::{EventBus, EventsError, Subscription};
use alphafleet_domain::{Cursor, Event, JobId};
use futures::StreamExt;
use prometheus::IntCounter;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use super::batch::{Batch, Order};
use super::snapshot::Snapshots;
use super::stream::{Part, items, parts};

/// Events written in one go, if so many are there.
const MOST_AT_ONCE: usize = 256;

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
        subscription: Box<dyn Subscription>,
        stop: CancellationToken,
    ) {
        debug!(job = %hub.job, "following");
        let items = items(subscription).ready_chunks(MOST_AT_ONCE);
        tokio::pin!(items);
        loop {
            let items = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                items = items.next() => items,
            };
            let Some(items) = items else { break };
            for part in parts(items) {
                hub.tell(part);
            }
        }
        // The bus was shut down. Whoever asks again gets its answer, not a dead hub.
        let mut all = self.lock();
        if all.get(&hub.job).is_some_and(|followed| Arc::ptr_eq(&followed.hub, &hub)) {
            all.remove(&hub.job);
        }
    }

    /// How many clients follow each job.
    pub fn followers(&self) -> Vec<(JobId, usize)> {
        self.lock().iter().map(|(job, followed)| (*job, followed.interest)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Followed>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever listens to a hub. Listening never makes the hub wait.
pub(super) trait Listen: Send + Sync {
    /// The events of a batch from place `from` on; `events` are all of the batch's.
    fn hear(&self, batch: &Arc<Batch>, from: usize, events: &[Arc<Event>]);

    /// Events were lost before they came here.
    fn gap(&self, job: JobId, resume_after: Cursor);

    /// The job is no longer listened to.
    fn forget(&self, job: JobId);
}

/// Hands one job's events to those who listen.
pub(super) struct JobHub {
    pub job: JobId,
    relayed: IntCounter,
    state: Mutex<HubState>,
    pub snapshots: Snapshots,
}

struct HubState {
    /// The newest event there was when the hub began, then the last one handed out. Whatever is
    /// newer, the hub hands out.
    position: Option<Cursor>,
    listeners: Vec<Listener>,
}

struct Listener {
    ear: Arc<dyn Listen>,
    /// What its catch-up has handed over already.
    seen: Option<Cursor>,
}

impl JobHub {
    fn new(job: JobId, position: Option<Cursor>, relayed: IntCounter) -> Self {
        let state = Mutex::new(HubState { position, listeners: Vec::new() });
        Self { job, relayed, state, snapshots: Snapshots::default() }
    }

    /// Listens to whatever comes.
    pub fn attach(&self, ear: &Arc<dyn Listen>) {
        self.lock().listeners.push(Listener { ear: ear.clone(), seen: None });
    }

    /// Listens from `cursor` on, if the hub stands just there and nothing is to be replayed.
    pub fn attach_at(&self, ear: &Arc<dyn Listen>, cursor: Cursor) -> bool {
        let mut state = self.lock();
        let there = state.position.unwrap_or(Cursor::START) == cursor;
        if there {
            state.listeners.push(Listener { ear: ear.clone(), seen: Some(cursor) });
        }
        there
    }

    /// Listens to what comes after `seen`, unless events between it and the hub's next are still
    /// to be caught up with; then the answer is false.
    pub fn attach_after(&self, ear: &Arc<dyn Listen>, seen: Cursor) -> bool {
        let mut state = self.lock();
        let caught_up = state.position.is_some_and(|position| seen.order() >= position.order());
        if caught_up {
            state.listeners.push(Listener { ear: ear.clone(), seen: Some(seen) });
        }
        caught_up
    }

    pub fn detach(&self, ear: &Arc<dyn Listen>) {
        self.lock().listeners.retain(|listener| !Arc::ptr_eq(&listener.ear, ear));
    }

    fn tell(&self, part: Part) {
        let events = match part {
            Part::Gap { resume_after } => return self.gap(resume_after),
            Part::Events(events) => events,
        };
        match Batch::write(self.job, &events) {
            Ok(batch) => self.hand_out(&Arc::new(batch), &events),
            Err(error) if events.len() == 1 => {
                error!(job = %self.job, %error, "an event cannot be read");
                self.gap(events[0].cursor);
            }
            // The others can be.
            Err(_) => events.into_iter().for_each(|one| self.tell(Part::Events(vec![one]))),
        }
    }

    fn hand_out(&self, batch: &Arc<Batch>, events: &[Arc<Event>]) {
        let mut relayed = 0;
        let mut state = self.lock();
        state.position = batch.last();
        for listener in &state.listeners {
            let from = batch.first_after(listener.seen);
            if from < batch.len() {
                listener.ear.hear(batch, from, events);
                relayed += batch.len() - from;
            }
        }
        drop(state);
        self.relayed.inc_by(relayed as u64);
    }

    fn gap(&self, resume_after: Cursor) {
        let mut state = self.lock();
        state.position = Some(resume_after);
        let is_new = |listener: &&Listener| {
            listener.seen.is_none_or(|seen| seen.order() < resume_after.order())
        };
        for listener in state.listeners.iter().filter(is_new) {
            listener.ear.gap(self.job, resume_after);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HubState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
