//! Gradient boosted trees.

mod checkpoint;
mod fit;
mod observer;
mod parameters;
mod resume;
mod trees;

pub use checkpoint::Checkpoint;
pub use fit::{BoostingFit, FitOutcome, FittedTrees, StopReason, TRAIN_L2, VALID_L2, fit_boosting};
pub use observer::{FitObserver, NoObserver, Round, Segment};
pub use trees::BoostedTrees;

#[cfg(test)]
mod tests;
