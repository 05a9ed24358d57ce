//! Backtests: from a plan and a panel of bars to a report with its files.
//!
//! [`run`] is the whole pipeline as a plain function, told everything it needs and speaking
//! through a [`Sink`]; [`BacktestHandler`] serves it to a worker's child process.

mod actions;
mod handler;
mod pipeline;
pub mod report;

pub use actions::{ActionsError, read_actions};
pub use handler::BacktestHandler;
pub use pipeline::{
    AlignedSignal, BacktestRunError, Blame, Finished, Run, RunDataset, Sink, align_signal,
    market_finding, percent, run, with_change,
};
