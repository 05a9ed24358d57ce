use serde::{Deserialize, Serialize};

use crate::{ArtifactPointer, Instant};

/// How far an attempt has come.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// 0 to 100.
    pub percent: f64,
    /// E.g. `preparing`, `training`; empty before the first.
    pub stage: String,
    pub message: String,
    /// Rounds or epochs done, and how many there will be at most.
    pub epoch: Option<u32>,
    pub epochs: Option<u32>,
    /// Milliseconds until the end, estimated by the handler.
    pub eta_ms: Option<u64>,
}

/// One value of one metric. `step` is the round or epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricPoint {
    pub name: String,
    pub step: u64,
    pub value: f64,
    pub at: Instant,
}

/// The moment an attempt entered a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageRecord {
    pub attempt: u32,
    pub stage: String,
    pub percent: f64,
    pub at: Instant,
}

/// What the process group of an attempt used of the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResourceSample {
    pub attempt: u32,
    pub at: Instant,
    /// Of one core, since the sample before: two busy cores are 200.
    pub cpu_percent: f64,
    /// Resident memory at that moment.
    pub memory_bytes: u64,
    /// Read from and written to disks since the sample before.
    pub read_bytes: u64,
    pub written_bytes: u64,
}

/// One line a job wrote for its owner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    pub at: Instant,
    pub level: LogLevel,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

impl LogLevel {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// What a worker writes about a running attempt in one transaction, under its lease. Points that
/// are there already (same job, name, step) are overwritten, so that a resumed attempt may repeat.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProgressBatch {
    pub progress: Option<Progress>,
    pub stages: Vec<StageRecord>,
    pub metrics: Vec<MetricPoint>,
    pub logs: Vec<LogLine>,
    pub resources: Vec<ResourceSample>,
    pub checkpoint: Option<ArtifactPointer>,
}

impl ProgressBatch {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
