use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use alphafleet_factors::{Matrix, ic_series, summarise_ic};
use alphafleet_models::{Checkpoint, FitObserver, Round, Segment, VALID_L2, direction_accuracy};
use alphafleet_specs::LightGbmParams;

use super::process::Matrices;
use super::{Run, Sink, Stage, StageProgress};

/// Takes the metrics of a round that need the raw label.
pub(super) struct Judge<'a> {
    train: &'a Matrix,
    valid: &'a Matrix,
    valid_bars: Vec<u32>,
}

impl<'a> Judge<'a> {
    pub fn new(matrices: &'a Matrices) -> Self {
        let valid = &matrices.valid;
        let valid_bars = valid.rows.iter().map(|row| row.bar).collect();
        Self { train: &matrices.train, valid, valid_bars }
    }

    /// `train_accuracy`, `valid_accuracy`: share of rows whose score has the raw label's sign.
    /// `valid_ic`, `valid_rank_ic`: means over bars, on the raw label.
    pub fn metrics(&self, segment: Segment, scores: &[f64]) -> Vec<(String, f64)> {
        let (matrix, accuracy) = match segment {
            Segment::Train => (self.train, "train_accuracy"),
            Segment::Valid => (self.valid, "valid_accuracy"),
        };
        let accuracy = (accuracy, direction_accuracy(scores, &matrix.label_raw));
        let mut values = vec![accuracy];
        if segment == Segment::Valid {
            let single: Vec<f32> = scores.iter().map(|score| *score as f32).collect();
            let summary = summarise_ic(&ic_series(&self.valid_bars, &single, &matrix.label_raw));
            values.extend([("valid_ic", summary.ic), ("valid_rank_ic", summary.rank_ic)]);
        }
        let known = values.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        known.collect()
    }
}

/// Tells a sink what a boosting fit does.
pub(super) struct Follow<'a> {
    sink: &'a dyn Sink,
    judge: Judge<'a>,
    learning_rate: f64,
    path: PathBuf,
    /// When the last round ended.
    last: Instant,
}

impl<'a> Follow<'a> {
    pub fn new(
        run: &Run<'_>,
        matrices: &'a Matrices,
        params: &LightGbmParams,
        sink: &'a dyn Sink,
    ) -> Self {
        Self {
            sink,
            judge: Judge::new(matrices),
            learning_rate: params.learning_rate,
            path: run.scratch.join("checkpoint.json"),
            last: Instant::now(),
        }
    }

    /// Writes a checkpoint and hands it over. A run without one is better than no run.
    pub fn keep(&self, checkpoint: &Checkpoint) {
        let written = serde_json::to_vec(checkpoint)
            .map_err(std::io::Error::from)
            .and_then(|bytes| fs::write(&self.path, bytes))
            .and_then(|()| self.sink.checkpoint(&self.path));
        if let Err(error) = written {
            self.sink.warn(&format!("no checkpoint of round {}: {error}", checkpoint.round));
        }
    }
}

impl FitObserver for Follow<'_> {
    fn cancelled(&self) -> bool {
        self.sink.stop().is_some()
    }

    fn metrics(&mut self, segment: Segment, scores: &[f64]) -> Vec<(String, f64)> {
        self.judge.metrics(segment, scores)
    }

    fn round(&mut self, round: &Round<'_>) {
        let mut values: Vec<(&str, f64)> =
            round.metrics.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        values.push(("learning_rate", self.learning_rate));
        let seconds = self.last.elapsed().as_secs_f64();
        if seconds > 0.0 {
            values.push(("rows_per_s", self.judge.train.len() as f64 / seconds));
        }
        self.last = Instant::now();
        self.sink.metrics(round.round, &values);
        self.sink.progress(&StageProgress {
            stage: Stage::Training,
            percent: 30.0 + 60.0 * f64::from(round.round) / f64::from(round.total.max(1)),
            round: round.round,
            rounds: round.total,
            message: message(round),
        });
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) {
        self.keep(checkpoint);
    }
}

fn message(round: &Round<'_>) -> String {
    let loss = round.metrics.iter().find(|(name, _)| name == VALID_L2);
    let loss = loss.map(|(_, loss)| format!(", validation loss {loss:.6}")).unwrap_or_default();
    let best = round.best_round.map(|best| format!(", best in round {best}")).unwrap_or_default();
    format!("round {} of {}{loss}{best}", round.round, round.total)
}
