use std::collections::HashSet;

use alphafleet_factors::{FittedPipeline, Matrix, Phase, Processor, Target};
use alphafleet_models::Finding;
use alphafleet_specs::TrainingSpec;

use super::prepare::{LABEL, Market, Prepared};
use super::split::Split;
use super::{TrainError, report};

/// Fewer rows than this teach nothing.
const LEAST_ROWS: usize = 2;

/// The rows of each segment as the model sees them, and how they became so.
pub(super) struct Matrices {
    pub train: Matrix,
    pub valid: Matrix,
    /// Every row, those without a label too. `label` went through the learning
    /// processors for the label, the features only through the inferring ones.
    pub test: Matrix,
    pub infer: FittedPipeline,
    pub learn: FittedPipeline,
}

/// Lays out the segments' rows and processes them. The frames are dropped on the way: what
/// remains is what the fit needs.
pub(super) fn process(
    spec: &TrainingSpec,
    prepared: Prepared,
    split: Split,
    threads: usize,
) -> Result<(Market, Matrices), TrainError> {
    let mut findings = split.findings;
    let Prepared { mut market, features, labels, members, own, .. } = prepared;
    let bars = market.calendar.len();
    let belongs = |instrument: usize, bar: usize| {
        members.as_ref().is_none_or(|members| members[instrument * bars + bar])
    };
    let ranges = [split.bars.train, split.bars.valid, split.bars.test];
    // Every bar of an instrument's listed range is a row, days of suspension too, as in Qlib: their
    // windows still hold values. Without a label they are no rows to learn from. Also as in Qlib,
    // windows of a member reach back before it joined.
    let laid = Matrix::from_frames(features, &labels, LABEL, ranges, belongs, threads)?;
    let [mut train, mut valid, mut test] = laid;
    let infinite: usize = [&mut train, &mut valid, &mut test].map(clear_infinite).iter().sum();
    if infinite > 0 {
        let message = format!("{infinite} labels are infinite and count as missing");
        findings.push(report::finding("warning", "infinite_labels", message));
    }
    drop_empty(&mut [&mut train, &mut valid, &mut test], &own, &mut findings)?;

    let steps = |steps: &[alphafleet_specs::Processor]| -> Vec<Processor> {
        steps.iter().copied().map(Processor::from).collect()
    };
    let infer = FittedPipeline::fit(&steps(&spec.processors.infer), &mut train)?;
    infer.apply(&mut valid, Phase::Learn)?;
    infer.apply(&mut test, Phase::Infer)?;
    let learn = FittedPipeline::fit(&steps(&spec.processors.learn), &mut train)?;
    learn.apply(&mut valid, Phase::Learn)?;
    label_only(&learn, &mut test)?;
    for (name, matrix) in [("train", &mut train), ("valid", &mut valid)] {
        check_cross_section(name, matrix, &learn)?;
        keep_labelled(name, matrix, &mut findings)?;
    }
    market.findings.append(&mut findings);
    Ok((market, Matrices { train, valid, test, infer, learn }))
}

/// An infinite label (a price of 0) would spoil the mean of its whole bar.
fn clear_infinite(matrix: &mut Matrix) -> usize {
    let mut count = 0;
    for (raw, label) in matrix.label_raw.iter_mut().zip(&mut matrix.label) {
        if raw.is_infinite() {
            (*raw, *label) = (f32::NAN, f32::NAN);
            count += 1;
        }
    }
    count
}

/// A feature without any value in the training segment: an error where a person wrote it, left
/// out with a finding where a set brought it.
fn drop_empty(
    matrices: &mut [&mut Matrix; 3],
    own: &HashSet<String>,
    findings: &mut Vec<Finding>,
) -> Result<(), TrainError> {
    let train = &matrices[0];
    let empty: Vec<usize> = (0..train.feature_names.len())
        .filter(|&at| !train.feature(at).iter().any(|value| value.is_finite()))
        .collect();
    if train.is_empty() || empty.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = empty.iter().map(|&at| train.feature_names[at].clone()).collect();
    let wanted: Vec<String> = names.iter().filter(|name| own.contains(*name)).cloned().collect();
    if !wanted.is_empty() {
        return Err(TrainError::EmptyFeatures { names: wanted });
    }
    if empty.len() == train.feature_names.len() {
        return Err(TrainError::NoFeatures);
    }
    let message = format!(
        "{} features have no value in the training segment and are left out ({})",
        names.len(),
        names.join(", ")
    );
    findings.push(report::finding("warning", "empty_features", message));
    for matrix in matrices {
        remove_columns(matrix, &empty);
    }
    Ok(())
}

/// `columns` ascending.
fn remove_columns(matrix: &mut Matrix, columns: &[usize]) {
    let rows = matrix.len();
    let mut to = 0;
    for at in (0..matrix.feature_names.len()).filter(|at| columns.binary_search(at).is_err()) {
        matrix.features.copy_within(at * rows..(at + 1) * rows, to);
        to += rows;
    }
    matrix.features.truncate(to);
    for &at in columns.iter().rev() {
        matrix.feature_names.remove(at);
    }
}

/// What the learning processors make of the test segment's label, for the loss; its features and
/// rows are left alone.
fn label_only(learn: &FittedPipeline, test: &mut Matrix) -> Result<(), TrainError> {
    let on_label = |processor: &Processor| {
        matches!(
            processor,
            Processor::CsZscoreNorm { on: Target::Label }
                | Processor::CsRankNorm { on: Target::Label }
                | Processor::CsZfillna { on: Target::Label }
        )
    };
    let steps = learn.steps.iter().filter(|step| on_label(&step.processor)).cloned().collect();
    let mut labels = Matrix {
        rows: test.rows.clone(),
        label_raw: test.label_raw.clone(),
        label: std::mem::take(&mut test.label),
        ..Matrix::default()
    };
    FittedPipeline { steps }.apply(&mut labels, Phase::Infer)?;
    test.label = labels.label;
    Ok(())
}

/// With one instrument a bar, scores across instruments are no numbers and ranks are all alike.
fn check_cross_section(
    segment: &'static str,
    matrix: &Matrix,
    learn: &FittedPipeline,
) -> Result<(), TrainError> {
    let compares = learn.steps.iter().any(|step| {
        matches!(
            step.processor,
            Processor::CsZscoreNorm { on: Target::Label }
                | Processor::CsRankNorm { on: Target::Label }
        )
    });
    let known = |label: &[f32]| label.iter().filter(|label| label.is_finite()).count();
    if !compares || known(&matrix.label_raw) < LEAST_ROWS {
        return Ok(());
    }
    let mut labels = matrix.label.iter().filter(|label| label.is_finite());
    let alike = labels.next().is_none_or(|first| labels.all(|label| label == first));
    if known(&matrix.label) < LEAST_ROWS || (segment == "train" && alike) {
        return Err(TrainError::LabelNeedsCrossSection { segment });
    }
    Ok(())
}

/// Leaves out what no processor dropped or made a number of, and says so.
fn keep_labelled(
    segment: &'static str,
    matrix: &mut Matrix,
    findings: &mut Vec<Finding>,
) -> Result<(), TrainError> {
    let known: Vec<bool> = matrix.label.iter().map(|label| label.is_finite()).collect();
    let missing = known.iter().filter(|known| !**known).count();
    if missing > 0 {
        matrix.retain(|row| known[row]);
        let message = format!("{missing} rows of {segment} have no label and are left out");
        findings.push(report::finding("info", "rows_without_label", message));
    }
    let rows = matrix.len();
    if rows < LEAST_ROWS {
        return Err(TrainError::TooFewRows { segment, rows, needed: LEAST_ROWS });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
