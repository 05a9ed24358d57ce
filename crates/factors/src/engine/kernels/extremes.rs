use super::slide::{Place, Statistic, present};
use crate::engine::lanes::{LANES, Lane, lane};

/// Which end of a window is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum End {
    Largest,
    Smallest,
}

/// Largest value of a window, or with `SMALLEST` the smallest.
pub(crate) struct Extreme<'a, const SMALLEST: bool> {
    pub(crate) out: &'a mut [Lane],
}

impl<const SMALLEST: bool> Extreme<'_, SMALLEST> {
    /// Loses against every value.
    const WORST: f64 = if SMALLEST { f64::INFINITY } else { f64::NEG_INFINITY };
}

impl<const SMALLEST: bool> Statistic<1, 1> for Extreme<'_, SMALLEST> {
    const PIVOT: bool = false;
    const IDENTITY: [f64; 1] = [Self::WORST];

    #[inline(always)]
    fn terms(&self, [x]: &[Lane; 1], _: Place) -> [Lane; 1] {
        [lane(|l| if x[l].is_nan() { Self::WORST } else { x[l] })]
    }

    #[inline(always)]
    fn join([a]: &[Lane; 1], [b]: &[Lane; 1]) -> [Lane; 1] {
        if SMALLEST {
            [lane(|l| if a[l] < b[l] { a[l] } else { b[l] })]
        } else {
            [lane(|l| if a[l] > b[l] { a[l] } else { b[l] })]
        }
    }

    #[inline(always)]
    fn finish(&mut self, row: usize, [best]: &[Lane; 1], _: &[Lane; 1], _: f64) {
        self.out[row] = lane(|l| if best[l] == Self::WORST { f64::NAN } else { best[l] });
    }
}

/// Position of the largest (smallest) value in a window, from 1; the first of equals. As numpy
/// does it, a missing value beats all others; a window of missing values alone has no position.
pub(crate) struct Position<'a, const SMALLEST: bool> {
    pub(crate) window: usize,
    /// Bar of row 0.
    pub(crate) first: usize,
    /// The instruments' first bars.
    pub(crate) starts: &'a [usize; LANES],
    pub(crate) out: &'a mut [Lane],
}

/// Terms: number of values; how good the best is, where larger is better and infinity is a missing
/// value; its place.
impl<const SMALLEST: bool> Statistic<1, 3> for Position<'_, SMALLEST> {
    const PIVOT: bool = false;
    const IDENTITY: [f64; 3] = [0.0, f64::NEG_INFINITY, 0.0];

    #[inline(always)]
    fn terms(&self, [x]: &[Lane; 1], place: Place) -> [Lane; 3] {
        let sign = if SMALLEST { -1.0 } else { 1.0 };
        let good = lane(|l| if x[l].is_nan() { f64::INFINITY } else { sign * x[l] });
        // What lies before an instrument's first bar is not even missing.
        let good = lane(|l| if place.bar < self.starts[l] { f64::NEG_INFINITY } else { good[l] });
        [present(x), good, [place.at; LANES]]
    }

    #[inline(always)]
    fn join(older: &[Lane; 3], newer: &[Lane; 3]) -> [Lane; 3] {
        let ([n, good, at], [newer_n, newer_good, newer_at]) = (older, newer);
        [
            lane(|l| n[l] + newer_n[l]),
            lane(|l| if newer_good[l] > good[l] { newer_good[l] } else { good[l] }),
            lane(|l| if newer_good[l] > good[l] { newer_at[l] } else { at[l] }),
        ]
    }

    #[inline(always)]
    fn finish(&mut self, row: usize, [count, _, at]: &[Lane; 3], _: &[Lane; 1], place: f64) {
        let (bars, window) = (self.first + row + 1, self.window);
        self.out[row] = lane(|l| {
            let listed = bars.saturating_sub(self.starts[l]);
            let length = if window == 0 { listed } else { listed.min(window) } as f64;
            let position = at[l] - place + length;
            if count[l] == 0.0 { f64::NAN } else { position }
        });
    }
}
