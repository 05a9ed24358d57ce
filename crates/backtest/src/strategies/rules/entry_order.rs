use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::orders::OrderKind;
use crate::range::Given;
use crate::{BacktestError, Side};

/// How an entry is dealt. Fractions are of the close of the decision, from 0 to below 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EntryOrder {
    /// At the configured deal price.
    #[default]
    Market,
    /// At a limit this far below the close when buying, above it when selling short.
    Limit(f64),
    /// Once the price is this far above the close when buying, below it when selling short.
    Stop(f64),
    /// A limit order at `limit` once the price reaches `stop`, both on the side of a stop.
    StopLimit { stop: f64, limit: f64 },
}

impl EntryOrder {
    pub(super) fn validate(self) -> Result<(), BacktestError> {
        match self {
            Self::Market => Ok(()),
            Self::Limit(limit) => Given("entry_order.limit", limit).rate(),
            Self::Stop(stop) => Given("entry_order.stop", stop).rate(),
            Self::StopLimit { stop, limit } => {
                Given("entry_order.stop_limit.stop", stop).rate()?;
                Given("entry_order.stop_limit.limit", limit).rate()
            }
        }
    }

    /// The order's kind with its prices.
    pub(super) fn kind(self, side: Side, close: f64) -> OrderKind {
        let beyond = |fraction: f64| close * (1.0 + side.sign() * fraction);
        match self {
            Self::Market => OrderKind::Market,
            Self::Limit(limit) => OrderKind::Limit { limit: beyond(-limit) },
            Self::Stop(stop) => OrderKind::Stop { stop: beyond(stop) },
            Self::StopLimit { stop, limit } => {
                OrderKind::StopLimit { stop: beyond(stop), limit: beyond(limit) }
            }
        }
    }

    /// How far against the close it may be dealt, as a fraction, before the position has moved.
    pub(super) fn below(self) -> f64 {
        if let Self::Limit(limit) = self { limit } else { 0.0 }
    }

    /// How far beyond the close it may be dealt, as a fraction, but for gaps.
    pub(super) fn above(self) -> f64 {
        match self {
            Self::Stop(stop) => stop,
            Self::StopLimit { stop, limit } => stop.max(limit),
            Self::Market | Self::Limit(_) => 0.0,
        }
    }
}
