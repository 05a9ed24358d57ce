//! What happened in a training run, for people and for programs; and the page of an evaluation of
//! factors.

mod chart;
mod columns;
mod effectiveness;
mod heat;
mod html;
mod markup;
mod style;
mod time_axis;
mod training;

/// What pages are built from: markup that escapes, tables, charts as inline SVG. A page of these
/// needs nothing from outside and runs no script.
pub mod page {
    pub use super::chart::{Chart, Line, draw as chart};
    pub use super::heat::{HEAT_STYLE, table as heat_table};
    pub use super::html::{configuration, findings};
    pub use super::markup::{
        duration, escape, figure, fixed, grouped, minus, opening, section, table,
    };
    pub use super::style::STYLE;
    pub use super::time_axis::{place, time_labels};
}

pub use effectiveness::effectiveness_html;
pub use training::{
    DatasetSummary, Environment, FinalMetric, FinalMetrics, FinalValues, Finding, IcPoint,
    ModelSummary, REPORT_SCHEMA_VERSION, SegmentSummary, TrainingReport,
};

#[cfg(test)]
mod tests;
