use serde::{Deserialize, Serialize};

use crate::{BoostedTrees, Features, LinearModel, ModelError};

/// A fitted model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Model {
    LightGbm(BoostedTrees),
    Linear(LinearModel),
}

impl Model {
    /// The name in documents: `lightgbm` or `linear`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::LightGbm(_) => "lightgbm",
            Self::Linear(_) => "linear",
        }
    }

    /// How many features a row has.
    pub fn columns(&self) -> usize {
        match self {
            Self::LightGbm(trees) => trees.columns(),
            Self::Linear(linear) => linear.coefficients.len(),
        }
    }

    /// One score a row. It does not depend on the number of threads, nor on which other rows are
    /// asked for with it.
    ///
    /// # Errors
    /// When a row has not as many features as the model, or, for a linear model, one is missing.
    pub fn predict(&self, features: &Features<'_>, threads: usize) -> Result<Vec<f64>, ModelError> {
        match self {
            Self::LightGbm(trees) => trees.predict(features, threads),
            Self::Linear(linear) => linear.predict(features),
        }
    }
}
