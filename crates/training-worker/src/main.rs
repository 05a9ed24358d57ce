//! The `training-worker` binary: runs trainings, computations and evaluations of features and
//! probes, each in a child process of its own, which is this same program.

use std::process::ExitCode;

use alphafleet_bootstrap::{Role, ServeArgs, run};
use alphafleet_training_worker::{
    EvaluationHandler, FeatureHandler, ProbeHandler, TrainingHandler,
};
use clap::{Parser, Subcommand};

/// Runs jobs of the queues `training` and `default`.
#[derive(Debug, Parser)]
#[command(
    name = "training-worker",
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
            &TrainingHandler,
            &FeatureHandler,
            &EvaluationHandler,
            &ProbeHandler,
        ]),
        None => run(Role::TrainingWorker, &args.serve),
    }
}
