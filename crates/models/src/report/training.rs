use alphafleet_factors::IcSummary;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{FeatureImportance, History};

/// The version of the report's JSON form.
pub const REPORT_SCHEMA_VERSION: u32 = 1;

/// Everything a training run leaves to be read. Times and ids are the caller's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingReport {
    /// [`REPORT_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The session's id, or the local run's.
    pub session: String,
    pub created_at: DateTime<Utc>,
    pub duration_s: f64,
    pub dataset: DatasetSummary,
    /// The complete specification, so that the run can be repeated.
    pub configuration: Value,
    pub segments: Vec<SegmentSummary>,
    /// The label's expression.
    pub label: String,
    pub model: ModelSummary,
    pub metrics: FinalMetrics,
    pub history: History,
    /// By falling gain; empty for models without.
    pub feature_importance: Vec<FeatureImportance>,
    /// One entry a bar of the test segment.
    pub ic_series: Vec<IcPoint>,
    pub findings: Vec<Finding>,
    pub environment: Environment,
}

/// The data of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetSummary {
    pub name: String,
    pub version: String,
    pub instruments: u64,
    pub rows: u64,
    pub start: NaiveDate,
    pub end: NaiveDate,
}

/// A part of the time axis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentSummary {
    /// `train`, `valid` or `test`.
    pub name: String,
    pub start: NaiveDate,
    pub end: NaiveDate,
    /// Rows used, after dropping and purging.
    pub rows: u64,
}

/// The fitted model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSummary {
    /// `lightgbm` or `linear`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Rounds done; 1 for models that are solved at once.
    pub rounds: u32,
    pub best_round: u32,
    pub features: u64,
    /// Of the model file.
    pub sha256: String,
}

/// A metric with what it means. No value when it is undefined, such as an IC without any bar on
/// which both score and label vary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FinalMetric {
    pub value: Option<f64>,
    pub convention: String,
}

/// The figures on the test segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FinalMetrics {
    pub ic: FinalMetric,
    pub icir: FinalMetric,
    pub rank_ic: FinalMetric,
    pub rank_icir: FinalMetric,
    pub mse: FinalMetric,
    pub accuracy: FinalMetric,
}

/// Information coefficients of one bar's cross-section.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct IcPoint {
    /// Of the bar; midnight in daily data.
    pub datetime: NaiveDateTime,
    pub ic: Option<f64>,
    pub rank_ic: Option<f64>,
}

/// Something the run noticed and a reader should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `info`, `warning` or `error`.
    pub severity: String,
    pub code: String,
    pub message: String,
}

/// Where the run was computed, as far as the result depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Version and commit of the program.
    pub build: String,
    pub threads: u32,
    pub seed: Option<u32>,
}

impl FinalMetrics {
    /// Figures with the conventions Alphafleet uses: IC and accuracy on the raw label, MSE on the
    /// label the model saw.
    pub fn new(values: FinalValues) -> Self {
        let metric = |value: Option<f64>, convention: &str| FinalMetric {
            value: value.filter(|value| value.is_finite()),
            convention: convention.to_owned(),
        };
        Self {
            ic: metric(
                values.ic,
                "mean over bars (of daily data: days) of the Pearson correlation of score and raw label across instruments",
            ),
            icir: metric(
                values.icir,
                "mean of the IC over its standard deviation over bars (n − 1), not annualised",
            ),
            rank_ic: metric(
                values.rank_ic,
                "mean over bars (of daily data: days) of the Spearman correlation of score and raw label across instruments",
            ),
            rank_icir: metric(
                values.rank_icir,
                "mean of the rank IC over its standard deviation over bars (n − 1), not annualised",
            ),
            mse: metric(
                values.mse,
                "mean squared error of the score on the label the model saw, after its processors",
            ),
            accuracy: metric(
                values.accuracy,
                "share of rows whose score has the sign of the raw label; rows with a label of 0 left out",
            ),
        }
    }

    /// Name and figure, in the order a reader expects.
    pub fn iter(&self) -> [(&'static str, &FinalMetric); 6] {
        [
            ("IC", &self.ic),
            ("ICIR", &self.icir),
            ("Rank IC", &self.rank_ic),
            ("Rank ICIR", &self.rank_icir),
            ("MSE", &self.mse),
            ("Accuracy", &self.accuracy),
        ]
    }
}

/// The bare figures on the test segment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct FinalValues {
    pub ic: Option<f64>,
    pub icir: Option<f64>,
    pub rank_ic: Option<f64>,
    pub rank_icir: Option<f64>,
    pub mse: Option<f64>,
    pub accuracy: Option<f64>,
}

impl FinalValues {
    /// The figures of a series of ICs by bar (on the raw label), the MSE on the label the model
    /// saw and the direction accuracy on the raw label.
    pub fn new(ic: &IcSummary, mse: Option<f64>, accuracy: Option<f64>) -> Self {
        let IcSummary { ic, icir, rank_ic, rank_icir, .. } = *ic;
        Self { ic, icir, rank_ic, rank_icir, mse, accuracy }
    }
}

impl TrainingReport {
    /// The report as JSON, indented.
    ///
    /// # Errors
    /// When a value has no JSON form.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// The report as one HTML page that needs nothing else.
    pub fn to_html(&self) -> String {
        super::html::page(self)
    }
}
