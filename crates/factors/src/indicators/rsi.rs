use serde::{Deserialize, Serialize};

use super::indicator::Indicator;

/// Wilder's relative strength index as TA-Lib's `RSI` has it: the share of the average gain in the
/// average gain and loss, in per cent; 0 where the price never moved.
///
/// Both averages are seeded by the mean of the first `window` moves and smoothed from then on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rsi {
    pub(super) window: u64,
    pub(super) moves: u64,
    pub(super) inverse: f64,
    pub(super) previous: Option<f64>,
    pub(super) gain: f64,
    pub(super) loss: f64,
}

impl Rsi {
    pub(super) fn new(window: usize) -> Self {
        Self {
            window: window as u64,
            moves: 0,
            inverse: 1.0 / window as f64,
            previous: None,
            gain: 0.0,
            loss: 0.0,
        }
    }
}

impl Indicator<1, 1> for Rsi {
    #[inline(always)]
    fn step(&mut self, [value]: [f64; 1]) -> [f64; 1] {
        let Some(previous) = self.previous.replace(value) else { return [f64::NAN] };
        let moved = value - previous;
        let gain = if moved > 0.0 { moved } else { 0.0 };
        if self.moves >= self.window {
            let kept = self.window as f64 - 1.0;
            self.loss *= kept;
            self.gain *= kept;
        } else {
            self.moves += 1;
        }
        self.gain += gain;
        self.loss += gain - moved;
        if self.moves < self.window {
            return [f64::NAN];
        }
        self.loss *= self.inverse;
        self.gain *= self.inverse;
        let both = self.gain + self.loss;
        [if both > 0.0 { 100.0 * (self.gain / both) } else { 0.0 }]
    }
}
