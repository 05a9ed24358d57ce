use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sizing::{Sizing, steer};
use super::window::last_values;
use crate::BacktestError;
use crate::engine::Strategy;
use crate::market::{Market, View};
use crate::orders::Orders;
use crate::range::Given;

/// Buys what fell far below its mean and sells it back near the mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeanReversionConfig {
    /// Bars of the mean and the deviation (ddof 1), of those that the instrument has.
    #[schemars(range(min = 2))]
    pub window: usize,
    /// Deviations below the mean at which it buys.
    pub entry: f64,
    /// Deviations below the mean at which it sells again; less than `entry`.
    #[serde(default)]
    pub exit: f64,
    /// Also sells short as far above the mean.
    #[serde(default)]
    pub short: bool,
    pub sizing: Sizing,
}

/// Mean reversion of every instrument. It enters at bars that the instrument has; what is to be left
/// or turned is asked for at every bar.
#[derive(Debug)]
pub struct MeanReversion {
    config: MeanReversionConfig,
    /// Instruments whose entry may still wait, as inside a session.
    waiting: Vec<bool>,
}

impl MeanReversion {
    pub fn new(config: MeanReversionConfig) -> Result<Self, BacktestError> {
        config.sizing.validate()?;
        check_band(config.window, config.entry, config.exit)?;
        Ok(Self { config, waiting: vec![] })
    }
}

pub(super) fn check_band(window: usize, entry: f64, exit: f64) -> Result<(), BacktestError> {
    Given("window", window as f64).check(|window| window >= 2.0, "at least 2")?;
    Given("entry", entry).positive()?;
    Given("exit", exit).check(|exit| exit < entry && exit >= 0.0, "from 0 to below entry")
}

/// Deviations of the last value from the mean of all, which it is part of. None where all are the
/// same.
pub(super) fn standard_score(values: &[f64]) -> Option<f64> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let deviation = (squares / (count - 1.0)).sqrt();
    let score = (values.last()? - mean) / deviation;
    (deviation > 1e-12 * mean.abs() && score.is_finite()).then_some(score)
}

/// The direction to hold, from the one that is held and the score.
pub(super) fn revert(score: f64, held: f64, (entry, exit): (f64, f64), short: bool) -> f64 {
    match score {
        low if low <= -entry => 1.0,
        high if high >= entry && short => -1.0,
        low if held > 0.0 && low < -exit => 1.0,
        high if held < 0.0 && high > exit => -1.0,
        _ => 0.0,
    }
}

impl Strategy for MeanReversion {
    fn start(&mut self, market: &Market, _bars: Range<usize>) -> Result<(), BacktestError> {
        self.waiting = vec![false; market.instruments().len()];
        Ok(())
    }

    fn on_bar(&mut self, view: &View<'_>, orders: &mut Orders<'_>) -> Result<(), BacktestError> {
        let MeanReversionConfig { window, entry, exit, short, sizing } = self.config;
        for (instrument, waiting) in self.waiting.iter_mut().enumerate() {
            let held = view.quantity(instrument);
            if held == 0.0 && !view.trades(instrument) {
                continue;
            }
            let recent = last_values(view.closes(instrument), window);
            let Some(score) = recent.and_then(|recent| standard_score(&recent)) else { continue };
            let direction = revert(score, held, (entry, exit), short);
            if std::mem::replace(waiting, held == 0.0 && direction != 0.0) && held == 0.0 {
                orders.cancel_all(instrument);
            }
            steer(sizing, direction, instrument, view, orders)?;
        }
        Ok(())
    }
}
