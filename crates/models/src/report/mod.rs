//! What happened in a training run, for people and for programs; and the page of an evaluation of
//! factors.

mod chart;
mod columns;
mod effectiveness;
mod html;
mod markup;
mod style;
mod time_axis;
mod training;

pub use effectiveness::effectiveness_html;
pub use training::{
    DatasetSummary, Environment, FinalMetric, FinalMetrics, FinalValues, Finding, IcPoint,
    ModelSummary, REPORT_SCHEMA_VERSION, SegmentSummary, TrainingReport,
};

#[cfg(test)]
mod tests;
