use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use alphafleet_domain::{Cursor, JobId};
use tokio::sync::Notify;

use super::frame::Frame;

/// What waits to be written to one client.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Frame(Frame),
    /// Frames up to here were dropped; the client needs a snapshot.
    Gap {
        job: JobId,
        resume_after: Cursor,
    },
}

impl Item {
    fn job(&self) -> JobId {
        match self {
            Self::Frame(frame) => frame.job,
            Self::Gap { job, .. } => *job,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Frame(frame) => frame.text.len(),
            Self::Gap { .. } => 0,
        }
    }

    fn must_stay(&self) -> bool {
        matches!(self, Self::Frame(frame) if frame.is_state)
    }
}

/// The bounded queue between the hubs and one client. Pushing never waits: when the queue is full,
/// the job's frames give way to a gap, all but its changes of state.
#[derive(Debug)]
pub(super) struct ClientQueue {
    waiting: Mutex<Waiting>,
    filled: Notify,
    drained: Notify,
    max_frames: usize,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    items: VecDeque<Item>,
    bytes: usize,
}

impl ClientQueue {
    /// So many times its limit may a queue grow by frames that must stay before its client is
    /// given up.
    const PATIENCE: usize = 4;

    pub fn new(max_frames: usize, max_bytes: usize) -> Self {
        let (filled, drained) = (Notify::new(), Notify::new());
        Self { waiting: Mutex::default(), filled, drained, max_frames, max_bytes }
    }

    pub fn push(&self, frame: Frame) {
        let mut waiting = self.lock();
        if self.is_full(&waiting) && !frame.is_state {
            overflow(&mut waiting, frame.job, frame.cursor);
        } else {
            waiting.add(Item::Frame(frame));
        }
        drop(waiting);
        self.filled.notify_one();
    }

    /// Events were lost before they came here.
    pub fn gap(&self, job: JobId, resume_after: Cursor) {
        self.lock().add(Item::Gap { job, resume_after });
        self.filled.notify_one();
    }

    /// Waits for items, and takes some.
    pub async fn take(&self, most: usize) -> Vec<Item> {
        loop {
            let taken = self.try_take(most);
            if !taken.is_empty() {
                return taken;
            }
            self.filled.notified().await;
        }
    }

    fn try_take(&self, most: usize) -> Vec<Item> {
        let mut waiting = self.lock();
        let count = waiting.items.len().min(most);
        let taken: Vec<Item> = waiting.items.drain(..count).collect();
        waiting.bytes -= taken.iter().map(Item::bytes).sum::<usize>();
        drop(waiting);
        self.drained.notify_waiters();
        taken
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

    /// Drops what waits of a job that is no longer followed.
    pub fn forget(&self, job: JobId) {
        let mut waiting = self.lock();
        waiting.retain(|item| item.job() != job);
        drop(waiting);
        self.drained.notify_waiters();
    }

    /// Whether the client is so far behind that it must go.
    pub fn is_hopeless(&self) -> bool {
        self.lock().items.len() > self.max_frames.saturating_mul(Self::PATIENCE)
    }

    fn is_half_free(&self) -> bool {
        let waiting = self.lock();
        waiting.items.len() <= self.max_frames / 2 && waiting.bytes <= self.max_bytes / 2
    }

    fn is_full(&self, waiting: &Waiting) -> bool {
        waiting.items.len() >= self.max_frames || waiting.bytes >= self.max_bytes
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn overflow(waiting: &mut Waiting, job: JobId, resume_after: Cursor) {
    waiting.retain(|item| item.job() != job || item.must_stay());
    waiting.add(Item::Gap { job, resume_after });
}

impl Waiting {
    fn add(&mut self, item: Item) {
        self.bytes += item.bytes();
        self.items.push_back(item);
    }

    fn retain(&mut self, keep: impl FnMut(&Item) -> bool) {
        self.items.retain(keep);
        self.bytes = self.items.iter().map(Item::bytes).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(job: JobId, seq: u64, is_state: bool) -> Frame {
        Frame { job, cursor: Cursor { epoch: 1, seq }, is_state, text: "x".into() }
    }

    fn shown(items: &[Item], job: JobId) -> Vec<String> {
        let of_job = items.iter().filter(|item| item.job() == job);
        let text = of_job.map(|item| match item {
            Item::Frame(frame) => frame.cursor.seq.to_string(),
            Item::Gap { resume_after, .. } => format!("gap {}", resume_after.seq),
        });
        text.collect()
    }

    #[tokio::test]
    async fn a_full_queue_keeps_changes_of_state_and_tells_the_rest_as_a_gap() {
        let (job, other) = (JobId::new(), JobId::new());
        let queue = ClientQueue::new(4, 1_000);
        queue.push(frame(other, 1, false));
        queue.push(frame(job, 1, true));
        queue.push(frame(job, 2, false));
        queue.push(frame(job, 3, false));
        queue.push(frame(job, 4, false));
        queue.push(frame(job, 5, false));
        let items = queue.take(100).await;
        assert_eq!(shown(&items, job), ["1", "gap 4", "5"]);
        assert_eq!(shown(&items, other), ["1"]);
        queue.push(frame(job, 6, false));
        assert_eq!(shown(&queue.take(100).await, job), ["6"]);
    }

    #[tokio::test]
    async fn bytes_count_too_and_a_gap_of_a_gap_is_one() {
        let job = JobId::new();
        let queue = ClientQueue::new(100, 2);
        for seq in 1..=2 {
            queue.push(frame(job, seq, true));
        }
        for seq in 3..=9 {
            queue.push(frame(job, seq, false));
        }
        assert_eq!(shown(&queue.take(100).await, job), ["1", "2", "gap 9"]);
        queue.room().await;
        queue.push(frame(job, 10, true));
        queue.forget(job);
        queue.push(frame(job, 11, true));
        assert_eq!(shown(&queue.take(100).await, job), ["11"]);
    }
}
