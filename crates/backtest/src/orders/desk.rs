use super::open::OpenOrder;
use super::types::{OrderId, OrderKind, OrderRequest, TimeInForce, Trail};
use crate::BacktestError;
use crate::Side;
use crate::ledger::{LARGEST, Quantity};
use crate::market::View;
use crate::range::Given;

/// What a strategy asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Instruction {
    Submit(OpenOrder),
    Cancel(OrderId),
    CancelAll { instrument: u32 },
}

/// Where a strategy gives its orders. They are dealt from the next bar on, unless the deal price
/// is the same bar's close.
#[derive(Debug)]
pub struct Orders<'a> {
    view: View<'a>,
    multiplier: f64,
    lot: Quantity,
    next: &'a mut u64,
    given: &'a mut Vec<Instruction>,
}

impl<'a> Orders<'a> {
    pub(crate) fn new(
        view: View<'a>,
        (multiplier, lot): (f64, Quantity),
        next: &'a mut u64,
        given: &'a mut Vec<Instruction>,
    ) -> Self {
        Self { view, multiplier, lot, next, given }
    }

    /// Gives an order. Refused: an unknown instrument, a quantity or price that is not positive.
    pub fn submit(&mut self, request: OrderRequest) -> Result<OrderId, BacktestError> {
        self.push(request, None, None)
    }

    /// Gives orders that exclude each other: what one is dealt the others no longer are.
    pub fn one_cancels_other(
        &mut self,
        requests: &[OrderRequest],
    ) -> Result<Vec<OrderId>, BacktestError> {
        let group = Some(*self.next);
        requests.iter().map(|&request| self.push(request, group, None)).collect()
    }

    /// Gives an entry and exits of what it is dealt, which exclude each other: such as a profit
    /// taken at a limit, a loss stopped at a stop, and a trailing stop, which begins at the price of
    /// the entry. The exits wait for the entry, live until cancelled and end with it if it is not
    /// dealt at all. Answers the entry and then the exits.
    pub fn bracket(
        &mut self,
        entry: OrderRequest,
        exits: &[OrderKind],
    ) -> Result<Vec<OrderId>, BacktestError> {
        let exit =
            OrderRequest { side: entry.side.opposite(), time_in_force: TimeInForce::Gtc, ..entry };
        let parent = self.push(entry, None, None)?;
        let mut given = vec![parent];
        for &kind in exits {
            given.push(self.push(exit.kind(kind), Some(parent.0), Some(parent))?);
        }
        Ok(given)
    }

    pub fn cancel(&mut self, id: OrderId) {
        self.given.push(Instruction::Cancel(id));
    }

    /// Takes back every open order of an instrument.
    pub fn cancel_all(&mut self, instrument: usize) {
        if let Ok(instrument) = self.known(instrument) {
            self.given.push(Instruction::CancelAll { instrument });
        }
    }

    /// A market order to hold `quantity`, negative for short. None is given where the difference
    /// is less than a lot.
    pub fn target_quantity(
        &mut self,
        instrument: usize,
        quantity: f64,
    ) -> Result<Option<OrderId>, BacktestError> {
        let request = self.request_quantity(instrument, quantity)?;
        request.map(|request| self.submit(request)).transpose()
    }

    /// A market order to hold a position worth `value` at the last close, negative for short.
    /// None is given for an instrument without a price yet.
    pub fn target_value(
        &mut self,
        instrument: usize,
        value: f64,
    ) -> Result<Option<OrderId>, BacktestError> {
        match self.quantity_of_value(instrument, value)? {
            Some(quantity) => self.target_quantity(instrument, quantity),
            None => Ok(None),
        }
    }

    /// A market order to hold `weight` of the equity at the last close, negative for short.
    pub fn target_weight(
        &mut self,
        instrument: usize,
        weight: f64,
    ) -> Result<Option<OrderId>, BacktestError> {
        self.target_value(instrument, weight * self.view.equity())
    }

    /// The order that [`Self::target_quantity`] would give.
    pub(crate) fn request_quantity(
        &self,
        instrument: usize,
        quantity: f64,
    ) -> Result<Option<OrderRequest>, BacktestError> {
        let held = self.view.ledger().holding(self.known(instrument)?).quantity;
        let target = Quantity::from_f64(quantity).ok_or(BacktestError::OutOfRange {
            field: "target quantity",
            value: quantity,
            expected: "at most 9e10",
        })?;
        let change = target - held;
        let side = if change.is_negative() { Side::Sell } else { Side::Buy };
        // Everything can be sold, whatever the lot.
        let whole = target.is_zero();
        let size = if whole { change.abs() } else { change.abs().round_down(self.lot) };
        Ok((!size.is_zero()).then(|| OrderRequest::market(instrument, side, size.to_f64())))
    }

    /// Shares or contracts worth `value` at the last close; none without a price yet.
    pub(crate) fn quantity_of_value(
        &self,
        instrument: usize,
        value: f64,
    ) -> Result<Option<f64>, BacktestError> {
        self.known(instrument)?;
        let price = self.view.last_close(instrument) * self.multiplier;
        Ok((price > 0.0).then(|| value / price))
    }

    /// Shares or contracts worth `weight` of the equity; none without a price yet.
    pub(crate) fn quantity_of_weight(
        &self,
        instrument: usize,
        weight: f64,
    ) -> Result<Option<f64>, BacktestError> {
        self.quantity_of_value(instrument, weight * self.view.equity())
    }

    /// Whether a position of this weight is at least a lot. False without a price yet.
    pub(crate) fn is_a_lot(&self, instrument: usize, weight: f64) -> Result<bool, BacktestError> {
        let quantity = self.quantity_of_weight(instrument, weight.abs())?;
        let size = quantity.and_then(Quantity::from_f64);
        Ok(size.is_some_and(|size| !size.round_down(self.lot).is_zero()))
    }

    fn known(&self, instrument: usize) -> Result<u32, BacktestError> {
        match u32::try_from(instrument) {
            Ok(known) if instrument < self.view.instruments().len() => Ok(known),
            _ => Err(BacktestError::OutOfRange {
                field: "order instrument",
                value: instrument as f64,
                expected: "an index into the market's instruments",
            }),
        }
    }

    fn push(
        &mut self,
        request: OrderRequest,
        group: Option<u64>,
        parent: Option<OrderId>,
    ) -> Result<OrderId, BacktestError> {
        let instrument = self.known(request.instrument)?;
        check_prices(request.kind)?;
        let quantity = Quantity::from_f64(request.quantity).filter(|q| q.is_positive());
        let quantity = quantity.ok_or(BacktestError::OutOfRange {
            field: "order quantity",
            value: request.quantity,
            expected: "positive and at most 9e10",
        })?;
        let id = OrderId(*self.next);
        *self.next += 1;
        self.given.push(Instruction::Submit(OpenOrder {
            id,
            instrument,
            side: request.side,
            kind: request.kind,
            time_in_force: request.time_in_force,
            quantity,
            filled: Quantity::ZERO,
            filled_value: 0.0,
            submitted: self.view.bar(),
            triggered: false,
            best: self.view.last_close(request.instrument),
            group,
            parent,
            dormant: parent.is_some(),
            active: self.view.bar() + 1,
            forced: false,
        }));
        Ok(id)
    }
}

fn check_prices(kind: OrderKind) -> Result<(), BacktestError> {
    let price = |field, value| {
        Given(field, value).check(|value| value > 0.0 && value <= LARGEST, "a positive price")
    };
    match kind {
        OrderKind::Market => Ok(()),
        OrderKind::Limit { limit } => price("order limit", limit),
        OrderKind::Stop { stop } => price("order stop", stop),
        OrderKind::StopLimit { stop, limit } => {
            price("order stop", stop)?;
            price("order limit", limit)
        }
        OrderKind::TrailingStop { trail: Trail::Amount(amount) } => price("order trail", amount),
        OrderKind::TrailingStop { trail: Trail::Fraction(fraction) } => {
            Given("order trail", fraction).check(|f| f > 0.0 && f < 1.0, "between 0 and 1")
        }
    }
}
