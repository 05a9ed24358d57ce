use std::ops::Range;

use alphafleet_factors::DateRange;
use alphafleet_market::Panel;

use crate::{BacktestError, Signal};

/// The bars of a period, as calendar indices. Dates outside the data are refused.
pub fn period_bars(panel: &Panel, period: DateRange) -> Result<Range<usize>, BacktestError> {
    let DateRange { start, end } = period;
    if end < start {
        return Err(BacktestError::PeriodReversed { start, end });
    }
    let calendar = panel.calendar();
    let (Some(first), Some(last)) = (calendar.first(), calendar.last()) else {
        return Err(BacktestError::EmptyUniverse);
    };
    let (from, to) = (first.date(), last.date());
    if start < from || end > to {
        return Err(BacktestError::PeriodOutsideData { start, end, from, to });
    }
    let begin = calendar.partition_point(|time| time.date() < start);
    let stop = calendar.partition_point(|time| time.date() <= end);
    if begin == stop {
        return Err(BacktestError::EmptyPeriod { start, end });
    }
    Ok(begin..stop)
}

/// The period of a run that names none: the days of the signal, from the first with a score to the
/// last, or else all of the data. None where there is neither.
pub fn default_period(panel: &Panel, signal: Option<&Signal>) -> Option<DateRange> {
    let calendar = panel.calendar();
    let scored = |bar: &usize| {
        signal.is_none_or(|signal| signal.at(*bar).iter().any(|score| !score.is_nan()))
    };
    let first = (0..calendar.len()).find(scored)?;
    let last = (0..calendar.len()).rfind(scored)?;
    Some(DateRange { start: calendar[first].date(), end: calendar[last].date() })
}
