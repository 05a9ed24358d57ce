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

/// With sampling, so many rounds without a tree on end mean that there is nothing to find.
const BARREN_ROUNDS_MAX: u32 = 100;

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
    /// Give a checkpoint every so many rounds, or at the next at which a new bag of rows falls due;
    /// 0 none.
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
    /// No split was left that is worth it: in one round that saw all rows and features, or in
    /// 100 rounds on end that each drew some.
    NoMoreSplits,
}

/// A finished fit.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedTrees {
    /// The trees up to the best round.
    pub model: BoostedTrees,
    /// Rounds done. With sampling, a round whose rows and features offer no split grows no tree;
    /// when none does, the model is the label's mean.
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
    if fit.params.rounds == 0 {
        let found = fit.params.rounds.to_string();
        return Err(ModelError::Parameter { name: "rounds", wanted: "1 or more", found });
    }
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
    now: Mark,
    /// The last state a fit can go on from.
    resumable: Mark,
    /// Trees grown by this booster: the count its bags fall due by.
    grown: u32,
    /// The round of the last checkpoint.
    kept: u32,
    /// How many trees there were after each round.
    trees: Vec<u32>,
    history: History,
    /// The round with the lowest validation loss, and the loss.
    best: Option<(u32, f64)>,
    fingerprint: String,
    scores: Vec<f64>,
}

/// How far a fit is.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    round: u32,
    bags: u32,
    barren: u32,
}

impl<'a> Run<'a> {
    fn begin(fit: &'a BoostingFit<'a>, from: Option<&Checkpoint>) -> Result<Self, ModelError> {
        let parameters = parameters(fit);
        let fingerprint = fingerprint(fit, &parameters);
        if let Some(checkpoint) = from {
            checkpoint.check(&fingerprint, fit.train.columns)?;
        }
        let booster = begin(fit, &parameters, from)?;
        let now = from.map_or_else(Mark::default, |from| Mark {
            round: from.round,
            bags: from.bags,
            barren: from.barren,
        });
        let trees = from.map(|from| from.trees.clone()).unwrap_or_default();
        let history = from.map(|from| from.history.clone()).unwrap_or_default();
        let best = history.lowest(VALID_L2);
        Ok(Self {
            fit,
            booster,
            now,
            resumable: now,
            grown: 0,
            kept: now.round,
            trees,
            history,
            best,
            fingerprint,
            scores: Vec::new(),
        })
    }

    fn go(mut self, observer: &mut dyn FitObserver) -> Result<FitOutcome, ModelError> {
        let every = self.fit.checkpoint_every;
        loop {
            if let Some(stopped) = self.stopped() {
                return self.finish(stopped);
            }
            if observer.cancelled() {
                let checkpoint = self.checkpoint()?;
                return Ok(FitOutcome::Cancelled { rounds: self.now.round, checkpoint });
            }
            self.grow()?;
            self.measure(observer)?;
            let here = self.resumable.round == self.now.round;
            let due = every > 0 && self.now.round - self.kept >= every && self.stopped().is_none();
            if here
                && due
                && let Some(checkpoint) = self.checkpoint()?
            {
                self.kept = self.now.round;
                observer.checkpoint(&checkpoint);
            }
        }
    }

    fn stopped(&self) -> Option<StopReason> {
        let LightGbmParams { rounds, early_stopping_rounds: patience, .. } = *self.fit.params;
        let sampled = self.fit.params.feature_fraction < 1.0 || self.period() > 0;
        let barren_max = if sampled { BARREN_ROUNDS_MAX } else { 1 };
        if self.best.is_some_and(|(best, _)| patience > 0 && self.now.round - best >= patience) {
            Some(StopReason::EarlyStopping)
        } else if self.now.barren >= barren_max {
            Some(StopReason::NoMoreSplits)
        } else {
            (self.now.round >= rounds).then_some(StopReason::Rounds)
        }
    }

    /// 0 without bagging.
    fn period(&self) -> u32 {
        bagging_period(self.fit.params).unwrap_or(0)
    }

    fn grow(&mut self) -> Result<(), ModelError> {
        let period = self.period();
        self.now.bags += u32::from(period > 0 && self.grown.is_multiple_of(period));
        let barren = self.booster.update_one_iter()?;
        self.now.round += 1;
        self.now.barren = if barren { self.now.barren + 1 } else { 0 };
        self.grown += u32::from(!barren);
        let trees = self.booster.current_iteration()?;
        self.trees.push(u32::try_from(trees).unwrap_or(u32::MAX));
        if period == 0 || self.grown.is_multiple_of(period) {
            self.resumable = self.now;
        }
        Ok(())
    }

    fn measure(&mut self, observer: &mut dyn FitObserver) -> Result<(), ModelError> {
        let mut metrics = Vec::new();
        let mut further = Vec::new();
        let round = self.now.round;
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
                    self.best = Some((round, loss));
                }
            }
            further.extend(observer.metrics(segment, &self.scores));
        }
        metrics.append(&mut further);
        for (name, value) in &metrics {
            self.history.push(name, round, *value);
        }
        observer.round(&Round {
            round,
            total: self.fit.params.rounds,
            metrics: &metrics,
            best_round: self.best.map(|(best, _)| best),
        });
        Ok(())
    }

    /// The last state to go on from, which may lie some rounds back.
    fn checkpoint(&self) -> Result<Option<Box<Checkpoint>>, ModelError> {
        let Mark { round, bags, barren } = self.resumable;
        if round == 0 {
            return Ok(None);
        }
        let history = self.history.until(round);
        let best = history.lowest(VALID_L2);
        Ok(Some(Box::new(Checkpoint {
            round,
            bags,
            barren,
            model: self.model(round)?,
            trees: self.trees[..round as usize].to_vec(),
            best_round: best.map(|(round, _)| round),
            best_score: best.map(|(_, score)| score),
            history,
            fingerprint: self.fingerprint.clone(),
        })))
    }

    /// The trees there were after `round`, at least 1.
    fn model(&self, round: u32) -> Result<BoostedTrees, ModelError> {
        let trees = self.trees[round as usize - 1];
        let text = self.booster.text(Some(trees as usize))?;
        // Read once, a tree without splits loses its weight: a resumed fit has read it before.
        BoostedTrees::from_text(Booster::from_text(&text)?.text(None)?)
    }

    fn finish(self, stopped: StopReason) -> Result<FitOutcome, ModelError> {
        let best = self.best.filter(|_| self.fit.params.early_stopping_rounds > 0);
        let best_round = best.map_or(self.now.round, |(round, _)| round);
        let model = self.model(best_round)?;
        // From the text, which keeps gains with fewer digits: the same for a resumed fit.
        let importance = model.importance(self.fit.train.names)?;
        let best_score = self.history.get(VALID_L2).and_then(|series| {
            series.points.iter().find(|(round, _)| *round == best_round).and_then(|point| point.1)
        });
        Ok(FitOutcome::Finished(Box::new(FittedTrees {
            model,
            rounds: self.now.round,
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
        resume::advance(&mut booster, fit.params, checkpoint)?;
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
