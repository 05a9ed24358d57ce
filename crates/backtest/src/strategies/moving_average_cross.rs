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

/// Long while the fast mean of closes is above the slow one. Means count the bars that an instrument
/// has.
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

/// Moving-average crossover of every instrument. It enters at the bar where the means cross, and at
/// the first bar of a run if the closes before it say which mean is above; an entry that is not
/// dealt is given up until the next cross. What stands against the means is asked to be closed, or
/// turned, at every bar until it is.
#[derive(Debug)]
pub struct MovingAverageCross {
    config: MovingAverageCrossConfig,
    means: Vec<Means>,
}

#[derive(Debug, Clone)]
struct Means {
    fast: RollingMean,
    slow: RollingMean,
    /// Whether the fast mean was above at the last bar at which they differed.
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
    /// Takes up the closes before the first bar. What is only looked at has no means.
    fn start(&mut self, market: &Market, bars: Range<usize>) -> Result<(), BacktestError> {
        let MovingAverageCrossConfig { fast, slow, .. } = self.config;
        let (fast, slow) = (RollingMean::new(fast), RollingMean::new(slow));
        self.means = vec![Means { fast, slow, above: None }; market.instruments().len()];
        for (instrument, means) in self.means.iter_mut().enumerate() {
            if market.is_watched(instrument) {
                continue;
            }
            let closes = market.seen().series("close", instrument).unwrap_or_default();
            for end in 1..=bars.start {
                means.take(&closes[..end]);
            }
        }
        Ok(())
    }

    fn on_bar(&mut self, view: &View<'_>, orders: &mut Orders<'_>) -> Result<(), BacktestError> {
        let MovingAverageCrossConfig { sizing, short, .. } = self.config;
        let closes = view.every_close();
        for (instrument, means) in self.means.iter_mut().enumerate() {
            // A run takes the side at once on which it would be, had it begun earlier.
            let begins = view.step() == 0 && means.above.is_some();
            let crossed = means.take(closes.of(instrument));
            let Some(above) = means.above else { continue };
            let held = view.ledger().holding(instrument as u32).quantity;
            let against = match above {
                true => held.is_negative(),
                false => held.is_positive(),
            };
            if crossed {
                // An entry of the other side may still wait, as inside a session.
                orders.cancel_all(instrument);
            }
            if crossed || begins || against {
                let direction = match (above, short) {
                    (true, _) => 1.0,
                    (false, true) => -1.0,
                    (false, false) => 0.0,
                };
                steer(sizing, direction, instrument, view, orders)?;
            }
        }
        Ok(())
    }
}

impl Means {
    /// Whether the means have just crossed.
    fn take(&mut self, closes: &[f64]) -> bool {
        let (fast, slow) = (self.fast.push(closes), self.slow.push(closes));
        let Some((fast, slow)) = fast.zip(slow).filter(|(fast, slow)| fast != slow) else {
            return false;
        };
        let above = fast > slow;
        self.above.replace(above).is_some_and(|before| before != above)
    }
}
