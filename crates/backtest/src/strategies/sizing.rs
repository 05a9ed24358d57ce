use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::BacktestError;
use crate::ledger::LARGEST;
use crate::market::View;
use crate::orders::{OrderId, OrderRequest, Orders};
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
            Self::Weight(weight) => Given("sizing.weight", weight)
                .check(|w| w > 0.0 && w <= 100.0, "above 0 and at most 100"),
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
        match self.quantity(instrument, orders)? {
            Some(quantity) => orders.target_quantity(instrument, direction * quantity),
            None => Ok(None),
        }
    }

    /// The order that [`Self::target`] would give.
    pub(crate) fn request(
        &self,
        direction: f64,
        instrument: usize,
        orders: &Orders<'_>,
    ) -> Result<Option<OrderRequest>, BacktestError> {
        match self.quantity(instrument, orders)? {
            Some(quantity) => orders.request_quantity(instrument, direction * quantity),
            None => Ok(None),
        }
    }

    /// Shares or contracts; none without a price yet.
    fn quantity(
        &self,
        instrument: usize,
        orders: &Orders<'_>,
    ) -> Result<Option<f64>, BacktestError> {
        match *self {
            Self::Quantity(quantity) => Ok(Some(quantity)),
            Self::Value(value) => orders.quantity_of_value(instrument, value),
            Self::Weight(weight) => orders.quantity_of_weight(instrument, weight),
        }
    }
}

/// Brings a position to a direction, if it is not there already. Orders of the instrument that are
/// still open, as inside a session, are taken back first, so that nothing is dealt twice. What left
/// the universe is the engine's to close.
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
        orders.cancel_all(instrument);
        sizing.target(direction, instrument, orders)?;
    }
    Ok(())
}

/// Whether a portfolio may hold an instrument from now on: it trades, or it is held and merely lacks
/// a bar now.
pub(crate) fn may_hold(view: &View<'_>, instrument: usize) -> bool {
    view.trades(instrument) || (view.is_member(instrument) && view.quantity(instrument) != 0.0)
}
