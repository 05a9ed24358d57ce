//! Ready-made strategies.
//!
//! Windows count the bars that an instrument has: a bar it lacks is no value, and takes none away.
//! An order of a strategy lives for a session. An exit or a reversal that is not dealt in it is
//! given again at every bar until nothing stands against the strategy; an entry that is not dealt
//! is not given again for that alone.

mod leaving;
mod mean_reversion;
mod momentum;
mod moving_average_cross;
mod pairs;
mod rolling_mean;
mod rules;
mod sizing;
mod topk_dropout;
mod weights;
mod window;

pub use mean_reversion::{MeanReversion, MeanReversionConfig};
pub use momentum::{Momentum, MomentumConfig};
pub use moving_average_cross::{MovingAverageCross, MovingAverageCrossConfig};
pub use pairs::{Pairs, PairsConfig};
pub use rules::{EntryOrder, RuleConfig, Rules};
pub use sizing::Sizing;
pub use topk_dropout::{DropoutConfig, TopkDropout};
pub use weights::{Weighting, Weights, WeightsConfig};
