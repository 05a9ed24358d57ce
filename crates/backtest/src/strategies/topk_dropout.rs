use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::Strategy;
use crate::market::{Market, View};
use crate::orders::Orders;
use crate::range::Given;
use crate::sorter::Sorter;
use crate::{BacktestError, Signal};

/// Top-k dropout with orders of the engine: its costs, lots, limits and ledger. For Qlib's own
/// arithmetic see [`qlib`](crate::qlib).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DropoutConfig {
    /// Instruments in the portfolio.
    #[schemars(range(min = 1))]
    pub topk: usize,
    /// Instruments replaced at a bar, at most.
    #[schemars(range(min = 1))]
    pub n_drop: usize,
    /// Bars a holding is kept at least.
    #[serde(default)]
    pub hold_bars: usize,
    /// Part of the cash, with what the sells bring at the last close, that is spent on buys.
    #[serde(default = "DropoutConfig::default_risk_degree")]
    pub risk_degree: f64,
}

impl DropoutConfig {
    fn default_risk_degree() -> f64 {
        0.95
    }

    pub fn validate(&self) -> Result<(), BacktestError> {
        let count = |value: f64| (1.0..=1e6).contains(&value);
        Given("topk", self.topk as f64).check(count, "from 1 to 1,000,000")?;
        Given("n_drop", self.n_drop as f64).check(count, "from 1 to 1,000,000")?;
        Given("risk_degree", self.risk_degree).fraction()
    }
}

/// Holds the best `topk` by score and swaps the `n_drop` worst of them for better ones.
#[derive(Debug)]
pub struct TopkDropout {
    config: DropoutConfig,
    signal: Signal,
    sorter: Sorter,
    /// Bars each instrument has been held.
    held_bars: Vec<usize>,
}

impl TopkDropout {
    pub fn new(config: DropoutConfig, signal: Signal) -> Result<Self, BacktestError> {
        config.validate()?;
        Ok(Self { config, signal, sorter: Sorter::default(), held_bars: vec![] })
    }

    /// Instruments to sell and to buy.
    fn pick(&mut self, scores: &[f64], held: &[u32]) -> (Vec<u32>, Vec<u32>) {
        let DropoutConfig { topk, n_drop, .. } = self.config;
        let score = |instrument: u32| scores[instrument as usize];
        let mut rest: Vec<u32> = (0..scores.len() as u32)
            .filter(|i| !scores[*i as usize].is_nan() && held.binary_search(i).is_err())
            .collect();
        self.sorter.descending(&mut rest, score);
        rest.truncate((topk + n_drop).saturating_sub(held.len()));
        let mut both: Vec<u32> = held.iter().chain(&rest).copied().collect();
        both.sort_unstable();
        self.sorter.descending(&mut both, score);
        let worst = &both[both.len().saturating_sub(n_drop)..];
        let sell: Vec<u32> = held.iter().copied().filter(|i| worst.contains(i)).collect();
        rest.truncate((sell.len() + topk).saturating_sub(held.len()));
        (sell, rest)
    }
}

impl Strategy for TopkDropout {
    fn start(&mut self, market: &Market, bars: Range<usize>) -> Result<(), BacktestError> {
        let width = market.instruments().len();
        self.held_bars = vec![0; width];
        self.signal.check(width, bars)
    }

    fn on_bar(&mut self, view: &View<'_>, orders: &mut Orders<'_>) -> Result<(), BacktestError> {
        let held = view.ledger().held();
        for (instrument, bars) in self.held_bars.iter_mut().enumerate() {
            let holds = held.binary_search(&(instrument as u32)).is_ok();
            *bars = if holds { *bars + 1 } else { 0 };
        }
        let scores = self.signal.at(view.bar()).to_vec();
        if scores.iter().all(|score| score.is_nan()) {
            return Ok(());
        }
        // The engine sells what left the universe, and others take its place.
        let (staying, leaving): (Vec<u32>, Vec<u32>) =
            held.iter().partition(|&&instrument| view.is_member(instrument as usize));
        let worth = |instrument: u32| view.ledger().holding(instrument).value().to_f64();
        let (sell, buy) = self.pick(&scores, &staying);
        let mut money = view.cash() + leaving.into_iter().map(worth).sum::<f64>();
        for instrument in sell {
            let place = instrument as usize;
            if self.held_bars[place] >= self.config.hold_bars && view.trades(place) {
                orders.target_quantity(place, 0.0)?;
                money += worth(instrument);
            }
        }
        let share = money.max(0.0) * self.config.risk_degree / buy.len().max(1) as f64;
        for instrument in buy {
            orders.target_value(instrument as usize, share)?;
        }
        Ok(())
    }
}
