use serde::{Deserialize, Serialize};

use super::window::Ring;

/// How many windows pass before the sums are rebuilt whatever happens.
const WINDOWS_BETWEEN_REBUILDS: u64 = 32;
/// Below this share of the mean square the variance has lost half its digits to cancellation.
pub(super) const CANCELLED: f64 = 1e-6;
/// A value that leaves and outweighs what stays by this much takes its digits along.
pub(super) const OUTWEIGHED: f64 = 1e6;
/// After a rebuild, less than this share of the mean square is rounding alone: the values are equal.
const FLAT: f64 = 1e-12;

/// The variance of the last `window` values with divisor `window`, from running sums of deviations
/// from a shift: TA-Lib 0.8.1's `VAR`, whose sums are rebuilt where cancellation would spoil them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RollingVariance {
    pub(super) values: Ring,
    pub(super) inverse: f64,
    pub(super) shift: Option<f64>,
    pub(super) sum: f64,
    pub(super) squares: f64,
    pub(super) rebuild_after: u64,
    pub(super) bars_left: u64,
}

impl RollingVariance {
    pub(super) fn new(window: usize) -> Self {
        let rebuild_after = WINDOWS_BETWEEN_REBUILDS * window as u64;
        Self {
            values: Ring::new(window),
            inverse: 1.0 / window as f64,
            shift: None,
            sum: 0.0,
            squares: 0.0,
            rebuild_after,
            bars_left: rebuild_after,
        }
    }

    /// The variance, once the window is full. Never negative.
    #[inline(always)]
    pub(super) fn next(&mut self, value: f64) -> Option<f64> {
        self.values.push(value);
        let shift = *self.shift.get_or_insert(value);
        self.add(value - shift);
        let oldest = self.values.oldest()?;

        let variance = self.variance();
        let departing = self.remove(oldest - shift);
        self.bars_left = self.bars_left.saturating_sub(1);
        let unsafe_sums = variance < CANCELLED * (self.squares * self.inverse)
            || departing > OUTWEIGHED * self.squares;
        if unsafe_sums || self.bars_left == 0 {
            return Some(self.rebuild());
        }
        Some(variance)
    }

    #[inline(always)]
    fn variance(&self) -> f64 {
        let mean = self.sum * self.inverse;
        self.squares * self.inverse - mean * mean
    }

    #[inline(always)]
    fn add(&mut self, deviation: f64) {
        self.sum += deviation;
        self.squares += deviation * deviation;
    }

    #[inline(always)]
    fn remove(&mut self, deviation: f64) -> f64 {
        let square = deviation * deviation;
        self.sum -= deviation;
        self.squares -= square;
        square
    }

    /// Sums anew; answers the variance.
    #[cold]
    fn rebuild(&mut self) -> f64 {
        self.bars_left = self.rebuild_after;
        let sums = Sums::of(|| self.values.oldest_first(), self.inverse);
        self.shift = Some(sums.shift);
        (self.sum, self.squares) = (sums.sum, sums.squares);
        sums.variance
    }
}

/// What a full window leaves: sums without its oldest value, and its variance.
pub(super) struct Sums {
    pub(super) shift: f64,
    pub(super) sum: f64,
    pub(super) squares: f64,
    pub(super) variance: f64,
}

impl Sums {
    /// Sums about the window's mean.
    pub(super) fn of<I: Iterator<Item = f64>>(oldest_first: impl Fn() -> I, inverse: f64) -> Self {
        let shift = oldest_first().fold(0.0, |sum, value| sum + value) * inverse;
        let (mut sum, mut squares) = (0.0, 0.0);
        for value in oldest_first() {
            let deviation = value - shift;
            sum += deviation;
            squares += deviation * deviation;
        }
        let mean = sum * inverse;
        let variance = squares * inverse - mean * mean;
        let flat = variance < FLAT * (squares * inverse);
        let oldest = oldest_first().next().map_or(0.0, |oldest| oldest - shift);
        Self {
            shift,
            sum: sum - oldest,
            squares: squares - oldest * oldest,
            variance: if flat { 0.0 } else { variance },
        }
    }
}
