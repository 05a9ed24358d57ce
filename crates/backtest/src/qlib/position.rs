use super::report::PositionRecord;

/// A holding of one instrument.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Holding {
    pub(crate) amount: f64,
    /// The last close, or the price of purchase before there is one.
    pub(crate) price: f64,
    /// Bar ends since purchase.
    pub(crate) count: usize,
}

/// Cash and holdings (qlib/backtest/position.py), in double precision as there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Position {
    pub(crate) cash: f64,
    holdings: Vec<Holding>,
    /// Held instruments, ascending. Qlib walks a set of names instead, in an order that changes
    /// from process to process; only rounding depends on it.
    held: Vec<u32>,
}

impl Position {
    pub(crate) fn new(cash: f64, instruments: usize) -> Self {
        Self { cash, holdings: vec![Holding::default(); instruments], held: vec![] }
    }

    pub(crate) fn held(&self) -> &[u32] {
        &self.held
    }

    pub(crate) fn holds(&self, instrument: u32) -> bool {
        self.held.binary_search(&instrument).is_ok()
    }

    pub(crate) fn holding(&self, instrument: u32) -> Holding {
        self.holdings[instrument as usize]
    }

    pub(crate) fn buy(&mut self, instrument: u32, trade: Trade) {
        let amount = trade.value / trade.price;
        match self.held.binary_search(&instrument) {
            Ok(_) => self.holdings[instrument as usize].amount += amount,
            Err(at) => {
                self.held.insert(at, instrument);
                self.holdings[instrument as usize] =
                    Holding { amount, price: trade.price, count: 0 };
            }
        }
        self.cash -= trade.value + trade.cost;
    }

    pub(crate) fn sell(&mut self, instrument: u32, trade: Trade) {
        let amount = trade.value / trade.price;
        if let Ok(at) = self.held.binary_search(&instrument) {
            let holding = &mut self.holdings[instrument as usize];
            if is_close(holding.amount, amount) {
                self.held.remove(at);
                *holding = Holding::default();
            } else {
                holding.amount -= amount;
            }
            self.cash += trade.value - trade.cost;
        }
    }

    /// Takes the closes of a bar and counts it.
    pub(crate) fn end_bar(&mut self, close: impl Fn(u32) -> f64) {
        for &instrument in &self.held {
            let holding = &mut self.holdings[instrument as usize];
            let close = close(instrument);
            if !close.is_nan() {
                holding.price = close;
            }
            holding.count += 1;
        }
    }

    pub(crate) fn stock_value(&self) -> f64 {
        self.held.iter().map(|&i| self.holding(i)).fold(0.0, |sum, h| sum + h.amount * h.price)
    }

    pub(crate) fn records(&self, account: f64) -> impl Iterator<Item = PositionRecord> {
        self.held.iter().map(move |&instrument| {
            let Holding { amount, price, count } = self.holding(instrument);
            let weight = amount * price / account;
            PositionRecord { instrument, amount, price, weight, count }
        })
    }
}

/// What an order came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Trade {
    pub(crate) price: f64,
    pub(crate) value: f64,
    pub(crate) cost: f64,
}

/// numpy's `isclose` with its default tolerances.
pub fn is_close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-8 + 1e-5 * b.abs()
}
