use chrono::{Datelike, NaiveDateTime};
use serde::{Deserialize, Serialize};

use super::convention::Convention;
use super::returns::{ReturnFigures, total_return};
use crate::BacktestError;
use crate::engine::DayReport;
use crate::range::Given;

/// Compound return of a calendar month, or of a year where `month` is none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PeriodReturn {
    pub year: i32,
    pub month: Option<u32>,
    pub bars: usize,
    pub return_rate: f64,
}

/// Compound returns by calendar month, in order of time.
pub fn monthly_returns(days: &[DayReport]) -> Vec<PeriodReturn> {
    by_period(days, |time| (time.year(), Some(time.month())))
}

/// Compound returns by calendar year, in order of time.
pub fn yearly_returns(days: &[DayReport]) -> Vec<PeriodReturn> {
    by_period(days, |time| (time.year(), None))
}

fn by_period(
    days: &[DayReport],
    period: impl Fn(NaiveDateTime) -> (i32, Option<u32>),
) -> Vec<PeriodReturn> {
    days.chunk_by(|a, b| period(a.time) == period(b.time))
        .filter_map(|days| {
            let (year, month) = period(days.first()?.time);
            let returns: Vec<f64> = days.iter().map(|day| day.return_rate).collect();
            let return_rate = total_return(&returns)?;
            Some(PeriodReturn { year, month, bars: days.len(), return_rate })
        })
        .collect()
}

/// Figures of the window that ends at a bar.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RollingFigures {
    pub time: NaiveDateTime,
    pub total_return: Option<f64>,
    pub annual_volatility: Option<f64>,
    pub sharpe: Option<f64>,
    pub max_drawdown: Option<f64>,
}

/// Figures of every full window of `window` bars that ends with its day, in order of time: with
/// daily bars of each, with intraday ones of one a day. Refuses a window below two.
pub fn rolling_figures(
    days: &[DayReport],
    window: usize,
    convention: Convention,
) -> Result<Vec<RollingFigures>, BacktestError> {
    Given("window", window as f64).check(|window| window >= 2.0, "at least 2")?;
    convention.validate()?;
    let returns: Vec<f64> = days.iter().map(|day| day.return_rate).collect();
    let ends = (window - 1..days.len()).filter(|&end| {
        let next = days.get(end + 1);
        next.is_none_or(|next| next.time.date() != days[end].time.date())
    });
    let rows = ends.map(|end| {
        let (returns, day) = (&returns[end + 1 - window..=end], &days[end]);
        let figures = ReturnFigures::of(returns, convention);
        RollingFigures {
            time: day.time,
            total_return: figures.total_return,
            annual_volatility: figures.annual_volatility,
            sharpe: figures.sharpe,
            max_drawdown: figures.max_drawdown.map(|fall| fall.depth),
        }
    });
    Ok(rows.collect())
}
