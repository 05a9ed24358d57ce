//! Parts that events, frames and API bodies share.

use alphafleet_domain::Cursor;
use alphafleet_domain::Instant;
use alphafleet_domain::job::{
    Failure, LogLevel, LogLine, MetricPoint, Progress, ResourceSample, StageRecord, StateName,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A place in a session's event stream. `seq` counts from 1 without holes within one `epoch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireCursor {
    /// A decimal number, as text: it may be larger than a JavaScript number holds exactly.
    #[serde(with = "decimal")]
    #[schemars(with = "String")]
    pub epoch: u64,
    pub seq: u64,
}

impl WireCursor {
    /// Before a session's first event.
    pub const START: Self = Self { epoch: 0, seq: 0 };
}

mod decimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

impl From<Cursor> for WireCursor {
    fn from(Cursor { epoch, seq }: Cursor) -> Self {
        Self { epoch, seq }
    }
}

impl From<WireCursor> for Cursor {
    fn from(WireCursor { epoch, seq }: WireCursor) -> Self {
        Self { epoch, seq }
    }
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
}

impl SessionState {
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl From<StateName> for SessionState {
    fn from(state: StateName) -> Self {
        match state {
            StateName::Pending => Self::Pending,
            StateName::Running => Self::Running,
            StateName::Completed => Self::Completed,
            StateName::Failed => Self::Failed,
            StateName::Cancelled => Self::Cancelled,
        }
    }
}

/// How far an attempt has come.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ProgressView {
    /// 0 to 100.
    pub percent: f64,
    /// E.g. `preparing`, `training`; empty before the first.
    pub stage: String,
    pub message: String,
    /// Rounds or epochs done.
    pub epoch: Option<u32>,
    /// Rounds or epochs there will be at most.
    pub epochs: Option<u32>,
    /// Estimated milliseconds until the end.
    pub eta_ms: Option<u64>,
}

impl From<Progress> for ProgressView {
    fn from(progress: Progress) -> Self {
        let Progress { percent, stage, message, epoch, epochs, eta_ms } = progress;
        Self { percent, stage, message, epoch, epochs, eta_ms }
    }
}

/// One value of one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricPointView {
    pub name: String,
    /// Round or epoch.
    pub step: u64,
    pub value: f64,
    pub at: Instant,
}

impl From<MetricPoint> for MetricPointView {
    fn from(MetricPoint { name, step, value, at }: MetricPoint) -> Self {
        Self { name, step, value, at }
    }
}

/// The moment an attempt entered a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StageView {
    pub attempt: u32,
    pub stage: String,
    pub percent: f64,
    pub at: Instant,
}

impl From<StageRecord> for StageView {
    fn from(StageRecord { attempt, stage, percent, at }: StageRecord) -> Self {
        Self { attempt, stage, percent, at }
    }
}

/// What an attempt's processes used of the machine, since the sample before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceSampleView {
    pub attempt: u32,
    pub at: Instant,
    /// Of one core: two busy cores are 200.
    pub cpu_percent: f64,
    /// Resident at that moment, pages that processes share counted for each.
    pub memory_bytes: u64,
    /// Read from disks.
    pub read_bytes: u64,
    /// Written to disks.
    pub written_bytes: u64,
}

impl From<ResourceSample> for ResourceSampleView {
    fn from(sample: ResourceSample) -> Self {
        let ResourceSample { attempt, at, cpu_percent, memory_bytes, read_bytes, written_bytes } =
            sample;
        Self { attempt, at, cpu_percent, memory_bytes, read_bytes, written_bytes }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevelName {
    Debug,
    Info,
    Warn,
    Error,
}

impl From<LogLevel> for LogLevelName {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Debug => Self::Debug,
            LogLevel::Info => Self::Info,
            LogLevel::Warn => Self::Warn,
            LogLevel::Error => Self::Error,
        }
    }
}

/// One line a job wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogLineView {
    pub at: Instant,
    pub level: LogLevelName,
    pub message: String,
}

impl From<LogLine> for LogLineView {
    fn from(LogLine { at, level, message }: LogLine) -> Self {
        Self { at, level: level.into(), message }
    }
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureView {
    /// Stable, e.g. `process_killed`, `invalid_data`.
    pub code: String,
    pub message: String,
    pub retryable: bool,
}

impl From<Failure> for FailureView {
    fn from(Failure { code, message, retryable }: Failure) -> Self {
        Self { code: code.as_str().to_owned(), message, retryable }
    }
}
