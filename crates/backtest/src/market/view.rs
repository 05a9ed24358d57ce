use chrono::NaiveDateTime;

use super::prepare::{Bar, Market};
use crate::ledger::Ledger;

/// What is known at the close of a bar: the market up to it, and the account. Nothing later can be
/// reached through it.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    market: &'a Market,
    ledger: &'a Ledger,
    bar: usize,
    first: usize,
}

impl<'a> View<'a> {
    pub(crate) fn new(market: &'a Market, ledger: &'a Ledger, bar: usize, first: usize) -> Self {
        Self { market, ledger, bar, first }
    }

    /// The bar at hand, as an index of the calendar.
    pub fn bar(&self) -> usize {
        self.bar
    }

    /// Bars since the run began, from 0.
    pub fn step(&self) -> usize {
        self.bar - self.first
    }

    pub fn time(&self) -> NaiveDateTime {
        self.market.calendar()[self.bar]
    }

    /// Names, ascending; an instrument is an index into them.
    pub fn instruments(&self) -> &'a [String] {
        self.market.instruments()
    }

    /// All instruments at the bar at hand.
    pub fn bars(&self) -> &'a [Bar] {
        self.market.bars_at(self.bar)
    }

    /// Whether the instrument has a bar now and belongs to the universe, so that it may be bought.
    pub fn trades(&self, instrument: usize) -> bool {
        self.bars().get(instrument).is_some_and(Bar::exists) && self.is_member(instrument)
    }

    /// Whether the instrument belongs to the universe now. What is held of one that does not is
    /// closed by the engine, and orders for it are refused; its bars are seen all the same.
    pub fn is_member(&self, instrument: usize) -> bool {
        instrument < self.instruments().len() && self.market.panel().is_member(instrument, self.bar)
    }

    /// A field's values up to the bar at hand, NaN where a bar is missing; `None` for an unknown
    /// field or instrument, and for one that is only looked at. Prices and volume of a market with
    /// corporate actions are adjusted backward ([`Market::seen`]): they are for comparison, and an
    /// order's price goes by [`last_close`](Self::last_close).
    pub fn series(&self, field: &str, instrument: usize) -> Option<&'a [f64]> {
        if instrument >= self.instruments().len() || self.market.is_watched(instrument) {
            return None;
        }
        let series = self.market.seen().series(field, instrument)?;
        series.get(..=self.bar)
    }

    /// Closes up to the bar at hand, NaN where a bar is missing; empty for an unknown instrument.
    pub fn closes(&self, instrument: usize) -> &'a [f64] {
        self.every_close().of(instrument)
    }

    /// The closes of all instruments, looked up once.
    pub(crate) fn every_close(&self) -> Closes<'a> {
        let values = self.market.seen().field("close").unwrap_or_default();
        Closes { values, bars: self.market.calendar().len(), market: self.market, bar: self.bar }
    }

    /// The last close up to now as it was traded; 0 before the first.
    pub fn last_close(&self, instrument: usize) -> f64 {
        self.market.marks_at(self.bar).get(instrument).map_or(0.0, |price| price.to_f64())
    }

    pub fn ledger(&self) -> &'a Ledger {
        self.ledger
    }

    /// Shares or contracts held, negative when short; 0 for an unknown instrument.
    pub fn quantity(&self, instrument: usize) -> f64 {
        self.ledger.holdings().get(instrument).map_or(0.0, |held| held.quantity.to_f64())
    }

    /// Worth of a holding as a part of the equity, negative when short.
    pub fn weight(&self, instrument: usize) -> f64 {
        let value =
            self.ledger.holdings().get(instrument).map_or(0.0, |held| held.value().to_f64());
        let equity = self.equity();
        if equity > 0.0 { value / equity } else { 0.0 }
    }

    pub fn cash(&self) -> f64 {
        self.ledger.cash().to_f64()
    }

    pub fn equity(&self) -> f64 {
        self.ledger.equity().to_f64()
    }
}

/// Closes up to a bar.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Closes<'a> {
    /// Instrument by instrument, the later ones too.
    values: &'a [f64],
    bars: usize,
    market: &'a Market,
    bar: usize,
}

impl<'a> Closes<'a> {
    /// As [`View::closes`].
    pub(crate) fn of(&self, instrument: usize) -> &'a [f64] {
        if self.market.is_watched(instrument) {
            return &[];
        }
        let own = self.values.get(instrument * self.bars..(instrument + 1) * self.bars);
        own.and_then(|own| own.get(..=self.bar)).unwrap_or_default()
    }
}
