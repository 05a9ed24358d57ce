//! Estimators, metrics, model files and training reports. Pure: no clock, no files, no threads
//! beyond those LightGBM is given.
//!
//! A fit takes a borrowed [`Design`], reports every round to a [`FitObserver`] and gives a
//! [`Model`]. A [`ModelFile`] keeps a model with all that is needed to predict with it; a
//! [`TrainingReport`] tells what happened, as JSON and as one HTML page.

mod design;
mod error;
mod file;
mod history;
mod importance;
mod lightgbm;
mod linear;
mod metrics;
mod model;
mod report;

pub use design::{Design, Features};
pub use error::ModelError;
pub use file::{FORMAT_VERSION, MAX_FILE_BYTES, ModelFile, sha256_hex};
pub use history::{History, Series};
pub use importance::FeatureImportance;
pub use lightgbm::{
    BoostedTrees, BoostingFit, Checkpoint, FitObserver, FitOutcome, FittedTrees, NoObserver, Round,
    Segment, StopReason, TRAIN_L2, VALID_L2, fit_boosting,
};
pub use linear::{LinearModel, fit_linear};
pub use metrics::{direction_accuracy, mse};
pub use model::Model;
pub use report::{
    DatasetSummary, Environment, FinalMetric, FinalMetrics, FinalValues, Finding, IcPoint,
    ModelSummary, REPORT_SCHEMA_VERSION, SegmentSummary, TrainingReport, effectiveness_html, page,
};
