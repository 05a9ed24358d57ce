use alphafleet_factors::DateRange;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::FaultCode;
use crate::reader::{Bounds, Reader};

/// Shares of the calendar, oldest first; they sum to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Ratios {
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub train: f64,
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub valid: f64,
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub test: f64,
}

/// Which rows the model is fitted on, stopped by, and judged on; in this order of time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Segments {
    /// Shares of the dataset's calendar.
    Split { split: Ratios },
    /// Dates.
    Dates { train: DateRange, valid: DateRange, test: DateRange },
}

impl Default for Ratios {
    fn default() -> Self {
        Self { train: 0.6, valid: 0.2, test: 0.2 }
    }
}

impl Default for Segments {
    fn default() -> Self {
        Self::Split { split: Ratios::default() }
    }
}

impl Segments {
    pub(crate) fn read(mut reader: Reader<'_>) -> Self {
        let split = reader.section("split");
        let dates = ["train", "valid", "test"].map(|name| (name, reader.take(&[name])));
        let given = dates.iter().any(|(_, value)| value.is_some());
        if split.is_some() && given {
            let message = "give either split or the dates of train, valid and test, not both";
            reader.fault("split", FaultCode::Conflict, message);
        }
        let segments = match split {
            Some(split) => Self::Split { split: ratios(split) },
            None if given => dated(&reader, dates),
            None => Self::default(),
        };
        reader.finish();
        segments
    }
}

fn ratios(mut reader: Reader<'_>) -> Ratios {
    let (bounds, base) = (Bounds::above(0.0, 1.0), Ratios::default());
    let ratios = Ratios {
        train: reader.float(&["train"], bounds, base.train),
        valid: reader.float(&["valid"], bounds, base.valid),
        test: reader.float(&["test"], bounds, base.test),
    };
    let sum = ratios.train + ratios.valid + ratios.test;
    if (sum - 1.0).abs() > 1e-6 {
        let message = format!("train, valid and test sum to {sum}; make them sum to 1");
        reader.fault("train", FaultCode::InvalidSegments, message);
    }
    reader.finish();
    ratios
}

type Given<'a> = (&'static str, Option<(&'static str, &'a Value)>);

fn dated(reader: &Reader<'_>, given: [Given<'_>; 3]) -> Segments {
    let ranges = given.map(|(name, value)| match value {
        Some((_, value)) => range(reader, name, value),
        None => {
            let message = "is absent; give train, valid and test, each with start and end";
            reader.fault(name, FaultCode::Required, message);
            None
        }
    });
    let names = ["train", "valid", "test"];
    for (at, pair) in ranges.windows(2).enumerate() {
        if let (Some(before), Some(after)) = (pair[0], pair[1])
            && before.end >= after.start
        {
            let (first, second) = (names[at], names[at + 1]);
            let message = format!(
                "{second} starts {} but {first} ends {}; let each segment start after the one \
                 before it",
                after.start, before.end
            );
            reader.fault(second, FaultCode::InvalidSegments, message);
        }
    }
    match ranges {
        [Some(train), Some(valid), Some(test)] => Segments::Dates { train, valid, test },
        _ => Segments::default(),
    }
}

/// `{"start": "2011-01-03", "end": "2016-09-30"}`, or the two dates as a list.
pub(crate) fn range(reader: &Reader<'_>, name: &'static str, value: &Value) -> Option<DateRange> {
    let path = reader.path_of(name);
    let (start, end) = match value {
        Value::Array(pair) if pair.len() == 2 => (
            date(reader, &format!("{name}[0]"), &pair[0]),
            date(reader, &format!("{name}[1]"), &pair[1]),
        ),
        Value::Object(_) => {
            let mut inner = Reader::open(&path, value, reader.findings())?;
            let mut side = |side: &'static str| match inner.take(&[side]) {
                Some((_, value)) => date(reader, &format!("{name}.{side}"), value),
                None => {
                    inner.fault(side, FaultCode::Required, "is absent; give a date");
                    None
                }
            };
            let sides = (side("start"), side("end"));
            inner.finish();
            sides
        }
        other => {
            reader.wrong_type(name, "{\"start\": date, \"end\": date}", other);
            return None;
        }
    };
    let range = DateRange { start: start?, end: end? };
    if range.start > range.end {
        let message = format!("starts {} but ends {}; swap them", range.start, range.end);
        reader.fault(name, FaultCode::InvalidSegments, message);
        return None;
    }
    Some(range)
}

fn date(reader: &Reader<'_>, name: &str, value: &Value) -> Option<NaiveDate> {
    let date = value.as_str().and_then(|text| text.trim().parse().ok());
    if date.is_none() {
        reader.wrong_type(name, "a date like \"2016-09-30\"", value);
    }
    date
}
