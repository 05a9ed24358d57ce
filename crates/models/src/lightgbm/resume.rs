//! Bringing a new booster to the state an uninterrupted one has after `k` rounds.
//!
//! A booster's state is its trees, the score of every row, and where its random draws stand:
//!
//! * Scores: a finished tree reads a row as it did in training, and scores are added in the same
//!   order from the same numbers, so the checkpoint's predictions as initial scores are the scores
//!   to the last bit.
//! * Features of a tree (`feature_fraction` < 1): drawn once when a booster is made and once before
//!   each tree from one generator. `LGBM_BoosterResetParameter` draws once more and keeps the
//!   generator as long as its seed stays. So the booster is made with `feature_fraction = 1`, which
//!   draws nothing, and the true fraction is set 1 + k times.
//! * Rows of a bag (`bagging_fraction` < 1): drawn before a round when the trees grown so far are a
//!   multiple of `bagging_freq`, from generators of their own. A round that finds no split adds no
//!   tree, but draws its bag. So as many rounds as bags were drawn are run in which no split is
//!   worth it (`min_gain_to_split` = 1e300). A new booster counts its trees from 0: a checkpoint is
//!   possible only where their number is a multiple of `bagging_freq`.
//!
//! `tests::resumed` holds this against uninterrupted fits.

use alphafleet_lightgbm::{Booster, Parameters};
use alphafleet_specs::LightGbmParams;

use super::Checkpoint;
use crate::ModelError;

/// No split gains so much.
const UNREACHABLE_GAIN: &str = "1e300";

/// The parameters to make the new booster with.
pub(super) fn initial(parameters: &Parameters) -> Parameters {
    parameters.clone().with("feature_fraction", 1).with("min_gain_to_split", UNREACHABLE_GAIN)
}

/// Moves the random draws of `booster`, made with [`initial`] parameters, past the checkpoint's.
pub(super) fn advance(
    booster: &mut Booster,
    params: &LightGbmParams,
    checkpoint: &Checkpoint,
) -> Result<(), ModelError> {
    for _ in 0..checkpoint.bags {
        if !booster.update_one_iter()? {
            return Err(ModelError::Checkpoint("a round meant to draw rows grew a tree".into()));
        }
    }
    let restored = Parameters::new()
        .with("feature_fraction", params.feature_fraction)
        .with("min_gain_to_split", params.min_split_gain);
    for _ in 0..=checkpoint.round {
        booster.reset_parameters(&restored)?;
    }
    Ok(())
}
