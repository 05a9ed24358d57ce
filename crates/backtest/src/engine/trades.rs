use serde::Serialize;

use super::result::Fill;
use crate::Side;

/// A position from its first fill to the one that closed it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Trade {
    pub instrument: usize,
    /// Buy for a long position.
    pub side: Side,
    /// Bars as calendar indices.
    pub opened: usize,
    pub closed: usize,
    /// Greatest quantity held.
    pub quantity: f64,
    /// Mean prices of what opened and what closed it.
    pub entry_price: f64,
    pub exit_price: f64,
    /// Money gained, costs taken off; dividends and interest are not part of it.
    pub gain: f64,
    pub costs: f64,
    /// `gain` over what the opening fills were worth.
    pub return_rate: f64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Leg {
    quantity: f64,
    worth: f64,
}

impl Leg {
    fn add(&mut self, quantity: f64, price: f64) {
        self.quantity += quantity;
        self.worth += quantity * price;
    }

    fn mean(&self) -> f64 {
        self.worth / self.quantity
    }
}

#[derive(Debug, Clone, Copy)]
struct Episode {
    side: Side,
    opened: usize,
    held: f64,
    most: f64,
    entry: Leg,
    exit: Leg,
    costs: f64,
}

/// Puts fills together to trades.
#[derive(Debug)]
pub struct TradeLog {
    open: Vec<Option<Episode>>,
    multiplier: f64,
    trades: Vec<Trade>,
}

impl TradeLog {
    /// Without a trade. The multiplier is the worth of one contract per unit of its price.
    pub fn new(instruments: usize, multiplier: f64) -> Self {
        Self { open: vec![None; instruments], multiplier, trades: vec![] }
    }

    /// The trades that were closed, in the order of their ends.
    pub fn finish(self) -> Vec<Trade> {
        self.trades
    }

    /// Follows a split of the open position.
    pub(crate) fn split(&mut self, instrument: usize, ratio: f64) {
        if let Some(episode) = &mut self.open[instrument] {
            episode.held *= ratio;
            episode.most *= ratio;
            episode.entry.quantity *= ratio;
            episode.exit.quantity *= ratio;
        }
    }

    /// Takes a fill; `flat` says that nothing is held after it. A fill that turns the position over ends one trade and begins another, and
    /// its costs go with the quantities.
    pub fn add(&mut self, fill: &Fill, flat: bool) {
        let costs = fill.commission + fill.tax;
        let episode = self.open[fill.instrument].get_or_insert(Episode {
            side: fill.side,
            opened: fill.bar,
            held: 0.0,
            most: 0.0,
            entry: Leg::default(),
            exit: Leg::default(),
            costs: 0.0,
        });
        if fill.side == episode.side {
            episode.entry.add(fill.quantity, fill.price);
            episode.held += fill.quantity;
            episode.most = episode.most.max(episode.held);
            episode.costs += costs;
            return;
        }
        let closing = fill.closing.min(fill.quantity);
        episode.exit.add(closing, fill.price);
        episode.held -= closing;
        episode.costs += costs * closing / fill.quantity;
        let turned = fill.quantity - closing;
        if flat || turned > 0.0 {
            self.close(fill);
        }
        if turned > 0.0 {
            let rest = Fill {
                quantity: turned,
                closing: 0.0,
                commission: fill.commission * turned / fill.quantity,
                tax: fill.tax * turned / fill.quantity,
                ..*fill
            };
            self.add(&rest, false);
        }
    }

    fn close(&mut self, fill: &Fill) {
        let Some(episode) = self.open[fill.instrument].take() else { return };
        let worth = episode.entry.worth * self.multiplier;
        let moved = (episode.exit.worth - episode.entry.worth) * self.multiplier;
        let gain = episode.side.sign() * moved - episode.costs;
        self.trades.push(Trade {
            instrument: fill.instrument,
            side: episode.side,
            opened: episode.opened,
            closed: fill.bar,
            quantity: episode.most,
            entry_price: episode.entry.mean(),
            exit_price: episode.exit.mean(),
            gain,
            costs: episode.costs,
            return_rate: gain / worth,
        });
    }
}
