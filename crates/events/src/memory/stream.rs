use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alphafleet_domain::job::StateName;
use alphafleet_domain::ports::{EventsError, Published, SubscriptionItem};
use alphafleet_domain::{Cursor, Event, EventBody, EventKind, Instant, OutboxId};
use tokio::sync::Notify;

use super::StreamLimits;
use super::weight::weight;

/// The newest events of one job.
#[derive(Debug)]
pub(super) struct Stream {
    epoch: u64,
    ring: Mutex<Ring>,
    pub grown: Notify,
}

#[derive(Debug, Default)]
struct Ring {
    /// Without holes; the last one has number `last`.
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    /// Number of the newest event ever; 0 before the first.
    last: u64,
    newest_attempt: u32,
    /// The newest entry of the outbox it has seen.
    outbox: Option<OutboxId>,
    ended: bool,
    touched: Option<Instant>,
    closed: bool,
}

/// What a reader finds at its place.
pub(super) enum Read {
    Item(SubscriptionItem),
    Nothing,
    End,
}

impl Stream {
    pub fn new(epoch: u64, touched: Option<Instant>) -> Self {
        let ring = Ring { touched, ..Ring::default() };
        Self { epoch, ring: Mutex::new(ring), grown: Notify::new() }
    }

    pub fn append(&self, body: EventBody, limits: &StreamLimits) -> Result<Published, EventsError> {
        let mut ring = self.lock();
        if ring.closed {
            return Err(EventsError::Closed);
        }
        // State events come from the outbox, in the order in which they happened: the end of one
        // attempt may well arrive after the first news of the next, and must not be lost.
        if body.attempt < ring.newest_attempt && body.kind != EventKind::State {
            return Ok(Published::Stale);
        }
        if body.outbox.is_some_and(|number| ring.outbox >= Some(number)) {
            return Ok(Published::Repeated);
        }
        let cursor = Cursor { epoch: self.epoch, seq: ring.last + 1 };
        ring.push(Event { cursor, body }, limits);
        drop(ring);
        self.grown.notify_waiters();
        Ok(Published::At(cursor))
    }

    /// Where a subscriber with this cursor starts, and whether it missed something by that.
    pub fn place(&self, cursor: Option<Cursor>) -> (u64, bool) {
        let ring = self.lock();
        match cursor {
            None => (ring.last, false),
            Some(Cursor::START) => (0, false),
            Some(Cursor { epoch, seq }) if epoch == self.epoch && seq <= ring.last => (seq, false),
            Some(_) => (ring.dropped(), true),
        }
    }

    pub fn latest(&self) -> Option<Cursor> {
        let last = self.lock().last;
        (last > 0).then_some(Cursor { epoch: self.epoch, seq: last })
    }

    /// The item after number `seen`, which moves on.
    pub fn read(&self, seen: &mut u64, lost: &mut bool) -> Read {
        let ring = self.lock();
        if std::mem::take(lost) || *seen < ring.dropped() {
            *seen = (*seen).max(ring.dropped());
            let resume_after = Cursor { epoch: self.epoch, seq: *seen };
            return Read::Item(SubscriptionItem::Gap { resume_after });
        }
        let offset = usize::try_from(*seen - ring.dropped()).unwrap_or(usize::MAX);
        match ring.events.get(offset) {
            Some(event) => {
                *seen += 1;
                Read::Item(SubscriptionItem::Event(Arc::clone(event)))
            }
            None if ring.closed => Read::End,
            None => Read::Nothing,
        }
    }

    pub fn is_stale(&self, now: Instant, limits: &StreamLimits) -> bool {
        let mut ring = self.lock();
        let touched = *ring.touched.get_or_insert(now);
        let patience = if ring.ended { limits.idle_after_end } else { limits.idle };
        now - touched > patience
    }

    pub fn close(&self) {
        self.lock().closed = true;
        self.grown.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    /// Number of the newest event that is no longer held.
    fn dropped(&self) -> u64 {
        self.last - self.events.len() as u64
    }

    fn push(&mut self, event: Event, limits: &StreamLimits) {
        self.last = event.cursor.seq;
        self.newest_attempt = self.newest_attempt.max(event.body.attempt);
        self.outbox = self.outbox.max(event.body.outbox);
        self.touched = self.touched.max(Some(event.body.at));
        if let Some(ended) = ends(&event.body) {
            self.ended = ended;
        }
        self.bytes += weight(&event);
        self.events.push_back(Arc::new(event));
        while self.events.len() > 1
            && (self.events.len() > limits.events || self.bytes > limits.bytes)
        {
            let oldest = self.events.pop_front();
            self.bytes -= oldest.map_or(0, |oldest| weight(&oldest));
        }
    }
}

/// Whether a state event says that the job has ended; `None` for other news.
fn ends(event: &EventBody) -> Option<bool> {
    let state = event.payload.get("state")?.as_str()?;
    let state: StateName = state.parse().ok()?;
    (event.kind == EventKind::State).then_some(state.is_terminal())
}
