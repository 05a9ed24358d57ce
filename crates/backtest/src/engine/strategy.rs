use std::ops::Range;

use crate::BacktestError;
use crate::market::{Market, View};
use crate::orders::Orders;

/// Decides about orders at the close of every bar, from what is known then.
pub trait Strategy {
    /// Called once before the first bar of `bars`, which are calendar indices.
    fn start(&mut self, market: &Market, bars: Range<usize>) -> Result<(), BacktestError> {
        let _ = (market, bars);
        Ok(())
    }

    /// Called at every bar's close, after it was dealt and valued.
    fn on_bar(&mut self, view: &View<'_>, orders: &mut Orders<'_>) -> Result<(), BacktestError>;
}
