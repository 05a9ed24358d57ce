use alphafleet_factors::{BarIc, Matrix, ic_series, summarise_ic};
use alphafleet_models::{FinalValues, Model, direction_accuracy, mse};

use super::TrainError;
use super::fit::features;

/// Scores of the test segment and what they are worth.
pub(super) struct Evaluation {
    /// One a row of the test matrix.
    pub scores: Vec<f64>,
    pub series: Vec<BarIc>,
    pub values: FinalValues,
}

/// IC and accuracy are taken on the raw label, the loss on the label the model learned from.
pub(super) fn evaluate(
    model: &Model,
    test: &Matrix,
    threads: usize,
) -> Result<Evaluation, TrainError> {
    if test.is_empty() {
        return Err(TrainError::TooFewRows { segment: "test", rows: 0, needed: 1 });
    }
    let scores = model.predict(&features(test), threads)?;
    if scores.iter().any(|score| !score.is_finite()) {
        return Err(TrainError::Scores);
    }
    let bars: Vec<u32> = test.rows.iter().map(|row| row.bar).collect();
    let single: Vec<f32> = scores.iter().map(|score| *score as f32).collect();
    let series = ic_series(&bars, &single, &test.label_raw);
    let summary = summarise_ic(&series);
    let values = FinalValues {
        ic: summary.ic,
        icir: summary.icir,
        rank_ic: summary.rank_ic,
        rank_icir: summary.rank_icir,
        mse: mse(&scores, &test.label),
        accuracy: direction_accuracy(&scores, &test.label_raw),
    };
    Ok(Evaluation { scores, series, values })
}
