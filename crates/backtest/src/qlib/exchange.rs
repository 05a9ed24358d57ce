use super::config::{LimitedSide, VolumeLimitKind};
use super::position::{Position, Trade, is_close};
use super::quotes::{QlibMarket, Quote};
use crate::Side;

/// Values below this are no trade.
const LEAST_VALUE: f64 = 1e-5;

/// An order of the bar at hand. `amount` is in adjusted shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Order {
    pub(crate) instrument: u32,
    pub(crate) side: Side,
    pub(crate) amount: f64,
}

/// What became of an order. The price is NaN when the instrument could not be traded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Dealt {
    pub(crate) amount: f64,
    pub(crate) trade: Trade,
}

/// Qlib's exchange at one bar.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange<'a> {
    market: &'a QlibMarket,
    quotes: &'a [Quote],
    step: usize,
}

impl<'a> Exchange<'a> {
    pub(crate) fn at(market: &'a QlibMarket, step: usize) -> Self {
        Self { market, quotes: market.quotes_at(step), step }
    }

    pub(crate) fn quote(&self, instrument: u32) -> &'a Quote {
        &self.quotes[instrument as usize]
    }

    /// Not suspended and not at a limit; without a side, at neither limit.
    pub(crate) fn tradable(&self, instrument: u32, side: Option<Side>) -> bool {
        let quote = self.quote(instrument);
        let limited = match side {
            None => quote.limit_buy || quote.limit_sell,
            Some(Side::Buy) => quote.limit_buy,
            Some(Side::Sell) => quote.limit_sell,
        };
        !quote.suspended() && !limited
    }

    pub(crate) fn deal_price(&self, instrument: u32, side: Side) -> f64 {
        let quote = self.quote(instrument);
        let price = match side {
            Side::Buy => quote.buy_price,
            Side::Sell => quote.sell_price,
        };
        // NaN goes the same way as zero.
        if price > 1e-8 { price } else { quote.close }
    }

    /// Rounds an adjusted amount down to whole units of raw shares.
    pub(crate) fn round_to_unit(&self, amount: f64, factor: f64) -> f64 {
        match self.market.exchange.trade_unit {
            Some(unit) if !self.market.adjusted => {
                // Qlib adds 0.1 against amounts that fall short of a unit by rounding alone.
                floor_divide(amount * factor + 0.1, unit) * unit / factor
            }
            _ => amount,
        }
    }

    /// Deals an order against the position, which changes. `dealt` is what was dealt of the
    /// instrument earlier in the session.
    pub(crate) fn deal(&self, order: Order, position: &mut Position, dealt: f64) -> Dealt {
        let Order { instrument, side, amount } = order;
        if !self.tradable(instrument, Some(side)) {
            let trade = Trade { price: f64::NAN, value: 0.0, cost: 0.0 };
            return Dealt { amount: 0.0, trade };
        }
        let price = self.deal_price(instrument, side);
        let amount = self.capped(order, amount, dealt);
        let cost_rate = self.cost_rate(instrument, side, amount * price, price);
        let amount = match side {
            Side::Sell => self.sell_amount(instrument, amount, price, cost_rate, position),
            Side::Buy => self.buy_amount(instrument, amount, price, cost_rate, position.cash),
        };
        let value = amount * price;
        let cost = match value > LEAST_VALUE {
            true => (value * cost_rate).max(self.market.exchange.min_cost),
            false => 0.0,
        };
        let trade = Trade { price, value, cost };
        if value > LEAST_VALUE {
            match side {
                Side::Buy => position.buy(instrument, trade),
                Side::Sell => position.sell(instrument, trade),
            }
        }
        Dealt { amount, trade }
    }

    fn capped(&self, order: Order, amount: f64, dealt: f64) -> f64 {
        let concerns = |side| match side {
            LimitedSide::All => true,
            LimitedSide::Buy => order.side == Side::Buy,
            LimitedSide::Sell => order.side == Side::Sell,
        };
        let cell = self.step * self.quotes.len() + order.instrument as usize;
        let mut capped = amount;
        for cap in self.market.caps.iter().filter(|cap| concerns(cap.side)) {
            let room = match cap.kind {
                VolumeLimitKind::Current => cap.amounts[cell],
                VolumeLimitKind::Cum => cap.amounts[cell] - dealt,
            };
            // A limit without a value lets nothing through.
            capped = if room.is_nan() { 0.0 } else { capped.min(room).max(0.0) };
        }
        capped
    }

    fn cost_rate(&self, instrument: u32, side: Side, value: f64, price: f64) -> f64 {
        let exchange = &self.market.exchange;
        let base = match side {
            Side::Buy => exchange.open_cost,
            Side::Sell => exchange.close_cost,
        };
        let bar_value = self.quote(instrument).volume * price;
        if bar_value == 0.0 || bar_value.is_nan() {
            return base + exchange.impact_cost;
        }
        base + exchange.impact_cost * (value / bar_value).powi(2)
    }

    fn sell_amount(
        &self,
        instrument: u32,
        amount: f64,
        price: f64,
        cost_rate: f64,
        position: &Position,
    ) -> f64 {
        let held =
            if position.holds(instrument) { position.holding(instrument).amount } else { 0.0 };
        // A whole holding is sold as it is, whatever its unit.
        let amount = match is_close(amount, held) {
            true => amount,
            false => self.round_to_unit(held.min(amount), self.quote(instrument).factor),
        };
        let value = amount * price;
        if position.cash + value < (value * cost_rate).max(self.market.exchange.min_cost) {
            return 0.0;
        }
        amount
    }

    fn buy_amount(
        &self,
        instrument: u32,
        amount: f64,
        price: f64,
        cost_rate: f64,
        cash: f64,
    ) -> f64 {
        let value = amount * price;
        let cost = (value * cost_rate).max(self.market.exchange.min_cost);
        if cash < cost {
            return 0.0;
        }
        let affordable = match cash < value + cost {
            true => self.affordable(price, cash, cost_rate).min(amount),
            false => amount,
        };
        self.round_to_unit(affordable, self.quote(instrument).factor)
    }

    /// The amount that cash buys, costs included.
    fn affordable(&self, price: f64, cash: f64, cost_rate: f64) -> f64 {
        let min_cost = self.market.exchange.min_cost;
        if cash < min_cost {
            return 0.0;
        }
        // Above this much cash the rate costs more than the minimum. Without a rate the minimum
        // always counts (Qlib divides by zero there).
        let critical =
            if cost_rate > 0.0 { min_cost / cost_rate + min_cost } else { f64::INFINITY };
        match cash >= critical {
            true => cash / (1.0 + cost_rate) / price,
            false => (cash - min_cost) / price,
        }
    }
}

/// Python's `a // b` for floats and `b > 0`.
fn floor_divide(a: f64, b: f64) -> f64 {
    let remainder = a % b;
    let mut quotient = (a - remainder) / b;
    if remainder < 0.0 {
        quotient -= 1.0;
    }
    let floor = quotient.floor();
    if quotient - floor > 0.5 { floor + 1.0 } else { floor }
}
