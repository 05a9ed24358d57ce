use super::amount::{Money, Price, Quantity};

/// What an account holds of one instrument, and what came of it so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holding {
    /// Negative for a short position.
    pub quantity: Quantity,
    /// What the open quantity was bought for, before costs; negative for a short position.
    pub basis: Money,
    /// The last price it was valued at.
    pub last: Price,
    /// Gain of what was closed, before costs.
    pub realised: Money,
    pub costs: Money,
    pub dividends: Money,
    /// Paid for borrowing the instrument, as a negative amount.
    pub borrow: Money,
    /// Bought in this session and not to be sold in it, where the market forbids that.
    pub(crate) locked: Quantity,
}

impl Holding {
    pub fn value(&self) -> Money {
        self.quantity.times(self.last)
    }

    /// Gain of what is open, before costs.
    pub fn unrealised(&self) -> Money {
        self.value() - self.basis
    }

    /// All that the instrument has brought, costs taken off.
    pub fn contribution(&self) -> Money {
        self.realised + self.unrealised() - self.costs + self.dividends + self.borrow
    }

    /// Takes a fill of `change` at `price` and answers the gain it realised. What closes the
    /// position takes its part of the basis along (average cost); the rest opens a new one.
    pub(super) fn fill(&mut self, change: Quantity, price: Price) -> Money {
        let opposite = self.quantity.is_negative() != change.is_negative();
        let closed = match opposite && !self.quantity.is_zero() {
            true => change.abs().min(self.quantity.abs()),
            false => Quantity::ZERO,
        };
        let signed = if change.is_negative() { -closed } else { closed };
        let mut gain = Money::ZERO;
        if !closed.is_zero() {
            let basis = self.basis.share(closed, self.quantity.abs());
            // Selling long: proceeds − basis. Buying back: −(price paid) − (negative basis).
            gain = -signed.times(price) - basis;
            self.basis -= basis;
            self.realised += gain;
        }
        self.basis += (change - signed).times(price);
        self.quantity += change;
        self.last = price;
        gain
    }
}
