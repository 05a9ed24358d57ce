use std::fs;

use alphafleet_factors::Matrix;
use alphafleet_models::{
    BoostingFit, Checkpoint, Design, FeatureImportance, Features, FitOutcome, History, Model,
    ModelError, TRAIN_L2, VALID_L2, fit_boosting, fit_linear, mse,
};
use alphafleet_specs::{LightGbmParams, LinearParams, ModelSpec};

use super::follow::{Follow, Judge};
use super::process::Matrices;
use super::{Run, Sink, Stop, TrainError};

/// A fitted model with its history.
pub(super) struct Fitted {
    pub model: Model,
    pub rounds: u32,
    pub best_round: u32,
    pub history: History,
    pub importance: Vec<FeatureImportance>,
}

pub(super) fn fit(
    run: &Run<'_>,
    matrices: &Matrices,
    threads: usize,
    sink: &dyn Sink,
) -> Result<Fitted, TrainError> {
    match &run.spec.model {
        ModelSpec::LightGbm(params) => boosted(run, matrices, params, threads, sink),
        ModelSpec::Linear(params) => linear(matrices, params, threads, sink),
    }
}

fn boosted(
    run: &Run<'_>,
    matrices: &Matrices,
    params: &LightGbmParams,
    threads: usize,
    sink: &dyn Sink,
) -> Result<Fitted, TrainError> {
    let fit = BoostingFit {
        train: design(&matrices.train),
        valid: Some(design(&matrices.valid)),
        params,
        seed: run.spec.seed,
        threads,
        checkpoint_every: run.spec.checkpoint_every_rounds,
    };
    let from = run.checkpoint.and_then(|path| match read_checkpoint(path) {
        Ok(checkpoint) => {
            sink.inform(&format!("going on from the checkpoint after round {}", checkpoint.round));
            Some(checkpoint)
        }
        Err(reason) => {
            sink.warn(&format!("the checkpoint cannot be read, starting over: {reason}"));
            None
        }
    });
    let mut follow = Follow::new(run, matrices, params, sink);
    let outcome = match fit_boosting(&fit, from.as_ref(), &mut follow) {
        // Of a run with other data or parameters: going on from it would be wrong, failing useless.
        Err(ModelError::Checkpoint(reason)) if from.is_some() => {
            sink.warn(&format!("the checkpoint does not fit, starting over: {reason}"));
            fit_boosting(&fit, None, &mut follow)
        }
        outcome => outcome,
    };
    match outcome? {
        FitOutcome::Finished(trees) => Ok(Fitted {
            model: Model::LightGbm(trees.model),
            rounds: trees.rounds,
            best_round: trees.best_round,
            history: trees.history,
            importance: trees.importance,
        }),
        FitOutcome::Cancelled { checkpoint, .. } => {
            if let (Some(checkpoint), Some(Stop::Checkpoint)) = (checkpoint, sink.stop()) {
                follow.keep(&checkpoint);
            }
            Err(TrainError::Stopped)
        }
    }
}

fn read_checkpoint(path: &std::path::Path) -> Result<Checkpoint, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

/// A linear model is solved at once: its one round has the metrics of a boosting round.
fn linear(
    matrices: &Matrices,
    params: &LinearParams,
    threads: usize,
    sink: &dyn Sink,
) -> Result<Fitted, TrainError> {
    let Matrices { train, valid, .. } = matrices;
    let model = Model::Linear(fit_linear(&design(train), params)?);
    super::sink::check(sink)?;
    let mut history = History::default();
    let judge = Judge::new(matrices);
    for (name, segment, matrix) in [
        (TRAIN_L2, alphafleet_models::Segment::Train, train),
        (VALID_L2, alphafleet_models::Segment::Valid, valid),
    ] {
        let scores = model.predict(&features(matrix), threads)?;
        let loss = mse(&scores, &matrix.label).map(|loss| (name.to_owned(), loss));
        for (name, value) in loss.into_iter().chain(judge.metrics(segment, &scores)) {
            history.push(&name, 1, value);
        }
    }
    let values: Vec<(&str, f64)> = history
        .0
        .iter()
        .filter_map(|series| Some((series.name.as_str(), series.points.first()?.1?)))
        .collect();
    sink.metrics(1, &values);
    Ok(Fitted { model, rounds: 1, best_round: 1, history, importance: Vec::new() })
}

fn design(matrix: &Matrix) -> Design<'_> {
    Design {
        features: &matrix.features,
        rows: matrix.len(),
        columns: matrix.feature_names.len(),
        names: &matrix.feature_names,
        label: &matrix.label,
    }
}

pub(super) fn features(matrix: &Matrix) -> Features<'_> {
    design(matrix).features()
}
