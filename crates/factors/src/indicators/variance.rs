use serde::{Deserialize, Serialize};

use super::window::Ring;

/// How many windows pass before the sums are rebuilt whatever happens.
const WINDOWS_BETWEEN_REBUILDS: u64 = 32;
/// Below this share of the mean square the variance has lost half its digits to cancellation.
const CANCELLED: f64 = 1e-6;
/// A value that leaves and outweighs what stays by this much takes its digits along.
const OUTWEIGHED: f64 = 1e6;
/// After a rebuild, less than this share of the mean square is rounding alone: the values are equal.
const FLAT: f64 = 1e-12;

/// The variance of the last `window` values with divisor `window`, from running sums of deviations
/// from a shift: TA-Lib 0.8.1's `VAR`, whose sums are rebuilt where cancellation would spoil them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RollingVariance {
    values: Ring,
    inverse: f64,
    shift: Option<f64>,
    sum: f64,
    squares: f64,
    rebuild_after: u64,
    bars_left: u64,
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
            return Some(self.rebuild(oldest));
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

    /// Sums anew about the window's mean, without `oldest` in the end.
    #[cold]
    fn rebuild(&mut self, oldest: f64) -> f64 {
        self.bars_left = self.rebuild_after;
        let shift = self.values.oldest_first().fold(0.0, |sum, value| sum + value) * self.inverse;
        self.shift = Some(shift);
        (self.sum, self.squares) = (0.0, 0.0);
        let (mut sum, mut squares) = (0.0, 0.0);
        for value in self.values.oldest_first() {
            let deviation = value - shift;
            sum += deviation;
            squares += deviation * deviation;
        }
        (self.sum, self.squares) = (sum, squares);
        let variance = self.variance();
        let flat = variance < FLAT * (squares * self.inverse);
        self.remove(oldest - shift);
        if flat { 0.0 } else { variance }
    }
}
