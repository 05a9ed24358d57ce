use std::ops::Range;

use alphafleet_factors::{DateRange, FactorError, NamedExpr, compute};
use alphafleet_market::Panel;
use chrono::NaiveDateTime;

use super::config::{ExchangeConfig, LimitedSide, PriceLimit, VolumeLimitKind};
use crate::BacktestError;
use crate::period::period_bars;

/// What an exchange knows of one instrument at one bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quote {
    pub(crate) close: f64,
    pub(crate) buy_price: f64,
    pub(crate) sell_price: f64,
    pub(crate) factor: f64,
    pub(crate) volume: f64,
    pub(crate) limit_buy: bool,
    pub(crate) limit_sell: bool,
}

impl Quote {
    pub(crate) fn suspended(&self) -> bool {
        self.close.is_nan()
    }
}

/// Greatest amounts of a bar, by one of the configured limits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VolumeCap {
    pub(crate) side: LimitedSide,
    pub(crate) kind: VolumeLimitKind,
    /// Bar by bar like the quotes.
    pub(crate) amounts: Vec<f64>,
}

/// A panel prepared for Qlib's exchange: quotes bar by bar over the period. One serves any number
/// of runs with the same exchange and period.
///
/// Every value is rounded to single precision first, in which Qlib stores its data.
#[derive(Debug, Clone, PartialEq)]
pub struct QlibMarket {
    pub(crate) exchange: ExchangeConfig,
    pub(crate) period: DateRange,
    pub(crate) calendar: Vec<NaiveDateTime>,
    pub(crate) instruments: Vec<String>,
    /// The period as indices of the panel's calendar.
    pub(crate) bars: Range<usize>,
    pub(crate) quotes: Vec<Quote>,
    pub(crate) caps: Vec<VolumeCap>,
    /// `$factor` is missing somewhere: amounts are adjusted ones and not rounded to units.
    pub(crate) adjusted: bool,
    /// Benchmark closes are looked up here: `(instrument, close[bars.start - 1 ..])`.
    pub(crate) closes: Vec<Vec<f32>>,
}

impl QlibMarket {
    /// Needs `$close`, the price fields, `$change` for a threshold limit and `$volume` for an
    /// impact cost; a panel without `$factor` trades adjusted prices as Qlib does.
    pub fn prepare(
        panel: &Panel,
        exchange: &ExchangeConfig,
        period: DateRange,
    ) -> Result<Self, BacktestError> {
        exchange.validate()?;
        if panel.instruments().is_empty() {
            return Err(BacktestError::EmptyUniverse);
        }
        let bars = period_bars(panel, period)?;
        let fields = Fields::of(panel, exchange)?;
        let (limit_buy, limit_sell) = limits(panel, exchange)?;
        let width = panel.instruments().len();
        let mut quotes = Vec::with_capacity(width * bars.len());
        for bar in bars.clone() {
            for instrument in 0..width {
                let cell = instrument * panel.calendar().len() + bar;
                let close = single(fields.close, cell);
                quotes.push(Quote {
                    close,
                    buy_price: single(fields.buy_price, cell),
                    sell_price: single(fields.sell_price, cell),
                    factor: fields.factor.map_or(f64::NAN, |field| single(field, cell)),
                    volume: fields.volume.map_or(f64::NAN, |field| single(field, cell)),
                    limit_buy: close.is_nan() || limit_buy.holds(cell),
                    limit_sell: close.is_nan() || limit_sell.holds(cell),
                });
            }
        }
        let adjusted = quotes.iter().any(|quote| quote.factor.is_nan() && !quote.close.is_nan());
        let from = bars.start.saturating_sub(1);
        let closes = (0..width)
            .map(|i| &fields.close[i * panel.calendar().len()..][from..bars.end])
            .map(|series| series.iter().map(|&close| close as f32).collect())
            .collect();
        Ok(Self {
            caps: caps(panel, exchange, &bars)?,
            exchange: exchange.clone(),
            period,
            calendar: panel.calendar()[bars.clone()].to_vec(),
            instruments: panel.instruments().to_vec(),
            bars,
            quotes,
            adjusted,
            closes,
        })
    }

    /// Times of the bars, ascending.
    pub fn calendar(&self) -> &[NaiveDateTime] {
        &self.calendar
    }

    /// Names of the instruments, ascending.
    pub fn instruments(&self) -> &[String] {
        &self.instruments
    }

    pub(crate) fn quotes_at(&self, step: usize) -> &[Quote] {
        let width = self.instruments.len();
        &self.quotes[step * width..(step + 1) * width]
    }
}

struct Fields<'a> {
    close: &'a [f64],
    buy_price: &'a [f64],
    sell_price: &'a [f64],
    factor: Option<&'a [f64]>,
    volume: Option<&'a [f64]>,
}

impl<'a> Fields<'a> {
    fn of(panel: &'a Panel, exchange: &ExchangeConfig) -> Result<Self, BacktestError> {
        let price = |name: &str, needed_by, remedy| {
            let field = name.strip_prefix('$').unwrap_or(name);
            panel.field(field).ok_or_else(|| BacktestError::MissingField {
                field: field.to_owned(),
                needed_by,
                remedy,
            })
        };
        let choose = "choose a price field of the data";
        let volume = panel.field("volume");
        if volume.is_none() && exchange.impact_cost > 0.0 {
            price("volume", "impact_cost", "set impact_cost to 0")?;
        }
        Ok(Self {
            close: price("close", "the exchange", "add it to the data")?,
            buy_price: price(&exchange.buy_price, "buy_price", choose)?,
            sell_price: price(&exchange.sell_price, "sell_price", choose)?,
            factor: panel.field("factor"),
            volume,
        })
    }
}

fn single(field: &[f64], cell: usize) -> f64 {
    f64::from(field[cell] as f32)
}

/// Cells whose price limit bars one side.
enum Barred<'a> {
    Nowhere,
    Above(&'a [f64], f32),
    Below(&'a [f64], f32),
    Where(Vec<f64>),
}

impl Barred<'_> {
    fn holds(&self, cell: usize) -> bool {
        match self {
            Self::Nowhere => false,
            Self::Above(change, threshold) => change[cell] as f32 >= *threshold,
            Self::Below(change, threshold) => change[cell] as f32 <= -*threshold,
            Self::Where(values) => values[cell] != 0.0,
        }
    }
}

fn limits<'a>(
    panel: &'a Panel,
    exchange: &ExchangeConfig,
) -> Result<(Barred<'a>, Barred<'a>), BacktestError> {
    match &exchange.price_limit {
        PriceLimit::None => Ok((Barred::Nowhere, Barred::Nowhere)),
        PriceLimit::Threshold(threshold) => {
            let change = panel.field("change").ok_or(BacktestError::MissingField {
                field: "change".to_owned(),
                needed_by: "price_limit",
                remedy: "add it to the data or set price_limit to none",
            })?;
            let threshold = *threshold as f32;
            Ok((Barred::Above(change, threshold), Barred::Below(change, threshold)))
        }
        PriceLimit::Expressions { buy, sell } => Ok((
            Barred::Where(evaluate(panel, "price_limit.buy", buy)?),
            Barred::Where(evaluate(panel, "price_limit.sell", sell)?),
        )),
    }
}

fn caps(
    panel: &Panel,
    exchange: &ExchangeConfig,
    bars: &Range<usize>,
) -> Result<Vec<VolumeCap>, BacktestError> {
    let cap = |limit: &super::config::VolumeLimit| {
        let cells = evaluate(panel, "volume_limits", &limit.limit)?;
        let all = panel.calendar().len();
        let amounts = bars
            .clone()
            .flat_map(|bar| (0..panel.instruments().len()).map(move |i| i * all + bar))
            .map(|cell| cells[cell])
            .collect();
        Ok(VolumeCap { side: limit.side, kind: limit.kind, amounts })
    };
    exchange.volume_limits.iter().map(cap).collect()
}

/// An expression over the whole panel, laid out like a field, NaN outside listed ranges. One that
/// looks ahead is refused.
fn evaluate(panel: &Panel, field: &'static str, source: &str) -> Result<Vec<f64>, BacktestError> {
    let wrap = |source| BacktestError::Factor { field, source: Box::new(source) };
    let expr = NamedExpr::parse(field, source).map_err(wrap)?;
    let bars = expr.expr.look_ahead();
    if bars > 0 {
        return Err(wrap(FactorError::LookAhead { name: field.to_owned(), bars }));
    }
    let frame = compute(panel, std::slice::from_ref(&expr), 1).map_err(wrap)?;
    let all = panel.calendar().len();
    let mut cells = vec![f64::NAN; all * panel.instruments().len()];
    for instrument in 0..panel.instruments().len() {
        let listed = frame.listed(instrument);
        let own = &mut cells[instrument * all..][listed];
        let values = &frame.column(0)[frame.cells(instrument)];
        own.iter_mut().zip(values).for_each(|(cell, &value)| *cell = f64::from(value));
    }
    Ok(cells)
}
