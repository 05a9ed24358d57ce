//! What happens to an account without any order: splits, dividends, delistings, interest.

use super::run::Run;
use crate::ledger::{Money, Posting, Price, Quantity};
use crate::market::ActionKind;
use crate::orders::CancelReason;
use crate::{BacktestError, Side};

const DAYS_PER_YEAR: f64 = 365.0;
const SECONDS_PER_DAY: f64 = 86_400.0;

impl Run<'_> {
    pub(super) fn corporate_actions(&mut self, bar: usize) -> Result<(), BacktestError> {
        for action in self.market.actions_at(bar) {
            let instrument = action.instrument;
            let held = !self.ledger.holding(instrument).quantity.is_zero();
            match action.kind {
                ActionKind::Split { ratio } => {
                    self.book.split(instrument, ratio, bar);
                    self.trades.split(instrument as usize, ratio);
                    if held && !self.ledger.split(instrument, ratio) {
                        return Err(BacktestError::TooLarge { bar });
                    }
                }
                ActionKind::Dividend { per_share } if held => {
                    let per_share = Price::from_f64(per_share * self.config.multiplier)
                        .ok_or(BacktestError::TooLarge { bar })?;
                    let amount = self.ledger.dividend(instrument, per_share);
                    self.note_income(bar, instrument, amount);
                }
                ActionKind::Dividend { .. } => {}
            }
        }
        Ok(())
    }

    /// Pays out what has had no bars for so long that it counts as delisted: the last close times
    /// the configured recovery.
    pub(super) fn delistings(&mut self, bar: usize) -> Result<(), BacktestError> {
        let (market, days) = (self.market, self.config.delisting_days);
        let gone = |instrument: u32| market.is_gone(bar, instrument, days);
        if !self.book.is_empty() {
            self.book.cancel_where(bar, CancelReason::Delisted, |order| gone(order.instrument));
        }
        let held: Vec<u32> = self.ledger.held().iter().copied().filter(|&i| gone(i)).collect();
        for instrument in held {
            let holding = *self.ledger.holding(instrument);
            let price = holding.last.to_f64() * self.config.delisting_recovery;
            let price = Price::from_f64(price).ok_or(BacktestError::TooLarge { bar })?;
            let change = -holding.quantity;
            self.ledger.fill(Posting { instrument, change, price, cost: Money::ZERO });
            let side = if change.is_negative() { Side::Sell } else { Side::Buy };
            let quantity = change.abs();
            self.note_fill(super::execute::Dealt {
                order: None,
                instrument,
                side,
                quantity,
                closing: quantity,
                price: price.to_f64() / self.config.multiplier,
                worth: quantity.times(price),
                commission: 0.0,
                tax: 0.0,
                slippage: 0.0,
                bar,
            });
        }
        Ok(())
    }

    /// Interest and borrow costs of the time since the last bar, on the balances of then.
    pub(super) fn accrue(&mut self, bar: usize) -> Result<(), BacktestError> {
        let costs = &self.config.costs;
        if bar == self.first || costs.borrow_rate + costs.cash_rate + costs.debit_rate == 0.0 {
            return Ok(());
        }
        let calendar = self.market.calendar();
        let seconds = (calendar[bar] - calendar[bar - 1]).num_seconds() as f64;
        let years = seconds / SECONDS_PER_DAY / DAYS_PER_YEAR;
        let amount = |value: f64| Money::from_f64(value).ok_or(BacktestError::TooLarge { bar });
        let cash = self.ledger.cash().to_f64();
        let rate = if cash > 0.0 { costs.cash_rate } else { costs.debit_rate };
        self.ledger.add_interest(amount(cash * rate * years)?);
        if costs.borrow_rate > 0.0 {
            for instrument in self.ledger.held().to_vec() {
                let holding = self.ledger.holding(instrument);
                if holding.quantity < Quantity::ZERO {
                    let owed = holding.value().abs().to_f64() * costs.borrow_rate * years;
                    let owed = amount(owed)?;
                    self.ledger.charge_borrow(instrument, owed);
                    self.note_income(bar, instrument, -owed);
                }
            }
        }
        Ok(())
    }
}
