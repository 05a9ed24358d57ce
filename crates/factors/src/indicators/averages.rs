//! Moving averages: simple, exponential with TA-Lib's seed, and linearly weighted.

use serde::{Deserialize, Serialize};

use super::indicator::{Indicator, or_nan};
use super::window::Ring;

/// TA-Lib's `SMA`: the mean of the last `window` values, from one running sum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sma {
    pub(super) values: Ring,
    pub(super) window: f64,
    pub(super) sum: f64,
}

impl Sma {
    pub(super) fn new(window: usize) -> Self {
        Self { values: Ring::new(window), window: window as f64, sum: 0.0 }
    }

    #[inline(always)]
    pub(super) fn mean(&mut self, value: f64) -> Option<f64> {
        self.values.push(value);
        self.sum += value;
        let oldest = self.values.oldest()?;
        let mean = self.sum / self.window;
        self.sum -= oldest;
        Some(mean)
    }
}

impl Indicator<1, 1> for Sma {
    #[inline(always)]
    fn step(&mut self, [value]: [f64; 1]) -> [f64; 1] {
        [or_nan(self.mean(value))]
    }
}

/// TA-Lib's `EMA`: weight 2/(window+1) for the newest value, seeded by the mean of the first
/// `window` values. Qlib's `EMA` starts from the first value instead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ema {
    pub(super) window: u64,
    pub(super) seen: u64,
    pub(super) newest_weight: f64,
    /// The sum of the values until the average exists, then the average.
    pub(super) average: f64,
}

impl Ema {
    pub(super) fn new(window: usize) -> Self {
        let newest_weight = 2.0 / (window as f64 + 1.0);
        Self { window: window as u64, seen: 0, newest_weight, average: 0.0 }
    }

    #[inline(always)]
    pub(super) fn average(&mut self, value: f64) -> Option<f64> {
        if self.seen >= self.window {
            self.average = if self.window == 1 {
                value
            } else {
                // Fused as in TA-Lib, so that equal inputs are answered by equal bits.
                (value - self.average).mul_add(self.newest_weight, self.average)
            };
            return Some(self.average);
        }
        self.seen += 1;
        self.average += value;
        if self.seen < self.window {
            return None;
        }
        self.average /= self.window as f64;
        Some(self.average)
    }
}

impl Indicator<1, 1> for Ema {
    #[inline(always)]
    fn step(&mut self, [value]: [f64; 1]) -> [f64; 1] {
        [or_nan(self.average(value))]
    }
}

/// How many windows pass before the sums of [`Wma`] are rebuilt.
const WINDOWS_BETWEEN_REBUILDS: u64 = 8;

/// TA-Lib's `WMA`: weights 1, 2, … `window`, the newest value weighing most, from two running sums
/// that are rebuilt every eight windows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wma {
    pub(super) values: Ring,
    pub(super) window: u64,
    pub(super) seen: u64,
    /// Of the values, each with its weight.
    pub(super) weighted: f64,
    /// Of the values: what the weighted sum loses when the window moves on.
    pub(super) plain: f64,
    pub(super) bars_left: u64,
}

impl Wma {
    pub(super) fn new(window: usize) -> Self {
        let window_bars = window as u64;
        Self {
            values: Ring::new(window),
            window: window_bars,
            seen: 0,
            weighted: 0.0,
            plain: 0.0,
            bars_left: Self::rebuild_after(window_bars),
        }
    }

    pub(super) fn rebuild_after(window: u64) -> u64 {
        window.saturating_mul(WINDOWS_BETWEEN_REBUILDS)
    }

    /// Plain and weighted sum of a window.
    pub(super) fn sums(oldest_first: impl Iterator<Item = f64>) -> (f64, f64) {
        let (mut plain, mut weighted, mut weight) = (0.0, 0.0, 0.0);
        for value in oldest_first {
            weight += 1.0;
            plain += value;
            weighted += value * weight;
        }
        (plain, weighted)
    }
}

impl Indicator<1, 1> for Wma {
    #[inline(always)]
    fn step(&mut self, [value]: [f64; 1]) -> [f64; 1] {
        if self.window == 1 {
            return [value];
        }
        let window = self.window as f64;
        let left = self.values.push(value);
        self.seen = self.seen.saturating_add(1).min(self.window);
        self.plain += value;
        self.plain -= left.unwrap_or(0.0);
        self.weighted += value * self.seen as f64;
        if self.seen < self.window {
            return [f64::NAN];
        }
        self.bars_left = self.bars_left.saturating_sub(1);
        if self.bars_left == 0 {
            self.bars_left = Self::rebuild_after(self.window);
            (self.plain, self.weighted) = Self::sums(self.values.oldest_first());
        }
        let average = self.weighted / (window * (window + 1.0) / 2.0);
        self.weighted -= self.plain;
        [average]
    }
}
