//! What an account owns and owes, to the last unit of money.

mod amount;
mod holding;

pub use amount::{LARGEST, LARGEST_MONEY, Money, Price, Quantity};
pub use holding::Holding;

/// Cash, holdings and where every change of them came from.
///
/// At every step, exactly:
/// `cash + Σ value = initial + realised + unrealised − costs + dividends + borrow + interest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    cash: Money,
    initial: Money,
    interest: Money,
    holdings: Vec<Holding>,
    /// Instruments with an open quantity, ascending.
    held: Vec<u32>,
}

/// A change of a holding on its way into the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    pub instrument: u32,
    /// Positive for bought, negative for sold.
    pub change: Quantity,
    /// What one share or contract is worth, multiplier included.
    pub price: Price,
    pub cost: Money,
}

/// What holdings are worth: with short ones negative, and counted positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Worth {
    pub value: Money,
    pub gross: Money,
}

impl Ledger {
    pub fn new(initial: Money, instruments: usize) -> Self {
        let holdings = vec![Holding::default(); instruments];
        Self { cash: initial, initial, interest: Money::ZERO, holdings, held: vec![] }
    }

    /// Money at hand; negative when borrowed.
    pub fn cash(&self) -> Money {
        self.cash
    }

    pub fn initial(&self) -> Money {
        self.initial
    }

    /// Earned on cash, or paid as a negative amount.
    pub fn interest(&self) -> Money {
        self.interest
    }

    /// # Panics
    /// When `instrument` is not one of the ledger's.
    pub fn holding(&self, instrument: u32) -> &Holding {
        &self.holdings[instrument as usize]
    }

    pub fn holdings(&self) -> &[Holding] {
        &self.holdings
    }

    /// Instruments with an open quantity, ascending.
    pub fn held(&self) -> &[u32] {
        &self.held
    }

    fn open(&self) -> impl Iterator<Item = &Holding> {
        self.held.iter().map(|&instrument| &self.holdings[instrument as usize])
    }

    /// What all holdings are worth together.
    pub fn worth(&self) -> Worth {
        self.open().fold(Worth::default(), |worth, holding| {
            let value = holding.value();
            Worth { value: worth.value + value, gross: worth.gross + value.abs() }
        })
    }

    /// Worth of all holdings, short ones negative.
    pub fn value(&self) -> Money {
        self.worth().value
    }

    /// Worth of all holdings, short ones counted positive.
    pub fn gross(&self) -> Money {
        self.worth().gross
    }

    pub fn equity(&self) -> Money {
        self.cash + self.value()
    }

    /// Costs of all fills so far.
    pub fn costs(&self) -> Money {
        self.holdings.iter().map(|holding| holding.costs).sum()
    }

    /// Whether both sides of the identity agree, to the last unit.
    pub fn balances(&self) -> bool {
        let contributions: Money = self.holdings.iter().map(Holding::contribution).sum();
        self.equity() == self.initial + contributions + self.interest
    }

    /// Books a fill and answers the gain it realised, before costs.
    pub fn fill(&mut self, posting: Posting) -> Money {
        let Posting { instrument, change, price, cost } = posting;
        let holding = &mut self.holdings[instrument as usize];
        let gain = holding.fill(change, price);
        holding.costs += cost;
        self.cash -= change.times(price) + cost;
        let open = !holding.quantity.is_zero();
        match self.held.binary_search(&instrument) {
            Ok(at) if !open => {
                self.held.remove(at);
            }
            Err(at) if open => self.held.insert(at, instrument),
            _ => {}
        }
        gain
    }

    /// Values a holding at a price.
    pub fn mark(&mut self, instrument: u32, price: Price) {
        self.holdings[instrument as usize].last = price;
    }

    /// Pays a dividend of `per_share`; a short position owes it. Answers the amount.
    pub fn dividend(&mut self, instrument: u32, per_share: Price) -> Money {
        let holding = &mut self.holdings[instrument as usize];
        let amount = holding.quantity.times(per_share);
        holding.dividends += amount;
        self.cash += amount;
        amount
    }

    /// Replaces quantity and price after a split; what it cost stays. Answers whether the new
    /// quantity can be held.
    pub fn split(&mut self, instrument: u32, ratio: f64) -> bool {
        let holding = &mut self.holdings[instrument as usize];
        let quantity = holding.quantity.split(ratio);
        let price = Price::from_f64(holding.last.to_f64() / ratio);
        let (Some(quantity), Some(price)) = (quantity, price) else { return false };
        if quantity.is_zero() != holding.quantity.is_zero() {
            return false;
        }
        holding.locked = holding.locked.split(ratio).unwrap_or_default();
        (holding.quantity, holding.last) = (quantity, price);
        true
    }

    /// Pays for borrowing a shorted instrument.
    pub(crate) fn charge_borrow(&mut self, instrument: u32, amount: Money) {
        self.holdings[instrument as usize].borrow -= amount;
        self.cash -= amount;
    }

    /// Adds interest on cash; negative when it is owed.
    pub(crate) fn add_interest(&mut self, amount: Money) {
        self.interest += amount;
        self.cash += amount;
    }

    pub(crate) fn lock(&mut self, instrument: u32, quantity: Quantity) {
        self.holdings[instrument as usize].locked += quantity;
    }

    /// Lets everything be sold again at a new session.
    pub(crate) fn unlock(&mut self) {
        for &instrument in &self.held {
            self.holdings[instrument as usize].locked = Quantity::ZERO;
        }
    }
}
