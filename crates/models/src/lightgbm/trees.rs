use std::fmt;

use alphafleet_lightgbm::{Booster, ImportanceKind, Matrix};
use serde::{Deserialize, Serialize};

use crate::design::same;
use crate::{FeatureImportance, Features, ModelError};

/// Boosted trees as LightGBM's text, which has been read once and found whole.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BoostedTrees {
    text: String,
    rounds: usize,
    columns: usize,
}

impl fmt::Debug for BoostedTrees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoostedTrees")
            .field("rounds", &self.rounds)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

impl BoostedTrees {
    /// # Errors
    /// When LightGBM could not use the text.
    pub fn from_text(text: String) -> Result<Self, ModelError> {
        let booster = Booster::from_text(&text)?;
        let (rounds, columns) = (booster.current_iteration()?, booster.features()?);
        Ok(Self { text, rounds, columns })
    }

    /// LightGBM's own text format, as its other tools read it. Features are called
    /// `Column_0`, `Column_1`, … in it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many trees.
    pub fn rounds(&self) -> usize {
        self.rounds
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// One score a row.
    ///
    /// # Errors
    /// When the number of features is not the model's.
    pub fn predict(&self, features: &Features<'_>, threads: usize) -> Result<Vec<f64>, ModelError> {
        features.check()?;
        same("a row", self.columns, features.columns)?;
        let matrix = Matrix::column_major(features.values, features.rows, features.columns)?;
        Ok(Booster::from_text(&self.text)?.predict(matrix, None, threads)?)
    }

    /// How much each feature is used, most important (by gain) first.
    ///
    /// # Errors
    /// When there is not one name a feature.
    pub fn importance(&self, names: &[String]) -> Result<Vec<FeatureImportance>, ModelError> {
        same("the list of feature names", self.columns, names.len())?;
        let booster = Booster::from_text(&self.text)?;
        let splits = booster.feature_importance(ImportanceKind::Split, None)?;
        let gains = booster.feature_importance(ImportanceKind::Gain, None)?;
        Ok(FeatureImportance::sorted(names, &splits, &gains))
    }
}

impl TryFrom<String> for BoostedTrees {
    type Error = ModelError;

    fn try_from(text: String) -> Result<Self, ModelError> {
        Self::from_text(text)
    }
}

impl From<BoostedTrees> for String {
    fn from(trees: BoostedTrees) -> Self {
        trees.text
    }
}
