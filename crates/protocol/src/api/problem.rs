use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An error, as RFC 9457 describes it (`application/problem+json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// Always `about:blank`: `code` tells problems apart.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status in words.
    pub title: String,
    pub status: u16,
    /// Stable and machine-readable, e.g. `validation_failed`.
    pub code: String,
    /// What is wrong and what to do about it.
    pub detail: String,
    /// The bad fields of a request that was not valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FieldFault>,
    /// Finds the request in the gateway's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// One bad field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldFault {
    /// Path of the field, e.g. `model.rounds`.
    pub field: String,
    pub code: String,
    pub message: String,
    /// Of an expression: its offending character, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<usize>,
}
