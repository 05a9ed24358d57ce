use alphafleet_domain::{
    ArtifactKind, ArtifactPointer, DatasetVersionId, ExperimentId, Instant, Job, JobId, StrategyId,
    WorkerId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::wire::{
    FailureView, LogLineView, MetricPointView, ProgressView, ResourceSampleView, SessionState,
    StageView,
};

/// One run of a strategy, or of a probe.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct SessionView {
    #[schemars(with = "Uuid")]
    pub id: JobId,
    /// `training`, `backtest`, `backtest_sweep`, `backtest_sweep_share`, `feature_computation`,
    /// `factor_evaluation` or `probe`.
    pub kind: String,
    pub queue: String,
    pub state: SessionState,
    pub attempt: u32,
    pub progress: ProgressView,
    /// The session it is a part of.
    #[serde(default)]
    #[schemars(with = "Option<Uuid>")]
    pub parent_id: Option<JobId>,
    /// Of a session that was split into parts: it waits for them before it runs itself.
    #[serde(default)]
    pub children: Option<ChildrenView>,
    #[schemars(with = "Option<Uuid>")]
    pub strategy_id: Option<StrategyId>,
    #[schemars(with = "Option<Uuid>")]
    pub experiment_id: Option<ExperimentId>,
    /// The exact data it runs on.
    #[schemars(with = "Option<Uuid>")]
    pub dataset_version_id: Option<DatasetVersionId>,
    /// The whole configuration, defaults filled in.
    pub config: Value,
    #[schemars(with = "Option<Uuid>")]
    pub worker_id: Option<WorkerId>,
    /// Of a pending session that waits for a retry.
    pub not_before: Option<Instant>,
    /// Whether its cancellation was asked for.
    pub cancel_requested: bool,
    pub error: Option<FailureView>,
    /// What the finished session produced.
    pub result: Option<Value>,
    pub created_at: Instant,
    pub started_at: Option<Instant>,
    pub finished_at: Option<Instant>,
}

/// How far the parts of a session are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct ChildrenView {
    pub total: u32,
    /// Completed, failed or cancelled.
    pub ended: u32,
}

impl ChildrenView {
    fn of(job: &Job) -> Option<Self> {
        let Job { children: total, waiting_on, .. } = *job;
        (total > 0).then(|| Self { total, ended: total.saturating_sub(waiting_on) })
    }
}

impl From<Job> for SessionView {
    fn from(job: Job) -> Self {
        use alphafleet_domain::JobState::{Failed, Pending, Running};
        let worker_id = job.worker();
        let (not_before, cancel_requested, failure) = match &job.state {
            Pending { not_before } => (*not_before, false, job.last_failure.clone()),
            Running { cancel_requested, .. } => (None, *cancel_requested, job.last_failure.clone()),
            Failed(failure) => (None, false, Some(failure.clone())),
            _ => (None, false, None),
        };
        Self {
            id: job.id,
            kind: job.kind.as_str().to_owned(),
            queue: job.queue.to_string(),
            state: job.state.name().into(),
            attempt: job.attempt,
            parent_id: job.parent,
            children: ChildrenView::of(&job),
            progress: job.progress.into(),
            strategy_id: job.strategy,
            experiment_id: job.experiment,
            dataset_version_id: job.dataset_version,
            config: job.spec,
            worker_id,
            not_before,
            cancel_requested,
            error: failure.map(Into::into),
            result: job.result,
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct SessionList {
    pub items: Vec<SessionView>,
    pub total: u64,
}

/// What a person following a session looks at first.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct SessionStatus {
    #[schemars(with = "Uuid")]
    pub id: JobId,
    pub state: SessionState,
    /// 0 to 100.
    pub progress: f64,
    pub stage: String,
    pub current_epoch: Option<u32>,
    pub total_epochs: Option<u32>,
    /// Estimated milliseconds until the end.
    pub eta_ms: Option<u64>,
    pub attempt: u32,
    #[schemars(with = "Option<Uuid>")]
    pub worker_id: Option<WorkerId>,
    pub error: Option<FailureView>,
    /// The ten newest points, oldest first.
    pub metrics: Vec<MetricPointView>,
    /// Every stage of every attempt, in order.
    pub stages: Vec<StageView>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct MetricList {
    /// Oldest first.
    pub items: Vec<MetricPointView>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct LogList {
    /// Oldest first.
    pub items: Vec<LogLineView>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct ResourceList {
    /// Oldest first.
    pub items: Vec<ResourceSampleView>,
}

/// A file of a finished session.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct ArtifactView {
    pub name: String,
    /// E.g. `model`, `predictions`, `report_html`.
    pub kind: String,
    pub bytes: u64,
    /// Hex.
    pub sha256: String,
}

impl From<ArtifactPointer> for ArtifactView {
    fn from(pointer: ArtifactPointer) -> Self {
        let ArtifactPointer { name, kind, bytes, sha256, .. } = pointer;
        Self { name, kind: ArtifactKind::as_str(kind).to_owned(), bytes, sha256 }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct ArtifactList {
    pub items: Vec<ArtifactView>,
}

/// A job that exercises the fleet itself (see the schema `ProbeSpec`). Administrators only.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitProbe {
    pub spec: Value,
    /// Higher runs first; 0 by default.
    #[serde(default)]
    pub priority: Option<i16>,
    /// Milliseconds after which the job is told to stop.
    #[serde(default)]
    pub soft_limit_ms: Option<u64>,
    /// Milliseconds after which its process is killed.
    #[serde(default)]
    pub hard_limit_ms: Option<u64>,
}

/// Probes that start together: all of them or none.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitProbes {
    /// 1 to 1000.
    #[schemars(length(min = 1, max = 1_000))]
    pub probes: Vec<SubmitProbe>,
}

/// Sessions that started together, in the order they were asked for.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct SessionBatch {
    pub sessions: Vec<SessionView>,
}
