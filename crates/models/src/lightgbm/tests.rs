#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::cell::Cell;

use alphafleet_specs::LightGbmParams;
use proptest::prelude::*;

use super::*;
use crate::{Design, ModelError, mse};

const COLUMNS: usize = 12;

struct Sample {
    features: Vec<f32>,
    label: Vec<f32>,
    names: Vec<String>,
}

impl Sample {
    /// Features without order, some missing, and a label made of the first three with noise.
    fn new(seed: u64, rows: usize) -> Self {
        let mut state = seed;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_889);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        let mut features: Vec<f32> = (0..rows * COLUMNS).map(|_| next()).collect();
        features[4 * rows..6 * rows].iter_mut().step_by(13).for_each(|value| *value = f32::NAN);
        let label = (0..rows)
            .map(|row| {
                let x = |column: usize| features[column * rows + row];
                x(0) + 2.0 * x(1) * x(2) + 0.5 * next()
            })
            .collect();
        let names = (0..COLUMNS).map(|at| format!("f{at}")).collect();
        Self { features, label, names }
    }

    fn design(&self) -> Design<'_> {
        Design {
            features: &self.features,
            rows: self.label.len(),
            columns: COLUMNS,
            names: &self.names,
            label: &self.label,
        }
    }
}

fn quick() -> LightGbmParams {
    LightGbmParams {
        rounds: 30,
        early_stopping_rounds: 0,
        learning_rate: 0.1,
        num_leaves: 15,
        ..LightGbmParams::default()
    }
}

fn fit<'a>(train: &'a Sample, valid: &'a Sample, params: &'a LightGbmParams) -> BoostingFit<'a> {
    BoostingFit {
        train: train.design(),
        valid: Some(valid.design()),
        params,
        seed: Some(7),
        threads: 2,
        checkpoint_every: 0,
    }
}

fn finished(outcome: FitOutcome) -> FittedTrees {
    match outcome {
        FitOutcome::Finished(fitted) => *fitted,
        FitOutcome::Cancelled { rounds, .. } => panic!("cancelled after {rounds} rounds"),
    }
}

/// Keeps what it is told and ends the fit before round `stop_after + 1`.
#[derive(Default)]
struct Recorder {
    rounds: Vec<(u32, u32, Option<u32>, usize)>,
    checkpoints: Vec<Checkpoint>,
    stop_after: Option<u32>,
    asked: Cell<u32>,
}

impl FitObserver for Recorder {
    fn cancelled(&self) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.stop_after.is_some_and(|rounds| self.rounds.len() as u32 >= rounds)
    }

    fn metrics(&mut self, segment: Segment, scores: &[f64]) -> Vec<(String, f64)> {
        match segment {
            Segment::Train => Vec::new(),
            Segment::Valid => vec![("valid_mean".into(), scores.iter().sum::<f64>())],
        }
    }

    fn round(&mut self, round: &Round<'_>) {
        self.rounds.push((round.round, round.total, round.best_round, round.metrics.len()));
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) {
        self.checkpoints.push(checkpoint.clone());
    }
}

#[test]
fn learns_a_planted_signal_and_tells_every_round() {
    let (train, valid) = (Sample::new(1, 4_000), Sample::new(2, 1_000));
    let params = quick();
    let mut recorder = Recorder::default();
    let fitted =
        finished(fit_boosting(&fit(&train, &valid, &params), None, &mut recorder).unwrap());
    assert_eq!((fitted.rounds, fitted.best_round, fitted.stopped), (30, 30, StopReason::Rounds));
    assert_eq!(recorder.rounds.len(), 30);
    assert!(
        recorder
            .rounds
            .iter()
            .zip(1..)
            .all(|(told, round)| { (told.0, told.1, told.3) == (round, 30, 3) })
    );
    let losses = &fitted.history.get(VALID_L2).unwrap().points;
    assert_eq!(losses.len(), 30);
    assert!(losses[29].1.unwrap() < 0.7 * losses[0].1.unwrap(), "{losses:?}");
    assert_eq!(fitted.best_score, losses[29].1);
    assert_eq!(fitted.history.get("valid_mean").unwrap().points.len(), 30);
    let first: Vec<&str> = fitted.importance[..3].iter().map(|one| one.name.as_str()).collect();
    assert!(["f0", "f1", "f2"].iter().all(|name| first.contains(name)), "{first:?}");
    let scores = fitted.model.predict(&valid.design().features(), 1).unwrap();
    assert_eq!(mse(&scores, &valid.label), losses[29].1);
}

#[test]
fn stops_early_as_the_python_package_does() {
    let (train, valid) = (Sample::new(1, 1_500), Sample::new(2, 500));
    let params =
        LightGbmParams { rounds: 500, early_stopping_rounds: 10, learning_rate: 0.4, ..quick() };
    let fitted =
        finished(fit_boosting(&fit(&train, &valid, &params), None, &mut NoObserver).unwrap());
    assert_eq!(fitted.stopped, StopReason::EarlyStopping);
    assert_eq!(fitted.rounds, fitted.best_round + 10);
    assert_eq!(fitted.model.rounds(), fitted.best_round as usize);
    let losses = &fitted.history.get(VALID_L2).unwrap().points;
    let lowest = losses.iter().map(|(_, loss)| loss.unwrap()).reduce(f64::min).unwrap();
    assert_eq!(fitted.best_score, Some(lowest));
    let scores = fitted.model.predict(&valid.design().features(), 2).unwrap();
    assert_eq!(mse(&scores, &valid.label), Some(lowest));
}

#[test]
fn equal_seeds_give_equal_bytes_and_others_do_not() {
    let (train, valid) = (Sample::new(1, 2_000), Sample::new(2, 500));
    let params = quick();
    let run = |seed| {
        let fit = BoostingFit { seed, ..fit(&train, &valid, &params) };
        finished(fit_boosting(&fit, None, &mut NoObserver).unwrap())
    };
    assert_eq!(run(Some(7)), run(Some(7)));
    assert_ne!(run(Some(7)).model, run(Some(8)).model);
    assert_ne!(run(Some(7)).model, run(None).model);
}

#[test]
fn cancels_between_two_rounds() {
    let (train, valid) = (Sample::new(1, 1_000), Sample::new(2, 300));
    let params = quick();
    let mut recorder = Recorder { stop_after: Some(7), ..Recorder::default() };
    let outcome = fit_boosting(&fit(&train, &valid, &params), None, &mut recorder).unwrap();
    let FitOutcome::Cancelled { rounds, checkpoint } = outcome else { panic!("it went on") };
    assert_eq!((rounds, recorder.rounds.len(), recorder.asked.get()), (7, 7, 8));
    // Bags are drawn every five rounds: the last round to go on from is the fifth.
    assert_eq!(checkpoint.unwrap().round, 5);
    let mut at_once = Recorder { stop_after: Some(0), ..Recorder::default() };
    let outcome = fit_boosting(&fit(&train, &valid, &params), None, &mut at_once).unwrap();
    assert_eq!(outcome, FitOutcome::Cancelled { rounds: 0, checkpoint: None });
}

/// Every way of sampling, every place to stop: a resumed fit ends with the same bytes.
#[test]
fn resumed() {
    let (train, valid) = (Sample::new(3, 3_000), Sample::new(4, 700));
    let cases = [(1.0, 1.0, 0), (0.6, 1.0, 0), (1.0, 0.7, 1), (0.6, 0.7, 1), (0.6, 0.7, 5)];
    for (feature_fraction, bagging_fraction, bagging_freq) in cases {
        let params = LightGbmParams { feature_fraction, bagging_fraction, bagging_freq, ..quick() };
        let fit = BoostingFit { checkpoint_every: 3, ..fit(&train, &valid, &params) };
        let mut recorder = Recorder::default();
        let whole = finished(fit_boosting(&fit, None, &mut recorder).unwrap());
        let due = if bagging_freq == 5 { 5 } else { 3 };
        let rounds: Vec<u32> = recorder.checkpoints.iter().map(|one| one.round).collect();
        assert_eq!(rounds, (1..30 / due).map(|at| at * due).collect::<Vec<_>>());
        for checkpoint in &recorder.checkpoints {
            let stored = serde_json::to_string(checkpoint).unwrap();
            let checkpoint: Checkpoint = serde_json::from_str(&stored).unwrap();
            let mut again = Recorder::default();
            let rest = finished(fit_boosting(&fit, Some(&checkpoint), &mut again).unwrap());
            assert_eq!(again.rounds.first().map(|told| told.0), Some(checkpoint.round + 1));
            assert!(rest == whole, "{params:?} from {}", checkpoint.round);
        }
    }
}

#[test]
fn resumes_a_resumed_fit_that_stops_early() {
    let (train, valid) = (Sample::new(5, 1_500), Sample::new(6, 500));
    let params =
        LightGbmParams { rounds: 400, early_stopping_rounds: 8, learning_rate: 0.3, ..quick() };
    let fit = fit(&train, &valid, &params);
    let whole = finished(fit_boosting(&fit, None, &mut Recorder::default()).unwrap());
    let mut checkpoint = None;
    let mut legs = 0;
    let resumed = loop {
        let mut recorder = Recorder { stop_after: Some(7), ..Recorder::default() };
        match fit_boosting(&fit, checkpoint.as_deref(), &mut recorder).unwrap() {
            FitOutcome::Finished(fitted) => break *fitted,
            FitOutcome::Cancelled { checkpoint: next, .. } => checkpoint = next,
        }
        legs += 1;
    };
    assert!(legs > 2 && whole.stopped == StopReason::EarlyStopping, "{legs} {:?}", whole.stopped);
    assert_eq!(resumed, whole);
}

#[test]
fn a_checkpoint_of_another_run_is_refused() {
    let (train, valid) = (Sample::new(1, 800), Sample::new(2, 300));
    let params = quick();
    let this = BoostingFit { checkpoint_every: 5, ..fit(&train, &valid, &params) };
    let mut recorder = Recorder::default();
    fit_boosting(&this, None, &mut recorder).unwrap();
    let checkpoint = &recorder.checkpoints[1];
    let refused = |fit: &BoostingFit<'_>, checkpoint: &Checkpoint| {
        let result = fit_boosting(fit, Some(checkpoint), &mut NoObserver);
        assert!(matches!(result, Err(ModelError::Checkpoint(_))), "{result:?}");
    };
    refused(&BoostingFit { seed: Some(8), ..this }, checkpoint);
    refused(&BoostingFit { threads: 1, ..this }, checkpoint);
    let other = LightGbmParams { learning_rate: 0.11, ..quick() };
    refused(&BoostingFit { params: &other, ..this }, checkpoint);
    let mut moved = Sample::new(1, 800);
    moved.features[17] += 1.0;
    refused(&BoostingFit { train: moved.design(), ..this }, checkpoint);
    refused(&this, &Checkpoint { round: 9, ..checkpoint.clone() });
    // More rounds are the same run gone further.
    let longer = LightGbmParams { rounds: 40, ..quick() };
    let longer = BoostingFit { params: &longer, ..this };
    let run = |from| finished(fit_boosting(&longer, from, &mut Recorder::default()).unwrap());
    assert_eq!(run(None), run(Some(checkpoint)));
}

#[test]
fn a_label_without_variation_is_learnt_as_its_mean() {
    let mut train = Sample::new(1, 500);
    train.label.fill(0.25);
    let all = LightGbmParams { feature_fraction: 1.0, bagging_freq: 0, ..quick() };
    for (params, rounds) in [(all, 1), (LightGbmParams { rounds: 500, ..quick() }, 100)] {
        let fit = BoostingFit { valid: None, ..fit(&train, &train, &params) };
        let fitted = finished(fit_boosting(&fit, None, &mut NoObserver).unwrap());
        assert_eq!((fitted.rounds, fitted.stopped), (rounds, StopReason::NoMoreSplits));
        assert_eq!(fitted.model.rounds(), 1);
        let scores = fitted.model.predict(&train.design().features(), 1).unwrap();
        assert!(scores.iter().all(|score| (score - 0.25).abs() < 1e-9));
    }
}

/// A penalty under which many draws of features and rows, the first among them, offer no split:
/// the fit goes on, and resumes where it was.
#[test]
fn rounds_without_a_tree_do_not_end_a_sampled_fit() {
    let (train, valid) = (Sample::new(3, 3_000), Sample::new(4, 700));
    let mut first_was_barren = false;
    for bagging_freq in [0, 2] {
        let params = LightGbmParams {
            feature_fraction: 0.1,
            bagging_freq,
            lambda_l1: 120.0,
            rounds: 60,
            ..quick()
        };
        for seed in 0..2 {
            let fit = BoostingFit {
                seed: Some(seed),
                checkpoint_every: 7,
                ..fit(&train, &valid, &params)
            };
            let mut recorder = Recorder::default();
            let whole = finished(fit_boosting(&fit, None, &mut recorder).unwrap());
            let trees = whole.model.rounds();
            assert!(whole.rounds == 60 && trees > 3 && trees < 50, "{trees} trees");
            first_was_barren |= recorder.checkpoints[0].trees[1] == 1;
            for checkpoint in &recorder.checkpoints {
                let mut again = Recorder::default();
                let rest = finished(fit_boosting(&fit, Some(checkpoint), &mut again).unwrap());
                assert!(rest == whole, "{bagging_freq} {seed} from {}", checkpoint.round);
            }
        }
    }
    assert!(first_was_barren);
}

#[test]
fn what_does_not_fit_is_refused() {
    let (train, valid) = (Sample::new(1, 200), Sample::new(2, 100));
    let params = quick();
    let good = fit(&train, &valid, &params);
    let refused = |train: Design<'_>| {
        fit_boosting(&BoostingFit { train, ..good }, None, &mut NoObserver).unwrap_err()
    };
    let design = train.design();
    assert!(matches!(refused(Design { rows: 199, ..design }), ModelError::Shape { .. }));
    assert!(matches!(
        refused(Design { names: &train.names[1..], ..design }),
        ModelError::Shape { .. }
    ));
    let mut label = train.label.clone();
    label[3] = f32::NAN;
    assert!(matches!(refused(Design { label: &label, ..design }), ModelError::Label { row: 3 }));
    let empty = Design { features: &[], rows: 0, label: &[], ..design };
    assert!(matches!(refused(empty), ModelError::Empty("train")));
    let mut names = train.names.clone();
    names.swap(0, 1);
    let swapped = Design { names: &names, ..design };
    assert!(matches!(refused(swapped), ModelError::Features { at: 0, .. }));
    let none = LightGbmParams { rounds: 0, ..quick() };
    let error = fit_boosting(&BoostingFit { params: &none, ..good }, None, &mut NoObserver);
    assert!(matches!(error, Err(ModelError::Parameter { name: "rounds", .. })));
    let bad = LightGbmParams { num_leaves: 1, ..quick() };
    let error = fit_boosting(&BoostingFit { params: &bad, ..good }, None, &mut NoObserver);
    assert!(error.unwrap_err().to_string().contains("num_leaves"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A row's score does not depend on the rows around it.
    #[test]
    fn part_of_the_rows_gets_the_same_scores(seed in 0u64..1_000, from in 0usize..150, rows in 1usize..50) {
        let train = Sample::new(seed, 200);
        let params = LightGbmParams { rounds: 5, ..quick() };
        let fit = BoostingFit { valid: None, ..fit(&train, &train, &params) };
        let fitted = finished(fit_boosting(&fit, None, &mut NoObserver).unwrap());
        let whole = fitted.model.predict(&train.design().features(), 2).unwrap();
        let part: Vec<f32> = (0..COLUMNS)
            .flat_map(|at| train.design().features().column(at)[from..from + rows].to_vec())
            .collect();
        let part = crate::Features { values: &part, rows, columns: COLUMNS, names: &train.names };
        prop_assert_eq!(&fitted.model.predict(&part, 1).unwrap()[..], &whole[from..from + rows]);
    }
}
