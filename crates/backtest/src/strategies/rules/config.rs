use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::entry_order::EntryOrder;
use crate::orders::{OrderKind, TimeInForce, Trail};
use crate::range::Given;
use crate::strategies::Sizing;
use crate::{BacktestError, Side};

/// Enters and leaves by factor expressions. A rule holds where its value is neither 0 nor missing.
/// Fractions of prices are of the close of the decision to enter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Buys where this holds and nothing is held, such as `Gt($close, Mean($close, 20))`.
    pub entry: String,
    /// Sells where this holds, whatever exits wait. It counts before `entry` where both hold.
    pub exit: String,
    /// Sells short where this holds and nothing is held. Needs a margin account.
    #[serde(default)]
    pub short_entry: Option<String>,
    /// Buys back where this holds. Needed with `short_entry`.
    #[serde(default)]
    pub short_exit: Option<String>,
    pub sizing: Sizing,
    /// Positions open at a time; more are not entered, by order of names. Entries of earlier bars
    /// that still wait make room for newer ones, the oldest first.
    #[serde(default)]
    pub max_positions: Option<usize>,
    /// How an entry is dealt. The size is that at the close of the decision.
    #[serde(default)]
    pub entry_order: EntryOrder,
    /// How long an entry waits. One that still waits is replaced where `entry` holds anew, and
    /// taken back where its exit holds.
    #[serde(default)]
    pub time_in_force: TimeInForce,
    /// Closes a position at a stop this far against it, above 0 and below 1, and more than a limit
    /// of the entry.
    #[serde(default)]
    pub stop_loss: Option<f64>,
    /// Closes a position at a limit this far in its favour, above 0 and at most 10 (below 1 with
    /// `short_entry`), and more than a stop of the entry.
    #[serde(default)]
    pub take_profit: Option<f64>,
    /// Closes a position at a stop that trails the best price since the entry by this fraction of
    /// it, above 0 and below 1. Of the exits that are given, one excludes the others.
    #[serde(default)]
    pub trailing_stop: Option<f64>,
}

impl RuleConfig {
    /// All but the expressions.
    pub(super) fn validate(&self) -> Result<(), BacktestError> {
        self.sizing.validate()?;
        if let Some(most) = self.max_positions {
            Given("max_positions", most as f64).check(|most| most >= 1.0, "at least 1")?;
        }
        if self.short_entry.is_some() != self.short_exit.is_some() {
            return Err(BacktestError::Incomplete {
                field: "short_exit",
                remedy: "give short_entry and short_exit together",
            });
        }
        self.entry_order.validate()?;
        self.validate_exits()
    }

    fn validate_exits(&self) -> Result<(), BacktestError> {
        let part = |value: f64| value > 0.0 && value < 1.0;
        if let Some(loss) = self.stop_loss {
            Given("stop_loss", loss).check(part, "above 0 and below 1")?;
            let limit = self.entry_order.below();
            Given("stop_loss", loss).check(|loss| loss > limit, "more than entry_order.limit")?;
        }
        if let Some(profit) = self.take_profit {
            Given("take_profit", profit)
                .check(|profit| profit > 0.0 && profit <= 10.0, "above 0 and at most 10")?;
            let stop = self.entry_order.above();
            let beyond = |profit: f64| profit > stop;
            Given("take_profit", profit).check(beyond, "more than the stop of entry_order")?;
            if self.short_entry.is_some() {
                Given("take_profit", profit).check(part, "below 1 where short_entry is given")?;
            }
        }
        match self.trailing_stop {
            Some(trail) => Given("trailing_stop", trail).check(part, "above 0 and below 1"),
            None => Ok(()),
        }
    }

    /// What closes a position that `side` opens, beside the rules. A stop-loss comes before a
    /// trailing stop where a bar reaches both.
    pub(super) fn exits(&self, side: Side, close: f64) -> Vec<OrderKind> {
        let at = |fraction: f64| close * (1.0 + side.sign() * fraction);
        let profit = self.take_profit.map(|profit| OrderKind::Limit { limit: at(profit) });
        let loss = self.stop_loss.map(|loss| OrderKind::Stop { stop: at(-loss) });
        let trail = self
            .trailing_stop
            .map(|trail| OrderKind::TrailingStop { trail: Trail::Fraction(trail) });
        [profit, loss, trail].into_iter().flatten().collect()
    }
}
