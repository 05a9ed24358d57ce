//! Evaluation of features: how well they foretell returns, as a report.

mod handler;
mod judge;
mod output;
mod summary;

pub use handler::EvaluationHandler;
