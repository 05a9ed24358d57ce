use chrono::NaiveDateTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::BacktestError;
use crate::range::Given;

/// Days a year at most.
const MOST_DAYS: f64 = 366.0;

/// How figures are annualised. Stated beside every set of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Convention {
    /// Bars a year: 252 for United States days, 238 in Qlib, 365 for crypto.
    pub bars_per_year: f64,
    /// Yearly rate without risk; a bar's part of it is `rate / bars a year`.
    #[serde(default)]
    pub risk_free: f64,
}

impl Convention {
    pub fn validate(&self) -> Result<(), BacktestError> {
        Given("bars_per_year", self.bars_per_year).positive()?;
        Given("risk_free", self.risk_free).check(|rate| rate.abs() < 1.0, "above -1, below 1")
    }

    /// As figures of bars at these times, in their order, are annualised. Bars a year up to 366 are
    /// days a year: they are multiplied by the bars of a day, the mean over the dates that have any.
    /// More than that are bars a year whatever the times. Daily and longer bars change nothing.
    #[must_use]
    pub fn of_bars(self, times: &[NaiveDateTime]) -> Self {
        let of_day = bars_per_day(times);
        if self.bars_per_year > MOST_DAYS || of_day <= 1.0 {
            return self;
        }
        Self { bars_per_year: self.bars_per_year * of_day, ..self }
    }

    pub(crate) fn risk_free_of_bar(&self) -> f64 {
        self.risk_free / self.bars_per_year
    }
}

impl Default for Convention {
    fn default() -> Self {
        Self { bars_per_year: 252.0, risk_free: 0.0 }
    }
}

/// Bars a day at these times, in their order: how many there are over the number of their dates; 1
/// where there are none.
pub fn bars_per_day(times: &[NaiveDateTime]) -> f64 {
    let days = times.chunk_by(|a, b| a.date() == b.date()).count();
    if days == 0 { 1.0 } else { times.len() as f64 / days as f64 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use chrono::{NaiveDate, TimeDelta};

    use super::*;

    fn times(minutes: i64, count: i32) -> Vec<NaiveDateTime> {
        let first = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
        (0..count).map(|bar| first + TimeDelta::minutes(minutes) * bar).collect()
    }

    #[test]
    fn days_a_year_are_multiplied_by_the_bars_of_a_day() {
        let of = |given: f64, times: &[NaiveDateTime]| {
            let convention = Convention { bars_per_year: given, risk_free: 0.01 };
            let found = convention.of_bars(times);
            assert_eq!(found.risk_free, 0.01);
            found.bars_per_year
        };
        let day = 24 * 60;
        for given in [12.0, 52.0, 238.0, 252.0, 365.0, 98_280.0] {
            for longer in [times(day, 100), times(7 * day, 100), times(30 * day, 5), vec![]] {
                assert_eq!(of(given, &longer).to_bits(), given.to_bits());
            }
        }
        assert_eq!(of(365.0, &times(60, 48)), 8_760.0);
        assert_eq!(of(252.0, &times(8 * 60, 9)), 756.0);
        // Five bars on two dates.
        assert_eq!(of(252.0, &times(8 * 60, 5)), 630.0);
        assert_eq!(of(366.0, &times(12 * 60, 4)), 732.0);
        assert_eq!(of(8_760.0, &times(60, 48)), 8_760.0);
        assert_eq!(bars_per_day(&[]), 1.0);
    }
}
