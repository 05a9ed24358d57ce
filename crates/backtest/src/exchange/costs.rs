use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::BacktestError;
use crate::Side;
use crate::range::Given;

/// What trading and holding cost. Rates are fractions of traded or held worth; yearly ones are by
/// calendar days over 365.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CostConfig {
    /// Commission on what opens or enlarges a position.
    pub open_rate: f64,
    /// Commission on what closes or reduces a position.
    pub close_rate: f64,
    /// Commission per share or contract, beside the rates.
    pub per_unit: f64,
    /// Least commission of a fill.
    pub minimum: f64,
    /// Tax on sells (stamp duty), beside the commission and its minimum.
    pub sell_tax: f64,
    /// Yearly rate for borrowing what is sold short.
    pub borrow_rate: f64,
    /// Yearly interest earned on positive cash.
    pub cash_rate: f64,
    /// Yearly interest owed on negative cash.
    pub debit_rate: f64,
}

/// A fill to be charged for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Charged {
    pub(crate) side: Side,
    /// Quantity that opens or enlarges a position, and that closes or reduces one.
    pub(crate) opening: f64,
    pub(crate) closing: f64,
    /// What one share or contract is worth.
    pub(crate) price: f64,
}

impl CostConfig {
    pub fn validate(&self) -> Result<(), BacktestError> {
        Given("costs.open_rate", self.open_rate).rate()?;
        Given("costs.close_rate", self.close_rate).rate()?;
        Given("costs.per_unit", self.per_unit).not_negative()?;
        Given("costs.minimum", self.minimum).not_negative()?;
        Given("costs.sell_tax", self.sell_tax).rate()?;
        Given("costs.borrow_rate", self.borrow_rate).not_negative()?;
        Given("costs.cash_rate", self.cash_rate).not_negative()?;
        Given("costs.debit_rate", self.debit_rate).not_negative()
    }

    /// Commission and tax of a fill.
    pub(crate) fn commission_and_tax(&self, fill: Charged) -> (f64, f64) {
        let quantity = fill.opening + fill.closing;
        if quantity <= 0.0 {
            return (0.0, 0.0);
        }
        let rates = (fill.opening * self.open_rate + fill.closing * self.close_rate) * fill.price;
        let commission = (rates + quantity * self.per_unit).max(self.minimum);
        let tax = match fill.side {
            Side::Sell => quantity * fill.price * self.sell_tax,
            Side::Buy => 0.0,
        };
        (commission, tax)
    }

    /// The greatest opening quantity whose worth and costs `money` pays for. Worth counts by
    /// `weight`: 1 for cash, the margin's fraction on margin.
    pub(crate) fn affordable(&self, money: f64, price: f64, weight: f64, side: Side) -> f64 {
        let tax = if side == Side::Sell { self.sell_tax } else { 0.0 };
        let by_rate = money / (price * (weight + self.open_rate + tax) + self.per_unit);
        let by_minimum = (money - self.minimum) / (price * (weight + tax));
        by_rate.min(by_minimum).max(0.0)
    }
}
