//! What supervisor and child say to each other: JSON, one frame a line, UTF-8, `\n` at the end.
//!
//! A trainer in any language can be a child. It reads [`ToChild`] frames from its standard input
//! and writes [`FromChild`] frames to its standard output; standard error is free text for the
//! job's log. The rules:
//!
//! 1. First the child writes `ready` with its [`PROTOCOL`].
//! 2. For each `assign` it works and writes any number of `progress`, `metrics`, `log` and
//!    `checkpoint`, then exactly one of `completed`, `failed` or `stopped`; after that it waits
//!    for the next `assign`.
//! 3. Every frame about a job carries the assignment's `lease`, unchanged.
//! 4. On `stop` it ends soon; unless the reason is `cancel` it hands over a checkpoint first.
//! 5. When its standard input ends it exits at once, even in the middle of work.
//! 6. Files are named by paths inside the assignment's `scratch` folder. A file named in a
//!    `checkpoint` frame belongs to the supervisor from then on.
//! 7. A line is at most [`MAX_FRAME_BYTES`] long; numbers are finite. A child that breaks a rule
//!    is killed and its attempt fails.
//!
//! A child may say in its `ready` that it takes some assignments `ahead`, so that it need not wait
//! for the supervisor between short jobs. They come as `assign_ahead`, and these rules are added:
//!
//! 8. It works on assignments one at a time, in the order in which they came.
//! 9. Before it begins one that came ahead, it writes a line with [`MARK`] and the lease to its
//!    standard error: what is printed from there on belongs to that job.
//! 10. A `stop` for an assignment that it has not begun it answers at once with `stopped`, and
//!     forgets the assignment.
//! 11. After `failed` and after a `stopped` in the middle of work it forgets what came ahead, and
//!     what comes ahead, until the next `assign`: the supervisor gives that to another child.

use std::path::PathBuf;

use alphafleet_domain::job::{Failure, JobKind, LogLine, MetricPoint, Progress};
use alphafleet_domain::{
    ArtifactKind, CachedFeature, FeatureKey, JobId, LeaseId, NewBacktest, NewModel,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of these frames; a child that says another one is not used.
pub const PROTOCOL: u32 = 1;

/// Begins the line of standard error that says whose job the next lines belong to.
pub const MARK: char = '\u{1e}';

/// The longest line of a child, without its end.
pub const MAX_FRAME_BYTES: usize = 1 << 20;

/// Supervisor to child.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "snake_case")]
pub enum ToChild {
    Assign(Box<Assignment>),
    /// Like `assign`, while an earlier assignment has not ended. Only to a child that said that it
    /// takes assignments ahead.
    AssignAhead(Box<Assignment>),
    Stop {
        lease: LeaseId,
        reason: Stop,
    },
}

/// One attempt of one job, complete: the child asks nobody for more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    pub job: JobId,
    /// From 1.
    pub attempt: u32,
    pub lease: LeaseId,
    pub kind: JobKind,
    /// The job's whole validated specification.
    pub spec: Value,
    /// An empty folder of this attempt alone; removed afterwards. For a short kind of job it is not
    /// there before the child makes it, see [`Assignment::scratch_folder`].
    pub scratch: PathBuf,
    /// Where objects are read from, as configured (`file://…`, `s3://…`). Children only read
    /// there; what they write goes to `scratch` and is stored by the supervisor.
    pub storage_url: String,
    /// What the supervisor looked up for the job, see [`Inputs`]; `null` if there is nothing.
    #[serde(default)]
    pub inputs: Value,
    /// The newest checkpoint of an earlier attempt, downloaded into `scratch`.
    #[serde(default)]
    pub checkpoint: Option<PathBuf>,
    /// How many threads the job may use. Fewer after memory ran out.
    pub threads: usize,
    /// How many attempts before this one ended because memory ran out: whoever can asks for less,
    /// e.g. by working in smaller chunks.
    #[serde(default)]
    pub out_of_memory: u32,
}

/// The usual shape of [`Assignment::inputs`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Inputs {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<DatasetInput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<FeatureInput>,
    /// Of a backtest by scores: in the order of its specification.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<SignalInput>,
    /// Of a job with children: what each of them left for it, in the order of their submission.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

/// The file of the kind [`ArtifactKind::Share`] that a completed child left for its parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The child.
    pub job: JobId,
    /// Key of the file in object storage and its checksum (hex).
    pub key: String,
    pub sha256: String,
}

/// The predictions of a training that a backtest goes by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalInput {
    /// The training session.
    pub session: JobId,
    /// Key of the predictions in object storage and their checksum (hex).
    pub key: String,
    pub sha256: String,
}

/// The columns a job is to have, and which of them are stored. The others are its own to compute.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FeatureInput {
    /// In the order of the specification, the set first.
    pub columns: Vec<ColumnKey>,
    pub ready: Vec<CachedFeature>,
    /// What is stored of the others over earlier versions of the data: where only bars were
    /// appended since, the new ones alone are to be computed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierColumn>,
}

/// A column over an earlier version of the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierColumn {
    /// The column that is wanted.
    pub key: FeatureKey,
    pub stored: CachedFeature,
}

/// A feature and what its column is known by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnKey {
    pub name: String,
    pub key: FeatureKey,
}

/// The dataset version the job was submitted with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetInput {
    pub version: alphafleet_domain::DatasetVersionId,
    pub dataset: alphafleet_domain::DatasetId,
    /// Key of the manifest in object storage and its checksum (hex).
    pub manifest_key: String,
    pub manifest_sha256: String,
}

/// Why a job is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The worker shuts down: write a checkpoint and stop; another worker goes on.
    Drain,
    /// The soft time limit passed: write a checkpoint and stop.
    SoftLimit,
    /// Its owner does not want it any more: stop.
    Cancel,
}

/// Child to supervisor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "snake_case")]
pub enum FromChild {
    Ready {
        protocol: u32,
        pid: u32,
        /// How many assignments it takes before it has ended the one it works on.
        #[serde(default)]
        ahead: u32,
    },
    Progress {
        lease: LeaseId,
        progress: Progress,
    },
    Metrics {
        lease: LeaseId,
        points: Vec<MetricPoint>,
    },
    Log {
        lease: LeaseId,
        line: LogLine,
    },
    Checkpoint {
        lease: LeaseId,
        path: PathBuf,
    },
    Completed {
        lease: LeaseId,
        completed: Completed,
    },
    Failed {
        lease: LeaseId,
        failure: Failure,
    },
    /// Ended because of a `stop`.
    Stopped {
        lease: LeaseId,
    },
}

impl FromChild {
    /// The lease the frame speaks for; none for `ready`.
    pub const fn lease(&self) -> Option<LeaseId> {
        match self {
            Self::Ready { .. } => None,
            Self::Progress { lease, .. }
            | Self::Metrics { lease, .. }
            | Self::Log { lease, .. }
            | Self::Checkpoint { lease, .. }
            | Self::Completed { lease, .. }
            | Self::Failed { lease, .. }
            | Self::Stopped { lease } => Some(*lease),
        }
    }
}

/// What a finished handler hands over.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Completed {
    /// The job's result as its owner reads it; large things are files.
    #[serde(default)]
    pub result: Value,
    #[serde(default)]
    pub files: Vec<OutputFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<NewModel>,
    /// What a backtest says about its strategy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backtest: Option<NewBacktest>,
    /// Columns for the feature cache, each a file in scratch that the supervisor stores there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<FeatureFile>,
}

/// A computed column in scratch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureFile {
    pub key: FeatureKey,
    pub path: PathBuf,
    /// The state from which it goes on, stored beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<PathBuf>,
}

/// A file in scratch that the supervisor stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputFile {
    pub kind: ArtifactKind,
    /// Name for download: letters, digits, `.`, `_`, `-`, `=`.
    pub name: String,
    pub path: PathBuf,
}

impl OutputFile {
    pub fn new(kind: ArtifactKind, name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self { kind, name: name.into(), path: path.into() }
    }
}
