//! The true range and Wilder's average of it.

use serde::{Deserialize, Serialize};

use super::indicator::Indicator;

/// The widest of high − low, |high − previous close| and |low − previous close| (Wilder 1978).
#[inline(always)]
pub(super) fn true_range(high: f64, low: f64, previous_close: f64) -> f64 {
    let mut widest = high - low;
    for reach in [(high - previous_close).abs(), (low - previous_close).abs()] {
        if reach > widest {
            widest = reach;
        }
    }
    widest
}

/// TA-Lib's `ATR` and `NATR`: inputs high, low, close; outputs the average true range, and it in
/// per cent of the close (0 where the close is 0).
///
/// Seeded by the mean of the first `window` true ranges, the first of which needs a bar before it.
/// With a window of one TA-Lib answers the true range for both, and so does this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AverageTrueRange {
    pub(super) window: u64,
    pub(super) seen: u64,
    pub(super) newest_weight: f64,
    pub(super) kept_weight: f64,
    /// The sum of the true ranges until the average exists, then the average.
    pub(super) average: f64,
    pub(super) previous_close: Option<f64>,
}

impl AverageTrueRange {
    pub(super) fn new(window: usize) -> Self {
        let kept_weight = (window as f64 - 1.0) / window as f64;
        Self {
            window: window as u64,
            seen: 0,
            newest_weight: 1.0 - kept_weight,
            kept_weight,
            average: 0.0,
            previous_close: None,
        }
    }

    #[inline(always)]
    fn average(&mut self, range: f64) -> Option<f64> {
        if self.seen >= self.window {
            self.average = self.kept_weight.mul_add(self.average, self.newest_weight * range);
            return Some(self.average);
        }
        self.seen += 1;
        self.average += range;
        if self.seen < self.window {
            return None;
        }
        self.average /= self.window as f64;
        Some(self.average)
    }
}

impl Indicator<3, 2> for AverageTrueRange {
    #[inline(always)]
    fn step(&mut self, [high, low, close]: [f64; 3]) -> [f64; 2] {
        let Some(previous_close) = self.previous_close.replace(close) else {
            return [f64::NAN; 2];
        };
        let Some(average) = self.average(true_range(high, low, previous_close)) else {
            return [f64::NAN; 2];
        };
        let normalised = if self.window == 1 {
            average
        } else if close == 0.0 {
            0.0
        } else {
            (average / close) * 100.0
        };
        [average, normalised]
    }
}
