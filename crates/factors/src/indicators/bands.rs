use serde::{Deserialize, Serialize};

use super::averages::Sma;
use super::indicator::Indicator;
use super::variance::RollingVariance;

/// TA-Lib's `BBANDS` with simple averages: the mean of the last values, and `width` population
/// standard deviations above and below. Outputs: upper, middle, lower.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bollinger {
    pub(super) mean: Sma,
    pub(super) variance: RollingVariance,
    pub(super) width: f64,
}

impl Bollinger {
    pub(super) fn new(window: usize, width: f64) -> Self {
        Self { mean: Sma::new(window), variance: RollingVariance::new(window), width }
    }
}

impl Indicator<1, 3> for Bollinger {
    #[inline(always)]
    fn step(&mut self, [value]: [f64; 1]) -> [f64; 3] {
        let (Some(middle), Some(variance)) = (self.mean.mean(value), self.variance.next(value))
        else {
            return [f64::NAN; 3];
        };
        let half = variance.sqrt() * self.width;
        [middle + half, middle, middle - half]
    }
}
