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
