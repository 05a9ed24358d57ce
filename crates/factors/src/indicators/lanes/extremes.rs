use super::rings::LONGEST;
use crate::engine::{LANES, Lane, MISSING, lane};
use crate::indicators::window::{Extremes, wider};

/// Highest and lowest of each instrument.
type Ends = [Lane; 2];

/// [`Extremes`] side by side: here their blocks begin and end together, wherever each one's own do.
///
/// Where an instrument joins, extremes from a bar to the end of its older block stand for that bar;
/// every window that contains the bar contains those after it, so its extremes are the same.
pub(super) struct ExtremesAbreast {
    /// The last bars, the newer block up to `position`, then what is left of the older one.
    bars: Vec<Ends>,
    /// From each of them to the end of the older block.
    suffixes: Vec<Ends>,
    newer: Ends,
    position: usize,
    /// Bars taken in all, and how many had been when an instrument joined.
    taken: usize,
    taken_before: [usize; LANES],
}

/// The ends of both, the older bars first.
#[inline(always)]
fn joint(older: &Ends, newer: &Ends) -> Ends {
    let (a, b) = (older, newer);
    let highest = lane(|l| if b[0][l] > a[0][l] { b[0][l] } else { a[0][l] });
    [highest, lane(|l| if b[1][l] < a[1][l] { b[1][l] } else { a[1][l] })]
}

fn ends(ends: &Ends, lane: usize) -> [f64; 2] {
    ends.map(|lanes| lanes[lane])
}

fn set(ends: &mut Ends, lane: usize, values: [f64; 2]) {
    for (lanes, value) in ends.iter_mut().zip(values) {
        lanes[lane] = value;
    }
}

impl ExtremesAbreast {
    pub(super) fn like(one: &Extremes) -> Option<Self> {
        let none = [MISSING; 2];
        let bars = (one.window <= LONGEST).then(|| vec![none; one.window])?;
        let (suffixes, taken_before) = (bars.clone(), [0; LANES]);
        Some(Self { bars, suffixes, newer: none, position: 0, taken: 0, taken_before })
    }

    pub(super) fn join(&mut self, lane: usize, one: &Extremes) -> bool {
        if !one.is_full() || one.window != self.bars.len() {
            return false;
        }
        self.taken_before[lane] = self.taken;
        let (newer, older) = self.bars.split_at_mut(self.position);
        for (bar, values) in older.iter_mut().chain(newer).zip(one.oldest_first()) {
            set(bar, lane, values);
        }
        let newer = self.bars[..self.position].iter().map(|bar| ends(bar, lane)).reduce(wider);
        set(&mut self.newer, lane, newer.unwrap_or_default());
        let mut suffix = None;
        for at in (self.position..self.bars.len()).rev() {
            let bar = ends(&self.bars[at], lane);
            let joined = suffix.map_or(bar, |later| wider(bar, later));
            set(&mut self.suffixes[at], lane, joined);
            suffix = Some(joined);
        }
        true
    }

    #[inline(always)]
    pub(super) fn next(&mut self, high: &Lane, low: &Lane) -> Ends {
        let bar = [*high, *low];
        self.bars[self.position] = bar;
        self.newer = if self.position == 0 { bar } else { joint(&self.newer, &bar) };
        self.position += 1;
        self.taken += 1;
        match self.suffixes.get(self.position) {
            Some(older) => joint(older, &self.newer),
            None => {
                self.turn();
                self.newer
            }
        }
    }

    /// The newer block becomes the older one.
    #[inline(always)]
    fn turn(&mut self) {
        let mut suffix: Option<Ends> = None;
        for (own, bar) in self.suffixes.iter_mut().zip(&self.bars).rev() {
            let joined = suffix.map_or(*bar, |later| joint(bar, &later));
            *own = joined;
            suffix = Some(joined);
        }
        self.position = 0;
    }

    pub(super) fn leave(&self, lane: usize, one: &mut Extremes) {
        let (newer, older) = self.bars.split_at(self.position);
        let bars = older.iter().chain(newer).map(|bar| ends(bar, lane));
        one.advance(self.taken - self.taken_before[lane], bars);
    }
}
