use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::leaving::Leaving;
use super::sizing::may_hold;
use super::window::value_at;
use crate::BacktestError;
use crate::engine::Strategy;
use crate::market::View;
use crate::orders::Orders;
use crate::range::Given;

/// Cross-sectional momentum (Jegadeesh and Titman 1993).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MomentumConfig {
    /// Bars over which the past return counts, of the calendar. Where an instrument lacks the bar at
    /// either end, the last close before it counts.
    #[schemars(range(min = 1))]
    pub window: usize,
    /// Newest bars left out of it, against short-term reversal.
    #[serde(default)]
    pub skip: usize,
    /// Instruments held.
    #[schemars(range(min = 1))]
    pub topk: usize,
    /// Bars between one choice and the next.
    #[schemars(range(min = 1))]
    pub every: usize,
    /// Part of the equity that is invested, in equal parts.
    #[serde(default = "MomentumConfig::default_exposure")]
    pub exposure: f64,
}

impl MomentumConfig {
    fn default_exposure() -> f64 {
        0.95
    }
}

/// Holds the instruments that rose most. One that is held is not sold for lacking a bar at a choice,
/// one that is not held is not bought then.
#[derive(Debug)]
pub struct Momentum {
    config: MomentumConfig,
    leaving: Leaving,
}

impl Momentum {
    pub fn new(config: MomentumConfig) -> Result<Self, BacktestError> {
        let count = |value: f64| value >= 1.0;
        Given("window", config.window as f64).check(count, "at least 1")?;
        Given("topk", config.topk as f64).check(count, "at least 1")?;
        Given("every", config.every as f64).check(count, "at least 1")?;
        Given("exposure", config.exposure)
            .check(|e| e > 0.0 && e <= 10.0, "above 0 and at most 10")?;
        Ok(Self { config, leaving: Leaving::default() })
    }

    /// Close `skip` bars ago over the close `window` bars before that, less 1.
    fn past_return(&self, closes: &[f64]) -> Option<f64> {
        let newest = closes.len().checked_sub(1 + self.config.skip)?;
        let oldest = newest.checked_sub(self.config.window)?;
        let change = value_at(closes, newest)? / value_at(closes, oldest)? - 1.0;
        change.is_finite().then_some(change)
    }
}

impl Strategy for Momentum {
    fn on_bar(&mut self, view: &View<'_>, orders: &mut Orders<'_>) -> Result<(), BacktestError> {
        if !view.step().is_multiple_of(self.config.every) {
            return self.leaving.ask_again(view, orders);
        }
        let mut ranked: Vec<(f64, usize)> = (0..view.instruments().len())
            .filter(|&instrument| may_hold(view, instrument))
            .filter_map(|i| Some((self.past_return(view.closes(i))?, i)))
            .collect();
        // Equal returns go by name.
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        ranked.truncate(self.config.topk);
        if ranked.is_empty() {
            return self.leaving.ask_again(view, orders);
        }
        self.leaving.clear();
        let weight = self.config.exposure / self.config.topk as f64;
        let mut chosen: Vec<usize> = ranked.into_iter().map(|(_, instrument)| instrument).collect();
        chosen.sort_unstable();
        for &held in view.ledger().held() {
            let held = held as usize;
            if view.is_member(held) && chosen.binary_search(&held).is_err() {
                self.leaving.close(held, orders)?;
            }
        }
        for instrument in chosen {
            orders.cancel_all(instrument);
            orders.target_weight(instrument, weight)?;
        }
        Ok(())
    }
}
