use super::open::OpenOrder;
use super::types::{CancelReason, OrderId, OrderRecord, TimeInForce};
use crate::ledger::Quantity;
use crate::market::Bar;

/// Orders that wait, in the order they were given, and the records of those that ended.
#[derive(Debug, Default)]
pub(crate) struct OrderBook {
    open: Vec<OpenOrder>,
    ended: Vec<OrderRecord>,
    most: usize,
    /// Exits whose entry was dealt inside the bar at hand.
    woken: Vec<OrderId>,
}

/// A fill as the book sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BookFill {
    pub(crate) quantity: Quantity,
    pub(crate) price: f64,
    pub(crate) bar: usize,
    pub(crate) exits_from: usize,
}

impl OrderBook {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    pub(crate) fn into_records(mut self) -> Vec<OrderRecord> {
        self.ended.sort_by_key(|order| order.id);
        self.ended
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(crate) fn open(&self) -> &[OpenOrder] {
        &self.open
    }

    pub(crate) fn add(&mut self, order: OpenOrder, bar: usize) {
        if self.open.len() >= self.most && !order.forced {
            return self.refuse(order, bar, CancelReason::TooManyOrders);
        }
        self.open.push(order);
    }

    /// Keeps the record of an order that is not taken.
    pub(crate) fn refuse(&mut self, order: OpenOrder, bar: usize, reason: CancelReason) {
        self.ended.push(order.end(bar, Some(reason)));
    }

    /// Whether the engine is closing what is held of an instrument.
    pub(crate) fn is_closing(&self, instrument: u32) -> bool {
        self.open.iter().any(|order| order.forced && order.instrument == instrument)
    }

    pub(crate) fn get_mut(&mut self, id: OrderId) -> Option<&mut OpenOrder> {
        let at = self.open.binary_search_by_key(&id, |order| order.id).ok()?;
        Some(&mut self.open[at])
    }

    /// Ends an order, and with it the exits of an entry that was not dealt at all.
    pub(crate) fn cancel(&mut self, id: OrderId, bar: usize, reason: CancelReason) {
        let Ok(at) = self.open.binary_search_by_key(&id, |order| order.id) else { return };
        let order = self.open.remove(at);
        self.ended.push(order.end(bar, Some(reason)));
        if order.filled.is_zero() {
            self.cancel_where(bar, CancelReason::Linked, |child| child.parent == Some(id));
        }
    }

    pub(crate) fn cancel_where(
        &mut self,
        bar: usize,
        reason: CancelReason,
        which: impl Fn(&OpenOrder) -> bool,
    ) {
        let found: Vec<OrderId> =
            self.open.iter().filter(|order| which(order)).map(|order| order.id).collect();
        for id in found {
            self.cancel(id, bar, reason);
        }
    }

    /// Ends what no longer counts after a bar.
    pub(crate) fn expire(&mut self, bar: usize, session_ends: bool) {
        let expired = |order: &OpenOrder| match order.time_in_force {
            TimeInForce::Gtc => false,
            TimeInForce::Day => session_ends,
            TimeInForce::Ioc | TimeInForce::Fok => true,
        };
        self.cancel_where(bar, CancelReason::Expired, |order| {
            !order.dormant && !order.forced && expired(order)
        });
    }

    /// Notes a fill: of the order, of those it excludes and of the exits that wait for it, which
    /// may be dealt from bar `exits_from` on.
    pub(crate) fn fill(&mut self, id: OrderId, fill: BookFill) {
        let Some(order) = self.get_mut(id) else { return };
        order.filled += fill.quantity;
        order.filled_value += fill.quantity.to_f64() * fill.price;
        let (group, parent) = (order.group, order.parent);
        // Orders dealt at the close they were given at come after the bar.
        let inside = fill.exits_from > fill.bar && order.submitted < fill.bar;
        let done = !order.remaining().is_positive();
        for other in self.open.iter_mut().filter(|other| other.id != id) {
            if group.is_some() && other.group == group {
                other.quantity -= fill.quantity;
            }
            if other.parent == Some(id) {
                match other.dormant {
                    true => {
                        (other.quantity, other.best) = (fill.quantity, fill.price);
                        self.woken.extend(inside.then_some(other.id));
                    }
                    false => other.quantity += fill.quantity,
                }
                (other.dormant, other.active) = (false, fill.exits_from);
            }
        }
        if done && let Ok(at) = self.open.binary_search_by_key(&id, |order| order.id) {
            let order = self.open.remove(at);
            self.ended.push(order.end(fill.bar, None));
        }
        self.cancel_where(fill.bar, CancelReason::Linked, |other| {
            let spent = other.group == group && !other.remaining().is_positive();
            // Once an exit is dealt, the rest of its entry is not wanted.
            (group.is_some() && other.id != id && spent) || Some(other.id) == parent
        });
    }

    /// Lets trailing stops follow the bar they outlived. Where an entry was dealt inside it, what of
    /// the bar came after is unknown: its exits follow from the next one.
    pub(crate) fn follow(&mut self, bars: &[Bar]) {
        let woken = &self.woken;
        let follows = |order: &&mut OpenOrder| !order.dormant && !woken.contains(&order.id);
        for order in self.open.iter_mut().filter(follows) {
            let bar = &bars[order.instrument as usize];
            if bar.exists() {
                order.follow(bar);
            }
        }
        self.woken.clear();
    }

    pub(crate) fn split(&mut self, instrument: u32, ratio: f64, bar: usize) {
        let mut spent = vec![];
        for order in self.open.iter_mut().filter(|order| order.instrument == instrument) {
            if !order.split(ratio) {
                spent.push(order.id);
            }
        }
        for id in spent {
            self.cancel(id, bar, CancelReason::BelowLot);
        }
    }
}
