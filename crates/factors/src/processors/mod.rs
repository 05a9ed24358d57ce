//! What happens to features and labels between the expressions and the model.

mod cross_section;
mod fitted;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use fitted::{FittedPipeline, FittedProcessor, Phase, Scale};

/// The columns a cross-sectional processor works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    #[default]
    Label,
    Features,
}

/// One step of preparation, with the formula of Qlib's processor of that name.
///
/// Cross-sectional (`cs_…`) steps compare the instruments of one bar with each other; the others
/// learn their numbers from the training rows alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Processor {
    /// Drops rows without a label. Only where a model learns: a prediction needs no label.
    DropnaLabel,
    /// Subtracts the bar's mean, divides by its standard deviation (one degree of freedom). A bar
    /// of one value or of equal values becomes missing.
    CsZscoreNorm {
        #[serde(default)]
        on: Target,
    },
    /// Rank within the bar as a share, mean rank for equals; less 0.5, times 3.46.
    CsRankNorm {
        #[serde(default)]
        on: Target,
    },
    /// Fills missing values with the bar's mean.
    CsZfillna {
        #[serde(default = "features")]
        on: Target,
    },
    /// Features less their training median, over 1.4826 times the median absolute deviation;
    /// clipped to ±3 if asked.
    RobustZscoreNorm {
        #[serde(default = "yes")]
        clip_outlier: bool,
    },
    /// Features less their training mean, over their training deviation (population). Columns that
    /// do not vary are left as they are.
    ZscoreNorm,
    /// Features scaled so that the training rows span 0 to 1. Columns that do not vary are left.
    MinMaxNorm,
    /// Fills missing features.
    Fillna {
        #[serde(default)]
        value: f32,
    },
}

fn features() -> Target {
    Target::Features
}

fn yes() -> bool {
    true
}
