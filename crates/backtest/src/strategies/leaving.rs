use crate::BacktestError;
use crate::market::View;
use crate::orders::Orders;

/// Positions that a portfolio has given up: asked to be closed at every bar until they are, also
/// between one choice and the next.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    instruments: Vec<usize>,
}

impl Leaving {
    /// Forgets all: a new choice is made.
    pub(crate) fn clear(&mut self) {
        self.instruments.clear();
    }

    /// Asks for a position to be closed. Orders of the instrument that are still open, as inside a
    /// session, are taken back first.
    pub(crate) fn close(
        &mut self,
        instrument: usize,
        orders: &mut Orders<'_>,
    ) -> Result<(), BacktestError> {
        self.instruments.push(instrument);
        orders.cancel_all(instrument);
        orders.target_quantity(instrument, 0.0).map(drop)
    }

    /// Asks again for what is still held. What left the universe is the engine's to close.
    pub(crate) fn ask_again(
        &mut self,
        view: &View<'_>,
        orders: &mut Orders<'_>,
    ) -> Result<(), BacktestError> {
        let mut instruments = std::mem::take(&mut self.instruments);
        instruments.retain(|&held| view.quantity(held) != 0.0 && view.is_member(held));
        instruments.into_iter().try_for_each(|instrument| self.close(instrument, orders))
    }
}
