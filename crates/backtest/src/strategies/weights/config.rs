use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::BacktestError;
use crate::range::Given;

/// How much of each chosen instrument is held; weights add up to the exposure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Weighting {
    /// The same of each.
    Equal,
    /// In proportion to scores, of which only positive ones count.
    Signal,
    /// Enhanced indexing: index weights times `1 + tilt · z`, where `z` is the score's standard
    /// score among those chosen, cut to ±3; what would be negative is zero.
    EnhancedIndex {
        tilt: f64,
        /// Weights of the index by name; without any, equal ones.
        #[serde(default)]
        index: BTreeMap<String, f64>,
    },
    /// The same risk from each, by the covariance of the last `window` returns; a missing bar is a
    /// return of 0.
    RiskParity { window: usize, shrinkage: f64 },
    /// The best of expected return less risk. Scores are expected returns of a bar; without a
    /// signal the mean of the window is.
    MeanVariance {
        window: usize,
        shrinkage: f64,
        /// γ in `μ'w − γ/2 · w'Σw`.
        risk_aversion: f64,
        /// Greatest weight of one instrument.
        max_weight: f64,
    },
}

impl Weighting {
    pub(crate) fn needs_signal(&self) -> bool {
        matches!(self, Self::Signal | Self::EnhancedIndex { .. })
    }

    /// Returns that an instrument must have to be chosen.
    pub(crate) fn window(&self) -> Option<usize> {
        match *self {
            Self::RiskParity { window, .. } | Self::MeanVariance { window, .. } => Some(window),
            _ => None,
        }
    }

    fn validate(&self) -> Result<(), BacktestError> {
        if let Some(window) = self.window() {
            Given("weighting.window", window as f64).check(|w| w >= 2.0, "at least 2")?;
        }
        match self {
            Self::Equal | Self::Signal => Ok(()),
            Self::EnhancedIndex { tilt, index } => {
                for &weight in index.values() {
                    Given("weighting.index", weight).not_negative()?;
                }
                Given("weighting.tilt", *tilt).not_negative()
            }
            Self::RiskParity { shrinkage, .. } => {
                Given("weighting.shrinkage", *shrinkage).fraction()
            }
            Self::MeanVariance { shrinkage, risk_aversion, max_weight, .. } => {
                Given("weighting.shrinkage", *shrinkage).fraction()?;
                Given("weighting.risk_aversion", *risk_aversion).positive()?;
                Given("weighting.max_weight", *max_weight)
                    .check(|weight| weight > 0.0 && weight <= 1.0, "above 0 and at most 1")
            }
        }
    }
}

/// Holds a portfolio of weights and brings it back to them now and then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WeightsConfig {
    pub weighting: Weighting,
    /// Only as many of the highest scores are held. Needs a signal.
    #[serde(default)]
    pub topk: Option<usize>,
    /// Bars between one rebalancing and the next.
    #[serde(default = "WeightsConfig::every_bar")]
    #[schemars(range(min = 1))]
    pub every: usize,
    /// Part of the equity that is invested.
    #[serde(default = "WeightsConfig::default_exposure")]
    pub exposure: f64,
    /// Differences of weights up to this are left alone.
    #[serde(default)]
    pub tolerance: f64,
}

impl WeightsConfig {
    fn every_bar() -> usize {
        1
    }

    fn default_exposure() -> f64 {
        0.95
    }

    pub fn validate(&self) -> Result<(), BacktestError> {
        self.weighting.validate()?;
        Given("every", self.every as f64).check(|every| every >= 1.0, "at least 1")?;
        Given("exposure", self.exposure)
            .check(|exposure| exposure > 0.0 && exposure <= 10.0, "above 0 and at most 10")?;
        Given("tolerance", self.tolerance).rate()?;
        match self.topk {
            Some(topk) => Given("topk", topk as f64).check(|topk| topk >= 1.0, "at least 1"),
            None => Ok(()),
        }
    }
}
