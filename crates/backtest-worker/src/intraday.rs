use std::fmt;

use alphafleet_backtest::analysis::{Convention, bars_per_day};
use alphafleet_models::Finding;
use chrono::NaiveDateTime;

/// How the bars a year of intraday bars come about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Intraday {
    pub days_per_year: f64,
    /// Over the period.
    pub bars_per_day: f64,
}

impl Intraday {
    /// None where bars at these times are counted as `given` says.
    pub fn of(given: Convention, times: &[NaiveDateTime]) -> Option<Self> {
        let multiplied = given.of_bars(times) != given;
        let (days_per_year, bars_per_day) = (given.bars_per_year, bars_per_day(times));
        multiplied.then_some(Self { days_per_year, bars_per_day })
    }

    /// Tells the reader of annual figures what they count.
    pub fn finding(self) -> Finding {
        let message = format!(
            "annual figures count {} bars a year: {self}; give bars_per_year above 366 for another \
             number",
            number(self.days_per_year * self.bars_per_day)
        );
        let (severity, code) = ("info".to_owned(), "intraday_bars".to_owned());
        Finding { severity, code, message }
    }
}

impl fmt::Display for Intraday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} days of {} bars", number(self.days_per_year), number(self.bars_per_day))
    }
}

/// Whole where it is, else with two places.
fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
