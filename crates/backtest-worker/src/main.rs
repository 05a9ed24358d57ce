//! The `backtest-worker` binary: runs backtests, each in a child process of its own, which is this
//! same program.

use std::process::ExitCode;

use alphafleet_backtest_worker::{
    BacktestHandler, BacktestSweepHandler, BacktestSweepShareHandler,
};
use alphafleet_bootstrap::{Role, ServeArgs, run};
use clap::{Parser, Subcommand};

/// Runs jobs of the queue `backtest`.
#[derive(Debug, Parser)]
#[command(
    name = "backtest-worker",
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = true
)]
struct Args {
    #[command(flatten)]
    serve: ServeArgs,
    #[command(subcommand)]
    child: Option<Child>,
}

#[derive(Debug, Subcommand)]
enum Child {
    /// Runs jobs for a worker, which starts it.
    #[command(hide = true)]
    Child,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match args.child {
        Some(Child::Child) => alphafleet_worker::child::main(&[
            &BacktestHandler,
            &BacktestSweepHandler,
            &BacktestSweepShareHandler,
        ]),
        None => run(Role::BacktestWorker, &args.serve),
    }
}
