use schemars::JsonSchema;
use serde::Serialize;

use crate::FaultCode;
use crate::reader::{Bounds, Reader};

/// Every parameter's names: the document's first, then those of LightGBM, scikit-learn and Qlib.
pub(crate) const NAMES: &[&[&str]] = &[
    ROUNDS,
    EARLY_STOPPING,
    LEARNING_RATE,
    NUM_LEAVES,
    MAX_DEPTH,
    MIN_CHILD_SAMPLES,
    MIN_CHILD_WEIGHT,
    MIN_SPLIT_GAIN,
    FEATURE_FRACTION,
    BAGGING_FRACTION,
    BAGGING_FREQ,
    LAMBDA_L1,
    LAMBDA_L2,
    MAX_BIN,
    LOSS,
];
const ROUNDS: &[&str] = &[
    "rounds",
    "num_boost_round",
    "num_boost_rounds",
    "n_estimators",
    "num_iterations",
    "num_rounds",
    "epochs",
];
const EARLY_STOPPING: &[&str] =
    &["early_stopping_rounds", "early_stopping_round", "early_stopping", "early_stop"];
const LEARNING_RATE: &[&str] = &["learning_rate", "eta", "lr", "shrinkage_rate"];
const NUM_LEAVES: &[&str] = &["num_leaves", "max_leaves"];
const MAX_DEPTH: &[&str] = &["max_depth"];
const MIN_CHILD_SAMPLES: &[&str] = &["min_child_samples", "min_data_in_leaf", "min_data"];
const MIN_CHILD_WEIGHT: &[&str] = &["min_child_weight", "min_sum_hessian_in_leaf"];
const MIN_SPLIT_GAIN: &[&str] = &["min_split_gain", "min_gain_to_split"];
const FEATURE_FRACTION: &[&str] = &["feature_fraction", "colsample_bytree", "sub_feature"];
const BAGGING_FRACTION: &[&str] = &["bagging_fraction", "subsample", "sub_row"];
const BAGGING_FREQ: &[&str] = &["bagging_freq", "subsample_freq"];
const LAMBDA_L1: &[&str] = &["lambda_l1", "reg_alpha", "l1_regularization"];
const LAMBDA_L2: &[&str] = &["lambda_l2", "reg_lambda", "lambda", "l2_regularization"];
const MAX_BIN: &[&str] = &["max_bin", "max_bins"];
const LOSS: &[&str] = &["loss", "objective"];

/// What the trees are fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// Mean squared error.
    Mse,
}

/// LightGBM's parameters (Ke et al. 2017; names and meanings as in its documentation).
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct LightGbmParams {
    /// Boosting rounds at most. Also accepted: `num_boost_round`, `n_estimators`, `epochs`.
    #[schemars(range(min = 1, max = 100_000))]
    pub rounds: u32,
    /// Stop after this many rounds without a better validation loss; 0 never stops early.
    #[schemars(range(min = 0, max = 100_000))]
    pub early_stopping_rounds: u32,
    /// Shrinkage of each tree.
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub learning_rate: f64,
    /// Leaves of a tree at most.
    #[schemars(range(min = 2, max = 131_072))]
    pub num_leaves: u32,
    /// Depth of a tree at most; -1 is without limit.
    #[schemars(range(min = -1, max = 1_000))]
    pub max_depth: i32,
    /// Rows a leaf needs at least.
    #[schemars(range(min = 0, max = 10_000_000))]
    pub min_child_samples: u32,
    /// Sum of second derivatives a leaf needs at least.
    #[schemars(range(min = 0))]
    pub min_child_weight: f64,
    /// Gain a split needs at least.
    #[schemars(range(min = 0))]
    pub min_split_gain: f64,
    /// Share of the features each tree sees.
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub feature_fraction: f64,
    /// Share of the rows each bag holds; has effect when `bagging_freq` is above 0.
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub bagging_fraction: f64,
    /// Draw a new bag every so many rounds; 0 turns bagging off.
    #[schemars(range(min = 0, max = 100_000))]
    pub bagging_freq: u32,
    /// L1 regularisation of leaf values.
    #[schemars(range(min = 0))]
    pub lambda_l1: f64,
    /// L2 regularisation of leaf values.
    #[schemars(range(min = 0))]
    pub lambda_l2: f64,
    /// Histogram bins of a feature.
    #[schemars(range(min = 2, max = 65_535))]
    pub max_bin: u32,
    /// What is minimised.
    pub loss: Loss,
}

impl Default for LightGbmParams {
    fn default() -> Self {
        Self {
            rounds: 1000,
            early_stopping_rounds: 50,
            learning_rate: 0.05,
            num_leaves: 210,
            max_depth: -1,
            min_child_samples: 20,
            min_child_weight: 1e-3,
            min_split_gain: 0.0,
            feature_fraction: 0.85,
            bagging_fraction: 0.85,
            bagging_freq: 5,
            lambda_l1: 0.0,
            lambda_l2: 0.0,
            max_bin: 255,
            loss: Loss::Mse,
        }
    }
}

impl LightGbmParams {
    /// The parameters Qlib publishes for LightGBM on Alpha158
    /// (`examples/benchmarks/LightGBM/workflow_config_lightgbm_Alpha158.yaml`). It names a
    /// subsample but no bagging frequency, so its trees see every row.
    pub fn qlib_alpha158() -> Self {
        Self {
            learning_rate: 0.2,
            num_leaves: 210,
            max_depth: 8,
            feature_fraction: 0.8879,
            bagging_fraction: 0.8789,
            bagging_freq: 0,
            lambda_l1: 205.6999,
            lambda_l2: 580.9768,
            ..Self::default()
        }
    }

    pub(crate) fn read(mut reader: Reader<'_>) -> Self {
        let preset = reader.choice(
            &["preset"],
            &[("default", Self::default as fn() -> Self), ("qlib_alpha158", Self::qlib_alpha158)],
            Self::default,
        );
        let base = preset();
        let positive = Bounds::closed(0.0, f64::MAX);
        let fraction = Bounds::above(0.0, 1.0);
        let params = Self {
            rounds: reader.whole(ROUNDS, 1..=100_000, base.rounds),
            early_stopping_rounds: reader.whole(
                EARLY_STOPPING,
                0..=100_000,
                base.early_stopping_rounds,
            ),
            learning_rate: reader.float(LEARNING_RATE, fraction, base.learning_rate),
            num_leaves: reader.whole(NUM_LEAVES, 2..=131_072, base.num_leaves),
            max_depth: reader.whole(MAX_DEPTH, -1..=1_000, base.max_depth),
            min_child_samples: reader.whole(
                MIN_CHILD_SAMPLES,
                0..=10_000_000,
                base.min_child_samples,
            ),
            min_child_weight: reader.float(MIN_CHILD_WEIGHT, positive, base.min_child_weight),
            min_split_gain: reader.float(MIN_SPLIT_GAIN, positive, base.min_split_gain),
            feature_fraction: reader.float(FEATURE_FRACTION, fraction, base.feature_fraction),
            bagging_fraction: reader.float(BAGGING_FRACTION, fraction, base.bagging_fraction),
            bagging_freq: reader.whole(BAGGING_FREQ, 0..=100_000, base.bagging_freq),
            lambda_l1: reader.float(LAMBDA_L1, positive, base.lambda_l1),
            lambda_l2: reader.float(LAMBDA_L2, positive, base.lambda_l2),
            max_bin: reader.whole(MAX_BIN, 2..=65_535, base.max_bin),
            loss: reader.choice(LOSS, LOSSES, base.loss),
        };
        refuse_batches(&mut reader, "lightgbm");
        reader.finish_as("parameter of lightgbm", FaultCode::UnknownField);
        params
    }
}

const LOSSES: &[(&str, Loss)] = &[("mse", Loss::Mse), ("l2", Loss::Mse), ("regression", Loss::Mse)];

/// Models that see all rows at once have no batches.
pub(crate) fn refuse_batches(reader: &mut Reader<'_>, model: &str) {
    if let Some((name, _)) = reader.take(&["batch_size"]) {
        let message = format!("{model} is not trained in batches; leave batch_size out");
        reader.fault(name, FaultCode::NotSupported, message);
    }
}
