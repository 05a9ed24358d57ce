use chrono::NaiveDateTime;
use serde::Serialize;

use crate::Side;

/// One row of Qlib's `report_normal`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct QlibDay {
    pub time: NaiveDateTime,
    /// Cash and holdings at the close.
    pub account: f64,
    /// Change of the account before costs, over its last value.
    #[serde(rename = "return")]
    pub return_rate: f64,
    /// Money traded since the start, buys and sells.
    pub total_turnover: f64,
    /// Money traded at this bar, over the account's last value.
    pub turnover: f64,
    /// Costs since the start.
    pub total_cost: f64,
    /// Costs of this bar, over the account's last value.
    pub cost: f64,
    /// Holdings at the close.
    pub value: f64,
    pub cash: f64,
    /// Return of the benchmark, if there is one.
    pub bench: Option<f64>,
}

/// A holding at a bar's end. `instrument` is an index into the market's instruments.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PositionRecord {
    pub instrument: u32,
    /// Adjusted shares.
    pub amount: f64,
    pub price: f64,
    /// Part of the account.
    pub weight: f64,
    /// Bars held (`count_day`).
    pub count: usize,
}

/// An order and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OrderRecord {
    /// Bar of the period, from 0.
    pub step: usize,
    pub instrument: u32,
    pub side: Side,
    pub amount: f64,
    /// Amount dealt; 0 when it could not be traded.
    pub deal_amount: f64,
    /// None when it could not be traded.
    pub price: Option<f64>,
    pub value: f64,
    pub cost: f64,
}

/// One row of Qlib's `indicators_normal`: how well the orders of a bar were filled. The first
/// three are none at a bar without orders.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Indicators {
    /// Mean part of an order that was dealt.
    pub ffr: Option<f64>,
    /// Mean price advantage: always 0 here, as trades are judged by their own deal price.
    pub pa: Option<f64>,
    /// Part of orders with a positive price advantage.
    pub pos: Option<f64>,
    pub deal_amount: f64,
    pub value: f64,
    pub count: usize,
}

impl Indicators {
    pub(crate) fn of(orders: &[OrderRecord]) -> Self {
        let count = orders.len();
        let filled: Vec<f64> = orders
            .iter()
            .filter(|order| order.amount != 0.0)
            .map(|order| signed(order, order.deal_amount) / signed(order, order.amount))
            .collect();
        let some = (count > 0).then_some(0.0);
        Self {
            ffr: (!filled.is_empty()).then(|| filled.iter().sum::<f64>() / filled.len() as f64),
            pa: some,
            pos: some,
            deal_amount: orders.iter().map(|order| order.deal_amount).sum(),
            value: orders.iter().map(|order| order.value).sum(),
            count,
        }
    }
}

fn signed(order: &OrderRecord, amount: f64) -> f64 {
    match order.side {
        Side::Buy => amount,
        Side::Sell => -amount,
    }
}

/// Everything a run leaves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QlibResult {
    pub days: Vec<QlibDay>,
    pub orders: Vec<OrderRecord>,
    pub indicators: Vec<Indicators>,
    pub(crate) positions: Vec<PositionRecord>,
    pub(crate) position_ends: Vec<usize>,
    /// The observer ended the run before the period did.
    pub stopped: bool,
}

impl QlibResult {
    /// The holdings at the end of a bar of the period.
    pub fn positions(&self, step: usize) -> &[PositionRecord] {
        let end = self.position_ends.get(step).copied().unwrap_or(self.positions.len());
        let start =
            if step == 0 { 0 } else { self.position_ends[..step].last().copied().unwrap_or(0) };
        &self.positions[start.min(end)..end]
    }
}
