//! Figures for Prometheus.

mod collect;
mod sample;

pub(crate) use collect::Telemetry;
pub use sample::{Sample, SampleKind, render_samples};
