use chrono::{Datelike, NaiveDateTime};

use super::report::PeriodIc;
use super::statistics::mean;
use crate::ic::BarIc;

/// A calendar parted into years or months.
pub(super) struct Periods {
    /// Ascending; only those with a bar.
    pub names: Vec<String>,
    /// The period of each bar.
    of_bar: Vec<usize>,
}

impl Periods {
    pub(super) fn years(calendar: &[NaiveDateTime]) -> Self {
        Self::new(calendar, |time| format!("{:04}", time.year()))
    }

    pub(super) fn months(calendar: &[NaiveDateTime]) -> Self {
        Self::new(calendar, |time| format!("{:04}-{:02}", time.year(), time.month()))
    }

    fn new(calendar: &[NaiveDateTime], name: fn(&NaiveDateTime) -> String) -> Self {
        let mut names: Vec<String> = vec![];
        let mut of_bar = Vec::with_capacity(calendar.len());
        for name in calendar.iter().map(name) {
            if names.last() != Some(&name) {
                names.push(name);
            }
            of_bar.push(names.len() - 1);
        }
        Self { names, of_bar }
    }

    /// Mean IC of each period.
    pub(super) fn means(&self, series: &[BarIc]) -> PeriodIc {
        let mut means =
            PeriodIc { ic: vec![None; self.names.len()], rank_ic: vec![None; self.names.len()] };
        let period = |bar: &BarIc| self.of_bar[bar.bar as usize];
        for part in series.chunk_by(|a, b| period(a) == period(b)) {
            means.ic[period(&part[0])] = mean(part.iter().map(|bar| bar.ic));
            means.rank_ic[period(&part[0])] = mean(part.iter().map(|bar| bar.rank_ic));
        }
        means
    }
}
