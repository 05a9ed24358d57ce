//! Ready-made strategies.

mod moving_average_cross;
mod rolling_mean;
mod rules;
mod sizing;

pub use moving_average_cross::{MovingAverageCross, MovingAverageCrossConfig};
pub use rules::{RuleConfig, Rules};
pub use sizing::Sizing;
