//! What a person may ask for: typed, defaulted, validated parameters of training runs, backtests,
//! models, strategies, features and probes.
//!
//! A document comes in as JSON or TOML and is read field by field, so that every mistake in it is
//! reported at once as a [`Fault`] with its path and a remedy. What comes out is complete: each
//! default is filled in, and its JSON form reproduces the run.

mod backtest;
mod document;
mod expression;
mod fault;
mod features;
mod fundamentals;
mod lightgbm;
mod linear;
mod model;
mod probe;
mod reader;
mod remote;
mod request;
mod strategy;
mod training;

pub use backtest::{
    BacktestDraft, BacktestRequest, BacktestSpec, BacktestSweepRequest, BacktestSweepShareSpec,
    BacktestSweepSpec, NamedSession, ScoredModel, Share, SignalRef, Trained, turns,
};
pub use document::{json as document_from_json, toml as document_from_toml};
pub use fault::{Fault, FaultCode, Faults};
pub use features::{FactorEvaluationSpec, FeatureComputationSpec, Formula, feature_name_fault};
pub use fundamentals::Fundamentals;
pub use lightgbm::{LightGbmParams, Loss};
pub use linear::{Estimator, LinearParams};
pub use model::{ModelSpec, ModelType};
pub use probe::{Crash, ProbeSpec, ProbeStep};
pub use remote::{RemoteBase, RemoteTrainRequest, RemoteTraining};
pub use request::TrainRequest;
pub use strategy::{StrategyConfig, Template, templates};
pub use training::{
    Adjustment, Columns, DEFAULT_LABEL, DatasetRef, DateRange, Feature, FeatureOrigin, FeatureSet,
    Features, Label, Limits, Outputs, Processor, Processors, Ratios, Segments, TrainingSpec,
    Universe,
};
