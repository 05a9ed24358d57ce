use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rolling_mean::RollingMean;
use super::sizing::{Sizing, steer};
use crate::BacktestError;
use crate::engine::Strategy;
use crate::market::{Market, View};
use crate::orders::Orders;
use crate::range::Given;

/// Long while the fast mean of closes is above the slow one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MovingAverageCrossConfig {
    /// Bars of the fast mean.
    #[schemars(range(min = 1))]
    pub fast: usize,
    /// Bars of the slow mean, more than of the fast one.
    #[schemars(range(min = 2))]
    pub slow: usize,
    pub sizing: Sizing,
    /// Short while it is below, instead of flat.
    #[serde(default)]
    pub short: bool,
}

/// Moving-average crossover of every instrument. It acts at the bar where the means cross; a
/// missing bar starts both means anew.
#[derive(Debug)]
pub struct MovingAverageCross {
    config: MovingAverageCrossConfig,
    means: Vec<Means>,
}

#[derive(Debug, Clone)]
struct Means {
    fast: RollingMean,
    slow: RollingMean,
    /// Whether the fast mean was above at the last bar with both.
    above: Option<bool>,
}

impl MovingAverageCross {
    pub fn new(config: MovingAverageCrossConfig) -> Result<Self, BacktestError> {
        Given("fast", config.fast as f64).check(|fast| fast >= 1.0, "at least 1")?;
        Given("slow", config.slow as f64)
            .check(|slow| slow > config.fast as f64, "more than fast")?;
        config.sizing.validate()?;
        Ok(Self { config, means: vec![] })
    }
}

impl Strategy for MovingAverageCross {
    /// Takes up the closes before the first bar.
    fn start(&mut self, market: &Market, bars: Range<usize>) -> Result<(), BacktestError> {
        let MovingAverageCrossConfig { fast, slow, .. } = self.config;
        let (fast, slow) = (RollingMean::new(fast), RollingMean::new(slow));
        self.means = vec![Means { fast, slow, above: None }; market.instruments().len()];
        for (instrument, means) in self.means.iter_mut().enumerate() {
            let closes = market.panel().series("close", instrument).unwrap_or_default();
            for end in 1..=bars.start {
                means.take(&closes[..end]);
            }
        }
        Ok(())
    }

    fn on_bar(&mut self, view: &View<'_>, orders: &mut Orders<'_>) -> Result<(), BacktestError> {
        for (instrument, means) in self.means.iter_mut().enumerate() {
            let Some(above) = means.take(view.closes(instrument)) else { continue };
            let direction = match (above, self.config.short) {
                (true, _) => 1.0,
                (false, true) => -1.0,
                (false, false) => 0.0,
            };
            steer(self.config.sizing, direction, instrument, view, orders)?;
        }
        Ok(())
    }
}

impl Means {
    /// The new side when the means have just crossed.
    fn take(&mut self, closes: &[f64]) -> Option<bool> {
        let (fast, slow) = (self.fast.push(closes), self.slow.push(closes));
        let (fast, slow) = (fast?, slow?);
        if fast == slow {
            return None;
        }
        let above = fast > slow;
        let crossed = self.above.replace(above).is_some_and(|before| before != above);
        crossed.then_some(above)
    }
}
