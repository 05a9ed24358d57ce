//! Ready-made strategies.

mod mean_reversion;
mod momentum;
mod moving_average_cross;
mod pairs;
mod rolling_mean;
mod rules;
mod sizing;
mod topk_dropout;
mod weights;

pub use mean_reversion::{MeanReversion, MeanReversionConfig};
pub use momentum::{Momentum, MomentumConfig};
pub use moving_average_cross::{MovingAverageCross, MovingAverageCrossConfig};
pub use pairs::{Pairs, PairsConfig};
pub use rules::{RuleConfig, Rules};
pub use sizing::Sizing;
pub use topk_dropout::{DropoutConfig, TopkDropout};
pub use weights::{Weighting, Weights, WeightsConfig};
