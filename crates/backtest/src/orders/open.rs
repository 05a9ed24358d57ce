use super::types::{
    CancelReason, OrderId, OrderKind, OrderOutcome, OrderRecord, TimeInForce, Trail,
};
use crate::Side;
use crate::ledger::Quantity;
use crate::market::Bar;

/// Which part of a bar an order is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The first price.
    Open,
    /// Between open and close, of which only high and low are known.
    Within,
    /// The last price.
    Close,
}

/// An order that waits to be dealt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct OpenOrder {
    pub(crate) id: OrderId,
    pub(crate) instrument: u32,
    pub(crate) side: Side,
    pub(crate) kind: OrderKind,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) quantity: Quantity,
    pub(crate) filled: Quantity,
    /// Σ quantity · price of the fills.
    pub(crate) filled_value: f64,
    /// Calendar index of the bar at whose close it was given.
    pub(crate) submitted: usize,
    /// A stop-limit whose stop was reached.
    pub(crate) triggered: bool,
    /// Best price a trailing stop has seen.
    pub(crate) best: f64,
    /// Orders of one group exclude each other.
    pub(crate) group: Option<u64>,
    /// The entry this order belongs to.
    pub(crate) parent: Option<OrderId>,
    /// Waits for its entry to be dealt.
    pub(crate) dormant: bool,
    /// Calendar index of the first bar that may deal it.
    pub(crate) active: usize,
    /// Given by the engine, to close what the account cannot carry or the universe has no more.
    pub(crate) forced: bool,
}

impl OpenOrder {
    pub(crate) fn remaining(&self) -> Quantity {
        self.quantity - self.filled
    }

    pub(crate) fn is_market(&self) -> bool {
        matches!(self.kind, OrderKind::Market)
    }

    /// Limit orders are never dealt beyond their price, so nothing slips.
    pub(crate) fn slips(&self) -> bool {
        !matches!(self.kind, OrderKind::Limit { .. } | OrderKind::StopLimit { .. })
    }

    /// Stops come before limits inside a bar: where both were possible the worse is assumed.
    pub(crate) fn is_stop(&self) -> bool {
        matches!(self.kind, OrderKind::Stop { .. } | OrderKind::TrailingStop { .. })
            || matches!(self.kind, OrderKind::StopLimit { .. } if !self.triggered)
    }

    /// The price at which this part of a bar deals the order, if it does. Market orders are not
    /// asked: their price is configured.
    pub(crate) fn price(&mut self, bar: &Bar, phase: Phase) -> Option<f64> {
        match self.kind {
            OrderKind::Market => None,
            OrderKind::Limit { limit } => self.limit_price(bar, phase, limit),
            OrderKind::Stop { stop } => self.stop_price(bar, phase, stop),
            OrderKind::TrailingStop { trail } => {
                let distance = match trail {
                    Trail::Amount(amount) => amount,
                    Trail::Fraction(fraction) => fraction * self.best,
                };
                // A sell's stop lies below the best price, a buy's above.
                self.stop_price(bar, phase, self.best + self.side.sign() * distance)
            }
            OrderKind::StopLimit { stop, limit } => {
                if self.triggered {
                    return self.limit_price(bar, phase, limit);
                }
                let reached = self.stop_price(bar, phase, stop)?;
                self.triggered = true;
                // The price is at `reached` now. Whether it came back to a limit that it has
                // passed is known only at an open, which everything else follows.
                (self.side.sign() * (limit - reached) >= 0.0).then_some(reached)
            }
        }
    }

    fn limit_price(&self, bar: &Bar, phase: Phase, limit: f64) -> Option<f64> {
        let reached = |price: f64| self.side.sign() * (limit - price) >= 0.0;
        match phase {
            Phase::Open => reached(bar.open).then_some(bar.open),
            Phase::Within => reached(self.best_of(bar)).then_some(limit),
            Phase::Close => None,
        }
    }

    fn stop_price(&self, bar: &Bar, phase: Phase, stop: f64) -> Option<f64> {
        let reached = |price: f64| self.side.sign() * (price - stop) >= 0.0;
        match phase {
            Phase::Open => reached(bar.open).then_some(bar.open),
            Phase::Within => reached(self.worst_of(bar)).then_some(stop),
            Phase::Close => None,
        }
    }

    /// The price of the bar that is best for this side.
    fn best_of(&self, bar: &Bar) -> f64 {
        match self.side {
            Side::Buy => bar.low,
            Side::Sell => bar.high,
        }
    }

    fn worst_of(&self, bar: &Bar) -> f64 {
        match self.side {
            Side::Buy => bar.high,
            Side::Sell => bar.low,
        }
    }

    /// Lets a trailing stop follow the bar it outlived.
    pub(crate) fn follow(&mut self, bar: &Bar) {
        if matches!(self.kind, OrderKind::TrailingStop { .. }) {
            let seen = self.best_of(bar);
            self.best = match self.side {
                Side::Sell => self.best.max(seen),
                Side::Buy => self.best.min(seen),
            };
        }
    }

    /// Follows a split of `ratio` new for one old share. Answers whether anything is left.
    pub(crate) fn split(&mut self, ratio: f64) -> bool {
        let quantities = (self.quantity.split(ratio), self.filled.split(ratio));
        let (Some(quantity), Some(filled)) = quantities else { return false };
        (self.quantity, self.filled) = (quantity, filled);
        self.best /= ratio;
        self.kind = match self.kind {
            OrderKind::Market => OrderKind::Market,
            OrderKind::Limit { limit } => OrderKind::Limit { limit: limit / ratio },
            OrderKind::Stop { stop } => OrderKind::Stop { stop: stop / ratio },
            OrderKind::StopLimit { stop, limit } => {
                OrderKind::StopLimit { stop: stop / ratio, limit: limit / ratio }
            }
            OrderKind::TrailingStop { trail: Trail::Amount(amount) } => {
                OrderKind::TrailingStop { trail: Trail::Amount(amount / ratio) }
            }
            fraction @ OrderKind::TrailingStop { .. } => fraction,
        };
        self.remaining().is_positive()
    }

    pub(crate) fn end(&self, bar: usize, reason: Option<CancelReason>) -> OrderRecord {
        let filled = self.filled.to_f64();
        OrderRecord {
            id: self.id,
            instrument: self.instrument as usize,
            side: self.side,
            kind: self.kind,
            time_in_force: self.time_in_force,
            quantity: self.quantity.to_f64(),
            filled,
            average_price: (filled > 0.0).then(|| self.filled_value / filled),
            submitted: self.submitted,
            ended: bar,
            outcome: reason.map_or(OrderOutcome::Filled, OrderOutcome::Cancelled),
        }
    }
}
