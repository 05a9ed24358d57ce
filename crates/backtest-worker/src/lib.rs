//! Backtests: from a plan and a panel of bars to a report with its files.
//!
//! [`run`] is the whole pipeline as a plain function, told everything it needs and speaking
//! through a [`Sink`]; [`BacktestHandler`] serves it to a worker's child process. [`sweep`] runs
//! many plans over one panel in memory; [`sweep_share`] runs some of them, and [`merge_shares`]
//! makes the whole of such shares. [`BacktestSweepHandler`] and [`BacktestSweepShareHandler`] serve
//! them.

mod actions;
mod columns;
mod groups;
mod handler;
mod intraday;
mod pipeline;
pub mod report;

pub use actions::{ActionsError, read_actions};
pub use groups::{Groups, GroupsError, read_groups};
pub use handler::{BacktestHandler, BacktestSweepHandler, BacktestSweepShareHandler};
pub use pipeline::{
    AlignedSignal, BacktestRunError, Blame, Finished, Run, RunDataset, Sink, SweepProgress,
    SweepRun, SweepShare, SweepSink, SweepStop, align_signal, market_finding, merge_shares,
    percent, run, sweep, sweep_share, with_change,
};
