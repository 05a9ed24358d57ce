use std::ops::Range;
use std::sync::Arc;

use alphafleet_market::{Adjustment, Panel, adjust};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use super::actions::{ActionKind, CorporateAction, DatedAction};
use crate::BacktestError;
use crate::ledger::{LARGEST, Price};

/// One bar of one instrument. Every price is NaN at a bar it does not have; volume is NaN where
/// the data have none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub volume: f64,
}

impl Bar {
    const MISSING: Self =
        Self { open: f64::NAN, high: f64::NAN, low: f64::NAN, close: f64::NAN, volume: f64::NAN };

    /// Whether there is a bar at all.
    pub fn exists(&self) -> bool {
        !self.close.is_nan()
    }
}

/// A panel laid out for walking bar by bar. It is read only: runs of any number of threads share
/// one.
///
/// Prices are taken as they are. With adjusted prices quantities are adjusted shares and no
/// action must be given; with raw prices splits and dividends come as [`CorporateAction`]s. Orders
/// are then dealt at raw prices, and strategies compare prices of different days that the actions
/// so far are taken out of: a split is no fall.
#[derive(Debug, Clone)]
pub struct Market {
    panel: Arc<Panel>,
    /// The panel that strategies look back at.
    seen: Arc<Panel>,
    /// Bar by bar.
    bars: Vec<Bar>,
    /// Closes of bars that exist, the last close before where one does not; bar by bar.
    marks: Vec<Price>,
    actions: Vec<DatedAction>,
    /// Instruments that are only looked at, by index.
    watched: Vec<bool>,
}

impl Market {
    /// Needs `$open`, `$high`, `$low` and `$close`; `$volume` only for what depends on it.
    /// Refused: an empty universe, a price that is not positive and at most [`LARGEST`], a bar
    /// with a close but without another price, an action of an unknown instrument or a ratio or
    /// amount that is not positive.
    pub fn prepare(panel: Arc<Panel>, actions: &[CorporateAction]) -> Result<Self, BacktestError> {
        let (width, length) = (panel.instruments().len(), panel.calendar().len());
        if width == 0 || length == 0 {
            return Err(BacktestError::EmptyUniverse);
        }
        let prices = [
            required(&panel, "open")?,
            required(&panel, "high")?,
            required(&panel, "low")?,
            required(&panel, "close")?,
        ];
        let volume = panel.field("volume");
        let mut bars = Vec::with_capacity(width * length);
        let mut marks = Vec::with_capacity(width * length);
        for bar in 0..length {
            for instrument in 0..width {
                let cell = instrument * length + bar;
                let [open, high, low, close] = prices.map(|field| field[cell]);
                let volume = volume.map_or(f64::NAN, |field| field[cell]);
                let found = Bar { open, high, low, close, volume };
                if found.exists() {
                    check_prices(&panel, instrument, bar, [open, high, low, close])?;
                }
                let mark = match Price::from_f64(close) {
                    Some(price) => price,
                    None if bar == 0 => Price::default(),
                    None => marks[(bar - 1) * width + instrument],
                };
                bars.push(found);
                marks.push(mark);
            }
        }
        let actions = dated(&panel, actions)?;
        let watched = vec![false; width];
        let mut market = Self { seen: panel.clone(), panel, bars, marks, actions, watched };
        if !market.actions.is_empty() {
            market.seen = Arc::new(market.without_actions()?);
        }
        Ok(market)
    }

    /// The panel with prices and volume adjusted backward by the actions: a bar's factor is of
    /// those up to it, so that nothing later shows in it.
    fn without_actions(&self) -> Result<Panel, BacktestError> {
        let (width, length) = (self.instruments().len(), self.calendar().len());
        let mut factor = vec![f64::NAN; width * length];
        for instrument in 0..width {
            let mut known = 1.0;
            for bar in 0..length {
                let last = bar
                    .checked_sub(1)
                    .map_or(0.0, |before| self.marks_at(before)[instrument].to_f64());
                let reference = self.reference_close(bar, instrument as u32);
                if last > 0.0 && reference <= 0.0 {
                    let (field, expected) =
                        ("dividend.per_share", "less than the last close before it");
                    return Err(BacktestError::OutOfRange {
                        field,
                        value: last - reference,
                        expected,
                    });
                }
                if last > 0.0 {
                    known *= last / reference;
                }
                if self.bars_at(bar)[instrument].exists() {
                    factor[instrument * length + bar] = known;
                }
            }
        }
        let panel = self.panel.as_ref().clone().with_field("factor", factor);
        let adjusted = panel.and_then(|panel| adjust(panel, Adjustment::Backward));
        // The factor has the panel's shape.
        Ok(adjusted.map_or_else(|_| self.panel.as_ref().clone(), |(panel, _)| panel))
    }

    /// Takes instruments out of trading that `only` says yes to, such as indices: strategies see
    /// no bar of them and nothing of them is dealt. They still serve as benchmarks.
    #[must_use]
    pub fn watching(mut self, only: impl Fn(&str) -> bool) -> Self {
        self.watched = self.panel.instruments().iter().map(|name| only(name)).collect();
        let width = self.watched.len();
        for (cell, bar) in self.bars.iter_mut().enumerate() {
            if self.watched[cell % width] {
                *bar = Bar::MISSING;
            }
        }
        self
    }

    /// Whether an instrument is only looked at.
    pub(crate) fn is_watched(&self, instrument: usize) -> bool {
        self.watched.get(instrument).copied().unwrap_or(false)
    }

    /// Whether an instrument belongs to the universe at a bar.
    pub(crate) fn is_member(&self, bar: usize, instrument: u32) -> bool {
        self.panel.is_member(instrument as usize, bar)
    }

    /// The panel as it was given: what is dealt at.
    pub fn panel(&self) -> &Panel {
        &self.panel
    }

    /// The panel that strategies look back at: without corporate actions the one given, with them
    /// its prices and volume adjusted backward, and `$factor` what raw prices were multiplied by.
    pub fn seen(&self) -> &Panel {
        &self.seen
    }

    pub fn calendar(&self) -> &[NaiveDateTime] {
        self.panel.calendar()
    }

    /// Names, ascending.
    pub fn instruments(&self) -> &[String] {
        self.panel.instruments()
    }

    /// All instruments at a bar.
    pub(crate) fn bars_at(&self, bar: usize) -> &[Bar] {
        &self.bars[self.row(bar)]
    }

    pub(crate) fn marks_at(&self, bar: usize) -> &[Price] {
        &self.marks[self.row(bar)]
    }

    /// Actions effective at a bar, in the order given.
    pub(crate) fn actions_at(&self, bar: usize) -> &[DatedAction] {
        let start = self.actions.partition_point(|action| action.bar < bar);
        let end = self.actions.partition_point(|action| action.bar <= bar);
        &self.actions[start..end]
    }

    /// The last close before a bar, as splits and dividends of the bar leave it; 0 if there is
    /// none.
    pub(crate) fn reference_close(&self, bar: usize, instrument: u32) -> f64 {
        let Some(before) = bar.checked_sub(1) else { return 0.0 };
        let close = self.marks_at(before)[instrument as usize].to_f64();
        if self.actions.is_empty() {
            return close;
        }
        let own = self.actions_at(bar).iter().filter(|action| action.instrument == instrument);
        let adjusted = own.fold(close, |close, action| match action.kind {
            ActionKind::Split { ratio } => close / ratio,
            ActionKind::Dividend { per_share } => close - per_share,
        });
        adjusted.max(0.0)
    }

    /// Whether an instrument that had bars has had none on `days` trading days: up to and with that
    /// of a daily bar, before that of a bar within a day.
    pub(crate) fn is_gone(&self, bar: usize, instrument: u32, days: usize) -> bool {
        let at = instrument as usize;
        if self.bars_at(bar)[at].exists() || self.marks_at(bar)[at] == Price::default() {
            return false;
        }
        let today = self.calendar()[bar];
        let is_over = |date: NaiveDate| date < today.date() || today.time() == NaiveTime::MIN;
        let mut missing = 0;
        let mut date = today.date();
        for earlier in (0..bar).rev() {
            let on = self.calendar()[earlier].date();
            if on != date {
                missing += usize::from(is_over(date));
                date = on;
            }
            if missing >= days || self.bars_at(earlier)[at].exists() {
                break;
            }
        }
        missing >= days
    }

    fn row(&self, bar: usize) -> Range<usize> {
        let width = self.instruments().len();
        bar * width..(bar + 1) * width
    }

    pub(crate) fn index_of(
        &self,
        instrument: &str,
        role: &'static str,
    ) -> Result<u32, BacktestError> {
        position(&self.panel, instrument, role)
    }
}

fn required<'a>(panel: &'a Panel, field: &str) -> Result<&'a [f64], BacktestError> {
    panel.field(field).ok_or_else(|| BacktestError::MissingField {
        field: field.to_owned(),
        needed_by: "the engine",
        remedy: "add it to the data",
    })
}

fn check_prices(
    panel: &Panel,
    instrument: usize,
    bar: usize,
    prices: [f64; 4],
) -> Result<(), BacktestError> {
    let fits = |price: f64| price > 0.0 && price <= LARGEST;
    for (field, value) in ["open", "high", "low", "close"].into_iter().zip(prices) {
        if !fits(value) {
            let instrument = panel.instruments()[instrument].clone();
            let time = panel.calendar()[bar];
            return Err(BacktestError::Price { field, instrument, time, value });
        }
    }
    Ok(())
}

fn position(panel: &Panel, instrument: &str, role: &'static str) -> Result<u32, BacktestError> {
    panel
        .instruments()
        .binary_search_by(|known| known.as_str().cmp(instrument))
        .map(|found| found as u32)
        .map_err(|_| BacktestError::UnknownInstrument { instrument: instrument.to_owned(), role })
}

fn dated(panel: &Panel, actions: &[CorporateAction]) -> Result<Vec<DatedAction>, BacktestError> {
    let mut all = Vec::with_capacity(actions.len());
    for action in actions {
        let instrument = position(panel, &action.instrument, "corporate actions")?;
        let (field, value) = match action.kind {
            ActionKind::Split { ratio } => ("split.ratio", ratio),
            ActionKind::Dividend { per_share } => ("dividend.per_share", per_share),
        };
        crate::range::Given(field, value).positive()?;
        let bar = panel.calendar().partition_point(|&time| time < action.time);
        // What takes effect after the data ends concerns nobody here.
        if bar < panel.calendar().len() {
            all.push(DatedAction { bar, instrument, kind: action.kind });
        }
    }
    all.sort_by_key(|action| (action.bar, action.instrument));
    Ok(all)
}
