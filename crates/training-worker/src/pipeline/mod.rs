//! The stages of a training run, one file each.

mod bars;
mod error;
mod evaluate;
mod fit;
mod follow;
pub(crate) mod outputs;
pub(crate) mod prepare;
mod process;
pub(crate) mod report;
mod sink;
mod split;

use std::path::Path;

use alphafleet_domain::NewModel;
use alphafleet_factors::Matrix;
use alphafleet_specs::TrainingSpec;
use alphafleet_worker::child::OutputFile;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::threads::threads;

pub use alphafleet_worker::child::Blame;
pub use bars::Bars;
pub use error::TrainError;
pub use prepare::usable;
pub use sink::{Sink, Stage, StageProgress, Stop};

/// One training run, complete: what to do, with what, and where results go.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    pub spec: &'a TrainingSpec,
    /// What the data is called in the report.
    pub dataset: RunDataset<'a>,
    /// The session's id, or the local run's name.
    pub session: &'a str,
    /// Version and commit of the program.
    pub build: &'a str,
    /// Threads to compute with, at least 1; fewer if the specification asks for fewer.
    pub threads: usize,
    /// An existing folder for the files the run leaves.
    pub scratch: &'a Path,
    /// Of an earlier attempt of the same run.
    pub checkpoint: Option<&'a Path>,
    /// Tells the time for the report.
    pub now: fn() -> DateTime<Utc>,
}

/// Name and version of a run's data.
#[derive(Debug, Clone, Copy)]
pub struct RunDataset<'a> {
    pub name: &'a str,
    pub version: &'a str,
}

/// What a finished run leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// `{model, metrics, segments, dataset, findings}`: the result as its owner reads it.
    pub summary: Value,
    pub model: NewModel,
    /// All in the scratch folder.
    pub files: Vec<OutputFile>,
}

/// Trains on raw bars: a panel, an import or a loaded version.
///
/// Stages, with the progress each begins at: `preparing` 10, `configuring` 20, `training` 30 to
/// 90, `evaluating` 90, `completed` 100. Equal panel, specification, seed and number of threads
/// give equal model and predictions, to the byte, whether or not the run was interrupted and
/// resumed from a checkpoint.
///
/// # Errors
/// [`TrainError::Stopped`] when the sink asked for it; everything else is a fault of the
/// specification, the data or the storage, see [`TrainError::code`].
pub fn run(run: &Run<'_>, bars: impl Into<Bars>, sink: &dyn Sink) -> Result<Trained, TrainError> {
    train(run, bars.into(), sink)
}

/// What a model of this specification would be fitted on, tuned on and judged on: everything that
/// [`run`] does before its fit, in memory.
///
/// # Errors
/// As [`run`].
pub fn matrices(
    spec: &TrainingSpec,
    bars: impl Into<Bars>,
    threads: usize,
    sink: &dyn Sink,
) -> Result<[Matrix; 3], TrainError> {
    let prepared = prepare::prepare(spec, bars.into(), threads, sink)?;
    let segments = split::split(spec, &prepared)?;
    let (_, matrices) = process::process(spec, prepared, segments, threads)?;
    Ok([matrices.train, matrices.valid, matrices.test])
}

fn train(run: &Run<'_>, bars: Bars, sink: &dyn Sink) -> Result<Trained, TrainError> {
    let started = (run.now)();
    sink.enter(Stage::Preparing, 10.0);
    let threads = threads(run.spec.threads, run.threads);
    let prepared = prepare::prepare(run.spec, bars, threads, sink)?;
    sink::check(sink)?;

    sink.enter(Stage::Configuring, 20.0);
    let segments = split::split(run.spec, &prepared)?;
    let mut files = Vec::new();
    if run.spec.outputs.features {
        files.push(outputs::features(run.scratch, &prepared)?);
    }
    let (market, matrices) = process::process(run.spec, prepared, segments, threads)?;
    sink::check(sink)?;

    sink.enter(Stage::Training, 30.0);
    let fitted = fit::fit(run, &matrices, threads, sink)?;

    sink.enter(Stage::Evaluating, 90.0);
    let (file, sha256) = outputs::model(run, &matrices, &fitted)?;
    let evaluation = evaluate::evaluate(&fitted.model, &matrices.test, threads)?;
    let predictions = outputs::predictions(run.scratch, &market, &matrices.test, &evaluation)?;
    let parts = report::Parts { run, started, market, matrices: &matrices, fitted, evaluation };
    let report = parts.report(sha256);
    files.extend([file, predictions]);
    files.extend(outputs::reports(run.scratch, &report)?);

    sink.enter(Stage::Completed, 100.0);
    report::trained(report, files)
}
