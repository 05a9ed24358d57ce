use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of mistake a [`Fault`] is. Stable: programs may branch on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultCode {
    /// The document is not JSON or TOML at all.
    Malformed,
    /// A field without a default is absent.
    Required,
    /// A text or list that must hold something is empty.
    Empty,
    /// No such field.
    UnknownField,
    /// No such model, processor, template, step or choice.
    UnknownValue,
    /// Another JSON type was expected.
    WrongType,
    /// A number outside its range.
    OutOfRange,
    /// Two fields contradict each other, or one is given twice under two names.
    Conflict,
    /// The model chosen has no such parameter.
    NotSupported,
    /// The text is not an expression of the factor language.
    InvalidExpression,
    /// A feature uses values of the future.
    LookAhead,
    /// An expression reads a `$$field` by period that the data do not have.
    UnknownPeriodField,
    /// Segments that overlap, run backwards or are out of order.
    InvalidSegments,
    /// Days that run backwards, or that the data, the scores or the training forbid.
    InvalidPeriod,
}

/// One mistake in a specification: where it is, what it is, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// Path of the field as the person wrote it, e.g. `model.rounds` or `features.expressions[2]`.
    pub field: String,
    pub code: FaultCode,
    /// A sentence with the remedy in it.
    pub message: String,
    /// Of an expression: its offending character, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<usize>,
}

impl Fault {
    pub fn new(field: impl Into<String>, code: FaultCode, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into(), at: None }
    }
}

/// Every mistake found in one document, in the order of its sections; never empty when returned
/// as an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", fault.field, fault.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
