use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Side;

/// Names an order within its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct OrderId(pub u64);

/// How far a trailing stop follows the best price.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trail {
    /// A distance in money.
    Amount(f64),
    /// A fraction of the best price, such as 0.05.
    Fraction(f64),
}

/// When and at what price an order is dealt. Prices are those of one share or contract.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// At the configured deal price.
    Market,
    /// At `limit` or better: a bar that opens beyond it deals at its open.
    Limit { limit: f64 },
    /// A market order once the price reaches `stop`: dealt there, or at an open beyond it.
    Stop { stop: f64 },
    /// A limit order once the price reaches `stop`.
    StopLimit { stop: f64, limit: f64 },
    /// A stop that follows the best price since the order was given, or since its entry was dealt.
    /// It is compared with the best price of the bars before the one at hand.
    TrailingStop { trail: Trail },
}

impl OrderKind {
    /// The name it has in documents, such as `stop_limit`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Market => "market",
            Self::Limit { .. } => "limit",
            Self::Stop { .. } => "stop",
            Self::StopLimit { .. } => "stop_limit",
            Self::TrailingStop { .. } => "trailing_stop",
        }
    }

    /// The limit's price, if it has one.
    pub const fn limit(self) -> Option<f64> {
        match self {
            Self::Limit { limit } | Self::StopLimit { limit, .. } => Some(limit),
            _ => None,
        }
    }

    /// The stop's price, if it has a fixed one.
    pub const fn stop(self) -> Option<f64> {
        match self {
            Self::Stop { stop } | Self::StopLimit { stop, .. } => Some(stop),
            _ => None,
        }
    }
}

/// How long an order lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeInForce {
    /// To the end of the first session it can be dealt in.
    #[default]
    Day,
    /// Good till cancelled.
    Gtc,
    /// Immediate or cancel: what the first bar does not deal is cancelled.
    Ioc,
    /// Fill or kill: dealt whole at the first bar, or not at all.
    Fok,
}

impl TimeInForce {
    /// The name it has in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Gtc => "gtc",
            Self::Ioc => "ioc",
            Self::Fok => "fok",
        }
    }
}

/// An order as a strategy gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderRequest {
    /// An index into the market's instruments.
    pub instrument: usize,
    pub side: Side,
    /// Shares or contracts, positive.
    pub quantity: f64,
    pub kind: OrderKind,
    pub time_in_force: TimeInForce,
}

impl OrderRequest {
    /// A market order for the next session.
    pub fn market(instrument: usize, side: Side, quantity: f64) -> Self {
        let (kind, time_in_force) = (OrderKind::Market, TimeInForce::Day);
        Self { instrument, side, quantity, kind, time_in_force }
    }

    #[must_use]
    pub fn kind(self, kind: OrderKind) -> Self {
        Self { kind, ..self }
    }

    #[must_use]
    pub fn time_in_force(self, time_in_force: TimeInForce) -> Self {
        Self { time_in_force, ..self }
    }
}

/// Why an order, or the rest of one, was not dealt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// The strategy took it back.
    Cancelled,
    /// Its time in force ended.
    Expired,
    /// Cash or margin did not suffice.
    InsufficientFunds,
    /// Nothing is held that may be sold, and the account cannot sell short.
    NothingToSell,
    /// It is smaller than a lot.
    BelowLot,
    /// The other order of its pair was dealt, or the entry of its bracket was not.
    Linked,
    /// Its instrument was delisted.
    Delisted,
    /// Its instrument does not belong to the universe.
    OutsideUniverse,
    /// The engine is closing what is held of its instrument.
    Liquidation,
    /// More orders are open than the configuration allows.
    TooManyOrders,
    /// The amount of money is beyond what the ledger holds.
    TooLarge,
    /// The run ended.
    EndOfRun,
}

impl CancelReason {
    /// The name it has in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::InsufficientFunds => "insufficient_funds",
            Self::NothingToSell => "nothing_to_sell",
            Self::BelowLot => "below_lot",
            Self::Linked => "linked",
            Self::Delisted => "delisted",
            Self::OutsideUniverse => "outside_universe",
            Self::Liquidation => "liquidation",
            Self::TooManyOrders => "too_many_orders",
            Self::TooLarge => "too_large",
            Self::EndOfRun => "end_of_run",
        }
    }
}

/// How an order ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderOutcome {
    Filled,
    /// Not or only partly dealt.
    Cancelled(CancelReason),
}

impl OrderOutcome {
    /// `filled`, or the reason of what was not.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Filled => "filled",
            Self::Cancelled(reason) => reason.name(),
        }
    }
}

/// An order that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OrderRecord {
    pub id: OrderId,
    pub instrument: usize,
    pub side: Side,
    pub kind: OrderKind,
    pub time_in_force: TimeInForce,
    pub quantity: f64,
    pub filled: f64,
    /// Mean price of the fills, if there were any.
    pub average_price: Option<f64>,
    /// Bars as calendar indices.
    pub submitted: usize,
    pub ended: usize,
    pub outcome: OrderOutcome,
}
