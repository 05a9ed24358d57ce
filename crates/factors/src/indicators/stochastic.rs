//! Where the close stands between the lowest low and the highest high of the last bars.

use serde::{Deserialize, Serialize};

use super::averages::Sma;
use super::indicator::{Indicator, LARGEST_INPUT};
use super::window::Extremes;
use super::zero::is_zero_beside;

/// Lane's slow stochastic as TA-Lib's `STOCH` with simple averages has it: inputs high, low, close;
/// outputs slow %K and slow %D, both from the bar that has both. A flat window counts as 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stochastic {
    pub(super) extremes: Extremes,
    pub(super) slow_k: Sma,
    pub(super) slow_d: Sma,
}

impl Stochastic {
    pub(super) fn new(fast_k: usize, slow_k: usize, slow_d: usize) -> Self {
        Self { extremes: Extremes::new(fast_k), slow_k: Sma::new(slow_k), slow_d: Sma::new(slow_d) }
    }

    #[inline(always)]
    fn lines(&mut self, [high, low, close]: [f64; 3]) -> Option<[f64; 2]> {
        let (highest, lowest) = self.extremes.next(high, low)?;
        let range = highest - lowest;
        let fast = if is_zero_beside(range, highest.abs() + lowest.abs()) {
            0.0
        } else {
            ((close - lowest) / range) * 100.0
        };
        // A close far outside a narrow window must not fill the running sums with infinities.
        let k = self.slow_k.mean(fast.clamp(-LARGEST_INPUT, LARGEST_INPUT))?;
        let d = self.slow_d.mean(k)?;
        Some([k, d])
    }
}

impl Indicator<3, 2> for Stochastic {
    #[inline(always)]
    fn step(&mut self, bar: [f64; 3]) -> [f64; 2] {
        self.lines(bar).unwrap_or([f64::NAN; 2])
    }
}

/// Williams' %R as TA-Lib's `WILLR` has it: inputs high, low, close; from −100 at the lowest low to
/// 0 at the highest high, and 0 in a flat window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WilliamsR {
    pub(super) extremes: Extremes,
}

impl WilliamsR {
    pub(super) fn new(window: usize) -> Self {
        Self { extremes: Extremes::new(window) }
    }
}

impl Indicator<3, 1> for WilliamsR {
    #[inline(always)]
    fn step(&mut self, [high, low, close]: [f64; 3]) -> [f64; 1] {
        let Some((highest, lowest)) = self.extremes.next(high, low) else { return [f64::NAN] };
        let scale = highest - lowest;
        [if scale == 0.0 { 0.0 } else { ((highest - close) / scale) * -100.0 }]
    }
}
