//! Deals orders against the bars.

use super::result::Fill;
use super::run::Run;
use crate::config::AccountConfig;
use crate::exchange::{Charged, DealPrice};
use crate::ledger::{LARGEST_MONEY, Money, Posting, Price, Quantity};
use crate::market::Bar;
use crate::orders::{BookFill, CancelReason, OpenOrder, OrderId, Phase, TimeInForce};
use crate::{BacktestError, Side};

/// A deal that has been booked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dealt {
    pub(super) order: Option<OrderId>,
    pub(super) bar: usize,
    pub(super) instrument: u32,
    pub(super) side: Side,
    pub(super) quantity: Quantity,
    pub(super) closing: Quantity,
    pub(super) price: f64,
    pub(super) worth: Money,
    pub(super) commission: f64,
    pub(super) tax: f64,
    pub(super) slippage: f64,
}

/// How much of an order can be dealt.
enum Room {
    /// All of this; what is missing of the order waits or is cancelled for the reason.
    Some(Quantity, Option<CancelReason>),
    /// Nothing, and the order ends.
    None(CancelReason),
    /// Nothing at this bar.
    Later,
}

impl Run<'_> {
    /// Deals what a part of a bar reaches. Sells go before buys at the open and the close, so that
    /// their money is at hand; stops before limits in between.
    pub(super) fn phase(&mut self, bar: usize, phase: Phase) -> Result<(), BacktestError> {
        if self.book.is_empty() {
            return Ok(());
        }
        let mut due = std::mem::take(&mut self.due);
        due.clear();
        due.extend(self.book.open().iter().filter(|o| !o.dormant && o.active <= bar).map(|o| {
            let rank = match phase {
                Phase::Within => !o.is_stop(),
                Phase::Open | Phase::Close => o.side == Side::Buy,
            };
            (rank, o.id)
        }));
        due.sort_unstable();
        for &(_, id) in &due {
            self.try_deal(id, bar, phase)?;
        }
        self.due = due;
        Ok(())
    }

    fn try_deal(&mut self, id: OrderId, bar: usize, phase: Phase) -> Result<(), BacktestError> {
        let market = self.market;
        let Some(order) = self.book.get_mut(id) else { return Ok(()) };
        let quoted = &market.bars_at(bar)[order.instrument as usize];
        let suspended = self.config.zero_volume_suspends && quoted.volume == 0.0;
        if !quoted.exists() || suspended {
            return Ok(());
        }
        let price = match order.is_market() {
            true => {
                let (instrument, forced) = (order.instrument, order.forced);
                self.market_price(bar, instrument, phase, forced)
            }
            false => order.price(quoted, phase),
        };
        let Some(price) = price else { return Ok(()) };
        let Some(order) = self.book.get_mut(id).copied() else { return Ok(()) };
        if self.at_limit(bar, &order, price) {
            return Ok(());
        }
        self.deal(order, bar, phase, price, quoted)
    }

    fn market_price(&self, bar: usize, instrument: u32, phase: Phase, forced: bool) -> Option<f64> {
        let quoted = &self.market.bars_at(bar)[instrument as usize];
        match (&self.config.deal_price, phase) {
            (DealPrice::NextOpen, Phase::Open) => Some(quoted.open),
            (DealPrice::NextClose | DealPrice::SameClose, Phase::Close) => Some(quoted.close),
            // What the engine closes does not wait for the strategy's price.
            (DealPrice::SameClose, Phase::Open) if forced => Some(quoted.open),
            (DealPrice::NextField(_), Phase::Open) => {
                let series = self.deal_field?;
                let at = instrument as usize * self.market.calendar().len() + bar;
                let price = series[at];
                // A published average may lie outside of its bar, where nobody dealt.
                let within = price.clamp(quoted.low, quoted.high.max(quoted.low));
                Some(if price > 0.0 { within } else { quoted.open })
            }
            _ => None,
        }
    }

    /// Whether a price limit bars the deal: no buying at limit up, no selling at limit down.
    fn at_limit(&self, bar: usize, order: &OpenOrder, price: f64) -> bool {
        let Some(limit) = self.config.price_limit else { return false };
        let last = self.market.reference_close(bar, order.instrument);
        last > 0.0 && order.side.sign() * (price / last - 1.0) >= limit
    }

    fn deal(
        &mut self,
        order: OpenOrder,
        bar: usize,
        phase: Phase,
        quoted_price: f64,
        quoted: &Bar,
    ) -> Result<(), BacktestError> {
        let available = self.volume_left(&order, quoted);
        if !available.is_positive() {
            return Ok(());
        }
        let asked = self.slipped(bar, &order, order.remaining().min(available), quoted_price);
        let Some(worth) = Price::from_f64(asked * self.config.multiplier) else {
            self.book.cancel(order.id, bar, CancelReason::TooLarge);
            return Ok(());
        };
        let (quantity, rest) = match self.room(&order, available, worth) {
            Room::Some(quantity, rest) => (quantity, rest),
            Room::Later => return Ok(()),
            Room::None(reason) => {
                self.book.cancel(order.id, bar, reason);
                return Ok(());
            }
        };
        if order.time_in_force == TimeInForce::Fok && quantity < order.remaining() {
            self.book.cancel(order.id, bar, rest.unwrap_or(CancelReason::Expired));
            return Ok(());
        }
        // What is not dealt has no impact; the worse price decided how much can be.
        let price = self.slipped(bar, &order, quantity, quoted_price);
        let worth = Price::from_f64(price * self.config.multiplier).unwrap_or(worth);
        if !self.covers_its_costs(&order, quantity, worth) {
            self.book.cancel(order.id, bar, CancelReason::InsufficientFunds);
            return Ok(());
        }
        let dealt = self.post(&order, bar, quantity, worth, price, quoted_price)?;
        let same_bar = phase == Phase::Open;
        self.book.fill(
            order.id,
            BookFill {
                quantity,
                price: dealt.price,
                bar,
                exits_from: if same_bar { bar } else { bar + 1 },
            },
        );
        if let Some(reason) = rest {
            self.book.cancel(order.id, bar, reason);
        }
        Ok(())
    }

    /// The price of so much of an order, slippage included, up to the price limit.
    fn slipped(&self, bar: usize, order: &OpenOrder, quantity: Quantity, quoted: f64) -> f64 {
        if !order.slips() {
            return quoted;
        }
        let volume = self.market.bars_at(bar)[order.instrument as usize].volume;
        let price = self.config.slippage.price(quoted, order.side, quantity.to_f64(), volume);
        let last = self.market.reference_close(bar, order.instrument);
        match (self.config.price_limit, order.side) {
            (Some(limit), Side::Buy) if last > 0.0 => price.min(last * (1.0 + limit)),
            (Some(limit), Side::Sell) if last > 0.0 => price.max(last * (1.0 - limit)),
            _ => price,
        }
    }

    /// Whether a sale out of a cash account leaves it with money: costs may be more than the worth.
    fn covers_its_costs(&self, order: &OpenOrder, quantity: Quantity, worth: Price) -> bool {
        if order.side == Side::Buy || order.forced || self.config.account != AccountConfig::Cash {
            return true;
        }
        let (closing, price) = (quantity.to_f64(), worth.to_f64());
        let charged = Charged { side: order.side, opening: 0.0, closing, price };
        let (commission, tax) = self.config.costs.commission_and_tax(charged);
        let cost = Money::from_f64(commission + tax);
        cost.is_some_and(|cost| !(self.ledger.cash() + quantity.times(worth) - cost).is_negative())
    }

    /// What the bar's volume still lets through.
    fn volume_left(&self, order: &OpenOrder, quoted: &Bar) -> Quantity {
        let Some(part) = self.config.participation else { return order.remaining() };
        let used = self.used_volume[order.instrument as usize];
        // A bar without a known volume lets nothing through.
        Quantity::from_f64(quoted.volume * part).map_or(Quantity::ZERO, |all| all - used)
    }

    fn room(&self, order: &OpenOrder, available: Quantity, worth: Price) -> Room {
        let wanted = order.remaining().min(available);
        if !wanted.is_positive() {
            return Room::Later;
        }
        let holding = self.ledger.holding(order.instrument);
        let opposite = match order.side {
            Side::Buy => -holding.quantity,
            Side::Sell => holding.quantity,
        };
        let held = opposite.max(Quantity::ZERO);
        let unlocked = match order.side {
            Side::Sell => held - holding.locked.min(held),
            Side::Buy => held,
        };
        if order.forced {
            return closing_room(wanted, held, unlocked);
        }
        let closing = wanted.min(unlocked);
        // A whole position may be closed whatever the lot; anything less goes by lots.
        let closing = if closing == held { closing } else { closing.round_down(self.lot) };
        let opens = wanted > held && unlocked == held;
        let lasts = order.time_in_force == TimeInForce::Gtc;
        if lasts && unlocked < wanted && wanted <= held {
            // What is locked today can be sold tomorrow: a stop of today's purchase stays.
            return if closing.is_positive() { Room::Some(closing, None) } else { Room::Later };
        }
        if !opens {
            return match (closing.is_positive(), wanted <= unlocked) {
                (true, true) if closing < wanted => self.cut(order, closing, available),
                (true, true) => Room::Some(closing, None),
                (true, false) => Room::Some(closing, Some(CancelReason::NothingToSell)),
                (false, true) if wanted < order.remaining() => Room::Later,
                (false, true) => Room::None(CancelReason::BelowLot),
                (false, false) => Room::None(CancelReason::NothingToSell),
            };
        }
        self.opening_room(order, wanted, closing, available, worth)
    }

    /// Room for an order that closes `closing` and opens the rest of `wanted`.
    fn opening_room(
        &self,
        order: &OpenOrder,
        wanted: Quantity,
        closing: Quantity,
        available: Quantity,
        worth: Price,
    ) -> Room {
        let opening = (wanted - closing).round_down(self.lot);
        let affordable = match (self.config.account, order.side) {
            (AccountConfig::Cash, Side::Sell) => Quantity::ZERO,
            _ => self.affordable(order.side, closing, opening, worth),
        };
        let quantity = closing + affordable;
        if affordable < opening {
            let sell =
                matches!((self.config.account, order.side), (AccountConfig::Cash, Side::Sell));
            let reason =
                if sell { CancelReason::NothingToSell } else { CancelReason::InsufficientFunds };
            return match quantity.is_positive() {
                true => Room::Some(quantity, Some(reason)),
                false => Room::None(reason),
            };
        }
        match quantity.is_positive() {
            true if quantity < wanted => self.cut(order, quantity, available),
            true => Room::Some(quantity, None),
            false if wanted < order.remaining() => Room::Later,
            false => Room::None(CancelReason::BelowLot),
        }
    }

    /// What a lot leaves over waits for more volume, or ends if that was not what was short.
    fn cut(&self, order: &OpenOrder, quantity: Quantity, available: Quantity) -> Room {
        let short_of_volume = available < order.remaining();
        Room::Some(quantity, (!short_of_volume).then_some(CancelReason::BelowLot))
    }

    /// The greatest lot that cash or margin allows to be opened, up to `opening`.
    fn affordable(
        &self,
        side: Side,
        closing: Quantity,
        opening: Quantity,
        worth: Price,
    ) -> Quantity {
        let price = worth.to_f64();
        let (money, weight) = self.purse(side, closing, price);
        let most = self.config.costs.affordable(money, price, weight, side);
        let mut quantity = match Quantity::from_f64(most.min(crate::ledger::LARGEST)) {
            Some(most) => opening.min(most).round_down(self.lot),
            None => Quantity::ZERO,
        };
        // The estimate is in floating point: the exact sum decides.
        let mut shave = 1e-12;
        while quantity.is_positive() && !self.pays(side, closing, quantity, worth) {
            let less = Quantity::from_f64(quantity.to_f64() * shave).unwrap_or_default();
            quantity = (quantity - less.max(self.lot).min(quantity)).round_down(self.lot);
            shave *= 10.0;
        }
        quantity
    }

    /// Money for an opening trade, and how much of its worth that must cover.
    fn purse(&self, side: Side, closing: Quantity, price: f64) -> (f64, f64) {
        let closed = closing.to_f64();
        let freed = closed * price;
        let charged = Charged { side, opening: 0.0, closing: closed, price };
        let (commission, tax) = self.config.costs.commission_and_tax(charged);
        let paid = commission + tax;
        match self.config.account {
            AccountConfig::Cash => (self.ledger.cash().to_f64() - side.sign() * freed - paid, 1.0),
            AccountConfig::Margin { initial, .. } => {
                let gross = (self.ledger.gross().to_f64() - freed).max(0.0);
                (self.ledger.equity().to_f64() - gross * initial - paid, initial)
            }
        }
    }

    fn pays(&self, side: Side, closing: Quantity, opening: Quantity, worth: Price) -> bool {
        let price = worth.to_f64();
        match self.config.account {
            AccountConfig::Cash => {
                let (opened, closed) = (opening.to_f64(), closing.to_f64());
                let charged = Charged { side, opening: opened, closing: closed, price };
                let (commission, tax) = self.config.costs.commission_and_tax(charged);
                let Some(cost) = Money::from_f64(commission + tax) else { return false };
                let spent = (closing + opening).times(worth) + cost;
                !(self.ledger.cash() - spent).is_negative()
            }
            AccountConfig::Margin { .. } => {
                let (money, weight) = self.purse(side, closing, price);
                let charged = Charged { side, opening: opening.to_f64(), closing: 0.0, price };
                let (commission, tax) = self.config.costs.commission_and_tax(charged);
                let needed = commission + tax + opening.to_f64() * price * weight;
                // A hair of room for the rounding of the estimate.
                money - needed >= -1e-9 * money.abs()
            }
        }
    }

    fn post(
        &mut self,
        order: &OpenOrder,
        bar: usize,
        quantity: Quantity,
        worth: Price,
        price: f64,
        quoted: f64,
    ) -> Result<Dealt, BacktestError> {
        let held = self.ledger.holding(order.instrument).quantity;
        let opposite = if order.side == Side::Buy { -held } else { held };
        let closing = quantity.min(opposite.max(Quantity::ZERO));
        let charged = Charged {
            side: order.side,
            opening: (quantity - closing).to_f64(),
            closing: closing.to_f64(),
            price: worth.to_f64(),
        };
        let (commission, tax) = self.config.costs.commission_and_tax(charged);
        let total = quantity.times(worth);
        let too_large = BacktestError::TooLarge { bar };
        if total.to_f64() > LARGEST_MONEY {
            return Err(too_large);
        }
        let cost = Money::from_f64(commission + tax).ok_or(too_large)?;
        let change = if order.side == Side::Buy { quantity } else { -quantity };
        self.ledger.fill(Posting { instrument: order.instrument, change, price: worth, cost });
        if self.config.participation.is_some() {
            self.used_volume[order.instrument as usize] += quantity;
            self.touched.push(order.instrument);
        }
        if !self.config.same_session_sale && order.side == Side::Buy {
            self.ledger.lock(order.instrument, quantity - closing);
        }
        let dealt = Dealt {
            order: Some(order.id),
            bar,
            instrument: order.instrument,
            side: order.side,
            quantity,
            closing,
            price,
            worth: total,
            commission,
            tax,
            slippage: (price - quoted).abs() * quantity.to_f64() * self.config.multiplier,
        };
        self.note_fill(dealt);
        Ok(dealt)
    }

    pub(super) fn note_fill(&mut self, dealt: Dealt) {
        let fill = Fill {
            order: dealt.order,
            bar: dealt.bar,
            instrument: dealt.instrument as usize,
            side: dealt.side,
            quantity: dealt.quantity.to_f64(),
            closing: dealt.closing.to_f64(),
            price: dealt.price,
            value: dealt.worth.to_f64(),
            commission: dealt.commission,
            tax: dealt.tax,
            slippage: dealt.slippage,
        };
        self.bar_turnover += fill.value;
        self.bar_costs += fill.commission + fill.tax;
        let flat = self.ledger.holding(dealt.instrument).quantity.is_zero();
        self.trades.add(&fill, flat);
        self.fills.push(fill);
    }
}

/// Room for an order of the engine's: it closes what is held, and opens nothing.
fn closing_room(wanted: Quantity, held: Quantity, unlocked: Quantity) -> Room {
    match (wanted.min(unlocked), held.is_zero()) {
        (_, true) => Room::None(CancelReason::NothingToSell),
        (closing, _) if closing.is_positive() => Room::Some(closing, None),
        _ => Room::Later,
    }
}
