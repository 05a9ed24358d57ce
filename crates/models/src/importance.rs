use serde::{Deserialize, Serialize};

/// How much the trees use a feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureImportance {
    pub name: String,
    /// How many splits use it.
    pub split: u64,
    /// The sum of the gains (reduction of the loss) of these splits.
    pub gain: f64,
}

impl FeatureImportance {
    /// By falling gain, then splits, then in the order given.
    pub(crate) fn sorted(names: &[String], splits: &[f64], gains: &[f64]) -> Vec<Self> {
        let mut all: Vec<Self> = names
            .iter()
            .zip(splits.iter().zip(gains))
            .map(|(name, (split, gain))| Self {
                name: name.clone(),
                split: *split as u64,
                gain: *gain,
            })
            .collect();
        all.sort_by(|a, b| b.gain.total_cmp(&a.gain).then(b.split.cmp(&a.split)));
        all
    }
}
