use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where market orders are dealt that were decided at a bar's close.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DealPrice {
    /// At the next bar's open.
    #[default]
    NextOpen,
    /// At the next bar's close.
    NextClose,
    /// At a field of the next bar, such as `vwap`, cut to the bar's low and high; at its open where
    /// the field has no price.
    NextField(String),
    /// At the close that the decision was taken on. Nobody can quite do that: it is for comparison
    /// with tools that assume it.
    SameClose,
}
