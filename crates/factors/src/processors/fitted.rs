use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cross_section::{by_bar, fill_mean, rank, zscore};
use super::{Processor, Target};
use crate::error::FactorError;
use crate::matrix::Matrix;

/// Added to a deviation before division; Qlib's figure.
const EPSILON: f64 = 1e-12;
/// Median absolute deviation to standard deviation of a normal distribution.
const NORMAL: f64 = 1.4826;
const CLIP: f64 = 3.0;

/// Whether rows are for a model to learn from (or to be judged on), or only to be predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Learn,
    /// As [`Phase::Learn`], but rows without a label stay.
    Infer,
}

/// A column's affine map: `(x - center) / scale`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scale {
    pub center: f64,
    pub scale: f64,
}

/// A processor with what it learned from the training rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FittedProcessor {
    pub processor: Processor,
    /// One map a feature; empty for processors that learn nothing.
    #[serde(default)]
    pub scales: Vec<Scale>,
}

/// Processors in order, ready for any rows; stored beside the model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct FittedPipeline {
    pub steps: Vec<FittedProcessor>,
}

impl FittedPipeline {
    /// Fits each processor on the training rows as the earlier ones left them, and applies it.
    pub fn fit(processors: &[Processor], train: &mut Matrix) -> Result<Self, FactorError> {
        let mut steps = Vec::with_capacity(processors.len());
        for processor in processors {
            let step = FittedProcessor::fit(processor, train)?;
            step.apply(train, Phase::Learn)?;
            steps.push(step);
        }
        Ok(Self { steps })
    }

    pub fn apply(&self, matrix: &mut Matrix, phase: Phase) -> Result<(), FactorError> {
        self.steps.iter().try_for_each(|step| step.apply(matrix, phase))
    }
}

impl FittedProcessor {
    fn fit(processor: &Processor, train: &Matrix) -> Result<Self, FactorError> {
        let learn: fn(&mut [f64]) -> Scale = match processor {
            Processor::RobustZscoreNorm { .. } => robust,
            Processor::ZscoreNorm => standard,
            Processor::MinMaxNorm => min_max,
            _ => return Ok(Self { processor: processor.clone(), scales: vec![] }),
        };
        if train.is_empty() {
            return Err(FactorError::NothingToFit { processor: processor.name() });
        }
        let scale = |index: usize| {
            let present = train.feature(index).iter().filter(|value| !value.is_nan());
            learn(&mut present.map(|&value| f64::from(value)).collect::<Vec<f64>>())
        };
        let scales = (0..train.feature_names.len()).map(scale).collect();
        Ok(Self { processor: processor.clone(), scales })
    }

    fn apply(&self, matrix: &mut Matrix, phase: Phase) -> Result<(), FactorError> {
        match &self.processor {
            Processor::DropnaLabel if phase == Phase::Learn => {
                let missing: Vec<bool> = matrix.label.iter().map(|v| v.is_nan()).collect();
                matrix.retain(|row| !missing[row]);
            }
            Processor::DropnaLabel => {}
            Processor::CsZscoreNorm { on } => across(matrix, *on, zscore),
            Processor::CsRankNorm { on } => across(matrix, *on, rank),
            Processor::CsZfillna { on } => across(matrix, *on, fill_mean),
            Processor::RobustZscoreNorm { clip_outlier: true } => {
                self.rescale(matrix, |value| value.clamp(-CLIP, CLIP))?;
            }
            Processor::RobustZscoreNorm { .. } | Processor::ZscoreNorm | Processor::MinMaxNorm => {
                self.rescale(matrix, |value| value)?;
            }
            Processor::Fillna { value } => {
                for missing in matrix.features.iter_mut().filter(|value| value.is_nan()) {
                    *missing = *value;
                }
            }
        }
        Ok(())
    }

    fn rescale(&self, matrix: &mut Matrix, finish: impl Fn(f64) -> f64) -> Result<(), FactorError> {
        let (fitted, found) = (self.scales.len(), matrix.feature_names.len());
        if fitted != found {
            return Err(FactorError::ColumnMismatch { fitted, found });
        }
        for (index, scale) in self.scales.iter().enumerate() {
            for value in matrix.feature_mut(index) {
                *value = finish((f64::from(*value) - scale.center) / scale.scale) as f32;
            }
        }
        Ok(())
    }
}

impl Processor {
    /// The processor's name in a configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Self::DropnaLabel => "dropna_label",
            Self::CsZscoreNorm { .. } => "cs_zscore_norm",
            Self::CsRankNorm { .. } => "cs_rank_norm",
            Self::CsZfillna { .. } => "cs_zfillna",
            Self::RobustZscoreNorm { .. } => "robust_zscore_norm",
            Self::ZscoreNorm => "zscore_norm",
            Self::MinMaxNorm => "min_max_norm",
            Self::Fillna { .. } => "fillna",
        }
    }
}

fn across(matrix: &mut Matrix, on: Target, transform: fn(&mut [f32])) {
    let sections = matrix.cross_sections();
    match on {
        Target::Label => by_bar(&mut matrix.label, &sections, transform),
        Target::Features => {
            for index in 0..matrix.feature_names.len() {
                by_bar(matrix.feature_mut(index), &sections, transform);
            }
        }
    }
}

/// A column that is missing throughout stays so; the map must still be finite to be stored.
const IDENTITY: Scale = Scale { center: 0.0, scale: 1.0 };

fn robust(values: &mut [f64]) -> Scale {
    if values.is_empty() {
        return IDENTITY;
    }
    let center = median(values);
    for value in values.iter_mut() {
        *value = (*value - center).abs();
    }
    Scale { center, scale: (median(values) + EPSILON) * NORMAL }
}

fn standard(values: &mut [f64]) -> Scale {
    let count = values.len() as f64;
    let constant = values.iter().all(|value| *value == values[0]);
    if constant {
        return IDENTITY;
    }
    let center = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - center).powi(2)).sum();
    Scale { center, scale: (squares / count).sqrt() }
}

fn min_max(values: &mut [f64]) -> Scale {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low < high { Scale { center: low, scale: high - low } } else { IDENTITY }
}

fn median(values: &mut [f64]) -> f64 {
    let (half, odd) = (values.len() / 2, values.len() % 2 == 1);
    let (below, &mut upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    if odd {
        return upper;
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (lower + upper) / 2.0
}
