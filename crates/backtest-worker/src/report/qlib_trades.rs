//! Qlib keeps no trades: they are put together from its dealt orders.

use super::account::InstrumentGain;
use alphafleet_backtest::Side;
use alphafleet_backtest::qlib::{OrderRecord, QlibResult, is_close};
use alphafleet_backtest::{Fill, Trade, TradeLog};

/// What dealt orders come to.
#[derive(Debug, Default)]
pub(super) struct RoundTrips {
    pub fills: Vec<Fill>,
    /// Holdings from their first buy to the sale that ended them.
    pub trades: Vec<Trade>,
    /// Of every instrument that was dealt: money received less paid, and what is held at the end.
    pub gains: Vec<InstrumentGain>,
}

/// What each instrument that was dealt brought over a run of Qlib's engine: money received less
/// paid, costs taken off, and what is held at the end. The gains add up to the account's.
pub fn qlib_gains(result: &QlibResult, instruments: usize) -> Vec<InstrumentGain> {
    round_trips(result, 0, instruments).gains
}

pub(super) fn round_trips(result: &QlibResult, first: usize, instruments: usize) -> RoundTrips {
    let mut log = TradeLog::new(instruments, 1.0);
    let mut held = vec![0.0_f64; instruments];
    let mut money = vec![None::<(f64, f64)>; instruments];
    let mut fills = Vec::new();
    for order in result.orders.iter().filter(|order| order.value > 0.0) {
        let Some(fill) = fill(order, first) else { continue };
        let amount = &mut held[fill.instrument];
        let flat = order.side == Side::Sell && is_close(*amount, fill.quantity);
        *amount = if flat { 0.0 } else { *amount + order.side.sign() * fill.quantity };
        let (gain, costs) = money[fill.instrument].get_or_insert_default();
        *gain -= order.side.sign() * order.value + order.cost;
        *costs += order.cost;
        log.add(&fill, flat);
        fills.push(fill);
    }
    let last = result.days.len().checked_sub(1);
    for held in last.map(|step| result.positions(step)).unwrap_or_default() {
        if let Some((gain, _)) = &mut money[held.instrument as usize] {
            *gain += held.amount * held.price;
        }
    }
    let gain = |(instrument, money): (usize, Option<(f64, f64)>)| {
        money.map(|(gain, costs)| InstrumentGain { instrument, gain, costs })
    };
    let gains = money.into_iter().enumerate().filter_map(gain).collect();
    RoundTrips { fills, trades: log.finish(), gains }
}

fn fill(order: &OrderRecord, first: usize) -> Option<Fill> {
    let price = order.price?;
    let quantity = order.value / price;
    Some(Fill {
        order: None,
        bar: first + order.step,
        instrument: order.instrument as usize,
        side: order.side,
        quantity,
        closing: if order.side == Side::Sell { quantity } else { 0.0 },
        price,
        value: order.value,
        commission: order.cost,
        tax: 0.0,
        slippage: 0.0,
    })
}
