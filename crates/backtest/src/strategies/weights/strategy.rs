use std::ops::Range;

use super::config::{Weighting, WeightsConfig};
use super::covariance::{Covariance, mean, returns};
use super::mean_variance::mean_variance;
use super::risk_parity::risk_parity;
use crate::engine::Strategy;
use crate::market::{Market, View};
use crate::orders::Orders;
use crate::sorter::Sorter;
use crate::strategies::leaving::Leaving;
use crate::strategies::sizing::may_hold;
use crate::{BacktestError, Signal};

/// Where the standard scores of a tilt are cut.
const GREATEST_SCORE: f64 = 3.0;

/// A portfolio by weights of what trades and, with a signal, has a score. What is held is not sold for
/// lacking a bar at a rebalancing.
#[derive(Debug)]
pub struct Weights {
    config: WeightsConfig,
    signal: Option<Signal>,
    sorter: Sorter,
    index: Vec<f64>,
    leaving: Leaving,
}

/// An instrument that may be held.
#[derive(Debug, Clone)]
struct Candidate {
    instrument: usize,
    score: Option<f64>,
    returns: Vec<f64>,
}

impl Weights {
    /// Refuses numbers out of range, and a missing signal where scores are needed.
    pub fn new(config: WeightsConfig, signal: Option<Signal>) -> Result<Self, BacktestError> {
        config.validate()?;
        if signal.is_none() && (config.weighting.needs_signal() || config.topk.is_some()) {
            let remedy = "this weighting, or topk, goes by scores";
            return Err(BacktestError::Incomplete { field: "signal", remedy });
        }
        let (sorter, leaving) = (Sorter::default(), Leaving::default());
        Ok(Self { config, signal, sorter, index: vec![], leaving })
    }

    /// What may be held now, the best scores first.
    fn candidates(&mut self, view: &View<'_>) -> Vec<Candidate> {
        let scores = self.signal.as_ref().map(|signal| signal.at(view.bar()));
        let score = |instrument: usize| scores.map(|scores| scores[instrument]);
        let mut chosen: Vec<u32> = (0..view.instruments().len() as u32)
            .filter(|&i| may_hold(view, i as usize) && !score(i as usize).is_some_and(f64::is_nan))
            .collect();
        if let Some(scores) = scores {
            self.sorter.descending(&mut chosen, |i| scores[i as usize]);
        }
        let window = self.config.weighting.window();
        let ready = chosen.into_iter().filter_map(|instrument| {
            let instrument = instrument as usize;
            let returns = match window {
                Some(window) => returns(view.closes(instrument), window)?,
                None => vec![],
            };
            Some(Candidate { instrument, score: score(instrument), returns })
        });
        ready.take(self.config.topk.unwrap_or(usize::MAX)).collect()
    }

    fn weights(&self, of: &[Candidate]) -> Option<Vec<f64>> {
        let scores = || of.iter().map(|one| one.score).collect::<Option<Vec<f64>>>();
        let series = || of.iter().map(|one| one.returns.clone()).collect::<Vec<_>>();
        match self.config.weighting {
            Weighting::Equal => normalise(vec![1.0; of.len()]),
            Weighting::Signal => {
                normalise(scores()?.into_iter().map(|score| score.max(0.0)).collect())
            }
            Weighting::EnhancedIndex { tilt, .. } => {
                let base = of.iter().map(|one| self.index[one.instrument]);
                let tilted = base.zip(standard(&scores()?));
                normalise(tilted.map(|(base, z)| base * (1.0 + tilt * z).max(0.0)).collect())
            }
            Weighting::RiskParity { shrinkage, .. } => {
                risk_parity(&Covariance::of(&series(), shrinkage))
            }
            Weighting::MeanVariance { shrinkage, risk_aversion, max_weight, .. } => {
                let series = series();
                let means = || series.iter().map(|series| mean(series)).collect();
                let expected = scores().unwrap_or_else(means);
                let covariance = Covariance::of(&series, shrinkage);
                mean_variance(&expected, &covariance, risk_aversion, max_weight)
            }
        }
    }
}

impl Strategy for Weights {
    fn start(&mut self, market: &Market, bars: Range<usize>) -> Result<(), BacktestError> {
        let width = market.instruments().len();
        if let Some(signal) = &self.signal {
            signal.check(width, bars)?;
        }
        self.index = vec![1.0; width];
        if let Weighting::EnhancedIndex { index, .. } = &self.config.weighting
            && !index.is_empty()
        {
            self.index = vec![0.0; width];
            for (name, &weight) in index {
                let instrument = market.index_of(name, "index weights")?;
                self.index[instrument as usize] = weight;
            }
        }
        Ok(())
    }

    /// Where weights are not defined, as for prices that do not move, the portfolio stays.
    fn on_bar(&mut self, view: &View<'_>, orders: &mut Orders<'_>) -> Result<(), BacktestError> {
        if !view.step().is_multiple_of(self.config.every) {
            return self.leaving.ask_again(view, orders);
        }
        let candidates = self.candidates(view);
        let some = (!candidates.is_empty()).then_some(&candidates);
        let Some(weights) = some.and_then(|candidates| self.weights(candidates)) else {
            return self.leaving.ask_again(view, orders);
        };
        self.leaving.clear();
        let mut targets = vec![0.0; view.instruments().len()];
        for (candidate, weight) in candidates.iter().zip(weights) {
            targets[candidate.instrument] = weight * self.config.exposure;
        }
        for (instrument, &target) in targets.iter().enumerate() {
            if !view.is_member(instrument) {
                continue;
            }
            let held = view.weight(instrument);
            let near = (target - held).abs() <= self.config.tolerance && target != 0.0;
            if target == 0.0 && held != 0.0 {
                self.leaving.close(instrument, orders)?;
            } else if !near && target != 0.0 {
                orders.cancel_all(instrument);
                orders.target_weight(instrument, target)?;
            }
        }
        Ok(())
    }
}

fn normalise(weights: Vec<f64>) -> Option<Vec<f64>> {
    let sum: f64 = weights.iter().sum();
    (sum > 0.0).then(|| weights.iter().map(|weight| weight / sum).collect())
}

/// Standard scores, cut; zero where all are the same.
fn standard(scores: &[f64]) -> Vec<f64> {
    let mean = mean(scores);
    let variance =
        scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / scores.len() as f64;
    let score = |score: &f64| match variance > 0.0 {
        true => ((score - mean) / variance.sqrt()).clamp(-GREATEST_SCORE, GREATEST_SCORE),
        false => 0.0,
    };
    scores.iter().map(score).collect()
}
