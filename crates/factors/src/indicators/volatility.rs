use serde::{Deserialize, Serialize};

use super::indicator::{Indicator, or_nan};
use super::logarithm::{LEAST_POSITIVE, ln};
use super::variance::RollingVariance;

/// Historical volatility: the sample standard deviation (divisor `window` − 1) of the last `window`
/// logarithmic returns, times the root of the periods in a year (Hull, *Options, Futures, and Other
/// Derivatives*, chapter 15). TA-Lib has no such function.
///
/// A price that is not positive has no logarithm: its bar is missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoricalVolatility {
    pub(super) variance: RollingVariance,
    /// From the population's variance to the sample's, in a year.
    pub(super) yearly: f64,
    pub(super) previous_log: Option<f64>,
}

impl HistoricalVolatility {
    /// `window` is at least two.
    pub(super) fn new(window: usize, periods_per_year: f64) -> Self {
        let window_returns = window as f64;
        Self {
            variance: RollingVariance::new(window),
            yearly: window_returns / (window_returns - 1.0) * periods_per_year,
            previous_log: None,
        }
    }

    #[inline(always)]
    fn volatility(&mut self, price: f64) -> Option<f64> {
        let log = ln(price);
        let previous = self.previous_log.replace(log)?;
        let variance = self.variance.next(log - previous)?;
        Some((variance * self.yearly).sqrt())
    }
}

impl Indicator<1, 1> for HistoricalVolatility {
    const LEAST_INPUT: f64 = LEAST_POSITIVE;

    #[inline(always)]
    fn step(&mut self, [price]: [f64; 1]) -> [f64; 1] {
        [or_nan(self.volatility(price))]
    }
}
