use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::mean_reversion::{check_band, revert, standard_score};
use super::window::last_of_both;
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
    /// Bars over which the hedge ratio and the spread's deviation count, of those that both have.
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
///
/// Both legs are held or neither: where one is below a lot none is ordered, and where one alone was
/// dealt it is closed. What is to be closed is asked for at every bar until both are flat.
#[derive(Debug)]
pub struct Pairs {
    config: PairsConfig,
    legs: [usize; 2],
    /// The direction of the spread that is being closed or turned.
    leaving: Option<f64>,
}

/// What is held of the two legs.
enum Held {
    Nothing,
    /// Opposite positions; the direction is the first leg's.
    Spread(f64),
    /// One leg alone, or two of one direction.
    Broken,
}

impl Held {
    fn of(first: f64, second: f64) -> Self {
        match (first, second) {
            (0.0, 0.0) => Self::Nothing,
            (first, second) if first * second < 0.0 => Self::Spread(first.signum()),
            _ => Self::Broken,
        }
    }
}

impl Pairs {
    pub fn new(config: PairsConfig) -> Result<Self, BacktestError> {
        Given("window", config.window as f64).check(|window| window >= 3.0, "at least 3")?;
        check_band(config.window, config.entry, config.exit)?;
        Given("weight", config.weight).check(|w| w > 0.0 && w <= 10.0, "above 0 and at most 10")?;
        if config.first == config.second {
            let remedy = "first and second must be two instruments";
            return Err(BacktestError::Incomplete { field: "second", remedy });
        }
        Ok(Self { config, legs: [0, 0], leaving: None })
    }

    /// Hedge ratio and score of the spread at the last bar of both.
    fn spread(&self, first: &[f64], second: &[f64]) -> Option<(f64, f64)> {
        let (mut y, mut x) = last_of_both(first, second, self.config.window)?;
        for close in y.iter_mut().chain(&mut x) {
            *close = close.ln();
        }
        let slope = slope(&x, &y)?;
        let spread: Vec<f64> = y.iter().zip(&x).map(|(y, x)| y - slope * x).collect();
        Some((slope, standard_score(&spread)?))
    }

    /// Asks for both legs to be closed. The engine closes one that left the universe.
    fn leave(&self, view: &View<'_>, orders: &mut Orders<'_>) -> Result<(), BacktestError> {
        for leg in self.legs.into_iter().filter(|&leg| view.is_member(leg)) {
            orders.cancel_all(leg);
            orders.target_quantity(leg, 0.0)?;
        }
        Ok(())
    }

    /// Asks for both legs, if each is worth a lot; else leaves what is held.
    fn enter(
        &self,
        weights: [f64; 2],
        view: &View<'_>,
        orders: &mut Orders<'_>,
    ) -> Result<(), BacktestError> {
        for (leg, weight) in self.legs.into_iter().zip(weights) {
            if !orders.is_a_lot(leg, weight)? {
                return self.leave(view, orders);
            }
        }
        for (leg, weight) in self.legs.into_iter().zip(weights) {
            orders.cancel_all(leg);
            orders.target_weight(leg, weight)?;
        }
        Ok(())
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
        // The engine closes the leg that left, and the other is no spread without it.
        if !self.legs.iter().all(|&leg| view.is_member(leg)) {
            return self.leave(view, orders);
        }
        let there = match Held::of(view.quantity(first), view.quantity(second)) {
            Held::Broken => return self.leave(view, orders),
            Held::Spread(direction) => direction,
            Held::Nothing => 0.0,
        };
        if there != 0.0 && self.leaving == Some(there) {
            return self.leave(view, orders);
        }
        self.leaving = None;
        if !view.trades(first) || !view.trades(second) {
            return Ok(());
        }
        let spread = self.spread(view.closes(first), view.closes(second));
        let Some((hedge, score)) = spread else { return Ok(()) };
        let band = (self.config.entry, self.config.exit);
        // Legs of one direction would be no spread.
        let direction = if hedge > 0.0 { revert(score, there, band, true) } else { 0.0 };
        if direction == there {
            if there == 0.0 {
                // An entry that still waits, as inside a session, is no longer wanted.
                self.legs.into_iter().for_each(|leg| orders.cancel_all(leg));
            }
            return Ok(());
        }
        self.leaving = Some(there);
        if direction == 0.0 {
            return self.leave(view, orders);
        }
        let weight = direction * self.config.weight;
        self.enter([weight, -weight * hedge], view, orders)
    }
}
