use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::mean_reversion::{check_band, revert, standard_score};
use crate::BacktestError;
use crate::engine::Strategy;
use crate::market::{Market, View};
use crate::orders::Orders;
use crate::range::Given;

/// Trades the spread of two instruments (Gatev, Goetzmann and Rouwenhorst 2006). Needs a margin
/// account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairsConfig {
    /// Bought when the spread is low.
    pub first: String,
    /// Sold short against it.
    pub second: String,
    /// Bars over which the hedge ratio and the spread's deviation count.
    #[schemars(range(min = 3))]
    pub window: usize,
    /// Deviations of the spread at which it is entered.
    pub entry: f64,
    /// Deviations at which it is left; less than `entry`.
    #[serde(default)]
    pub exit: f64,
    /// Part of the equity in the first leg; the second has the hedge ratio times that.
    pub weight: f64,
}

/// Buys one and sells the other when their log prices drift apart. The hedge ratio is the slope
/// of the first's log closes on the second's, by least squares over the window.
#[derive(Debug)]
pub struct Pairs {
    config: PairsConfig,
    legs: [usize; 2],
}

impl Pairs {
    pub fn new(config: PairsConfig) -> Result<Self, BacktestError> {
        Given("window", config.window as f64).check(|window| window >= 3.0, "at least 3")?;
        check_band(config.window, config.entry, config.exit)?;
        Given("weight", config.weight).check(|w| w > 0.0 && w <= 10.0, "above 0")?;
        if config.first == config.second {
            let remedy = "first and second must be two instruments";
            return Err(BacktestError::Incomplete { field: "second", remedy });
        }
        Ok(Self { config, legs: [0, 0] })
    }

    /// Hedge ratio and score of the spread at the last bar.
    fn spread(&self, first: &[f64], second: &[f64]) -> Option<(f64, f64)> {
        let window = self.config.window;
        let logs = |closes: &[f64]| -> Option<Vec<f64>> {
            let recent = &closes[closes.len().checked_sub(window)?..];
            let logs: Vec<f64> = recent.iter().map(|close| close.ln()).collect();
            logs.iter().all(|value| value.is_finite()).then_some(logs)
        };
        let (y, x) = (logs(first)?, logs(second)?);
        let slope = slope(&x, &y)?;
        let spread: Vec<f64> = y.iter().zip(&x).map(|(y, x)| y - slope * x).collect();
        Some((slope, standard_score(&spread, window)?))
    }
}

fn slope(x: &[f64], y: &[f64]) -> Option<f64> {
    let count = x.len() as f64;
    let (mean_x, mean_y) = (x.iter().sum::<f64>() / count, y.iter().sum::<f64>() / count);
    let both: f64 = x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let own: f64 = x.iter().map(|x| (x - mean_x).powi(2)).sum();
    let slope = both / own;
    (own > 0.0 && slope.is_finite()).then_some(slope)
}

impl Strategy for Pairs {
    fn start(&mut self, market: &Market, _bars: Range<usize>) -> Result<(), BacktestError> {
        let index = |name: &str| market.index_of(name, "pair").map(|found| found as usize);
        self.legs = [index(&self.config.first)?, index(&self.config.second)?];
        Ok(())
    }

    fn on_bar(&mut self, view: &View<'_>, orders: &mut Orders<'_>) -> Result<(), BacktestError> {
        let [first, second] = self.legs;
        if !self.legs.iter().all(|&leg| view.is_member(leg)) {
            // The engine closes the leg that left, and the other is no spread without it.
            for leg in self.legs.into_iter().filter(|&leg| view.is_member(leg)) {
                orders.target_quantity(leg, 0.0)?;
            }
            return Ok(());
        }
        if !view.trades(first) || !view.trades(second) {
            return Ok(());
        }
        let spread = self.spread(view.closes(first), view.closes(second));
        let Some((hedge, score)) = spread else { return Ok(()) };
        let held = view.quantity(first);
        let band = (self.config.entry, self.config.exit);
        // Legs of one direction would be no spread.
        let direction = if hedge > 0.0 { revert(score, held, band, true) } else { 0.0 };
        let there = if held == 0.0 { 0.0 } else { held.signum() };
        if direction != there {
            let weight = direction * self.config.weight;
            orders.target_weight(first, weight)?;
            orders.target_weight(second, -weight * hedge)?;
        }
        Ok(())
    }
}
