//! What happened in a training run, for people and for programs.

mod chart;
mod html;
mod markup;
mod style;
mod training;

pub use training::{
    DatasetSummary, Environment, FinalMetric, FinalMetrics, FinalValues, Finding, IcPoint,
    ModelSummary, REPORT_SCHEMA_VERSION, SegmentSummary, TrainingReport,
};

#[cfg(test)]
mod tests;
