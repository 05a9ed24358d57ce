//! What slides over the last bars: values, and the highest and lowest of them.

use serde::{Deserialize, Serialize};

/// The last values, at most `capacity` of them. Memory grows with the values seen, not with the
/// window asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RingState")]
pub(super) struct Ring {
    pub(super) values: Vec<f64>,
    /// Where the oldest value is, and the next one goes once the ring is full.
    pub(super) head: usize,
    pub(super) capacity: usize,
}

#[derive(Deserialize)]
struct RingState {
    values: Vec<f64>,
    head: usize,
    capacity: usize,
}

impl TryFrom<RingState> for Ring {
    type Error = &'static str;

    fn try_from(state: RingState) -> Result<Self, Self::Error> {
        let RingState { values, head, capacity } = state;
        let fits = if values.len() == capacity { head < capacity } else { head == 0 };
        if capacity == 0 || values.len() > capacity || !fits {
            return Err("the state of an indicator's window contradicts itself");
        }
        Ok(Self { values, head, capacity })
    }
}

impl Ring {
    /// `capacity` is at least one.
    pub(super) fn new(capacity: usize) -> Self {
        Self { values: vec![], head: 0, capacity: capacity.max(1) }
    }

    /// Takes a value and answers the one that leaves, if the ring was full.
    #[inline(always)]
    pub(super) fn push(&mut self, value: f64) -> Option<f64> {
        if !self.is_full() {
            self.values.push(value);
            return None;
        }
        let oldest = self.values.get_mut(self.head)?;
        let left = std::mem::replace(oldest, value);
        self.head += 1;
        if self.head == self.capacity {
            self.head = 0;
        }
        Some(left)
    }

    #[inline(always)]
    pub(super) fn is_full(&self) -> bool {
        self.values.len() == self.capacity
    }

    /// The oldest value, once the ring is full.
    #[inline(always)]
    pub(super) fn oldest(&self) -> Option<f64> {
        if self.is_full() { self.values.get(self.head).copied() } else { None }
    }

    pub(super) fn oldest_first(&self) -> impl Iterator<Item = f64> + '_ {
        let (newer, older) = self.values.split_at(self.head);
        older.iter().chain(newer).copied()
    }

    /// The values in the order of their slots, which depends on how many were seen.
    #[inline(always)]
    pub(super) fn slots(&self) -> &[f64] {
        &self.values
    }
}

/// The highest high and the lowest low of a window in constant time a bar, whatever the prices do
/// (van Herk 1992, Gil and Werman 1993): blocks of the window's length hold, from each bar to their
/// end, the extremes of the older block, and are overwritten by the newer one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ExtremesState")]
pub(super) struct Extremes {
    pub(super) block: Vec<[f64; 2]>,
    pub(super) position: usize,
    pub(super) window: usize,
    /// Highest and lowest of the newer block so far.
    pub(super) newer: [f64; 2],
}

#[derive(Deserialize)]
struct ExtremesState {
    block: Vec<[f64; 2]>,
    position: usize,
    window: usize,
    newer: [f64; 2],
}

impl TryFrom<ExtremesState> for Extremes {
    type Error = &'static str;

    fn try_from(state: ExtremesState) -> Result<Self, Self::Error> {
        let ExtremesState { block, position, window, newer } = state;
        let fits = if block.len() == window { position < window } else { position == block.len() };
        if window == 0 || block.len() > window || !fits {
            return Err("the state of an indicator's extremes contradicts itself");
        }
        Ok(Self { block, position, window, newer })
    }
}

/// The extremes of both, the earlier bars first: of equal ones the earlier counts.
#[inline(always)]
pub(super) fn wider(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [if b[0] > a[0] { b[0] } else { a[0] }, if b[1] < a[1] { b[1] } else { a[1] }]
}

impl Extremes {
    /// `window` is at least one.
    pub(super) fn new(window: usize) -> Self {
        Self { block: vec![], position: 0, window: window.max(1), newer: [0.0; 2] }
    }

    #[inline(always)]
    pub(super) fn is_full(&self) -> bool {
        self.block.len() == self.window
    }

    /// The newer block's bars after what is left of the older one, in whose bars' place there are
    /// the extremes from each to its end.
    pub(super) fn oldest_first(&self) -> impl Iterator<Item = [f64; 2]> + '_ {
        let (newer, older) = self.block.split_at(self.position);
        older.iter().chain(newer).copied()
    }

    /// Goes on to `taken` bars later. `bars` are the window's then, as [`Self::oldest_first`] has
    /// them or as they are.
    pub(super) fn advance(&mut self, taken: usize, bars: impl Iterator<Item = [f64; 2]>) {
        self.position = (self.position + taken) % self.window;
        let (newer, older) = self.block.split_at_mut(self.position);
        for (slot, bar) in older.iter_mut().chain(newer).zip(bars) {
            *slot = bar;
        }
        let newer = if self.position == 0 { &self.block } else { &self.block[..self.position] };
        if let Some(extremes) = newer.iter().copied().reduce(wider) {
            self.newer = extremes;
        }
        suffixes(&mut self.block[self.position..]);
    }

    /// Takes a bar's high and low and answers the highest and the lowest of the window, once it is
    /// full.
    #[inline(always)]
    pub(super) fn next(&mut self, high: f64, low: f64) -> Option<(f64, f64)> {
        let bar = [high, low];
        self.newer = if self.position == 0 { bar } else { wider(self.newer, bar) };
        let full = self.is_full();
        match self.block.get_mut(self.position) {
            Some(slot) => *slot = bar,
            None => self.block.push(bar),
        }
        self.position += 1;
        if self.position == self.window {
            self.turn();
            return Some((self.newer[0], self.newer[1]));
        }
        let older = self.block.get(self.position)?;
        let [highest, lowest] = wider(*older, self.newer);
        full.then_some((highest, lowest))
    }

    /// The newer block becomes the older one.
    fn turn(&mut self) {
        suffixes(&mut self.block);
        self.position = 0;
    }
}

/// Puts in each bar's place the extremes from it to the end.
fn suffixes(block: &mut [[f64; 2]]) {
    let mut later: Option<[f64; 2]> = None;
    for bar in block.iter_mut().rev() {
        *bar = later.map_or(*bar, |later| wider(*bar, later));
        later = Some(*bar);
    }
}
