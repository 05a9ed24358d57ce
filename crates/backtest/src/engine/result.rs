use chrono::NaiveDateTime;
use serde::Serialize;

use super::trades::Trade;
use crate::Side;
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
