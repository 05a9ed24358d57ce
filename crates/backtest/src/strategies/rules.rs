use std::ops::Range;

use alphafleet_factors::{FactorError, NamedExpr, compute};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sizing::Sizing;
use crate::BacktestError;
use crate::engine::Strategy;
use crate::market::{Market, View};
use crate::orders::Orders;
use crate::range::Given;

/// Enters and leaves by factor expressions. A rule holds where its value is neither 0 nor missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Buys where this holds and nothing is held, such as `Gt($close, Mean($close, 20))`.
    pub entry: String,
    /// Sells where this holds. It counts before `entry` where both hold.
    pub exit: String,
    /// Sells short where this holds and nothing is held.
    #[serde(default)]
    pub short_entry: Option<String>,
    /// Buys back where this holds. Needed with `short_entry`.
    #[serde(default)]
    pub short_exit: Option<String>,
    pub sizing: Sizing,
    /// Positions open at a time; more are not entered, by order of names.
    #[serde(default)]
    pub max_positions: Option<usize>,
}

/// A strategy of rules over factors, computed once at the start.
#[derive(Debug)]
pub struct Rules {
    config: RuleConfig,
    /// Entry, exit, short entry, short exit; those that are given.
    exprs: Vec<NamedExpr>,
    /// For every bar and instrument the rules that hold, as bits in the order above.
    held: Vec<u8>,
    width: usize,
}

const ENTRY: u8 = 1;
const EXIT: u8 = 2;
const SHORT_ENTRY: u8 = 4;
const SHORT_EXIT: u8 = 8;

impl Rules {
    /// Refuses an expression that cannot be read or looks ahead, and a short entry without exit.
    pub fn new(config: RuleConfig) -> Result<Self, BacktestError> {
        config.sizing.validate()?;
        if let Some(most) = config.max_positions {
            Given("max_positions", most as f64).check(|most| most >= 1.0, "at least 1")?;
        }
        if config.short_entry.is_some() != config.short_exit.is_some() {
            return Err(BacktestError::Incomplete {
                field: "short_exit",
                remedy: "give short_entry and short_exit together",
            });
        }
        let mut exprs = vec![rule("entry", &config.entry)?, rule("exit", &config.exit)?];
        if let Some((entry, exit)) = config.short_entry.as_ref().zip(config.short_exit.as_ref()) {
            exprs.push(rule("short_entry", entry)?);
            exprs.push(rule("short_exit", exit)?);
        }
        Ok(Self { config, exprs, held: vec![], width: 0 })
    }
}

fn rule(field: &'static str, source: &str) -> Result<NamedExpr, BacktestError> {
    let wrap = |source| BacktestError::Factor { field, source: Box::new(source) };
    let named = NamedExpr::parse(field, source).map_err(wrap)?;
    match named.expr.look_ahead() {
        0 => Ok(named),
        bars => Err(wrap(FactorError::LookAhead { name: field.to_owned(), bars })),
    }
}

impl Strategy for Rules {
    fn start(&mut self, market: &Market, _bars: Range<usize>) -> Result<(), BacktestError> {
        let panel = market.panel();
        let wrap = |source| BacktestError::Factor { field: "entry", source: Box::new(source) };
        let frame = compute(panel, &self.exprs, 1).map_err(wrap)?;
        self.width = panel.instruments().len();
        self.held = vec![0; self.width * panel.calendar().len()];
        for column in 0..self.exprs.len() {
            for instrument in 0..self.width {
                let values = &frame.column(column)[frame.cells(instrument)];
                for (bar, &value) in frame.listed(instrument).zip(values) {
                    if value != 0.0 && !value.is_nan() {
                        self.held[bar * self.width + instrument] |= 1 << column;
                    }
                }
            }
        }
        Ok(())
    }

    fn on_bar(&mut self, view: &View<'_>, orders: &mut Orders<'_>) -> Result<(), BacktestError> {
        let row = &self.held[view.bar() * self.width..][..self.width];
        let mut room = self
            .config
            .max_positions
            .unwrap_or(usize::MAX)
            .saturating_sub(view.ledger().held().len());
        for (instrument, &holds) in row.iter().enumerate() {
            if holds == 0 || !view.trades(instrument) {
                continue;
            }
            let quantity = view.quantity(instrument);
            let leaves = (quantity > 0.0 && holds & EXIT != 0)
                || (quantity < 0.0 && holds & SHORT_EXIT != 0);
            if leaves {
                self.config.sizing.target(0.0, instrument, orders)?;
                continue;
            }
            let direction = match holds {
                long if long & ENTRY != 0 && long & EXIT == 0 => 1.0,
                short if short & SHORT_ENTRY != 0 && short & SHORT_EXIT == 0 => -1.0,
                _ => continue,
            };
            if quantity == 0.0 && room > 0 {
                let given = self.config.sizing.target(direction, instrument, orders)?;
                room -= usize::from(given.is_some());
            }
        }
        Ok(())
    }
}
