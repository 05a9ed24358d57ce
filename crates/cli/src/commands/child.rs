use std::process::ExitCode;

use alphafleet_backtest_worker::{
    BacktestHandler, BacktestSweepHandler, BacktestSweepShareHandler,
};
use alphafleet_training_worker::{
    EvaluationHandler, FeatureHandler, ProbeHandler, TrainingHandler,
};

/// Serves jobs to the worker that started this process.
pub fn run() -> ExitCode {
    alphafleet_worker::child::main(&[
        &TrainingHandler,
        &BacktestHandler,
        &BacktestSweepHandler,
        &BacktestSweepShareHandler,
        &FeatureHandler,
        &EvaluationHandler,
        &ProbeHandler,
    ])
}
