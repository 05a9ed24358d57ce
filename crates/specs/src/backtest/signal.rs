use alphafleet_domain::JobId;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::FaultCode;
use crate::reader::Reader;
use crate::training::{DateRange, segments};

/// A training whose predictions a strategy goes by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SignalRef {
    /// Id of the training session.
    #[schemars(with = "String", length(min = 36, max = 36))]
    pub session: JobId,
    /// The days its model was fitted on and stopped by, both included. Filled in at submission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fitted: Option<DateRange>,
    /// The days that go by its scores, both included; all that it scored where nothing is said.
    /// Filled in at submission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<DateRange>,
}

impl SignalRef {
    /// The most models that may take turns.
    pub(super) const MOST: usize = 256;

    /// One or a list of them, each `{"session": …, "fitted": …, "used": …}` or the id alone.
    pub(super) fn read_all(reader: &mut Reader<'_>) -> Vec<Self> {
        let Some((field, value)) = reader.take(&["signals"]) else { return Vec::new() };
        let Value::Array(items) = value else {
            return Self::read(reader, field, value).into_iter().collect();
        };
        if items.len() > Self::MOST {
            let message = format!("has {} models; at most {} take turns", items.len(), Self::MOST);
            reader.fault(field, FaultCode::OutOfRange, message);
            return Vec::new();
        }
        let each = items.iter().enumerate();
        let all: Vec<Self> = each
            .filter_map(|(at, item)| Self::read(reader, &format!("{field}[{at}]"), item))
            .collect();
        refuse_overlaps(reader, field, &all);
        all
    }

    fn read(reader: &Reader<'_>, field: &str, value: &Value) -> Option<Self> {
        if let Value::String(text) = value {
            let session = parse(reader, field, text)?;
            return Some(Self { session, fitted: None, used: None });
        }
        let mut inner = Reader::open(&reader.path_of(field), value, reader.findings())?;
        let session = session(&mut inner, "session");
        if !inner.gave("session") {
            inner.fault("session", FaultCode::Required, "is absent; give a training session's id");
        }
        let mut days = |name: &'static str| {
            let (name, value) = inner.take(&[name])?;
            segments::range(&inner, name, value)
        };
        let (fitted, used) = (days("fitted"), days("used"));
        inner.finish();
        Some(Self { session: session?, fitted, used })
    }
}

/// Of models that take turns, each has days of its own, in their order.
fn refuse_overlaps(reader: &Reader<'_>, field: &str, all: &[SignalRef]) {
    for (at, pair) in all.windows(2).enumerate() {
        let in_turn = pair[0].used.zip(pair[1].used).is_some_and(|(a, b)| a.end < b.start);
        if !in_turn {
            let message = "of several models each needs `used`, the days that go by its scores, \
                           after those of the model before it";
            reader.fault(&format!("{field}[{}].used", at + 1), FaultCode::Conflict, message);
        }
    }
}

/// A session's id under this name, if there is one.
pub(super) fn session(reader: &mut Reader<'_>, name: &'static str) -> Option<JobId> {
    let (field, text) = reader.text(&[name])?;
    parse(reader, field, text)
}

pub(super) fn parse(reader: &Reader<'_>, field: &str, text: &str) -> Option<JobId> {
    let id = text.parse().ok();
    if id.is_none() {
        reader.fault(field, FaultCode::WrongType, "is not the id of a session: give a UUID");
    }
    id
}
