use std::sync::Arc;

use alphafleet_domain::{Cursor, Event, EventKind, JobId};
use bytes::{Bytes, BytesMut};

use super::frame::frame_text;
use super::wire::write_text;

/// Events of one job as they go to clients: written once, one behind the other, and their bytes
/// shared by all clients.
#[derive(Debug)]
pub(super) struct Batch {
    pub job: JobId,
    frames: Vec<Framed>,
    bytes: Bytes,
}

/// One event in a batch.
#[derive(Debug, Clone, Copy)]
struct Framed {
    cursor: Cursor,
    kind: EventKind,
    /// Where its bytes end in the batch's; they begin where the last one's end.
    end: usize,
}

impl Batch {
    pub fn write(job: JobId, events: &[Arc<Event>]) -> Result<Self, serde_json::Error> {
        let mut bytes = BytesMut::new();
        let mut frames = Vec::with_capacity(events.len());
        for event in events {
            write_text(frame_text(event)?, &mut bytes);
            let (cursor, kind) = (event.cursor, event.body.kind);
            frames.push(Framed { cursor, kind, end: bytes.len() });
        }
        Ok(Self { job, frames, bytes: bytes.freeze() })
    }

    pub fn len(&self) -> usize {
        self.frames.len()
    }

    pub fn last(&self) -> Option<Cursor> {
        self.frames.last().map(|frame| frame.cursor)
    }

    /// The place of the first event after `seen`.
    pub fn first_after(&self, seen: Option<Cursor>) -> usize {
        let Some(seen) = seen else { return 0 };
        self.frames.partition_point(|frame| frame.cursor.order() <= seen.order())
    }
}

/// Epochs begin later one after the other.
pub(super) trait Order {
    fn order(self) -> (u64, u64);
}

impl Order for Cursor {
    fn order(self) -> (u64, u64) {
        (self.epoch, self.seq)
    }
}

/// Neighbouring events of a batch.
#[derive(Debug, Clone)]
pub(super) struct Run {
    batch: Arc<Batch>,
    from: usize,
    to: usize,
}

impl Run {
    /// The events from place `from` on; `None` when there are none.
    pub fn rest(batch: &Arc<Batch>, from: usize) -> Option<Self> {
        (from < batch.len()).then(|| Self { batch: batch.clone(), from, to: batch.len() })
    }

    pub fn job(&self) -> JobId {
        self.batch.job
    }

    pub fn frames(&self) -> usize {
        self.to - self.from
    }

    pub fn bytes(&self) -> Bytes {
        self.batch.bytes.slice(self.start()..self.end())
    }

    pub fn size(&self) -> usize {
        self.end() - self.start()
    }

    pub fn progress(&self) -> usize {
        self.kinds().filter(|kind| *kind == EventKind::Progress).count()
    }

    /// Cut where `keep` changes its mind, without what it does not keep.
    pub fn kept(&self, keep: impl Fn(EventKind) -> bool) -> Vec<Self> {
        let mut kept: Vec<Self> = Vec::new();
        for at in (self.from..self.to).filter(|at| keep(self.batch.frames[*at].kind)) {
            match kept.last_mut() {
                Some(last) if last.to == at => last.to = at + 1,
                _ => kept.push(Self { batch: self.batch.clone(), from: at, to: at + 1 }),
            }
        }
        kept
    }

    /// A copy that does not keep the rest of its batch in memory.
    pub fn alone(self) -> Self {
        if self.frames() == self.batch.len() {
            return self;
        }
        let start = self.start();
        let frames = self.batch.frames[self.from..self.to].iter();
        let frames = frames.map(|frame| Framed { end: frame.end - start, ..*frame }).collect();
        let bytes = Bytes::copy_from_slice(&self.bytes());
        let (from, to) = (0, self.frames());
        Self { batch: Arc::new(Batch { job: self.batch.job, frames, bytes }), from, to }
    }

    /// Up to its last event that is no change of state, and what comes after that. The cursor is
    /// that event's; `None` when all are changes of state.
    pub fn split_at_last_loss(self) -> Option<(Self, Cursor, Option<Self>)> {
        let frames = &self.batch.frames[self.from..self.to];
        let lost = self.from + frames.iter().rposition(|frame| frame.kind != EventKind::State)?;
        let cursor = self.batch.frames[lost].cursor;
        let after = Self { from: lost + 1, ..self.clone() };
        let after = (after.frames() > 0).then_some(after);
        Some((Self { to: lost + 1, ..self }, cursor, after))
    }

    fn kinds(&self) -> impl Iterator<Item = EventKind> + '_ {
        self.batch.frames[self.from..self.to].iter().map(|frame| frame.kind)
    }

    fn start(&self) -> usize {
        self.from.checked_sub(1).map_or(0, |before| self.batch.frames[before].end)
    }

    fn end(&self) -> usize {
        self.to.checked_sub(1).map_or(0, |last| self.batch.frames[last].end)
    }

    #[cfg(test)]
    pub fn seqs(&self) -> Vec<u64> {
        self.batch.frames[self.from..self.to].iter().map(|frame| frame.cursor.seq).collect()
    }
}
