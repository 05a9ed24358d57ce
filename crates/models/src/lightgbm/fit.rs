use alphafleet_lightgbm::{Booster, Dataset, DatasetFields, Matrix, Parameters};
use alphafleet_specs::LightGbmParams;

use super::checkpoint::fingerprint;
use super::parameters::{bagging_period, parameters};
use super::{BoostedTrees, Checkpoint, FitObserver, Round, Segment, resume};
use crate::design::same;
use crate::{Design, FeatureImportance, History, ModelError, mse};

/// Mean squared error on the training segment, on the label the model saw.
pub const TRAIN_L2: &str = "train_l2";
/// Mean squared error on the validation segment, on the label the model saw.
pub const VALID_L2: &str = "valid_l2";

/// What to fit and how.
#[derive(Debug, Clone, Copy)]
pub struct BoostingFit<'a> {
    pub train: Design<'a>,
    /// Without it there is no early stopping.
    pub valid: Option<Design<'a>>,
    pub params: &'a LightGbmParams,
    /// `None` leaves LightGBM's default seeds, as its Python package does. Of a seed the lower
    /// 31 bits count.
    pub seed: Option<u32>,
    /// At least 1. Equal results need equal numbers of threads.
    pub threads: usize,
    /// Give a checkpoint every so many rounds, moved up to a multiple of `bagging_freq`; 0 none.
    pub checkpoint_every: u32,
}

/// Why a fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// All rounds were done.
    Rounds,
    /// The validation loss had not improved for `early_stopping_rounds`.
    EarlyStopping,
    /// No split was left that is worth it.
    NoMoreSplits,
}

/// A finished fit.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedTrees {
    /// The trees up to the best round.
    pub model: BoostedTrees,
    /// Rounds that grew a tree. 0 when there was nothing to split: the model is the label's mean.
    pub rounds: u32,
    /// The round with the lowest validation loss; the last without early stopping.
    pub best_round: u32,
    /// The validation loss there.
    pub best_score: Option<f64>,
    pub stopped: StopReason,
    pub history: History,
    /// Of the trees up to the best round, by falling gain.
    pub importance: Vec<FeatureImportance>,
}

/// How a fit ended.
#[derive(Debug, Clone, PartialEq)]
pub enum FitOutcome {
    Finished(Box<FittedTrees>),
    /// The observer asked for it.
    Cancelled {
        /// Rounds done.
        rounds: u32,
        /// Where to go on from: the last round at which that is possible.
        checkpoint: Option<Box<Checkpoint>>,
    },
}

/// Fits boosted trees, round by round, from the beginning or from a checkpoint of the same fit.
///
/// Equal inputs, seed and number of threads give equal bytes, and so does a fit that was
/// interrupted and resumed any number of times, with or without sampling of features and rows.
/// Early stopping follows LightGBM's Python callback: only a strictly lower loss is better.
///
/// # Errors
/// When lengths do not fit, a label is not finite, the checkpoint is another run's, or LightGBM
/// refuses.
pub fn fit_boosting(
    fit: &BoostingFit<'_>,
    from: Option<&Checkpoint>,
    observer: &mut dyn FitObserver,
) -> Result<FitOutcome, ModelError> {
    fit.train.check("train")?;
    if let Some(valid) = &fit.valid {
        valid.check("valid")?;
        valid.features().check_names(fit.train.names)?;
    }
    Run::begin(fit, from)?.go(observer)
}

struct Run<'a> {
    fit: &'a BoostingFit<'a>,
    booster: Booster,
    round: u32,
    history: History,
    best: Option<(u32, f64)>,
    fingerprint: String,
    scores: Vec<f64>,
}

impl<'a> Run<'a> {
    fn begin(fit: &'a BoostingFit<'a>, from: Option<&Checkpoint>) -> Result<Self, ModelError> {
        let parameters = parameters(fit);
        let fingerprint = fingerprint(fit, &parameters);
        let (booster, round, history) = match from {
            None => (begin(fit, &parameters, None)?, 0, History::default()),
            Some(checkpoint) => {
                checkpoint.check(&fingerprint, fit.train.columns)?;
                if checkpoint.round % bagging_period(fit.params).unwrap_or(1) != 0 {
                    let reason = "its round is not one at which a new bag is drawn".to_owned();
                    return Err(ModelError::Checkpoint(reason));
                }
                let booster = begin(fit, &parameters, Some(checkpoint))?;
                (booster, checkpoint.round, checkpoint.history.clone())
            }
        };
        let best = history.lowest(VALID_L2);
        Ok(Self { fit, booster, round, history, best, fingerprint, scores: Vec::new() })
    }

    fn go(mut self, observer: &mut dyn FitObserver) -> Result<FitOutcome, ModelError> {
        let params = self.fit.params;
        let period = bagging_period(params).unwrap_or(1);
        let every = self.fit.checkpoint_every.next_multiple_of(period);
        let stopped = loop {
            if self.out_of_patience() {
                break StopReason::EarlyStopping;
            }
            if self.round >= params.rounds {
                break StopReason::Rounds;
            }
            if observer.cancelled() {
                let checkpoint = self.checkpoint(self.round - self.round % period)?;
                return Ok(FitOutcome::Cancelled { rounds: self.round, checkpoint });
            }
            if self.booster.update_one_iter()? {
                break StopReason::NoMoreSplits;
            }
            self.round += 1;
            self.measure(observer)?;
            let due = every > 0 && self.round.is_multiple_of(every) && self.round < params.rounds;
            if due && let Some(checkpoint) = self.checkpoint(self.round)? {
                observer.checkpoint(&checkpoint);
            }
        };
        self.finish(stopped)
    }

    fn out_of_patience(&self) -> bool {
        let patience = self.fit.params.early_stopping_rounds;
        self.best.is_some_and(|(best, _)| patience > 0 && self.round - best >= patience)
    }

    fn measure(&mut self, observer: &mut dyn FitObserver) -> Result<(), ModelError> {
        let mut metrics = Vec::new();
        let mut further = Vec::new();
        let segments = [
            (Segment::Train, TRAIN_L2, Some(&self.fit.train)),
            (Segment::Valid, VALID_L2, self.fit.valid.as_ref()),
        ];
        for (data, (segment, name, design)) in segments.into_iter().enumerate() {
            let Some(design) = design else { continue };
            self.booster.scores(data, &mut self.scores)?;
            same("the scores", design.rows, self.scores.len())?;
            if let Some(loss) = mse(&self.scores, design.label) {
                metrics.push((name.to_owned(), loss));
                let better = self.best.is_none_or(|(_, best)| loss < best);
                if segment == Segment::Valid && better {
                    self.best = Some((self.round, loss));
                }
            }
            further.extend(observer.metrics(segment, &self.scores));
        }
        metrics.append(&mut further);
        for (name, value) in &metrics {
            self.history.push(name, self.round, *value);
        }
        observer.round(&Round {
            round: self.round,
            total: self.fit.params.rounds,
            metrics: &metrics,
            best_round: self.best.map(|(round, _)| round),
        });
        Ok(())
    }

    /// The state after `round`, which may lie some rounds back.
    fn checkpoint(&self, round: u32) -> Result<Option<Box<Checkpoint>>, ModelError> {
        if round == 0 {
            return Ok(None);
        }
        let history = self.history.until(round);
        let best = history.lowest(VALID_L2);
        Ok(Some(Box::new(Checkpoint {
            round,
            model: BoostedTrees::from_text(self.booster.text(Some(round as usize))?)?,
            best_round: best.map(|(round, _)| round),
            best_score: best.map(|(_, score)| score),
            history,
            fingerprint: self.fingerprint.clone(),
        })))
    }

    fn finish(self, stopped: StopReason) -> Result<FitOutcome, ModelError> {
        let best = self.best.filter(|_| self.fit.params.early_stopping_rounds > 0);
        let best_round = best.map_or(self.round, |(round, _)| round);
        // Without any round the booster holds one constant tree.
        let text = self.booster.text(Some(best_round.max(1) as usize))?;
        let model = BoostedTrees::from_text(text)?;
        // From the text, which keeps gains with fewer digits: the same for a resumed fit.
        let importance = model.importance(self.fit.train.names)?;
        let best_score = self.history.get(VALID_L2).and_then(|series| {
            series.points.iter().find(|(round, _)| *round == best_round).and_then(|point| point.1)
        });
        Ok(FitOutcome::Finished(Box::new(FittedTrees {
            model,
            rounds: self.round,
            best_round,
            best_score,
            stopped,
            history: self.history,
            importance,
        })))
    }
}

fn begin(
    fit: &BoostingFit<'_>,
    parameters: &Parameters,
    from: Option<&Checkpoint>,
) -> Result<Booster, ModelError> {
    let train = dataset(fit, &fit.train, parameters, from, None)?;
    let initial = match from {
        None => parameters.clone(),
        Some(_) => resume::initial(parameters),
    };
    let mut booster = Booster::new(&train, &initial)?;
    if let Some(checkpoint) = from {
        // Before the draws are advanced: a booster that has trees drops the empty one again.
        booster.merge(&Booster::from_text(checkpoint.model.text())?)?;
        resume::advance(&mut booster, fit.params, checkpoint.round)?;
    }
    if let Some(valid) = &fit.valid {
        booster.add_valid(&dataset(fit, valid, parameters, from, Some(&train))?)?;
    }
    Ok(booster)
}

fn dataset(
    fit: &BoostingFit<'_>,
    design: &Design<'_>,
    parameters: &Parameters,
    from: Option<&Checkpoint>,
    reference: Option<&Dataset>,
) -> Result<Dataset, ModelError> {
    let matrix = Matrix::column_major(design.features, design.rows, design.columns)?;
    let scores = from
        .map(|checkpoint| checkpoint.model.predict(&design.features(), fit.threads.max(1)))
        .transpose()?;
    let fields = DatasetFields { label: design.label, init_score: scores.as_deref(), names: None };
    Ok(Dataset::new(matrix, fields, parameters, reference)?)
}
