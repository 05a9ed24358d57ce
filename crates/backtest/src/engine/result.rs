use chrono::NaiveDateTime;
use serde::Serialize;

use super::trades::Trade;
use crate::Side;
use crate::analysis::TradeMasterFigures;
use crate::orders::{OrderId, OrderRecord};

/// The account at the close of a bar, in money.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DayReport {
    pub time: NaiveDateTime,
    /// Cash and holdings.
    pub equity: f64,
    pub cash: f64,
    /// Holdings, short ones negative.
    pub value: f64,
    /// Holdings, short ones counted positive.
    pub gross: f64,
    /// Change of the equity over its last value, costs included.
    pub return_rate: f64,
    /// Return before costs of fills.
    pub return_before_costs: f64,
    /// Worth of the bar's fills over the equity before.
    pub turnover: f64,
    /// Costs of the bar's fills.
    pub costs: f64,
    /// Return of the benchmark: close over last close − 1, 0 where it has no bar.
    pub benchmark: Option<f64>,
    /// Fall from the highest equity so far, as a fraction, zero or negative.
    pub drawdown: f64,
}

/// A deal.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Fill {
    /// None for what was paid out at a delisting.
    pub order: Option<OrderId>,
    /// Calendar index.
    pub bar: usize,
    pub instrument: usize,
    pub side: Side,
    pub quantity: f64,
    /// The part of the quantity that closed or reduced a position.
    pub closing: f64,
    /// Price of one share or contract, slippage included.
    pub price: f64,
    /// Quantity · price · multiplier.
    pub value: f64,
    pub commission: f64,
    pub tax: f64,
    /// Money lost to slippage; already in the price.
    pub slippage: f64,
}

/// What is held at the end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HeldPosition {
    pub instrument: usize,
    pub quantity: f64,
    pub price: f64,
    pub value: f64,
    pub unrealised: f64,
}

/// A position at the close of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BarPosition {
    pub instrument: u32,
    /// Negative when short.
    pub quantity: f64,
    pub value: f64,
}

/// The positions of every bar of a run, or none at all where they were not recorded.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct PositionHistory {
    positions: Vec<BarPosition>,
    /// Where the positions of every bar end.
    ends: Vec<usize>,
}

impl PositionHistory {
    /// The positions at the close of the run's bar `step`, by instrument.
    pub fn at(&self, step: usize) -> &[BarPosition] {
        let Some(&end) = self.ends.get(step) else { return &[] };
        let start = step.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.positions[start..end]
    }

    /// Bars whose positions were recorded.
    pub fn bars(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn push(&mut self, positions: impl Iterator<Item = BarPosition>) {
        self.positions.extend(positions);
        self.ends.push(self.positions.len());
    }
}

/// A dividend of a holding, or the price of having borrowed it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HoldingIncome {
    /// Calendar index.
    pub bar: usize,
    pub instrument: u32,
    /// Money received; what was paid is negative.
    pub amount: f64,
}

/// What an instrument brought; together with the interest on cash that is the whole gain.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Contribution {
    pub instrument: usize,
    pub realised: f64,
    pub unrealised: f64,
    pub costs: f64,
    pub dividends: f64,
    /// Paid for borrowing, negative.
    pub borrow: f64,
    /// The sum, costs taken off.
    pub total: f64,
}

/// Everything a run leaves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BacktestResult {
    pub days: Vec<DayReport>,
    pub fills: Vec<Fill>,
    pub trades: Vec<Trade>,
    /// Every order, by id; what was open at the end is cancelled there.
    pub orders: Vec<OrderRecord>,
    pub held: Vec<HeldPosition>,
    pub positions: PositionHistory,
    /// Dividends and borrowing by bar; empty where positions were not recorded.
    pub income: Vec<HoldingIncome>,
    /// Instruments that were ever dealt.
    pub contributions: Vec<Contribution>,
    /// Interest on cash over the run.
    pub interest: f64,
    /// Margin calls that closed the account's positions.
    pub liquidations: usize,
    /// The equity fell to nothing: the run ended there.
    pub ruined: bool,
    /// The observer ended the run before the period did.
    pub stopped: bool,
}

impl BacktestResult {
    /// TradeMaster's figures of the run. The entropy needs recorded positions.
    pub fn trademaster(&self, capital: f64) -> TradeMasterFigures {
        let equity: Vec<f64> =
            std::iter::once(capital).chain(self.days.iter().map(|day| day.equity)).collect();
        let shares = |step: usize| -> Vec<f64> {
            let positions = self.positions.at(step);
            let gross: f64 = positions.iter().map(|held| held.value.abs()).sum();
            positions.iter().map(|held| held.value.abs() / gross).collect()
        };
        let weights: Vec<Vec<f64>> = (0..self.days.len()).map(shares).collect();
        TradeMasterFigures::of(&equity, weights.iter().map(Vec::as_slice))
    }
}
