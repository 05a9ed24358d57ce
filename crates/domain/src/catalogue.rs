use chrono::{NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ArtifactId, DatasetId, DatasetVersionId, ExperimentId, Instant, JobId, ModelId, StrategyId,
    UserId,
};

/// A named, owned configuration that sessions are started from.
#[derive(Debug, Clone, PartialEq)]
pub struct Strategy {
    pub id: StrategyId,
    pub owner: UserId,
    pub draft: StrategyDraft,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// The part of a strategy its owner writes. Names are unique per owner.
#[derive(Debug, Clone, PartialEq)]
pub struct StrategyDraft {
    pub name: String,
    pub description: String,
    /// What kind of strategy it is: its model's type, e.g. `lightgbm`, or its rules'.
    pub strategy_type: String,
    /// A partial training configuration; a session's request is merged over it.
    pub config: Value,
}

/// A strategy with what its sessions add up to.
#[derive(Debug, Clone, PartialEq)]
pub struct StrategySummary {
    pub strategy: Strategy,
    pub active_sessions: u64,
    pub total_sessions: u64,
    pub training_count: u64,
    pub last_training_at: Option<Instant>,
    /// After costs, over the whole period.
    pub best_return: Option<BestFigure>,
    /// A year, after costs.
    pub best_sharpe: Option<BestFigure>,
}

/// A project that sessions belong to.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    pub id: ExperimentId,
    pub owner: UserId,
    pub name: String,
    pub notes: String,
    pub tags: Vec<String>,
    pub created_at: Instant,
}

/// A named, owned market; its bars are in its versions. Names are unique per owner.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    pub id: DatasetId,
    pub owner: UserId,
    pub name: String,
    pub created_at: Instant,
}

/// One immutable state of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetVersion {
    pub id: DatasetVersionId,
    pub dataset: DatasetId,
    pub parent: Option<DatasetVersionId>,
    /// Key of the manifest in object storage, and the manifest's own checksum (hex).
    pub manifest_key: String,
    pub manifest_sha256: String,
    pub rows: u64,
    pub instruments: u64,
    pub start: NaiveDateTime,
    pub end: NaiveDateTime,
    /// What the checks found, as written by the import.
    pub findings: Value,
    /// What lies beside the bars; none where nothing does.
    pub announcements: Option<VersionAnnouncements>,
    pub created_at: Instant,
}

impl DatasetVersion {
    /// The fields by period that it has, without their `$$`, ascending.
    pub fn period_fields(&self) -> &[String] {
        self.announcements.as_ref().map_or(&[], |announcements| &announcements.fields)
    }
}

/// What a version of a dataset has of announcements by period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionAnnouncements {
    /// Without their `$$`, ascending.
    pub fields: Vec<String>,
    pub rows: u64,
    pub instruments: u64,
    /// The days of the first and of the last announcement.
    pub start: NaiveDate,
    pub end: NaiveDate,
    /// Checksum of their file (hex).
    pub sha256: String,
}

/// A fitted model, written in the transaction that completes its session.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub id: ModelId,
    pub owner: UserId,
    pub session: JobId,
    pub strategy: Option<StrategyId>,
    pub dataset_version: Option<DatasetVersionId>,
    pub new: NewModel,
    pub created_at: Instant,
}

/// What a finished training says about its model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewModel {
    pub model_type: String,
    /// Checksum (hex) of the model file, which is among the session's artifacts.
    pub sha256: String,
    /// Final metrics by name.
    pub metrics: Value,
}

/// What a finished backtest says about its strategy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NewBacktest {
    /// First and last day.
    pub start: NaiveDate,
    pub end: NaiveDate,
    /// Whether no day of it was seen by the strategy's model while that was fitted.
    pub out_of_sample: bool,
    /// Of the whole period, after costs: 0.1 is a tenth more than there was.
    pub total_return: f64,
    /// A year, after costs; absent where it is not defined.
    pub sharpe: Option<f64>,
}

/// The best figure of a strategy's backtests out of sample, and which of them had it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BestFigure {
    pub value: f64,
    pub session: JobId,
    /// First and last day.
    pub start: NaiveDate,
    pub end: NaiveDate,
}

/// A file in object storage that a settled session points to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactPointer {
    pub id: ArtifactId,
    pub kind: ArtifactKind,
    /// File name as a person downloads it, e.g. `predictions.parquet`.
    pub name: String,
    pub key: String,
    pub bytes: u64,
    /// Hex.
    pub sha256: String,
}

/// What a session's file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactKind {
    Model,
    Predictions,
    Features,
    ReportJson,
    ReportHtml,
    /// Figures of a backtest by name, as JSON.
    Metrics,
    /// A backtest's account, a row a bar.
    BacktestReport,
    /// What a backtest held, a row a bar and instrument.
    Positions,
    Trades,
    Orders,
    Fills,
    /// What each instrument brought.
    Contributions,
    /// How well the orders of each bar were filled.
    Indicators,
    /// What a child leaves for its parent.
    Share,
    Checkpoint,
    Log,
    Other,
}

impl ArtifactKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Predictions => "predictions",
            Self::Features => "features",
            Self::ReportJson => "report_json",
            Self::ReportHtml => "report_html",
            Self::Metrics => "metrics",
            Self::BacktestReport => "backtest_report",
            Self::Positions => "positions",
            Self::Trades => "trades",
            Self::Orders => "orders",
            Self::Fills => "fills",
            Self::Contributions => "contributions",
            Self::Indicators => "indicators",
            Self::Share => "share",
            Self::Checkpoint => "checkpoint",
            Self::Log => "log",
            Self::Other => "other",
        }
    }
}
