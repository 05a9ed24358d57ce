//! The payloads of a session's events, by their kind.

use alphafleet_domain::Instant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::{
    FailureView, LogLineView, MetricPointView, ProgressView, ResourceSampleView, SessionState,
};

/// `state`: the session entered a state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatePayload {
    pub state: SessionState,
    /// Claims so far.
    pub attempt: u32,
    /// Of a pending session that waits: not claimed before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Instant>,
    /// Of a failed session, or of a pending one that is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureView>,
}

/// `progress`: at most ten a second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ProgressPayload(pub ProgressView);

/// `metrics`: every point there is, several an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricsPayload {
    pub points: Vec<MetricPointView>,
}

/// `log`: lines the job wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogPayload {
    pub lines: Vec<LogLineView>,
}

/// `resources`: what the processes of the running attempt use, about once a second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResourcesPayload {
    /// Oldest first.
    pub samples: Vec<ResourceSampleView>,
}
