use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use alphafleet_domain::{Cursor, EventKind, JobId};
use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::batch::{Batch, Run};
use super::hub::Listen;

/// What waits to be written to one client.
#[derive(Debug)]
enum Item {
    Events(Run),
    /// A frame for this client alone.
    Own(Bytes),
    /// Events up to here were dropped; the client needs a snapshot.
    Gap {
        job: JobId,
        resume_after: Cursor,
    },
}

/// What a queue needs its connection for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// The next thing to write is a snapshot in place of what was dropped. Nothing is written
    /// until [`ClientQueue::release`].
    Snapshot { job: JobId, resume_after: Cursor },
    /// The client is so far behind that it must go.
    GiveUp,
}

/// The bounded queue between the hubs and one client; its other end is the body of the
/// WebSocket's HTTP answer. Pushing never waits. A client that falls behind loses outdated
/// progress; when the queue is full, the job's events give way to a gap, all but its changes of
/// state.
#[derive(Debug)]
pub(super) struct ClientQueue {
    waiting: Mutex<Waiting>,
    needed: Notify,
    drained: Notify,
    max_frames: usize,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    items: VecDeque<Item>,
    frames: usize,
    bytes: usize,
    /// Progress among the frames.
    progress: usize,
    /// Nothing is to be written now: something is about to be put in front.
    held: bool,
    /// Since when the client could have taken something and has not.
    since: Option<Instant>,
    /// The frame that closes the socket, once everything else is written.
    closing: Option<Bytes>,
    /// Nothing will be written any more.
    ended: bool,
    writer: Option<Waker>,
}

impl ClientQueue {
    /// So many times its limit may a queue grow by frames that must stay before its client is
    /// given up.
    const PATIENCE: usize = 4;

    pub fn new(max_frames: usize, max_bytes: usize) -> Self {
        let (needed, drained) = (Notify::new(), Notify::new());
        Self { waiting: Mutex::default(), needed, drained, max_frames, max_bytes }
    }

    /// Writes nothing until `release`.
    pub fn hold(&self) {
        self.lock().held = true;
    }

    /// Goes on writing, `front` first.
    pub fn release(&self, front: Option<Bytes>) {
        let mut waiting = self.lock();
        waiting.held = false;
        if let Some(front) = front.filter(|_| !waiting.is_closed()) {
            waiting.count(&Item::Own(front.clone()));
            waiting.items.push_front(Item::Own(front));
        }
        waiting.since = waiting.now_waiting();
        waiting.wake();
    }

    /// A frame for this client alone.
    pub fn push_own(&self, frame: Bytes) {
        let mut waiting = self.lock();
        waiting.add(Item::Own(frame));
        self.settle(waiting);
    }

    /// Waits for something the queue cannot do by itself.
    pub async fn need(&self) -> Need {
        loop {
            if let Some(need) = self.try_need() {
                return need;
            }
            self.needed.notified().await;
        }
    }

    fn try_need(&self) -> Option<Need> {
        let mut waiting = self.lock();
        if waiting.frames > self.max_frames.saturating_mul(Self::PATIENCE) {
            return Some(Need::GiveUp);
        }
        let Some(Item::Gap { job, resume_after }) = waiting.items.front() else { return None };
        let need = Need::Snapshot { job: *job, resume_after: *resume_after };
        if waiting.held {
            return None;
        }
        waiting.items.pop_front();
        waiting.held = true;
        Some(need)
    }

    /// Waits until at least half of the queue is free, for one who can wait.
    pub async fn room(&self) {
        loop {
            let drained = self.drained.notified();
            if self.is_half_free() {
                return;
            }
            drained.await;
        }
    }

    /// Whether the client has taken nothing for so long although it could.
    pub fn is_stalled(&self, patience: Duration) -> bool {
        let waiting = self.lock();
        !waiting.held && waiting.since.is_some_and(|since| since.elapsed() >= patience)
    }

    /// Writes what waits, then closes.
    pub fn finish(&self, close: Bytes) {
        let mut waiting = self.lock();
        waiting.closing.get_or_insert(close);
        waiting.held = false;
        waiting.wake();
    }

    /// Closes at once; what waits is dropped.
    pub fn close(&self, close: Bytes) {
        let mut waiting = self.lock();
        waiting.clear();
        drop(waiting);
        self.finish(close);
        self.drained.notify_waiters();
    }

    /// Waits until everything is written, the closing frame too, or nothing can be any more.
    pub async fn ended(&self) {
        loop {
            let drained = self.drained.notified();
            if self.lock().ended {
                return;
            }
            drained.await;
        }
    }

    /// Nobody writes any more.
    pub fn abandon(&self) {
        let mut waiting = self.lock();
        waiting.clear();
        waiting.ended = true;
        drop(waiting);
        self.drained.notify_waiters();
    }

    /// The next bytes for the client; `None` after the last.
    pub fn poll_bytes(&self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut waiting = self.lock();
        if waiting.ended {
            return Poll::Ready(None);
        }
        let bytes = match waiting.items.front() {
            _ if waiting.held => None,
            Some(Item::Gap { .. }) => {
                self.needed.notify_one();
                None
            }
            Some(_) => waiting.take(),
            None => {
                let last = waiting.closing.take();
                waiting.ended = last.is_some();
                last
            }
        };
        let Some(bytes) = bytes else {
            waiting.since = None;
            waiting.writer = Some(context.waker().clone());
            return Poll::Pending;
        };
        waiting.since = waiting.now_waiting();
        drop(waiting);
        self.drained.notify_waiters();
        Poll::Ready(Some(bytes))
    }

    fn is_half_free(&self) -> bool {
        let waiting = self.lock();
        waiting.frames <= self.max_frames / 2 && waiting.bytes <= self.max_bytes / 2
    }

    fn is_full(&self, waiting: &Waiting) -> bool {
        waiting.frames >= self.max_frames || waiting.bytes >= self.max_bytes
    }

    /// Lets the writer know, and the connection when it all has been too much.
    fn settle(&self, mut waiting: MutexGuard<'_, Waiting>) {
        if waiting.since.is_none() {
            waiting.since = waiting.now_waiting();
        }
        waiting.wake();
        if waiting.frames > self.max_frames.saturating_mul(Self::PATIENCE) {
            self.needed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listen for ClientQueue {
    fn hear(&self, batch: &Arc<Batch>, from: usize, _: &[Arc<alphafleet_domain::Event>]) {
        let Some(run) = Run::rest(batch, from) else { return };
        let mut waiting = self.lock();
        if self.is_full(&waiting) {
            waiting.overflow(run);
        } else {
            let is_behind = waiting.frames > self.max_frames / 2;
            if is_behind && waiting.progress > 0 && run.progress() > 0 {
                waiting.forget_progress(run.job());
            }
            waiting.add(Item::Events(run));
        }
        self.settle(waiting);
    }

    fn gap(&self, job: JobId, resume_after: Cursor) {
        let mut waiting = self.lock();
        waiting.add(Item::Gap { job, resume_after });
        self.settle(waiting);
    }

    fn forget(&self, job: JobId) {
        let mut waiting = self.lock();
        waiting.rebuild(|item| if item.job() == Some(job) { Vec::new() } else { vec![item] });
        drop(waiting);
        self.drained.notify_waiters();
    }
}

impl Item {
    fn job(&self) -> Option<JobId> {
        match self {
            Self::Events(run) => Some(run.job()),
            Self::Gap { job, .. } => Some(*job),
            Self::Own(_) => None,
        }
    }
}

impl Waiting {
    fn add(&mut self, item: Item) {
        if !self.is_closed() {
            self.count(&item);
            self.items.push_back(item);
        }
    }

    fn is_closed(&self) -> bool {
        self.ended || self.closing.is_some()
    }

    fn count(&mut self, item: &Item) {
        let (frames, bytes, progress) = weigh(item);
        self.frames += frames;
        self.bytes += bytes;
        self.progress += progress;
    }

    fn take(&mut self) -> Option<Bytes> {
        let item = self.items.pop_front()?;
        let (frames, bytes, progress) = weigh(&item);
        self.frames -= frames;
        self.bytes -= bytes;
        self.progress -= progress;
        match item {
            Item::Events(run) => Some(run.bytes()),
            Item::Own(bytes) => Some(bytes),
            Item::Gap { .. } => None,
        }
    }

    fn clear(&mut self) {
        self.rebuild(|_| Vec::new());
    }

    fn rebuild(&mut self, keep: impl FnMut(Item) -> Vec<Item>) {
        self.items = std::mem::take(&mut self.items).into_iter().flat_map(keep).collect();
        (self.frames, self.bytes, self.progress) = (0, 0, 0);
        for at in 0..self.items.len() {
            let (frames, bytes, progress) = weigh(&self.items[at]);
            self.frames += frames;
            self.bytes += bytes;
            self.progress += progress;
        }
    }

    /// What newer progress of the job outdates.
    fn forget_progress(&mut self, job: JobId) {
        self.rebuild(|item| match item {
            Item::Events(run) if run.job() == job && run.progress() > 0 => {
                let kept = run.kept(|kind| kind != EventKind::Progress);
                kept.into_iter().map(Item::Events).collect()
            }
            item => vec![item],
        });
    }

    /// The job's events give way to a gap up to the last one that may be dropped. Its changes of
    /// state stay.
    fn overflow(&mut self, run: Run) {
        let Some((lost, resume_after, after)) = run.clone().split_at_last_loss() else {
            return self.add(Item::Events(run));
        };
        let job = lost.job();
        let states = |run: Run| {
            let kept = run.kept(|kind| kind == EventKind::State);
            kept.into_iter().map(|run| Item::Events(run.alone())).collect::<Vec<_>>()
        };
        self.rebuild(|item| match item {
            Item::Events(run) if run.job() == job => states(run),
            Item::Gap { job: of, .. } if of == job => Vec::new(),
            item => vec![item],
        });
        states(lost).into_iter().for_each(|item| self.add(item));
        self.add(Item::Gap { job, resume_after });
        if let Some(after) = after {
            self.add(Item::Events(after.alone()));
        }
    }

    fn now_waiting(&self) -> Option<Instant> {
        (!self.items.is_empty()).then(Instant::now)
    }

    fn wake(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
    }
}

/// Frames, bytes, and progress among the frames.
fn weigh(item: &Item) -> (usize, usize, usize) {
    match item {
        Item::Events(run) => (run.frames(), run.size(), run.progress()),
        Item::Own(bytes) => (1, bytes.len(), 0),
        Item::Gap { .. } => (0, 0, 0),
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
