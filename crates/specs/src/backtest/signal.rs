use alphafleet_domain::JobId;
use schemars::JsonSchema;
use serde::Serialize;

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
}

impl SignalRef {
    /// `{"session": …, "fitted": …}`, or the id alone.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (field, value) = reader.take(&["signal"])?;
        if value.is_string() {
            return session(reader, "signal").map(|session| Self { session, fitted: None });
        }
        let path = reader.path_of(field);
        let mut inner = Reader::open(&path, value, reader.findings())?;
        let session = session(&mut inner, "session");
        if !inner.gave("session") {
            inner.fault("session", FaultCode::Required, "is absent; give a training session's id");
        }
        let fitted = inner.take(&["fitted"]);
        let fitted = fitted.and_then(|(name, value)| segments::range(&inner, name, value));
        inner.finish();
        Some(Self { session: session?, fitted })
    }
}

/// A session's id under this name, if there is one.
pub(super) fn session(reader: &mut Reader<'_>, name: &'static str) -> Option<JobId> {
    let (field, text) = reader.text(&[name])?;
    let id = text.parse().ok();
    if id.is_none() {
        reader.fault(field, FaultCode::WrongType, "is not the id of a session: give a UUID");
    }
    id
}
