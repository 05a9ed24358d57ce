use serde::{Deserialize, Serialize};

use super::indicator::Indicator;
use super::window::Ring;
use super::zero::is_zero_beside;

/// Lambert's constant: it puts most values between −100 and 100.
pub(super) const SCALE: f64 = 0.015;

/// Lambert's commodity channel index as TA-Lib's `CCI` has it: inputs high, low, close; how far the
/// typical price is from its mean, in 0.015 mean absolute deviations; 0 in a flat window.
///
/// The mean deviation has no running sum: a bar costs as much as the window is long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cci {
    pub(super) typical: Ring,
    pub(super) window: f64,
}

impl Cci {
    pub(super) fn new(window: usize) -> Self {
        Self { typical: Ring::new(window), window: window as f64 }
    }
}

impl Indicator<3, 1> for Cci {
    #[inline(always)]
    fn step(&mut self, [high, low, close]: [f64; 3]) -> [f64; 1] {
        let typical = (high + low + close) / 3.0;
        self.typical.push(typical);
        if self.typical.oldest().is_none() {
            return [f64::NAN];
        }
        let prices = self.typical.slots();
        let mean = prices.iter().fold(0.0, |sum, price| sum + price) / self.window;
        let deviation = prices.iter().fold(0.0, |sum, price| sum + (price - mean).abs());
        let deviation = deviation / self.window;
        let distance = typical - mean;
        let flat = is_zero_beside(distance, mean.abs()) || is_zero_beside(deviation, mean.abs());
        [if flat { 0.0 } else { distance / (SCALE * deviation) }]
    }
}
