use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something a person should know about a run that goes on nevertheless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable, machine-readable.
    pub code: String,
    pub message: String,
}

impl Finding {
    pub(crate) fn new(code: &str, message: String) -> Self {
        Self { code: code.to_owned(), message }
    }
}
