use alphafleet_factors::{DateRange, Purge, SegmentBars, SegmentError, Segments};
use alphafleet_models::Finding;
use alphafleet_specs::{Ratios, Segments as Wanted, TrainingSpec};
use chrono::{NaiveDate, NaiveDateTime};

use super::TrainError;
use super::prepare::Prepared;
use super::report::factor_finding;

/// The bars of each segment, after the purge, and what is to be said about them.
pub(super) struct Split {
    pub bars: SegmentBars,
    pub findings: Vec<Finding>,
}

pub(super) fn split(spec: &TrainingSpec, prepared: &Prepared) -> Result<Split, TrainError> {
    let calendar = &prepared.market.calendar;
    let segments = match spec.segments {
        Wanted::Split { split } => by_ratios(calendar, split)?,
        Wanted::Dates { train, valid, test } => Segments { train, valid, test },
    };
    let (bars, found) = segments.resolve(calendar).map_err(TrainError::Segments)?;
    let purge = if spec.purge { Purge::Yes } else { Purge::No };
    let (bars, purged) = bars.purged(prepared.look_ahead, purge);
    let findings = found.into_iter().chain(purged).map(factor_finding).collect();
    Ok(Split { bars, findings })
}

fn by_ratios(calendar: &[NaiveDateTime], split: Ratios) -> Result<Segments, TrainError> {
    let mut days: Vec<NaiveDate> = calendar.iter().map(NaiveDateTime::date).collect();
    days.dedup();
    // The sum of shares may fall a rounding error short of the whole day it means.
    let until = |share: f64| (days.len() as f64 * share + 1e-9).floor() as usize;
    let (first, second) = (until(split.train), until(split.train + split.valid));
    let range = |days: Option<&[NaiveDate]>| match days {
        Some([start, .., end]) => Ok(DateRange { start: *start, end: *end }),
        Some([day]) => Ok(DateRange { start: *day, end: *day }),
        _ => Err(TrainError::Segments(vec![SegmentError::TooFewBars { bars: calendar.len() }])),
    };
    Ok(Segments {
        train: range(days.get(..first))?,
        valid: range(days.get(first..second))?,
        test: range(days.get(second..))?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use alphafleet_market::business_days;

    use super::*;

    #[test]
    fn shares_become_days() {
        let start = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
        for bars in [5, 10, 99, 1000] {
            let calendar = business_days(start, bars);
            let split = by_ratios(&calendar, Ratios::default()).unwrap();
            assert_eq!(split, Segments::by_ratio(&calendar).unwrap(), "{bars} bars");
        }
        let calendar = business_days(start, 10);
        let split = Ratios { train: 0.7, valid: 0.1, test: 0.2 };
        let bars = by_ratios(&calendar, split).unwrap().resolve(&calendar).unwrap().0;
        assert_eq!((bars.train, bars.valid, bars.test), (0..7, 7..8, 8..10));
        assert!(by_ratios(&business_days(start, 2), Ratios::default()).is_err());
    }
}
