use crate::engine::{LANES, Lane, MISSING};
use crate::indicators::window::Ring;

/// The longest window that is laid side by side.
pub(super) const LONGEST: usize = 128;

/// Full rings side by side, turned so that all have their oldest value in the same row.
pub(super) struct Rings {
    rows: Vec<Lane>,
    /// The row of the oldest values.
    head: usize,
    /// Values taken in all.
    taken: usize,
    /// How many had been when an instrument joined.
    taken_before: [usize; LANES],
}

impl Rings {
    /// Room for rings as long as this one; `None` if it is too long.
    pub(super) fn like(ring: &Ring) -> Option<Self> {
        let rows = (ring.capacity <= LONGEST).then(|| vec![MISSING; ring.capacity])?;
        Some(Self { rows, head: 0, taken: 0, taken_before: [0; LANES] })
    }

    /// `false` unless the ring is full and as long.
    pub(super) fn join(&mut self, lane: usize, ring: &Ring) -> bool {
        if !ring.is_full() || ring.capacity != self.rows.len() {
            return false;
        }
        self.taken_before[lane] = self.taken;
        let (newer, older) = self.rows.split_at_mut(self.head);
        for (row, value) in older.iter_mut().chain(newer).zip(ring.oldest_first()) {
            row[lane] = value;
        }
        true
    }

    /// Takes a value of each and answers those that leave.
    #[inline(always)]
    pub(super) fn push(&mut self, values: &Lane) -> Lane {
        let left = std::mem::replace(&mut self.rows[self.head], *values);
        self.taken += 1;
        self.head += 1;
        if self.head == self.rows.len() {
            self.head = 0;
        }
        left
    }

    #[inline(always)]
    pub(super) fn oldest(&self) -> &Lane {
        &self.rows[self.head]
    }

    pub(super) fn oldest_first(&self, lane: usize) -> impl Iterator<Item = f64> + '_ {
        let (newer, older) = self.rows.split_at(self.head);
        older.iter().chain(newer).map(move |row| row[lane])
    }

    pub(super) fn leave(&self, lane: usize, ring: &mut Ring) {
        ring.head = (ring.head + self.taken - self.taken_before[lane]) % ring.capacity;
        let (newer, older) = ring.values.split_at_mut(ring.head);
        for (slot, value) in older.iter_mut().chain(newer).zip(self.oldest_first(lane)) {
            *slot = value;
        }
    }
}
