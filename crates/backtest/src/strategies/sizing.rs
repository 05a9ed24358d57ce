use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::BacktestError;
use crate::ledger::LARGEST;
use crate::market::View;
use crate::orders::{OrderId, Orders};
use crate::range::Given;

/// How large a position is opened.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sizing {
    /// Shares or contracts.
    Quantity(f64),
    /// Money.
    Value(f64),
    /// A fraction of the equity at the decision.
    Weight(f64),
}

impl Sizing {
    pub fn validate(&self) -> Result<(), BacktestError> {
        let fits = |value: f64| value > 0.0 && value <= LARGEST;
        match *self {
            Self::Quantity(quantity) => {
                Given("sizing.quantity", quantity).check(fits, "positive and at most 9e10")
            }
            Self::Value(value) => Given("sizing.value", value).positive(),
            Self::Weight(weight) => {
                Given("sizing.weight", weight).check(|w| w > 0.0 && w <= 100.0, "above 0")
            }
        }
    }

    /// A market order for a position of this size; `direction` is 1 for long, −1 for short, 0 for
    /// none.
    pub(crate) fn target(
        &self,
        direction: f64,
        instrument: usize,
        orders: &mut Orders<'_>,
    ) -> Result<Option<OrderId>, BacktestError> {
        if direction == 0.0 {
            return orders.target_quantity(instrument, 0.0);
        }
        match *self {
            Self::Quantity(quantity) => orders.target_quantity(instrument, direction * quantity),
            Self::Value(value) => orders.target_value(instrument, direction * value),
            Self::Weight(weight) => orders.target_weight(instrument, direction * weight),
        }
    }
}

/// Brings a position to a direction, if it is not there already. What left the universe is the
/// engine's to close.
pub(crate) fn steer(
    sizing: Sizing,
    direction: f64,
    instrument: usize,
    view: &View<'_>,
    orders: &mut Orders<'_>,
) -> Result<(), BacktestError> {
    if !view.is_member(instrument) {
        return Ok(());
    }
    let held = view.quantity(instrument);
    let there = if held == 0.0 { 0.0 } else { held.signum() };
    if there != direction {
        sizing.target(direction, instrument, orders)?;
    }
    Ok(())
}
