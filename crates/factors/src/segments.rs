use std::ops::Range;

use chrono::{NaiveDate, NaiveDateTime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::finding::Finding;

/// Dates from `start` to `end`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DateRange {
    pub start: NaiveDate,
    pub end: NaiveDate,
}

/// The dates a model learns from, is tuned on and is judged on, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Segments {
    pub train: DateRange,
    pub valid: DateRange,
    pub test: DateRange,
}

/// The segments as ranges of calendar indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentBars {
    pub train: Range<usize>,
    pub valid: Range<usize>,
    pub test: Range<usize>,
}

/// Why dates do not make a split.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SegmentError {
    #[error("{segment} ends on {end}, before it starts on {start}")]
    Reversed { segment: &'static str, start: NaiveDate, end: NaiveDate },
    #[error("{first} and {second} overlap: {first} ends on {end}, {second} starts on {start}")]
    Overlap { first: &'static str, second: &'static str, end: NaiveDate, start: NaiveDate },
    #[error("{second} must come after {first}, but starts on {start}, before {first} does")]
    Order { first: &'static str, second: &'static str, start: NaiveDate },
    #[error("{segment} holds no bar: the data reaches from {from} to {to}")]
    Empty { segment: &'static str, from: NaiveDate, to: NaiveDate },
    #[error("the data has {bars} bars, too few to split")]
    TooFewBars { bars: usize },
}

impl SegmentError {
    /// A stable, machine-readable name of the problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Reversed { .. } => "segment_reversed",
            Self::Overlap { .. } => "segment_overlap",
            Self::Order { .. } => "segment_order",
            Self::Empty { .. } => "segment_empty",
            Self::TooFewBars { .. } => "too_few_bars",
        }
    }
}

/// Whether rows whose label reaches into the next segment are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purge {
    Yes,
    /// For comparison with tools that do not.
    No,
}

impl Segments {
    /// Splits a calendar at 60 % and 80 % of its bars.
    pub fn by_ratio(calendar: &[NaiveDateTime]) -> Result<Self, SegmentError> {
        let bars = calendar.len();
        let days = session_dates(calendar);
        let (first, second) = (days.len() * 3 / 5, days.len() * 4 / 5);
        let range = |range: Range<usize>| match days.get(range) {
            Some([start, .., end]) => Ok(DateRange { start: *start, end: *end }),
            Some([day]) => Ok(DateRange { start: *day, end: *day }),
            _ => Err(SegmentError::TooFewBars { bars }),
        };
        Ok(Self {
            train: range(0..first)?,
            valid: range(first..second)?,
            test: range(second..days.len())?,
        })
    }

    /// The bars of each segment. Findings tell where a segment begins before or ends after the
    /// data; everything that makes the split wrong is an error, all of them together.
    pub fn resolve(
        &self,
        calendar: &[NaiveDateTime],
    ) -> Result<(SegmentBars, Vec<Finding>), Vec<SegmentError>> {
        let (Some(from), Some(to)) = (calendar.first(), calendar.last()) else {
            return Err(vec![SegmentError::TooFewBars { bars: 0 }]);
        };
        let data = DateRange { start: from.date(), end: to.date() };
        let mut errors = self.misorder();
        let mut findings = vec![];
        let mut bars = |(segment, range): (&'static str, DateRange)| {
            let found = range.bars(calendar);
            if found.is_empty() && range.start <= range.end {
                errors.push(SegmentError::Empty { segment, from: data.start, to: data.end });
            }
            findings.extend(outside(segment, range, data));
            found
        };
        let [train, valid, test] = self.named().map(&mut bars);
        if errors.is_empty() {
            Ok((SegmentBars { train, valid, test }, findings))
        } else {
            Err(errors)
        }
    }

    fn named(&self) -> [(&'static str, DateRange); 3] {
        [("train", self.train), ("valid", self.valid), ("test", self.test)]
    }

    fn misorder(&self) -> Vec<SegmentError> {
        let mut errors = vec![];
        for (segment, DateRange { start, end }) in self.named() {
            if end < start {
                errors.push(SegmentError::Reversed { segment, start, end });
            }
        }
        let [train, valid, test] = self.named();
        for ((first, earlier), (second, later)) in [(train, valid), (valid, test), (train, test)] {
            if later.start < earlier.start {
                errors.push(SegmentError::Order { first, second, start: later.start });
            } else if later.start <= earlier.end {
                let (end, start) = (earlier.end, later.start);
                errors.push(SegmentError::Overlap { first, second, end, start });
            }
        }
        errors
    }
}

impl DateRange {
    pub fn contains(&self, date: NaiveDate) -> bool {
        self.start <= date && date <= self.end
    }

    /// The calendar indices of its bars.
    pub fn bars(&self, calendar: &[NaiveDateTime]) -> Range<usize> {
        let start = calendar.partition_point(|time| time.date() < self.start);
        let end = calendar.partition_point(|time| time.date() <= self.end);
        start..end.max(start)
    }
}

impl SegmentBars {
    /// Deals with labels that read `look_ahead` bars ahead over a border into the next segment:
    /// the last bars of train and valid are dropped, or the leak is only told of.
    pub fn purged(self, look_ahead: usize, purge: Purge) -> (Self, Vec<Finding>) {
        let mut findings = vec![];
        let mut cut = |name: &str, segment: Range<usize>, next_name: &str, next: usize| {
            let end = segment.end.min(next.saturating_sub(look_ahead)).max(segment.start);
            let leaking = segment.end - end;
            if leaking == 0 {
                return segment;
            }
            let what = format!(
                "the labels of the last {leaking} bars of {name} reach {look_ahead} bars ahead, \
                 into {next_name}"
            );
            if purge == Purge::No {
                findings.push(Finding::new("label_leakage", format!("{what}; they are kept")));
                return segment;
            }
            findings.push(Finding::new("label_purged", format!("{what}; they are dropped")));
            segment.start..end
        };
        let train = cut("train", self.train, "valid", self.valid.start);
        let valid = cut("valid", self.valid, "test", self.test.start);
        (Self { train, valid, test: self.test }, findings)
    }
}

fn outside(segment: &str, range: DateRange, data: DateRange) -> Option<Finding> {
    let DateRange { start, end } = range;
    (start < data.start || end > data.end).then(|| {
        let (from, to) = (data.start, data.end);
        let message =
            format!("{segment} is {start} to {end}, but the data reaches only from {from} to {to}");
        Finding::new("segment_outside_data", message)
    })
}

fn session_dates(calendar: &[NaiveDateTime]) -> Vec<NaiveDate> {
    let mut days: Vec<NaiveDate> = calendar.iter().map(NaiveDateTime::date).collect();
    days.dedup();
    days
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use chrono::{Days, NaiveTime};

    use super::*;

    /// Bars on the first ten days of 2020.
    fn calendar() -> Vec<NaiveDateTime> {
        (1..=10).map(|day| date(day).and_time(NaiveTime::MIN)).collect()
    }

    fn date(day: u64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2019, 12, 31).unwrap() + Days::new(day)
    }

    fn segments(days: [(u64, u64); 3]) -> Segments {
        let range = |(start, end)| DateRange { start: date(start), end: date(end) };
        let [train, valid, test] = days.map(range);
        Segments { train, valid, test }
    }

    fn codes(days: [(u64, u64); 3]) -> Vec<&'static str> {
        segments(days).resolve(&calendar()).unwrap_err().iter().map(SegmentError::code).collect()
    }

    #[test]
    fn dates_become_bars_with_both_ends() {
        let (bars, findings) = segments([(1, 5), (6, 7), (9, 10)]).resolve(&calendar()).unwrap();
        assert_eq!(bars, SegmentBars { train: 0..5, valid: 5..7, test: 8..10 });
        assert_eq!(findings, []);
    }

    #[test]
    fn wrong_splits_are_refused() {
        assert_eq!(codes([(1, 6), (6, 7), (8, 10)]), ["segment_overlap"]);
        assert_eq!(codes([(1, 5), (9, 10), (6, 8)]), ["segment_order"]);
        assert_eq!(codes([(4, 5), (2, 3), (6, 8)]), ["segment_order"]);
        assert_eq!(codes([(5, 1), (6, 7), (8, 10)]), ["segment_reversed"]);
        assert_eq!(codes([(1, 5), (6, 7), (20, 30)]), ["segment_empty"]);
        assert!(segments([(1, 5), (6, 7), (8, 10)]).resolve(&[]).is_err());
    }

    #[test]
    fn dates_beyond_the_data_are_told() {
        let (bars, findings) = segments([(1, 5), (6, 7), (8, 99)]).resolve(&calendar()).unwrap();
        assert_eq!(bars.test, 7..10);
        assert_eq!(findings[0].code, "segment_outside_data");
        assert!(findings[0].message.starts_with("test is 2020-01-08 to"));
    }

    #[test]
    fn labels_that_cross_a_border_are_purged() {
        let bars = SegmentBars { train: 0..5, valid: 5..7, test: 8..10 };
        let (purged, findings) = bars.clone().purged(2, Purge::Yes);
        // Train's label at bar 3 reads bar 5; valid's at bar 6 reads bar 8, at 5 only bar 7.
        assert_eq!(purged, SegmentBars { train: 0..3, valid: 5..6, test: 8..10 });
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(codes, ["label_purged", "label_purged"]);
        assert!(findings[0].message.contains("last 2 bars of train reach 2 bars ahead"));
        let (kept, findings) = bars.clone().purged(2, Purge::No);
        assert_eq!((kept, findings[0].code.as_str()), (bars.clone(), "label_leakage"));
        assert_eq!(bars.clone().purged(0, Purge::Yes), (bars.clone(), vec![]));
        assert_eq!(bars.purged(99, Purge::Yes).0.train, 0..0);
    }

    #[test]
    fn the_default_split_is_three_to_one_to_one() {
        let split = Segments::by_ratio(&calendar()).unwrap();
        assert_eq!(split, segments([(1, 6), (7, 8), (9, 10)]));
        assert_eq!(split.resolve(&calendar()).unwrap().1, []);
        assert_eq!(Segments::by_ratio(&calendar()[..2]).unwrap_err().code(), "too_few_bars");
        let intraday: Vec<NaiveDateTime> = calendar()
            .into_iter()
            .flat_map(|day| [9, 15].map(|hour| day + chrono::TimeDelta::hours(hour)))
            .collect();
        assert_eq!(Segments::by_ratio(&intraday).unwrap(), split);
    }
}
