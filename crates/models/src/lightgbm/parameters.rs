use alphafleet_lightgbm::Parameters;
use alphafleet_specs::{LightGbmParams, Loss};

use super::BoostingFit;

/// LightGBM's parameters for a fit. With `seed: None` LightGBM's default seeds hold, as in its
/// Python package; a seed given sets them all.
///
/// `deterministic` and `force_col_wise` give equal bytes for equal thread counts. Features are
/// not bundled: a bundle may bin a value differently than the finished tree reads it, and a
/// resumed fit takes its scores from finished trees.
pub(super) fn parameters(fit: &BoostingFit<'_>) -> Parameters {
    let LightGbmParams {
        rounds,
        early_stopping_rounds: _,
        learning_rate,
        num_leaves,
        max_depth,
        min_child_samples,
        min_child_weight,
        min_split_gain,
        feature_fraction,
        bagging_fraction,
        bagging_freq,
        lambda_l1,
        lambda_l2,
        max_bin,
        loss,
    } = fit.params;
    let (objective, metric) = match loss {
        Loss::Mse => ("regression", "l2"),
    };
    let mut parameters = Parameters::new()
        .with("objective", objective)
        .with("metric", metric)
        .with("num_iterations", rounds)
        .with("learning_rate", learning_rate)
        .with("num_leaves", num_leaves)
        .with("max_depth", max_depth)
        .with("min_data_in_leaf", min_child_samples)
        .with("min_sum_hessian_in_leaf", min_child_weight)
        .with("min_gain_to_split", min_split_gain)
        .with("feature_fraction", feature_fraction)
        .with("bagging_fraction", bagging_fraction)
        .with("bagging_freq", bagging_freq)
        .with("lambda_l1", lambda_l1)
        .with("lambda_l2", lambda_l2)
        .with("max_bin", max_bin)
        .with("num_threads", fit.threads.max(1))
        .with("deterministic", true)
        .with("force_col_wise", true)
        .with("enable_bundle", false)
        .with("verbosity", -1);
    if let Some(seed) = fit.seed {
        parameters.set("seed", seed & 0x7fff_ffff);
    }
    parameters
}

/// After how many rounds a new bag of rows is drawn; `None` when every tree sees all rows.
pub(super) fn bagging_period(params: &LightGbmParams) -> Option<u32> {
    (params.bagging_fraction < 1.0 && params.bagging_freq > 0).then_some(params.bagging_freq)
}
