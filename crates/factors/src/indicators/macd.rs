use serde::{Deserialize, Serialize};

use super::averages::Ema;
use super::indicator::Indicator;

/// TA-Lib's `MACD`: outputs the fast less the slow exponential average, its own exponential average
/// (the signal), and the difference of the two (the histogram).
///
/// The fast average is seeded by the last of the slow one's first values, so that both begin at the
/// same bar; nothing is answered before the signal exists. A slow period below the fast one takes
/// its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Macd {
    pub(super) fast: Ema,
    pub(super) slow: Ema,
    pub(super) signal: Ema,
    /// Bars before the fast average begins.
    pub(super) bars_to_skip: u64,
}

impl Macd {
    pub(super) fn new(fast: usize, slow: usize, signal: usize) -> Self {
        let (fast, slow) = (fast.min(slow), fast.max(slow));
        Self {
            fast: Ema::new(fast),
            slow: Ema::new(slow),
            signal: Ema::new(signal),
            bars_to_skip: (slow - fast) as u64,
        }
    }
}

impl Indicator<1, 3> for Macd {
    #[inline(always)]
    fn step(&mut self, [value]: [f64; 1]) -> [f64; 3] {
        let slow = self.slow.average(value);
        if self.bars_to_skip > 0 {
            self.bars_to_skip -= 1;
            return [f64::NAN; 3];
        }
        let (Some(fast), Some(slow)) = (self.fast.average(value), slow) else {
            return [f64::NAN; 3];
        };
        let macd = fast - slow;
        match self.signal.average(macd) {
            Some(signal) => [macd, signal, macd - signal],
            None => [f64::NAN; 3],
        }
    }
}
